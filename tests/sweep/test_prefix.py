"""Tagging from a layer on equals full tagging to the bit, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch

import planted
from ocr_neurons.lm.batches import TOKEN_BUDGET
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.sweep.prefix import Prefix
from ocr_neurons.text.document import Document, Token

KINDS = ["llama", "mistral", "bert"]
LAYERS = 4


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOKEN_BUDGET, "cpu", 150)


def made(kind: str, tiny_folder: Any) -> tuple[Tagger, Prepared]:
    tagger = planted.untrained(tiny_folder(kind))
    long = Document("long", tuple(Token(word) for word in ["harbour", "Liverpool"] * 40))
    prepared = tagger.prepare([*planted.planted(4, 0), long, Document("one", (Token("ship"),)), Document("none", ())])
    assert len(prepared.batches) > 1
    assert any((batch.attention == 0).any() for batch in prepared.batches), "no batch has padding"
    return tagger, prepared


def edit(layers: range | list[int], factor: float = 0.0) -> Edit:
    indices = {layer: tuple(range(layer, 48, 2)) for layer in layers}
    return Edit(NeuronSet("tiny", "neuron", LAYERS, 48, indices), factor)


@contextmanager
def logits(tagger: Tagger) -> Iterator[list[torch.Tensor]]:
    """What the model gives, batch by batch, padding included."""
    kept: list[torch.Tensor] = []
    handle = tagger.model.register_forward_hook(lambda _module, _args, output: kept.append(output.logits.clone()))
    try:
        yield kept
    finally:
        handle.remove()


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", range(LAYERS))
def test_equal_to_full_evaluation_to_the_bit(tiny_folder, kind, layer):
    tagger, prepared = made(kind, tiny_folder)
    prefix = Prefix(tagger, prepared, layer)
    bare: list[torch.Tensor] = []
    for change in (None, edit([layer]), edit(range(layer, LAYERS), 2.0), edit([LAYERS - 1], 0.5)):
        with change.on(tagger.model) if change else nullcontext():
            with logits(tagger) as full:
                wanted = prepared.tag(tagger)
            with logits(tagger) as short:
                given = prefix.tag()
        assert given == wanted
        assert len(full) == len(short) == len(prepared.batches)
        assert all(torch.equal(a, b) for a, b in zip(full, short, strict=True))
        bare = bare or full
        same = all(torch.equal(a, b) for a, b in zip(full, bare, strict=True))
        assert same == (change is None), "the edit changes nothing, so this shows nothing"


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("kind", KINDS)
def test_layers_below_do_not_run(tiny_folder, kind):
    tagger, prepared = made(kind, tiny_folder)
    prefix = Prefix(tagger, prepared, 2)
    ran: list[int] = []
    inner = [next(m for m in block.modules() if isinstance(m, torch.nn.Linear)) for block in blocks(tagger.model)]
    for number, module in enumerate(inner):
        module.register_forward_hook(lambda *_, number=number: ran.append(number))
    prefix.tag()
    assert sorted(set(ran)) == [2, 3]
    assert len(ran) == 2 * len(prepared.batches)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_below_the_layer_is_not_seen(tiny_folder, kind):
    """A limit to know of: states are those of the time when the Prefix was made."""
    tagger = planted.untrained(tiny_folder(kind))
    prepared = tagger.prepare(planted.planted(2, 0))
    prefix = Prefix(tagger, prepared, 2)
    with edit([0], 5.0).on(tagger.model), logits(tagger) as short:
        prefix.tag()
    with logits(tagger) as full:
        prepared.tag(tagger)
    assert all(torch.equal(a, b) for a, b in zip(full, short, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hangs_on_the_model_afterwards(tiny_folder, kind):
    tagger = planted.untrained(tiny_folder(kind))
    prepared = tagger.prepare(planted.planted(3, 0))
    forward = blocks(tagger.model)[0].forward
    prefix = Prefix(tagger, prepared, 2)
    assert not planted.hooks(tagger.model)
    prefix.tag()
    assert not planted.hooks(tagger.model)
    assert blocks(tagger.model)[0].forward == forward


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hangs_on_the_model_after_an_exception(tiny_folder, kind):
    tagger = planted.untrained(tiny_folder(kind))
    prepared = tagger.prepare(planted.planted(3, 0))
    prefix = Prefix(tagger, prepared, 2)

    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    handle = blocks(tagger.model)[3].register_forward_pre_hook(fail)
    for work in (prefix.tag, lambda: Prefix(tagger, prepared, 1)):
        with pytest.raises(RuntimeError, match="out of memory"):
            work()
    handle.remove()
    assert not planted.hooks(tagger.model)
    assert prefix.tag() == prepared.tag(tagger)


def test_the_mode_of_the_model_is_restored(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    prepared = tagger.prepare(planted.planted(2, 0))
    wanted = prepared.tag(tagger)
    tagger.model.train()
    prefix = Prefix(tagger, prepared, 2)
    assert tagger.model.training
    assert prefix.tag() == wanted
    assert tagger.model.training


def test_memory_is_what_the_docstring_says(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    prepared = tagger.prepare(planted.planted(3, 0))
    assert Prefix(tagger, prepared, 3).bytes == sum(batch.ids.numel() for batch in prepared.batches) * 32 * 4
    assert Prefix(tagger, prepared, 0).bytes == 0
