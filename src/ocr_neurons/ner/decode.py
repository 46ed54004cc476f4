"""From label probabilities to the best label sequence that is a sequence of entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


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
    every token makes a consistent sequence, that is the result. Documents run side by side.
    """
    if not logits:
        return []
    begin, follow = allowed(labels)
    lengths = np.array([len(rows) for rows in logits])
    longest, count = int(lengths.max()), len(labels)
    scores = np.zeros((len(logits), longest, count))  # zeros after the end change no comparison before it
    for document, rows in enumerate(logits):
        wide = rows.astype(np.float64)
        peak = wide.max(axis=1, keepdims=True, initial=-np.inf)
        scores[document, : len(rows)] = wide - peak - np.log(np.exp(wide - peak).sum(axis=1, keepdims=True))
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
