"""Viterbi against trying every sequence."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise, product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ocr_neurons.ner.decode import decode

LABELS = ["O", "B-loc", "I-loc", "B-pers", "I-pers"]


def best_by_trying(logits: np.ndarray) -> tuple[float, list[int]]:
    wide = logits.astype(np.float64)
    log_probs = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    found = (-np.inf, [])
    for path in product(range(len(LABELS)), repeat=len(logits)):
        before = ["O", *(LABELS[i] for i in path)]
        if all(
            not LABELS[i].startswith("I-") or left[2:] == LABELS[i][2:] for left, i in zip(before, path, strict=False)
        ):
            score = float(sum(row[i] for row, i in zip(log_probs, path, strict=True)))
            found = max(found, (score, list(path)))
    return found


@given(
    st.lists(
        st.integers(1, 4).flatmap(lambda n: arrays(np.float32, (n, len(LABELS)), elements=st.floats(-5, 5, width=32))),
        min_size=1,
        max_size=3,
    )
)
def test_equals_trying_every_sequence(logits: list[np.ndarray]) -> None:
    for rows, path in zip(logits, decode(logits, LABELS), strict=True):
        best, _ = best_by_trying(rows)
        wide = rows.astype(np.float64)
        log_probs = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
        names = ["O", *(LABELS[i] for i in path)]
        assert all(not b.startswith("I-") or a[2:] == b[2:] for a, b in pairwise(names))
        assert np.isclose(sum(row[i] for row, i in zip(log_probs, path, strict=True)), best, atol=1e-9)


def test_a_split_entity_is_mended_by_the_surer_half() -> None:
    # "Pind" is a person with little, the "." after it inside a person with much certainty
    logits = np.log(np.array([[0.05, 0.5, 0.0001, 0.4499, 0.0001], [0.05, 0.01, 0.2, 0.04, 0.7]], np.float32))
    assert [LABELS[i] for i in decode([logits], LABELS)[0]] == ["B-pers", "I-pers"]


def test_consistent_best_labels_are_kept_and_empty_documents_survive() -> None:
    rows = np.full((3, 5), -4, np.float32)
    rows[[0, 1, 2], [1, 2, 0]] = 4
    paths = decode([rows, np.zeros((0, 5), np.float32)], LABELS)
    assert [path.tolist() for path in paths] == [[1, 2, 0], []]
    assert decode([], LABELS) == []


def test_a_long_document_takes_no_room_in_each_of_many_short_ones() -> None:
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=(length, len(LABELS))).astype(np.float32) for length in (2, 5, 4_000, *[3] * 400, 7)]
    tracemalloc.start()
    together = decode(logits, LABELS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6, "all padded to the longest take 80 MB"
    for rows, path in zip(logits, together, strict=True):
        assert np.array_equal(path, decode([rows], LABELS)[0])
