"""Sentences whose entities the edit changed, cut into pieces that a page can highlight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ocr_neurons.report.inputs_examples import Example, Word
from ocr_neurons.text.align import align
from ocr_neurons.text.document import Document, Entity, RunningText, Token, spans

Mark = Literal["", "right", "wrong", "missed"]

LONG, CONTEXT = 60, 12
"""Sentences of more tokens than ``LONG`` are shown as the changed entities with ``CONTEXT`` tokens on either side."""

TINTS = 6
"""How many tints the page has for entity types; more types take turns. Each is also named in the text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; ``label`` is empty outside entities. ``missed``: a gold entity of which nothing was tagged.

    ``parts`` are the same text, cut where clean and OCR text begin or cease to differ; true where they differ.
    """

    text: str
    label: str = ""
    tint: int = 0
    mark: Mark = ""
    parts: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One reading of the sentence: the plain tagger's of the clean text, by the gold standard, the two taggers'."""

    who: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An example ready to be shown; ``repaired`` and ``broken`` count gold entities, the other two false ones."""

    document: str
    repaired: int
    broken: int
    removed: int
    added: int
    lines: tuple[Line, ...]

    @property
    def balance(self) -> str:
        """What the edit did here, in words."""
        counts = (
            (self.repaired, "repaired {}"),
            (self.broken, "broke {}"),
            (self.removed, "removed {} false"),
            (self.added, "added {} false"),
        )
        return ", ".join(words.format(count) for count, words in counts if count)


def show(examples: Sequence[Example]) -> list[Shown]:
    """Compare the readings of each example with the gold standard: the same type (in any case) and span is right."""
    types = sorted(
        {span.type.casefold() for example in examples for labels in _labels(example) for span in spans(labels)}
    )
    return [_show(example, {name: index % TINTS for index, name in enumerate(types)}) for example in examples]


def _labels(example: Example) -> tuple[list[str], ...]:
    words, clean = example.words, example.clean
    readings = [w.gold for w in words], [w.baseline for w in words], [w.chosen for w in words]
    return (*readings, [w.gold for w in clean], [w.baseline for w in clean])


def _show(example: Example, tints: dict[str, int]) -> Shown:
    gold, baseline, chosen, true, plain = (
        {_folded(span): span for span in spans(labels)} for labels in _labels(example)
    )
    ranges = _ranges(len(example.words), [*gold, *baseline, *chosen], set(baseline) ^ set(chosen))
    running, clean = _running(example.words), _running(example.clean)
    edits = align(clean.text, running.text).edits if example.clean else ()
    ocr = _Text(running, ranges, [(start, end) for _, _, start, end in edits], tints)
    lines = [ocr.line("gold", gold), ocr.line("baseline", baseline, gold), ocr.line("chosen", chosen, gold)]
    if example.clean:
        page = _Text(clean, [(0, len(example.clean))], [(start, end) for start, end, _, _ in edits], tints)
        lines.insert(0, page.line("clean text", plain, true))

    right, now_right = set(baseline) & set(gold), set(chosen) & set(gold)
    false, now_false = set(baseline) - set(gold), set(chosen) - set(gold)
    return Shown(
        document=example.document,
        repaired=len(now_right - right),
        broken=len(right - now_right),
        removed=len(false - now_false),
        added=len(now_false - false),
        lines=tuple(lines),
    )


def _running(words: Sequence[Word]) -> RunningText:
    return Document("", tuple(Token(word.text, word.space_after) for word in words)).running_text()


@dataclass(frozen=True)
class _Text:
    """A text to be shown with entities: token ``ranges`` of it, and the characters that ``changed``."""

    running: RunningText
    ranges: Sequence[tuple[int, int]]
    changed: Sequence[tuple[int, int]]
    tints: dict[str, int]

    def line(self, who: str, found: dict[Entity, Entity], gold: dict[Entity, Entity] | None = None) -> Line:
        """The text with the entities ``found``, judged by ``gold`` unless they are the gold ones."""
        marked: list[tuple[Entity, Mark]] = [
            (span, "" if gold is None else "right" if key in gold else "wrong") for key, span in found.items()
        ]
        if gold is not None:
            marked += [(span, "missed") for span in gold.values() if not any(_overlap(span, x) for x in found)]
        marked.sort(key=lambda item: item[0].start)
        running, pieces = self.running, []
        for first, end in self.ranges:
            position = running.starts[first]
            if first:
                pieces.append(Piece("… ", parts=(("… ", False),)))
            for span, mark in marked:
                if first <= span.start and span.end <= end:
                    start, stop = running.starts[span.start], running.ends[span.end - 1]
                    pieces.append(self._piece(position, start))
                    pieces.append(self._piece(start, stop, span.type, self.tints[span.type.casefold()], mark))
                    position = stop
            pieces.append(self._piece(position, running.ends[end - 1]))
            if end < len(running.ends):
                pieces.append(Piece(" ", parts=((" ", False),)))
        if self.ranges and self.ranges[-1][1] < len(running.ends):
            pieces.append(Piece("…", parts=(("…", False),)))
        return Line(who, tuple(piece for piece in pieces if piece.text))

    def _piece(self, start: int, end: int, label: str = "", tint: int = 0, mark: Mark = "") -> Piece:
        parts, position = [], start
        for first, last in self.changed:
            first, last = max(first, start), min(last, end)
            if first < last:
                parts += [(self.running.text[position:first], False), (self.running.text[first:last], True)]
                position = last
        parts.append((self.running.text[position:end], False))
        return Piece(self.running.text[start:end], label, tint, mark, tuple(part for part in parts if part[0]))


def _folded(span: Entity) -> Entity:
    return Entity(span.type.casefold(), span.start, span.end)


def _overlap(a: Entity, b: Entity) -> bool:
    return a.start < b.end and b.start < a.end


def _ranges(length: int, found: Sequence[Entity], changed: set[Entity]) -> list[tuple[int, int]]:
    """Token ranges to show; no entity is cut by their ends."""
    if length <= LONG:
        return [(0, length)] if length else []
    keep = {i for span in changed for i in range(max(0, span.start - CONTEXT), min(length, span.end + CONTEXT))}
    keep = keep or set(range(LONG))
    grown = True
    while grown:
        inside = {i for span in found for i in range(span.start, span.end) if keep & set(range(span.start, span.end))}
        grown = not inside <= keep
        keep |= inside
    starts = [i for i in sorted(keep) if i - 1 not in keep]
    ends = [i + 1 for i in sorted(keep) if i + 1 not in keep]
    return list(zip(starts, ends, strict=True))
