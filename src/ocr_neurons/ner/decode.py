"""From label probabilities to the best label sequence that is a sequence of entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ocr_neurons.text.document import Entity

Array = np.ndarray[Any, np.dtype[Any]]
POSITIONS = 200_000
"""Tokens that are decoded side by side, padding counted."""


def allowed(labels: Sequence[str]) -> tuple[Array, Array]:
    """Which label may begin a document ``[labels]``, and which may follow which ``[before, after]``, as booleans.

    ``I-X`` stands only after ``B-X`` or ``I-X``.
    """
    inside = [label[2:] if label.startswith("I-") else "" for label in labels]
    begin = np.array([not kind for kind in inside])
    follow = np.array([[not kind or before[2:] == kind for kind in inside] for before in labels])
    return begin, follow


def decode(logits: Sequence[Array], labels: Sequence[str]) -> list[Array]:
    """The most probable consistent label numbers of each document (Viterbi over whole documents).

    ``logits[i]`` is ``[tokens, labels]``. Tokens are taken as independent given the text, so where the best label of
    every token makes a consistent sequence, that is the result. Documents of about one length run side by side: a long
    one beside thousands of short ones must not take room for each of them.
    """
    paths: list[Array] = [np.zeros(0, dtype=np.int64)] * len(logits)
    waiting = sorted(range(len(logits)), key=lambda document: -len(logits[document]))
    while waiting:
        fit = max(1, POSITIONS // max(1, len(logits[waiting[0]])))
        group, waiting = waiting[:fit], waiting[fit:]
        for document, path in zip(group, _decode([logits[document] for document in group], labels), strict=True):
            paths[document] = path
    return paths


def _decode(logits: Sequence[Array], labels: Sequence[str]) -> list[Array]:
    """As :func:`decode`, for documents that are padded to the longest of them."""
    begin, follow = allowed(labels)
    lengths = np.array([len(rows) for rows in logits])
    longest, count = int(lengths.max()), len(labels)
    scores = np.zeros((len(logits), longest, count))  # zeros after the end change no comparison before it
    for document, rows in enumerate(logits):
        scores[document, : len(rows)] = _log_softmax(rows)
    barrier = np.where(follow, 0.0, -np.inf)
    best = np.where(begin, 0.0, -np.inf) + scores[:, 0] if longest else np.zeros((len(logits), count))
    back = np.zeros((len(logits), longest, count), dtype=np.int16)
    final = [best[document] for document in range(len(logits))]
    for position in range(1, longest):
        reach = best[:, :, None] + barrier
        back[:, position] = reach.argmax(axis=1)
        best = reach.max(axis=1) + scores[:, position]
        for ended in np.flatnonzero(lengths == position + 1).tolist():
            final[ended] = best[ended]
    paths: list[Array] = []
    for document, length in enumerate(lengths.tolist()):
        path = np.zeros(length, dtype=np.int64)
        if length:
            path[-1] = final[document].argmax()
            for position in range(length - 1, 0, -1):
                path[position - 1] = back[document, position, path[position]]
        paths.append(path)
    return paths


def span_probabilities(logits: Array, labels: Sequence[str], spans: Sequence[Entity]) -> list[float]:
    """How probable it is that each span is an entity of its type with just these bounds, 0 to 1.

    ``logits`` is ``[tokens, labels]``. The posterior over all consistent label sequences of the document: ``B-`` on the
    first token, ``I-`` on the others, no ``I-`` of the type after the last. As sure as the tagger is of itself, not
    calibrated against gold.
    """
    if not spans:
        return []
    begin, follow = allowed(labels)
    barrier = np.where(follow, 0.0, -np.inf)
    scores = _log_softmax(logits)
    forward = np.empty_like(scores)  # all ways to a label at a token, the token included
    backward = np.zeros_like(scores)  # all ways on from it, the token excluded
    forward[0] = np.where(begin, scores[0], -np.inf)
    for position in range(1, len(scores)):
        forward[position] = scores[position] + np.logaddexp.reduce(forward[position - 1][:, None] + barrier, axis=0)
    for position in range(len(scores) - 2, -1, -1):
        backward[position] = np.logaddexp.reduce(barrier + scores[position + 1] + backward[position + 1], axis=1)
    total = np.logaddexp.reduce(forward[-1])
    numbers = {label: number for number, label in enumerate(labels)}
    found: list[float] = []
    for span in spans:
        first, inside = numbers[f"B-{span.type}"], numbers.get(f"I-{span.type}", -1)
        value = forward[span.start, first] + scores[span.start + 1 : span.end, inside].sum()
        if span.end < len(scores):
            onward = barrier[inside if span.end - span.start > 1 else first] + scores[span.end] + backward[span.end]
            value += np.logaddexp.reduce(np.delete(onward, inside) if inside >= 0 else onward)
        found.append(float(np.exp(value - total)))
    return found


def _log_softmax(logits: Array) -> Array:
    wide = logits.astype(np.float64)
    peak = wide.max(axis=1, keepdims=True, initial=-np.inf)
    scores: Array = wide - peak - np.log(np.exp(wide - peak).sum(axis=1, keepdims=True))
    return scores
