"""LED: the normalised Levenshtein distance between the OCR of an entity and what the page says, as HIPE defines it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz.distance import Levenshtein

from ocr_neurons.text.document import Document, Token


def surface(tokens: Sequence[Token]) -> str:
    """The text of consecutive tokens, joined by spaces except where ``space_after`` says there is none."""
    return "".join(token.text + " " * token.space_after for token in tokens[:-1]) + tokens[-1].text


def entity_distance(clean: str, noisy: str) -> float:
    """Levenshtein distance / length of the longer surface, two decimals, as HIPE defines ``LED``: 0 clean, 1 lost."""
    return round(float(Levenshtein.normalized_distance(clean, noisy)), 2)


def with_zero_distances(document: Document) -> Document:
    """``document``, known to be clean: ``led`` is 0 on every token of every entity, ``None`` elsewhere."""
    distances: list[float | None] = [None] * len(document.tokens)
    for entity in document.entities():
        distances[entity.start : entity.end] = [0.0] * (entity.end - entity.start)
    tokens = tuple(replace(token, led=led) for token, led in zip(document.tokens, distances, strict=True))
    return replace(document, tokens=tokens)
