"""Confidence of an entity against summing over every label sequence."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ocr_neurons.ner.decode import decode, span_probabilities
from ocr_neurons.text.document import Entity, spans

LABELS = ["O", "B-loc", "I-loc", "B-pers", "I-pers"]


def by_summing(logits: np.ndarray) -> dict[Entity, float]:
    """The probability of every span: each consistent sequence weighed, its entities credited with its weight."""
    wide = logits.astype(np.float64)
    probabilities = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    found: dict[Entity, float] = {}
    total = 0.0
    for path in product(range(len(LABELS)), repeat=len(logits)):
        names = [LABELS[i] for i in path]
        before = ["O", *names]
        if any(b.startswith("I-") and a[2:] != b[2:] for a, b in zip(before, names, strict=False)):
            continue
        weight = float(np.prod([row[i] for row, i in zip(probabilities, path, strict=True)]))
        total += weight
        for entity in spans(names):
            found[entity] = found.get(entity, 0.0) + weight
    return {entity: value / total for entity, value in found.items()}


@given(st.integers(1, 5).flatmap(lambda n: arrays(np.float32, (n, 5), elements=st.floats(-6, 6, width=32))))
def test_equals_summing_over_every_sequence(logits):
    wanted = by_summing(logits)
    entities = list(wanted)
    assert span_probabilities(logits, LABELS, entities) == pytest.approx([wanted[e] for e in entities], abs=1e-9)


def test_a_type_without_inside_labels():
    labels = ["O", "B-time"]
    logits = np.log(np.array([[0.2, 0.8], [0.7, 0.3]]))
    assert span_probabilities(logits, labels, [Entity("time", 0, 1), Entity("time", 1, 2)]) == pytest.approx([0.8, 0.3])


def test_extreme_logits_stay_finite():
    logits = np.full((400, 5), -900, np.float32)
    logits[:, 0] = 900
    logits[7, [0, 1]] = logits[7, [1, 0]]
    entities = spans(LABELS[i] for i in decode([logits], LABELS)[0])
    assert entities == [Entity("loc", 7, 8)]
    assert span_probabilities(logits, LABELS, entities) == pytest.approx([1.0])
    assert span_probabilities(logits[:0], LABELS, []) == []
