"""Sentences whose entities the edit changed, with the same stretch of the clean text where it is known: values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.document import Document

AROUND = 30
"""Tokens shown before and after the first changed one, at most."""


def examples_entry(
    gold: Sequence[Document],
    baseline: Sequence[Document],
    chosen: Sequence[Document],
    twins: Sequence[Document] = (),
    tagged_twins: Sequence[Document] = (),
    limit: int = 12,
) -> list[dict[str, Any]]:
    """Sentences that the two taggers read differently, in reading order, at most ``limit``, at most 60 tokens long.

    ``twins`` are the clean documents with their gold labels, ``tagged_twins`` the same as the plain tagger read them.
    """
    found: list[dict[str, Any]] = []
    for index, (true, plain, edited) in enumerate(zip(gold, baseline, chosen, strict=True)):
        aligned: Alignment | None = None
        for start, end in true.sentences():
            if plain.labels()[start:end] == edited.labels()[start:end] or len(found) >= limit:
                continue
            changed = [i for i in range(start, end) if plain.tokens[i].label != edited.tokens[i].label]
            first, last = max(start, changed[0] - AROUND), min(end, changed[0] + AROUND)
            tokens = [
                _token(true, i) | {"baseline": plain.tokens[i].label, "chosen": edited.tokens[i].label}
                for i in range(first, last)
            ]
            entry: dict[str, Any] = {"document": true.id, "tokens": tokens}
            if twins:
                aligned = aligned or align(twins[index].text(), true.text())
                entry["clean"] = _clean(true, (first, last), twins[index], tagged_twins[index], aligned)
            found.append(entry)
    return found


def _clean(
    noisy: Document, tokens: tuple[int, int], clean: Document, tagged: Document, aligned: Alignment
) -> list[dict[str, Any]]:
    """The tokens of the clean document that stand where ``tokens`` of the noisy one do."""
    running, page = noisy.running_text(), clean.running_text()
    start, end = aligned.to_clean(running.starts[tokens[0]], running.ends[tokens[1] - 1])
    return [
        _token(clean, i) | {"baseline": tagged.tokens[i].label}
        for i in range(len(clean.tokens))
        if page.starts[i] < end and page.ends[i] > start
    ]


def _token(document: Document, index: int) -> dict[str, Any]:
    token = document.tokens[index]
    return {"text": token.text, "space_after": token.space_after, "gold": token.label}
