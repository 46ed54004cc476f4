"""States that move through the network, in memory or on disk, equal full tagging to the bit in every kind of model."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import transformers as t
from torch import Tensor
from transformers.modeling_layers import GenericForTokenClassification
from transformers.models.gemma3.modeling_gemma3 import Gemma3PreTrainedModel

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.batches import TOKEN_BUDGET
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import blocks, neuron_width
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.sweep.prefix import Prefix, size_of
from ocr_neurons.sweep.states import keep

LAYERS = 4
SHAPE = {
    "vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": LAYERS,
    "num_attention_heads": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "num_labels": 5,
}  # fmt: skip
GROUPED = SHAPE | {"num_key_value_heads": 2}
# windows shorter than the text, so that layers differ in what they see
SLIDING = GROUPED | {"head_dim": 8, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"] * 2}


class Gemma3ForTokens(GenericForTokenClassification, Gemma3PreTrainedModel):
    config: t.Gemma3TextConfig


CONFIGS = {
    "gpt2": (t.GPT2ForTokenClassification, t.GPT2Config(n_embd=32, n_layer=LAYERS, n_head=4, n_inner=48, **{
        name: SHAPE[name] for name in ("vocab_size", "num_labels", "pad_token_id", "bos_token_id", "eos_token_id")
    })),
    "bert": (t.BertForTokenClassification, t.BertConfig(**SHAPE)),
    "llama": (t.LlamaForTokenClassification, t.LlamaConfig(**GROUPED)),
    "mistral sliding": (t.MistralForTokenClassification, t.MistralConfig(**GROUPED, sliding_window=8)),
    "gemma2": (t.Gemma2ForTokenClassification, t.Gemma2Config(**SLIDING)),
    "gemma3": (Gemma3ForTokens, t.Gemma3TextConfig(**SLIDING)),
    "neox": (t.GPTNeoXForTokenClassification, t.GPTNeoXConfig(**SHAPE)),
    "modernbert": (t.ModernBertForTokenClassification, t.ModernBertConfig(
        **SHAPE, cls_token_id=1, sep_token_id=2, global_attn_every_n_layers=2, local_attention=8,
    )),
    "deberta-v2": (t.DebertaV2ForTokenClassification, t.DebertaV2Config(
        **SHAPE, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8,
    )),
    "t5": (t.T5ForTokenClassification, t.T5Config(
        vocab_size=300, d_model=32, d_ff=48, d_kv=8, num_layers=LAYERS, num_heads=4, num_labels=5,
    )),
}  # fmt: skip
DECODERS = ["gpt2", "llama", "mistral sliding", "gemma2", "gemma3", "neox"]
CASES = [*((name, False) for name in CONFIGS if name != "t5"), *((name, True) for name in DECODERS)]


def made(name: str, tokenizer: t.PreTrainedTokenizerFast, bidirectional: bool = False) -> Tagger:
    kind, config = CONFIGS[name]
    config = copy.deepcopy(config)
    if bidirectional:
        config.is_causal = False
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(2)
        model = kind(config).eval()
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.weight.normal_(0, 0.3)
    return Tagger(model, tokenizer, list(planted.LABELS), Encoding(48), {})


@pytest.fixture
def prepared_of(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TOKEN_BUDGET, "cpu", 150)
    return lambda tagger: tagger.prepare(planted.planted(3, 0))


@contextmanager
def logits(tagger: Tagger) -> Iterator[list[Tensor]]:
    kept: list[Tensor] = []
    handle = tagger.model.register_forward_hook(lambda _module, _args, output: kept.append(output.logits.clone()))
    try:
        yield kept
    finally:
        handle.remove()


def edit(tagger: Tagger, layer: int) -> Edit:
    width = neuron_width(tagger.model)
    return Edit(NeuronSet("tiny", "neuron", LAYERS, width, {layer: tuple(range(0, width, 2))}), 3.0)


def check(tagger: Tagger, prepared: Prepared, prefix: Prefix, layer: int) -> None:
    """Tagging from where the prefix is equals tagging in full, bit for bit, under an edit that shows."""
    with logits(tagger) as bare:
        prepared.tag(tagger)
    with edit(tagger, layer).on(tagger.model):
        with logits(tagger) as full:
            wanted = prepared.tag(tagger)
        with logits(tagger) as short:
            given = prefix.tag()
    assert given == wanted
    assert all(torch.equal(a, b) for a, b in zip(full, short, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(full, bare, strict=True)), "the edit changes nothing"


@pytest.mark.parametrize(("name", "bidirectional"), CASES)
@pytest.mark.parametrize("memory", [10**9, 0], ids=["memory", "disk"])
def test_moving_through_the_network(name, bidirectional, memory, tiny_tokenizer, prepared_of):
    tagger = made(name, tiny_tokenizer, bidirectional)
    prepared = prepared_of(tagger)
    assert len(prepared.batches) > 1
    assert any((batch.attention == 0).any() for batch in prepared.batches), "no batch has padding"
    prefix = Prefix(tagger, prepared, memory=memory)
    assert prefix.skips
    for layer in [0, 1, 2, 3, 1, 3]:  # up one by one, down, up by two
        prefix.move(layer)
        assert prefix.layer == layer
        check(tagger, prepared, prefix, layer)
        assert not planted.hooks(tagger.model)
    assert prefix.bytes == size_of(tagger, prepared) == sum(b.ids.numel() for b in prepared.batches) * 32 * 4


def test_both_kinds_of_attention_are_really_different(tiny_tokenizer, prepared_of):
    for name in DECODERS:
        seen = []
        for bidirectional in (False, True):
            tagger = made(name, tiny_tokenizer, bidirectional)
            with logits(tagger) as kept:
                prepared_of(tagger).tag(tagger)
            seen.append(kept[0])
        assert not torch.allclose(*seen), name


def test_moving_runs_only_the_layers_between(tiny_tokenizer, prepared_of):
    tagger = made("llama", tiny_tokenizer)
    prefix = Prefix(tagger, prepared_of(tagger), 1)
    ran: list[int] = []
    for number, block in enumerate(blocks(tagger.model)):
        block.mlp.register_forward_hook(lambda *_, number=number: ran.append(number))
    prefix.move(3)
    assert sorted(set(ran)) == [1, 2]
    assert len(ran) == 2 * len(prefix.prepared.batches)
    ran.clear()
    prefix.move(3)
    assert not ran


def test_blocks_that_hand_on_more_than_states_are_all_run(tiny_tokenizer, prepared_of):
    """T5 gives its position bias from the first block to the others."""
    tagger = made("t5", tiny_tokenizer)
    prepared = prepared_of(tagger)
    prefix = Prefix(tagger, prepared, 2)
    assert not prefix.skips
    assert (prefix.layer, prefix.bytes) == (0, 0)
    check(tagger, prepared, prefix, 2)


def test_an_interrupted_move_keeps_nothing_that_is_half_moved(tiny_tokenizer, prepared_of):
    tagger = made("llama", tiny_tokenizer)
    prepared = prepared_of(tagger)
    prefix, calls = Prefix(tagger, prepared, 1), []

    def fail(*_: object) -> None:
        calls.append(1)
        if len(calls) == len(prepared.batches):
            raise RuntimeError("out of memory")

    handle = blocks(tagger.model)[2].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        prefix.move(3)
    handle.remove()
    assert not planted.hooks(tagger.model)
    for layer in (1, 2):
        prefix.move(layer)
        check(tagger, prepared, prefix, layer)


def test_states_on_disk_leave_no_file_and_need_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for dtype in (torch.float32, torch.bfloat16):
        one, two = keep([(2, 3), (4,)], dtype, torch.device("cpu"), 0)
        one.fill_(1.5)
        two.fill_(-2.0)
        assert (one.dtype, one.shape, two.shape) == (dtype, (2, 3), (4,))
        assert one.eq(1.5).all()
        assert two.eq(-2).all()
    with pytest.raises(UserError, match=r"states of .* do not fit on disk in .*; set TMPDIR to a larger disk"):
        keep([(2**50,)], torch.float32, torch.device("cpu"), 0)
    assert list(tmp_path.iterdir()) == []
