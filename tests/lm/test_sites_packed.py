"""Maps with packed weights: bitsandbytes' 8- and 4-bit maps where it is installed, and maps that are no nn.Linear."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_families import FAMILIES, GROUPED, OPT, SHAPE, T5, made, read
from torch import Tensor, nn
from transformers import BertConfig, LlamaConfig, OPTConfig, Phi3Config, T5Config

from ocr_neurons.lm.sites import SITES, blocks, neuron_maps, readings
from ocr_neurons.lm.widths import widths

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


@pytest.mark.filterwarnings("ignore:MatMul8bitLt")
@pytest.mark.parametrize("family", CONFIGS)
# rounding of 8 and 4 bits; a wrong map, or the wrong half of one, is hardly alike at all
@pytest.mark.parametrize(("how", "alike"), [("own", 0.998), ("int8", 0.998), ("nf4", 0.8)])
def test_packed_models_are_read_as_their_float_model(family: str, how: str, alike: float) -> None:
    maker = Packed if how == "own" else bits(how)
    row, floating = FAMILIES[family], made(CONFIGS[family])
    model = pack(made(CONFIGS[family]), maker)
    seen: dict[str, Tensor] = {}
    for site in SITES:
        if site == "gate" and not row.gate:
            continue
        found, wanted = readings(model, site, [0]), readings(floating, site, [0])
        assert found[0].part == wanted[0].part
        seen[site], expected = read(model, found)[0], read(floating, wanted)[0]
        assert seen[site].dtype == torch.float32
        assert float(torch.cosine_similarity(seen[site].flatten(), expected.flatten(), dim=0)) > alike
    made_of = row.act(seen["gate"]) * seen["up"] if row.gate else row.act(seen["up"])
    torch.testing.assert_close(seen["neuron"], made_of, rtol=1e-4, atol=1e-5)
    name = row.last.replace(".1.", ".0.", 1)
    assert neuron_maps(model)[0] is model.get_submodule(name)
    assert type(readings(model, "up")[0].module) is not nn.Linear


def test_only_linear_maps_have_widths() -> None:
    class Says(nn.Module):
        def __init__(self, read: object, written: object, *parts: nn.Module) -> None:
            super().__init__()
            self.in_features, self.out_features = read, written
            self.parts = nn.ModuleList(parts)

    assert widths(nn.Linear(3, 4)) == (3, 4)
    assert widths(Packed(nn.Linear(3, 4))) == (3, 4)
    assert widths(Says(3, 4)) == (3, 4)
    assert widths(Says(3, 4, nn.Embedding(3, 4))) == (3, 4)  # code books
    for other in (
        Says(3, 4, nn.Linear(3, 4)),
        Says(3, 4, Says(3, 9, nn.ReLU())),
        Says(3, None),
        Says("3", 4),
        Says(True, 4),
        Says(3.0, 4.0),
        Says(torch.tensor(3), torch.tensor(4)),
        nn.Bilinear(3, 3, 4),
        nn.Embedding(3, 4),
        nn.Conv1d(3, 4, 1),
        nn.LayerNorm(3),
    ):
        assert widths(other) is None
