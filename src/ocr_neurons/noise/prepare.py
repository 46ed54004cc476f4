"""From pairs of texts to what noise is learned from and measured on: aligned pieces, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.pairs import TextPair

FLOOR = 0.5
"""Pairs below this similarity are two different texts, not a text and its OCR."""
LONGEST = 30
"""A changed segment longer than this on either side is missing or foreign text (a headline, a column), not noise."""
SHORTEST = 20
"""Pieces of fewer clean characters are left out."""
PAGE = 2_000
"""Clean characters of a page, where long documents are cut."""
TIMES = 10
"""No document counts for more than this many times the median length of its kin, where one would outweigh them all."""


@dataclass(frozen=True)
class Aligned:
    """Aligned pieces, by the ``source`` of the pairs they come from, and counts of what was left out and why."""

    documents: dict[str, tuple[Alignment, ...]]
    left_out: dict[str, int] = field(default_factory=dict)
    """``empty`` and ``unaligned`` pairs, ``blocks`` (segments above ``LONGEST``) and their ``block characters``."""

    @property
    def pieces(self) -> tuple[Alignment, ...]:
        """All pieces in order."""
        return tuple(piece for pieces in self.documents.values() for piece in pieces)


def prepare(pairs: Iterable[TextPair], *, floor: float = FLOOR, longest: int = LONGEST) -> Aligned:
    """Align pairs; refuse empty and unaligned ones, cut out blocks that only one side holds; count all of it."""
    documents: dict[str, list[Alignment]] = {}
    left_out: Counter[str] = Counter()
    for pair in pairs:
        if not pair.clean.strip() or not pair.noisy.strip():
            left_out["empty"] += 1
            continue
        whole = align(pair.clean, pair.noisy)
        if whole.similarity < floor:
            left_out["unaligned"] += 1
            continue
        blocks = [edit for edit in whole.edits if max(edit[1] - edit[0], edit[3] - edit[2]) > longest]
        left_out["blocks"] += len(blocks)
        left_out["block characters"] += sum(max(b - a, d - c) for a, b, c, d in blocks)
        kept = [piece for piece in _between(whole, blocks) if len(piece.clean) >= SHORTEST]
        if kept:
            documents.setdefault(pair.source, []).extend(kept)
    return Aligned({name: tuple(pieces) for name, pieces in documents.items()}, dict(left_out))


def evened(documents: dict[str, tuple[Alignment, ...]]) -> dict[str, tuple[Alignment, ...]]:
    """The documents, those far longer than the others thinned to pages at even distances.

    A document above ``TIMES`` the median length, and above ``TIMES`` pages, keeps about so much. One book of several
    hundred pages among articles would otherwise be most of what is learned or measured.
    """
    lengths = {name: sum(len(piece.clean) for piece in pieces) for name, pieces in documents.items()}
    most = TIMES * max(PAGE, median(lengths.values())) if lengths else 0
    result = {}
    for name, pieces in documents.items():
        if lengths[name] > most:
            pages = [page for piece in pieces for page in piece.pages(PAGE)]
            step = lengths[name] / most
            pieces = tuple(pages[int(index * step)] for index in range(int(len(pages) / step)))
        result[name] = pieces
    return result


def _between(whole: Alignment, blocks: list[tuple[int, int, int, int]]) -> Iterator[Alignment]:
    """The stretches of an alignment that its blocks leave."""
    ends = (len(whole.clean), len(whole.clean), len(whole.noisy), len(whole.noisy))
    start = noisy_start = index = 0
    for block in [*blocks, ends]:
        edits = []
        while index < len(whole.edits) and whole.edits[index][1] <= block[0] and whole.edits[index] != block:
            a, b, c, d = whole.edits[index]
            edits.append((a - start, b - start, c - noisy_start, d - noisy_start))
            index += 1
        if index < len(whole.edits):
            index += 1
        yield Alignment(whole.clean[start : block[0]], whole.noisy[noisy_start : block[2]], tuple(edits))
        start, noisy_start = block[1], block[3]
