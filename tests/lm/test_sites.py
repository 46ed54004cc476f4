"""Where the neurons are, in eleven architectures; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForTokenClassification,
    BertConfig,
    DistilBertConfig,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    ModernBertConfig,
    OPTConfig,
    Phi3Config,
    Qwen2Config,
    Qwen2MoeConfig,
    T5Config,
)

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.sites import blocks, neuron_maps, neuron_width

Folder = Callable[[str], Path]
# PEFT 0.21 reads what transformers 5 has renamed
PEFT_WARNS = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

MARKS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
SHAPE: dict[str, Any] = MARKS | {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
GROUPED = SHAPE | {"num_key_value_heads": 2}

# configuration, the map's name in layer 1, neurons a layer: read off the modelling code, not off the code under test
FAMILIES: dict[str, tuple[Any, str, int]] = {
    "llama": (LlamaConfig(**GROUPED), "layers.1.mlp.down_proj", 48),
    "mistral": (MistralConfig(**GROUPED), "layers.1.mlp.down_proj", 48),
    "bert": (BertConfig(**SHAPE), "encoder.layer.1.output.dense", 48),
    "gpt2": (GPT2Config(vocab_size=60, n_embd=32, n_layer=3, n_head=4, **MARKS), "h.1.mlp.c_proj", 128),
    "gpt2 n_inner": (
        GPT2Config(vocab_size=60, n_embd=32, n_layer=3, n_head=4, n_inner=48, **MARKS),
        "h.1.mlp.c_proj",
        48,
    ),
    "qwen2": (Qwen2Config(**GROUPED), "layers.1.mlp.down_proj", 48),
    "gemma3": (Gemma3TextConfig(**GROUPED, head_dim=16), "layers.1.mlp.down_proj", 48),
    "phi3": (Phi3Config(**GROUPED), "layers.1.mlp.down_proj", 48),
    "neox": (GPTNeoXConfig(**SHAPE), "layers.1.mlp.dense_4h_to_h", 48),
    "modernbert": (
        ModernBertConfig(**SHAPE, cls_token_id=1, sep_token_id=2, attn_implementation="eager"),
        "layers.1.mlp.Wo",
        48,
    ),
    "opt": (
        OPTConfig(
            vocab_size=60,
            hidden_size=32,
            word_embed_proj_dim=32,
            ffn_dim=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            **MARKS,
        ),
        "decoder.layers.1.fc2",
        48,
    ),
    "distilbert": (
        DistilBertConfig(vocab_size=60, dim=32, hidden_dim=48, n_layers=3, n_heads=4, pad_token_id=0),
        "transformer.layer.1.ffn.lin2",
        48,
    ),
}


def made(config: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return AutoModel.from_config(config).eval()


def states(model: nn.Module) -> torch.Tensor:
    ids = torch.arange(3, 13)[None]
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state


@pytest.mark.parametrize("family", FAMILIES)
def test_one_map_a_layer_and_the_right_one(family: str) -> None:
    config, name, width = FAMILIES[family]
    model = made(config)
    maps = neuron_maps(model)
    assert len(blocks(model)) == len(maps) == 3
    assert neuron_width(model) == width
    for layer in range(3):
        assert maps[layer] is model.get_submodule(name.replace(".1.", f".{layer}."))


@pytest.mark.parametrize("family", FAMILIES)
def test_zeroing_a_neuron_by_hook_is_zeroing_its_weights(family: str) -> None:
    config, _, width = FAMILIES[family]
    model = made(config)
    untouched = states(model)
    module, neuron = neuron_maps(model)[1], 17

    def silence(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        assert inputs[0].shape[-1] == width
        silenced = inputs[0].clone()
        silenced[..., neuron] = 0
        return (silenced,)

    handle = module.register_forward_pre_hook(silence)
    hooked = states(model)
    handle.remove()
    weight = module.weight
    with torch.no_grad():
        (weight if weight.shape[0] == width else weight.T)[neuron] = 0  # Conv1D keeps [in, out], Linear [out, in]
    assert not torch.equal(hooked, untouched)
    torch.testing.assert_close(states(model), hooked, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_the_input_of_the_map_is_gate_times_up(kind: str, tiny_folder: Folder) -> None:
    model = AutoModel.from_pretrained(tiny_folder(kind)).eval()
    seen: dict[str, torch.Tensor] = {}
    layer = model.layers[2]
    handles = [
        neuron_maps(model)[2].register_forward_pre_hook(lambda _m, x: seen.update(neurons=x[0])),
        layer.mlp.register_forward_pre_hook(lambda _m, x: seen.update(into=x[0])),
    ]
    states(model)
    for handle in handles:
        handle.remove()
    gate = seen["into"] @ layer.mlp.gate_proj.weight.T
    up = seen["into"] @ layer.mlp.up_proj.weight.T
    torch.testing.assert_close(seen["neurons"], gate * torch.sigmoid(gate) * up, rtol=1e-5, atol=1e-7)


def test_a_head_changes_nothing(tiny_folder: Folder) -> None:
    for kind in ("llama", "mistral", "bert"):
        model = AutoModelForTokenClassification.from_pretrained(tiny_folder(kind), num_labels=5)
        assert [(m.in_features, m.out_features) for m in neuron_maps(model)] == [(48, 32)] * 4


@PEFT_WARNS
@pytest.mark.parametrize("kind", ["llama", "mistral", "bert"])
def test_a_lora_wrapper_is_found_in_place_of_its_map(kind: str, tiny_folder: Folder) -> None:
    bare = AutoModel.from_pretrained(tiny_folder(kind))
    # rank = hidden width: the adapter's own maps then have tempting widths, 48 to 32 among them
    model = get_peft_model(bare, LoraConfig(r=32, target_modules="all-linear"))
    maps = neuron_maps(model)
    last = "output.dense" if kind == "bert" else "mlp.down_proj"
    expected = [block.get_submodule(last) for block in (bare.encoder.layer if kind == "bert" else bare.layers)]
    assert [id(m) for m in maps] == [id(m) for m in expected]
    assert all(hasattr(m, "lora_A") for m in maps)
    assert len(blocks(model)) == 4


@PEFT_WARNS
def test_a_lora_on_other_maps_leaves_the_bare_map(tiny_folder: Folder) -> None:
    model = get_peft_model(
        AutoModel.from_pretrained(tiny_folder("llama")), LoraConfig(r=2, target_modules=["up_proj", "q_proj"])
    )
    assert [type(m) for m in neuron_maps(model)] == [nn.Linear] * 4


def test_equal_widths_are_refused_with_the_candidates_named() -> None:
    with pytest.raises(UserError, match=r"bert, layer 0: .*attention\.output\.dense.*, output\.dense;") as caught:
        neuron_maps(made(BertConfig(**(SHAPE | {"intermediate_size": 32}))))
    assert "\n" not in str(caught.value)


def test_an_attention_output_of_the_same_widths_is_refused() -> None:
    config = LlamaConfig(**(GROUPED | {"intermediate_size": 64}), head_dim=16)
    with pytest.raises(UserError, match=r"found self_attn\.o_proj, mlp\.down_proj"):
        neuron_maps(made(config))


def test_mixtures_of_experts_are_refused_in_a_sentence() -> None:
    # the shared expert of the second has the very widths of a plain feed-forward: it must not pass for the layer
    shared = {"num_experts": 4, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 48}
    for config in (MixtralConfig(**GROUPED, num_local_experts=2), Qwen2MoeConfig(**GROUPED, **shared)):
        with pytest.raises(UserError, match="layer 0: a mixture of experts") as caught:
            neuron_maps(made(config))
        assert "\n" not in str(caught.value)


def test_two_stacks_and_no_stack_are_refused() -> None:
    with pytest.raises(UserError, match="t5: encoder and decoder"):
        blocks(made(T5Config(vocab_size=60, d_model=32, d_ff=48, d_kv=8, num_layers=2, num_heads=4)))
    model = made(LlamaConfig(**GROUPED))
    model.config.num_hidden_layers = 7
    with pytest.raises(UserError, match="no list of 7 transformer blocks"):
        blocks(model)
