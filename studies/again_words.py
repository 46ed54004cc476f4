"""Words that real OCR misread, in their clean surroundings."""

from __future__ import annotations

import re
from pathlib import Path

from ocr_neurons.common.progress import Reporter
from ocr_neurons.probe.words import cluster
from ocr_neurons.text.align import Edit, align
from ocr_neurons.text.pairs import TextPair
from where_conditions import document_of, inside_words
from where_texts import sample

CONTEXT = 80
"""Characters of clean text on either side, cut where a word begins or ends."""
LETTERS = 4
"""A word has at least so many letters and nothing else."""


def real_words(
    folder: Path, language: str, characters: int, seed: int, work: Path, reporter: Reporter
) -> tuple[list[TextPair], dict[str, str]]:
    """Pairs of level ``real``, and the document of each by the name of its word (:func:`cluster`)."""
    pages = sample(folder, language, characters, seed, work, reporter).pages
    pairs = [pair for page in pages for pair in misread(page)]
    return pairs, {cluster(pair): document_of(pair) for pair in pairs}


def misread(page: TextPair) -> list[TextPair]:
    """The words of a page that were changed inside, with the page's clean text around them."""
    page = inside_words(page)
    found = align(page.clean, page.noisy)
    pairs = []
    for match in re.finditer(rf"\b[^\W\d_]{{{LETTERS},}}\b", page.clean):
        start, end = match.span()
        edits = [edit for edit in found.edits if _touches(edit, start, end)]
        if not edits or edits[0][0] < start or edits[-1][1] > end or not start:
            continue
        noisy = page.clean[start:end]
        for a, b, c, d in reversed(edits):
            noisy = noisy[: a - start] + page.noisy[c:d] + noisy[b - start :]
        if noisy and noisy != match.group() and not re.search(r"\s", noisy):
            pairs.append(TextPair(match.group(), noisy, "real", page.source, *_around(page.clean, start, end)))
    return pairs


def _touches(edit: Edit, start: int, end: int) -> bool:
    first, last = edit[:2]
    return start < first < end if first == last else first < end and last > start


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    left, right = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    if start > CONTEXT:
        left = left[re.match(r"\S*\s*", left).end() :]  # type: ignore[union-attr]
    if end + CONTEXT < len(text):
        right = right[: re.search(r"\s*\S*$", right).start()]  # type: ignore[union-attr]
    return left, right
