"""What hangs on a model changes nothing about where its neurons are; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import IA3Config, LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForTokenClassification,
    BertConfig,
    BloomConfig,
    DeepseekV3Config,
    GptOssConfig,
    GraniteMoeConfig,
    LlamaConfig,
    MixtralConfig,
    OlmoeConfig,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
    T5Config,
    T5Model,
)

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.sites import blocks, neuron_maps, readings
from ocr_neurons.lm.widths import has_experts
from tiny_families import FAMILIES, GROUPED, SHAPE, T5, made, read, states

Folder = Callable[[str], Path]
# PEFT 0.21 reads what transformers 5 has renamed
PEFT_WARNS = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


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


@PEFT_WARNS
@pytest.mark.parametrize("family", ["llama", "phi3", "t5 gated", "gpt2", "bert"])
def test_a_wrapped_map_is_read_with_its_adapter(family: str) -> None:
    row, bare = FAMILIES[family], made(FAMILIES[family].config)
    before = {site: read(bare, readings(bare, site, [1]))[0] for site in ("neuron", "up")}
    names = {name.rpartition(".")[2] for name in (row.last, row.up, row.gate) if name}
    config = LoraConfig(r=4, target_modules=sorted(names), init_lora_weights=False, fan_in_fan_out=family == "gpt2")
    model = get_peft_model(bare, config).eval()
    for site, name in (("neuron", row.last), ("up", row.up), ("gate", row.gate)):
        if name:
            (reading,) = readings(model, site, [1])
            assert reading.module is bare.get_submodule(name)
            assert hasattr(reading.module, "base_layer")
    neuron, up = (read(model, readings(model, site, [1]))[0] for site in ("neuron", "up"))
    made_of = row.act(read(model, readings(model, "gate", [1]))[0]) * up if row.gate else row.act(up)
    torch.testing.assert_close(neuron, made_of, rtol=1e-4, atol=1e-5)
    assert (neuron - before["neuron"]).abs().max() > 0.1
    assert (up - before["up"]).abs().max() > 0.1


@PEFT_WARNS
def test_an_ia3_wrapper_is_found_as_well() -> None:
    bare = made(FAMILIES["llama"].config)
    config = IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"])
    found = neuron_maps(get_peft_model(bare, config))
    assert [id(module) for module in found] == [id(block.mlp.down_proj) for block in bare.layers]
    assert hasattr(found[0], "ia3_l")


def test_equal_widths_are_refused_with_the_candidates_named() -> None:
    with pytest.raises(UserError, match=r"bert, layer 0: .*attention\.output\.dense.*, output\.dense;") as caught:
        neuron_maps(made(BertConfig(**(SHAPE | {"intermediate_size": 32}))))
    assert "\n" not in str(caught.value)


def test_an_attention_output_of_the_same_widths_is_refused() -> None:
    config = LlamaConfig(**(GROUPED | {"intermediate_size": 64}), head_dim=16)
    with pytest.raises(UserError, match=r"found self_attn\.o_proj, mlp\.down_proj"):
        neuron_maps(made(config))


GRANITE = {"embedding_multiplier": 1.0, "logits_scaling": 1.0, "residual_multiplier": 1.0, "attention_multiplier": 1.0}
# the shared expert of some has the very widths of a plain feed-forward: it must not pass for the layer
SHARED = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 48,
}
DEEPSEEK = {
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16,
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8,
    "num_key_value_heads": 4,
}  # fmt: skip
EXPERTS = {
    "mixtral": MixtralConfig(**GROUPED, num_local_experts=2),
    "qwen2_moe": Qwen2MoeConfig(**GROUPED, **SHARED),
    "qwen3_moe": Qwen3MoeConfig(**GROUPED, **SHARED, head_dim=8),
    "olmoe": OlmoeConfig(**GROUPED, num_experts=4, num_experts_per_tok=2),
    "granitemoe": GraniteMoeConfig(**GROUPED, **GRANITE, num_local_experts=4),
    "gpt_oss": GptOssConfig(**GROUPED, head_dim=8, num_local_experts=4, num_experts_per_tok=2),
}


@pytest.mark.parametrize("family", EXPERTS)
def test_mixtures_of_experts_are_refused_in_a_sentence_and_their_residual_is_read(family: str) -> None:
    model = made(EXPERTS[family])
    for site in ("neuron", "up", "gate"):
        with pytest.raises(UserError, match=f"{family}, layer 0: a mixture of experts") as caught:
            readings(model, site)
        assert "\n" not in str(caught.value)
    found = read(model, readings(model, "residual"))
    given = states(model, output_hidden_states=True).hidden_states
    for layer in range(2):
        torch.testing.assert_close(found[layer], given[layer + 1][0], rtol=0, atol=0)


def test_layers_without_experts_can_be_read_beside_layers_with_them() -> None:
    model = made(DeepseekV3Config(**(SHAPE | DEEPSEEK), first_k_dense_replace=1))
    with pytest.raises(UserError, match="deepseek_v3, layer 1: a mixture of experts"):
        readings(model, "up")
    (reading,) = readings(model, "up", [0])
    assert reading.module is model.layers[0].mlp.up_proj


def test_slices_of_one_parameter_are_experts_whatever_their_name() -> None:
    block = nn.ModuleDict({"mlp": nn.Linear(32, 48), "convolution": nn.Conv1d(32, 32, 3)})
    block.register_parameter("mix", nn.Parameter(torch.zeros(1, 1, 32)))
    assert not has_experts(block)
    block["mlp"].register_parameter("stack", nn.Parameter(torch.zeros(4, 48, 32)))
    assert has_experts(block)


def test_maps_that_are_passed_by_are_refused() -> None:
    config = BloomConfig(vocab_size=60, hidden_size=32, n_layer=3, n_head=4, pretraining_tp=2, slow_but_exact=True)
    with pytest.raises(UserError, match="bloom, layer 0: slow_but_exact given"):
        readings(made(config))


def test_two_stacks_and_no_stack_are_refused() -> None:
    with pytest.raises(UserError, match="t5: encoder and decoder"):
        blocks(T5Model(T5Config(**T5)))
    model = made(LlamaConfig(**GROUPED))
    model.config.num_hidden_layers = 7
    with pytest.raises(UserError, match="no list of 7 transformer blocks"):
        blocks(model)
