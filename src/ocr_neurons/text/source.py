"""Where the words of a document stand in the file it came from: pages, boxes, offsets.

A :class:`Reading` stands beside its Document; tokens know nothing of pages. Its ``text`` is the source as a reader of
the file has it, line by line, and every offset is a position in that text.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ocr_neurons.text.document import Document
from ocr_neurons.text.normalise import Change, changed


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in the page's unit; ``left < right`` and ``top < bottom`` unless the source is odd."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height: the order of ALTO and of IIIF regions; whole numbers where they are whole."""
        x, y, w, h = (_whole(v) for v in (self.left, self.top, self.right - self.left, self.bottom - self.top))
        return x, y, w, h

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a file. ``id`` and ``image`` are as the file spells them; empty where it does not say."""

    id: str = ""
    image: str = ""
    width: float | None = None
    height: float | None = None
    unit: str = "pixel"


LEVELS = ("", "word", "line", "region")
"""What a box may be the box of, from nothing to the coarsest."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch ``[start, end)`` of the source's text, within one line, and where it stands.

    ``page`` counts from 0; -1 where the source has no pages. ``level`` says what the box is the box of: a ``word``,
    a ``line`` or a ``region``, empty without one (:data:`LEVELS`).
    """

    start: int
    end: int
    line: int
    page: int = -1
    box: Box | None = None
    level: str = ""

    def joined(self, other: Place) -> Place:
        """One place with a later one of its line; a box around boxes of two levels is one of the coarser level."""
        box = self.box.union(other.box) if self.box and other.box else self.box or other.box
        level = max(self.level, other.level, key=LEVELS.index)
        return replace(self, end=other.end, box=box, level=level)


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as it is given to a tagger, and the way back to its source.

    ``spans[i]`` is where token i stands in ``text``; with a word cut by a line end both parts and the hyphen are in it.
    ``places`` are in order and do not overlap. ``cuts`` are the changes that make such words whole. Where the source is
    a document of tokens (HIPE TSV, CoNLL), ``original`` is that document and ``groups[i]`` the span of its tokens that
    token i stands for. ``file`` is the name of the file, below the folder that was given.
    """

    document: Document
    kind: str
    text: str
    spans: tuple[tuple[int, int], ...]
    places: tuple[Place, ...]
    pages: tuple[Page, ...] = ()
    cuts: tuple[Change, ...] = ()
    original: Document | None = None
    groups: tuple[tuple[int, int], ...] = ()
    file: str = ""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the tokens ``[start, end)`` stand in ``text``."""
        return self.spans[start][0], self.spans[end - 1][1]

    def form(self, start: int, end: int) -> str:
        """``text[start:end]`` on one line: words cut by line ends made whole, white space single, composed (NFC)."""
        first = bisect_left(self.cuts, start, key=lambda cut: cut[0])
        last = bisect_right(self.cuts, end, key=lambda cut: cut[1])
        inside = [(a - start, b - start, new) for a, b, new in self.cuts[first:last]]
        return unicodedata.normalize("NFC", " ".join(changed(self.text[start:end], inside)[0].split()))

    def parts(self, start: int, end: int) -> list[Place]:
        """``[start, end)`` line by line, each part with the box around its words (or its line, if one has none)."""
        parts: list[Place] = []
        first = bisect_right(self.places, start, key=lambda place: place.end)
        for place in self.places[first:]:
            if place.start >= end:
                break
            cut = replace(place, start=max(start, place.start), end=min(end, place.end))
            if parts and (parts[-1].line, parts[-1].page) == (cut.line, cut.page):
                cut = parts.pop().joined(cut)
            parts.append(cut)
        return parts

    def labelled(self, document: Document) -> Document:
        """The labels of ``document`` (this reading's, tagged) on the tokens of the source."""
        if self.original is None:
            return document
        labels: list[str] = []
        for label, (first, last) in zip(document.labels(), self.groups, strict=True):
            labels += [label] + [f"I-{label[2:]}" if label[:2] == "B-" else label] * (last - first - 1)
        return self.original.with_labels(labels)


def words_in(readings: Sequence[Reading]) -> int:
    """How many words the readings have: tokens with a letter or figure in them."""
    return sum(any(c.isalnum() for c in token.text) for reading in readings for token in reading.document.tokens)


def _whole(value: float) -> float:
    return int(value) if value == int(value) else round(value, 2)
