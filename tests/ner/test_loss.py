"""The loss of a document, against a plain loop over whole texts, and where its words are said to lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.text.document import Document, Token

KINDS = ["llama", "mistral", "bert"]


@pytest.mark.parametrize("kind", KINDS)
def test_mean_is_cross_entropy_of_a_plain_loop(tiny_folder, kind):
    """The whole text in one go, each token read at the first sub-word that ends after the token begins."""
    tagger = planted.untrained(tiny_folder(kind), max_length=400)
    for document in planted.planted(3, 1):
        running = document.running_text()
        encoded = tagger.tokenizer(running.text, return_offsets_mapping=True)
        with torch.inference_mode():
            logits = tagger.model(input_ids=torch.tensor([encoded.input_ids])).logits[0].double()
        at = [next(i for i, (_, end) in enumerate(encoded.offset_mapping) if end > start) for start in running.starts]
        assert len(set(at)) == len(at), "no sub-word is shared, or the plain loop is wrong"
        gold = torch.tensor([tagger.labels.index(label) for label in document.labels()])
        assert TaggerLoss(tagger).mean(document) == pytest.approx(float(cross_entropy(logits[at], gold)), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_do_not_depend_on_the_budget(tiny_folder, kind):
    tagger = planted.untrained(tiny_folder(kind), max_length=32)
    (document,) = planted.planted(1, 2, words=60)
    whole = TaggerLoss(tagger).mean(document)
    assert len(TaggerLoss(tagger).pieces(document)) == 1
    for budget in (1, 70, 200):
        loss = TaggerLoss(tagger, budget)
        pieces = loss.pieces(document)
        assert len(pieces) > 1
        assert sum(piece.tokens for piece in pieces) == len(document.tokens)
        assert sorted(token for piece in pieces for token in piece.words) == list(range(len(document.tokens)))
        assert loss.mean(document) == pytest.approx(whole, rel=1e-5)
        for piece in pieces:
            rows, _ = piece.run()
            assert rows.shape == (piece.rows,)


@pytest.mark.parametrize("max_length", [16, 48, 400])
@pytest.mark.parametrize("kind", KINDS)
def test_words_are_the_sub_words_that_spell_them(tiny_folder, kind, max_length):
    tagger = planted.untrained(tiny_folder(kind), max_length=max_length)
    (document,) = planted.planted(1, 4, words=30)
    for piece in TaggerLoss(tagger, budget=100).pieces(document):
        for token, (row, first, last) in piece.words.items():
            assert tagger.tokenizer.decode(piece.batch.ids[row, first:last]).strip() == document.tokens[token].text
    heads = {
        (int(r), int(p))
        for piece in TaggerLoss(tagger).pieces(document)
        for r, p in zip(piece.head_rows, piece.head_positions, strict=True)
    }
    words = {(row, first) for piece in TaggerLoss(tagger).pieces(document) for row, first, _ in piece.words.values()}
    assert heads == words


def test_a_word_longer_than_a_window_is_cut_with_it(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"), max_length=16)
    document = Document("long", (Token("x"), Token("0123456789" * 5), Token("y")))
    pieces = TaggerLoss(tagger).pieces(document)
    spans = {token: (row, first, last) for piece in pieces for token, (row, first, last) in piece.words.items()}
    assert sorted(spans) == [0, 1, 2]
    (piece,) = pieces
    for row, first, last in spans.values():
        assert 0 <= first < last <= int(piece.batch.attention[row].sum())
    assert spans[1][2] - spans[1][1] > 5


def test_drawn_labels_follow_the_model(tiny_folder):
    """Their mean loss is the entropy of the tagger's own distribution, and equal generators draw equal labels."""
    tagger = planted.untrained(tiny_folder("llama"))
    (document,) = planted.planted(1, 6)
    (piece,) = TaggerLoss(tagger).pieces(document)
    with torch.inference_mode():
        logits = tagger.model(input_ids=piece.batch.ids, attention_mask=piece.batch.attention).logits
        logs = logits[piece.head_rows, piece.head_positions].double().log_softmax(-1)
        entropy = float(-(logs.exp() * logs).sum())
        spread = math.sqrt(float((logs.exp() * logs**2).sum() - ((logs.exp() * logs).sum(-1) ** 2).sum()))
        draws = [float(piece.run(np.random.default_rng(seed))[1].sum()) for seed in range(300)]
        again = piece.run(np.random.default_rng(0))[1]
    assert abs(np.mean(draws) - entropy) < 4 * spread / math.sqrt(300)
    assert np.std(draws) == pytest.approx(spread, rel=0.2)
    assert float(again.sum()) == draws[0]


def test_double_precision_stays(tiny_folder):
    tagger = planted.untrained(tiny_folder("bert"))
    tagger.model.double()
    (piece,) = TaggerLoss(tagger).pieces(planted.planted(1, 0)[0])
    assert piece.run()[0].dtype == torch.float64
    tagger.model.to(torch.bfloat16)
    (piece,) = TaggerLoss(tagger).pieces(planted.planted(1, 0)[0])
    assert piece.run()[0].dtype == torch.float32


def test_nothing_of_the_tagger_changes(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    (document,) = planted.planted(1, 0)
    loss = TaggerLoss(tagger)
    wanted = loss.mean(document)
    tagger.model.train()
    assert loss.mean(document) == wanted
    assert tagger.model.training
    assert not planted.hooks(tagger.model)
    assert all(parameter.grad is None for parameter in tagger.model.parameters())


def test_odd_documents(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    loss = TaggerLoss(tagger)
    assert loss.pieces(Document("empty", ())) == []
    assert math.isnan(loss.mean(Document("empty", ())))
    with pytest.raises(UserError, match="d: entity types prod are unknown to the tagger"):
        loss.pieces(Document("d", (Token("x", label="B-prod"),)))
    # a stray I- is read as B-, as the scorer reads it
    stray, proper = (Document("d", (Token("x", label=label),)) for label in ("I-loc", "B-loc"))
    assert loss.mean(stray) == loss.mean(proper)
