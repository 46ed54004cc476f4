"""Tiny models with packed weights: bitsandbytes' maps, and others that are no nn.Linear."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, LlamaConfig, OPTConfig, Phi3Config, T5Config

from ocr_neurons.lm.sites import blocks
from tiny_families import GROUPED, OPT, SHAPE, T5

# bitsandbytes packs whole blocks of 64 numbers
WIDE = {"hidden_size": 64, "intermediate_size": 128}
CONFIGS = {
    "llama": LlamaConfig(**(GROUPED | WIDE)),
    "phi3": Phi3Config(**(GROUPED | WIDE)),
    "bert": BertConfig(**(SHAPE | WIDE)),
    "opt": OPTConfig(**(OPT | {"hidden_size": 64, "word_embed_proj_dim": 64, "ffn_dim": 128})),
    "t5 gated": T5Config(**(T5 | {"d_model": 64, "d_ff": 128, "d_kv": 16, "feed_forward_proj": "gated-gelu"})),
}


class Packed(nn.Module):
    """A linear map of whole numbers and a scale a row, as quantisers write it: neither nn.Linear nor a parameter."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        self.register_buffer("scales", weight.abs().amax(1, keepdim=True) / 127)
        self.register_buffer("qweight", (weight / self.scales).round().to(torch.int8))
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.qweight * self.scales, self.bias)


def bits(name: str) -> Callable[[nn.Linear], nn.Module]:
    if importlib.util.find_spec("bitsandbytes") is None:
        pytest.skip("needs the package bitsandbytes, which is no dependency: pip install bitsandbytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bitsandbytes

    def packed(linear: nn.Linear) -> nn.Module:
        shape, bias = (linear.in_features, linear.out_features), linear.bias is not None
        if name == "int8":
            module = bitsandbytes.nn.Linear8bitLt(*shape, bias=bias, has_fp16_weights=False)
        else:
            module = bitsandbytes.nn.Linear4bit(*shape, bias=bias, quant_type="nf4", compute_dtype=torch.float32)
        module.load_state_dict(linear.state_dict())
        return module.to("cpu")  # where bitsandbytes packs

    return packed


def pack(model: Any, how: Callable[[nn.Linear], nn.Module]) -> Any:
    """Every linear map of every block packed, except T5's last one, which transformers too keeps as it is."""
    for block in blocks(model):
        for name, module in list(block.named_modules()):
            if isinstance(module, nn.Linear) and not name.endswith(".wo"):
                parent, _, child = name.rpartition(".")
                setattr(block.get_submodule(parent), child, how(module).eval())
    return model
