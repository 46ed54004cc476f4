"""Tiny random models of many architectures, and where their maps are, read off transformers' modelling code."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
import transformers as t
from torch import Tensor, nn
from transformers.activations import ACT2FN
from transformers.models.bloom.modeling_bloom import bloom_gelu_forward

from ocr_neurons.lm.sites import Reading

MARKS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
SHAPE: dict[str, Any] = MARKS | {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
GROUPED = SHAPE | {"num_key_value_heads": 2}
T5: dict[str, Any] = {"vocab_size": 60, "d_model": 32, "d_ff": 48, "d_kv": 8, "num_layers": 3, "num_heads": 4}
GPT2: dict[str, Any] = {"vocab_size": 60, "n_embd": 32, "n_layer": 3, "n_head": 4} | MARKS
BLOOM: dict[str, Any] = {"vocab_size": 60, "hidden_size": 32, "n_layer": 3, "n_head": 4} | MARKS
FALCON: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "attention_dropout": 0.0
} | MARKS  # fmt: skip
OPT: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "word_embed_proj_dim": 32, "ffn_dim": 48, "num_hidden_layers": 3,
    "num_attention_heads": 4,
} | MARKS  # fmt: skip
DISENTANGLED: dict[str, Any] = SHAPE | {
    "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "conv_kernel_size": 3,
}  # fmt: skip

FIRST, SECOND = slice(0, 48), slice(48, 96)


class Family(NamedTuple):
    """A configuration, the activation, and the maps of layer 1 by name (with columns where two are fused)."""

    config: Any
    act: Callable[[Tensor], Tensor]
    last: str
    up: str
    gate: str | None = None
    up_part: slice | None = None
    gate_part: slice | None = None
    width: int = 48


def _swiglu(config: Any, act: str = "silu") -> Family:
    mlp = "layers.1.mlp."
    return Family(config, ACT2FN[act], f"{mlp}down_proj", f"{mlp}up_proj", f"{mlp}gate_proj")


def _bert(config: Any) -> Family:
    layer = "encoder.layer.1."
    return Family(config, ACT2FN["gelu"], f"{layer}output.dense", f"{layer}intermediate.dense")


def _four(config: Any, act: Callable[[Tensor], Tensor], stack: str = "h", width: int = 128) -> Family:
    return Family(config, act, f"{stack}.1.mlp.dense_4h_to_h", f"{stack}.1.mlp.dense_h_to_4h", width=width)


_GPT2_MLP = ("h.1.mlp.c_proj", "h.1.mlp.c_fc")
_T5_MLP = "encoder.block.1.layer.1.DenseReluDense."

FAMILIES: dict[str, Family] = {
    "llama": _swiglu(t.LlamaConfig(**GROUPED)),
    "mistral": _swiglu(t.MistralConfig(**GROUPED)),
    "qwen2": _swiglu(t.Qwen2Config(**GROUPED)),
    "qwen3": _swiglu(t.Qwen3Config(**GROUPED, head_dim=8)),
    "gemma2": _swiglu(t.Gemma2Config(**GROUPED, head_dim=16), "gelu_pytorch_tanh"),
    "gemma3": _swiglu(t.Gemma3TextConfig(**GROUPED, head_dim=16), "gelu_pytorch_tanh"),
    "olmo2": _swiglu(t.Olmo2Config(**GROUPED)),
    "phi": Family(t.PhiConfig(**SHAPE), ACT2FN["gelu_new"], "layers.1.mlp.fc2", "layers.1.mlp.fc1"),
    "phi3": Family(
        t.Phi3Config(**GROUPED), ACT2FN["silu"],
        "layers.1.mlp.down_proj", "layers.1.mlp.gate_up_proj", "layers.1.mlp.gate_up_proj", SECOND, FIRST,
    ),
    "modernbert": Family(
        t.ModernBertConfig(**SHAPE, cls_token_id=1, sep_token_id=2, attn_implementation="eager"), ACT2FN["gelu"],
        "layers.1.mlp.Wo", "layers.1.mlp.Wi", "layers.1.mlp.Wi", SECOND, FIRST,
    ),
    "gpt2": Family(t.GPT2Config(**GPT2), ACT2FN["gelu_new"], *_GPT2_MLP, width=128),
    "gpt2 n_inner": Family(t.GPT2Config(**GPT2, n_inner=48), ACT2FN["gelu_new"], *_GPT2_MLP),
    "neox": _four(t.GPTNeoXConfig(**SHAPE), ACT2FN["gelu"], "layers", 48),
    "neox in turn": _four(t.GPTNeoXConfig(**SHAPE, use_parallel_residual=False), ACT2FN["gelu"], "layers", 48),
    "opt": Family(t.OPTConfig(**OPT), ACT2FN["relu"], "decoder.layers.1.fc2", "decoder.layers.1.fc1"),
    "bloom": _four(t.BloomConfig(**BLOOM), bloom_gelu_forward),
    "falcon": _four(t.FalconConfig(**FALCON), ACT2FN["gelu"]),
    "falcon new": _four(
        t.FalconConfig(**FALCON, new_decoder_architecture=True, num_kv_heads=2, ffn_hidden_size=48),
        ACT2FN["gelu"], width=48,
    ),
    "bert": _bert(t.BertConfig(**SHAPE)),
    "roberta": _bert(t.RobertaConfig(**SHAPE)),
    "camembert": _bert(t.CamembertConfig(**SHAPE)),
    "xlm-roberta": _bert(t.XLMRobertaConfig(**SHAPE)),
    "electra": _bert(t.ElectraConfig(**SHAPE, embedding_size=16)),
    "deberta-v2": _bert(t.DebertaV2Config(**DISENTANGLED)),
    "distilbert": Family(
        t.DistilBertConfig(vocab_size=60, dim=32, hidden_dim=48, n_layers=3, n_heads=4, pad_token_id=0), ACT2FN["gelu"],
        "transformer.layer.1.ffn.lin2", "transformer.layer.1.ffn.lin1",
    ),
    "t5": Family(t.T5Config(**T5), ACT2FN["relu"], f"{_T5_MLP}wo", f"{_T5_MLP}wi"),
    "t5 gated": Family(
        t.T5Config(**T5, feed_forward_proj="gated-gelu"), ACT2FN["gelu_new"],
        f"{_T5_MLP}wo", f"{_T5_MLP}wi_1", f"{_T5_MLP}wi_0",
    ),
}  # fmt: skip
GATED = [name for name, family in FAMILIES.items() if family.gate]


def made(config: Any) -> Any:
    """The model of ``config`` (of T5, its encoder), with large weights and biases, so that every part of it shows."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        auto = t.AutoModelForTextEncoding if config.is_encoder_decoder else t.AutoModel
        model = auto.from_config(copy.deepcopy(config)).eval()  # T5's encoder changes the configuration it is given
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 or name.endswith("bias"):
                parameter.normal_(0, 0.3)
    return model


def states(model: nn.Module, **more: Any) -> Any:
    """What the model gives for ten sub-words."""
    ids = torch.arange(3, 13)[None]
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids), **more)


def read(model: nn.Module, readings: Sequence[Reading]) -> list[Tensor]:
    """What is read at each place, ``[10, width]``."""
    seen: dict[int, Tensor] = {}

    def keep(place: int, value: Any) -> None:
        part = readings[place].part
        value = value[0] if isinstance(value, tuple) else value
        seen[place] = (value if part is None else value[..., part]).reshape(10, -1).clone()

    with ExitStack() as stack:
        for place, reading in enumerate(readings):
            if reading.where == "input":
                handle = reading.module.register_forward_pre_hook(lambda _m, x, place=place: keep(place, x))
            else:
                handle = reading.module.register_forward_hook(lambda _m, _x, y, place=place: keep(place, y))
            stack.callback(handle.remove)
        states(model)
    return [seen[place] for place in range(len(readings))]
