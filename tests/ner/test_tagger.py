"""Tagging: batched equals one by one, padding does not matter, documents keep their tokens."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.batches import BATCH_VARIABLE, pad
from ocr_neurons.text.document import Document, Token

KINDS = ["llama", "mistral", "bert"]


def documents() -> list[Document]:
    """Of very different lengths: empty, one token, longer than a window."""
    long = Document("long", tuple(Token(word) for word in ["Liverpool", "harbour", "steamer"] * 40), "en")
    return [*planted.planted(4, 0), Document("empty", ()), long, Document("one", (Token("ship", label="B-loc"),))]


def labels(tagged: list[Document]) -> list[list[str]]:
    return [document.labels() for document in tagged]


@pytest.mark.parametrize("kind", KINDS)
def test_batched_equals_one_by_one(tiny_folder, monkeypatch, kind):
    tagger, given = planted.untrained(tiny_folder(kind)), documents()
    together = labels(tagger.tag(given))
    assert len({label for row in together for label in row}) >= 3, "the tagger says the same everywhere"
    assert labels([tagger.tag([document])[0] for document in given]) == together
    assert labels(tagger.tag(given[::-1])) == together[::-1]
    for budget, rows in ((1, 1), (100, 2), (10**6, 63)):
        monkeypatch.setenv(BATCH_VARIABLE, f"{budget}")
        assert labels(tagger.tag(given)) == together
        assert len(tagger.prepare(given).batches[0].rows) == rows, "windows have up to 48 sub-words"


@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_matter(tiny_folder, kind):
    tagger = planted.untrained(tiny_folder(kind))
    cut = [window.ids for window in tagger.prepare(documents()).windows]
    alone = [tagger.model(input_ids=torch.tensor([ids])).logits[0].detach() for ids in cut]
    for filler in (0, 1, 42):
        batch = pad(cut, range(len(cut)), filler, torch.device("cpu"))
        with torch.inference_mode():
            together = tagger.model(input_ids=batch.ids, attention_mask=batch.attention).logits
        for row, own in enumerate(alone):
            assert torch.allclose(together[row, : len(own)], own, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_padding_on_the_left_does_not_matter_either(tiny_folder, kind):
    """Rotary positions are relative, so shifting a decoder's window changes nothing but rounding."""
    tagger = planted.untrained(tiny_folder(kind))
    ids = torch.tensor([tagger.prepare(planted.planted(1, 0)).windows[0].ids])
    wide = torch.nn.functional.pad(ids, (9, 0), value=3)
    attention = torch.nn.functional.pad(torch.ones_like(ids), (9, 0))
    with torch.inference_mode():
        own, shifted = (
            tagger.model(input_ids=ids).logits,
            tagger.model(input_ids=wide, attention_mask=attention).logits[:, 9:],
        )
    assert torch.allclose(own, shifted, atol=2e-4, rtol=1e-4)


def test_documents_come_back_with_their_tokens(tiny_folder):
    tagger, given = planted.untrained(tiny_folder("mistral")), documents()
    tagged = tagger.tag(given)
    assert len(tagged) == len(given)
    for before, after in zip(given, tagged, strict=True):
        assert after.with_labels(before.labels()) == before
        assert set(after.labels()) <= set(tagger.labels)
    assert labels(given) == labels(documents()), "the caller's documents were changed"
    hidden = [document.with_labels(["O"] * len(document.tokens)) for document in given]
    assert labels(tagger.tag(hidden)) == labels(tagged), "gold labels leak into predictions"


def test_nothing_to_tag(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    assert tagger.tag([]) == []
    empty = Document("empty", ())
    assert tagger.tag([empty]) == [empty]


def test_the_mode_of_the_model_is_restored(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    wanted = labels(tagger.tag(documents()))
    tagger.model.train()  # dropout of the head would change logits
    assert labels(tagger.tag(documents())) == wanted
    assert tagger.model.training
    assert not planted.hooks(tagger.model)


def test_predictions_are_those_of_a_plain_loop(tiny_folder):
    """A naive reading: the logits at the last position whose sub-word begins a token, its best consistent label."""
    tagger = planted.untrained(tiny_folder("llama"), max_length=400)
    (document,) = planted.planted(1, 3)
    running = document.running_text()
    encoded = tagger.tokenizer(running.text, return_offsets_mapping=True)
    with torch.inference_mode():
        logits = tagger.model(input_ids=torch.tensor([encoded.input_ids])).logits[0]
    best = []
    for start in running.starts:
        position = next(i for i, (_, end) in enumerate(encoded.offset_mapping) if end > start)
        best.append(tagger.labels[int(logits[position].argmax())])
    tagged = tagger.tag([document])[0].labels()
    inconsistent = {
        i for i, label in enumerate(best) if label.startswith("I-") and (i == 0 or best[i - 1][2:] != label[2:])
    }
    touched = {j for i in inconsistent for j in range(i - 2, i + 3)}
    free = [i for i in range(len(best)) if i not in touched]
    assert free
    assert [best[i] for i in free] == [tagged[i] for i in free]


def test_check_names_the_split(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    tagger.check(planted.planted(2, 0), "dev")
    strange = dataclasses.replace(planted.planted(1, 0)[0], tokens=(Token("x", label="B-prod"),))
    with pytest.raises(UserError, match="dev: entity types prod are unknown to the tagger \\(it knows loc, pers\\)"):
        tagger.check([strange], "dev")
