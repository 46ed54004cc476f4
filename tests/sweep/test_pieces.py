"""Texts in pieces: they come back, and what stood there before does not."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

import planted
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.sweep import pieces as room
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.pieces import PIECE, pieces, whole
from ocr_neurons.sweep.store import Store

SIGNS = st.characters(min_codepoint=32, max_codepoint=126)
TEXTS = st.builds(lambda sign, times: sign * times, SIGNS, st.integers(1, 3 * PIECE))


@given(TEXTS, TEXTS)
def test_the_last_text_comes_back(first, second):
    kept: dict[str, str] = {}
    for text in (first, second):
        for name, value in pieces("scores", text, dict(kept)):
            assert len(json.dumps(value)) < 65_536
            kept[name] = value
        assert whole("scores", kept) == text
    assert whole("other", kept) == ""


@given(TEXTS)
def test_without_its_first_piece_a_text_is_not_there(text):
    *before, (name, _) = pieces("scores", text, {})
    assert name == "scores"
    assert whole("scores", dict(before)) == ""


def test_scores_of_many_documents_are_kept_in_several_attributes(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "PIECE", 100)
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    scores = evaluate(planted.planted(30, 1), planted.planted(30, 1))
    store.set_baseline(scores)
    assert store.baseline() == scores
    assert {"baseline", "baseline 2", "baseline 3"} <= store.study.user_attrs.keys()
    assert all(len(value) <= 100 for name, value in store.study.user_attrs.items() if name.startswith("baseline"))
