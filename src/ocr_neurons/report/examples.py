"""Sentences whose entities the edit changed, cut into pieces that a page can highlight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ocr_neurons.report.inputs import Example
from ocr_neurons.text.document import Document, Entity, Token, spans

Mark = Literal["", "right", "wrong", "missed"]

LONG, CONTEXT = 60, 12
"""Sentences of more tokens than ``LONG`` are shown as the changed entities with ``CONTEXT`` tokens on either side."""

TINTS = 6
"""How many tints the page has for entity types; more types take turns. Each is also named in the text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; ``label`` is empty outside entities. ``missed``: a gold entity of which nothing was tagged."""

    text: str
    label: str = ""
    tint: int = 0
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One reading of the sentence: by the gold standard, the plain or the edited tagger."""

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


def _labels(example: Example) -> tuple[list[str], list[str], list[str]]:
    words = example.words
    return [w.gold for w in words], [w.baseline for w in words], [w.chosen for w in words]


def _show(example: Example, tints: dict[str, int]) -> Shown:
    gold, baseline, chosen = ({_folded(span): span for span in spans(labels)} for labels in _labels(example))
    ranges = _ranges(len(example.words), [*gold, *baseline, *chosen], set(baseline) ^ set(chosen))
    document = Document(example.document, tuple(Token(word.text, word.space_after) for word in example.words))
    running = document.running_text()

    def line(who: str, found: dict[Entity, Entity]) -> Line:
        marked: list[tuple[Entity, Mark]] = [
            (span, "" if found is gold else "right" if key in gold else "wrong") for key, span in found.items()
        ]
        if found is not gold:
            marked += [(span, "missed") for span in gold.values() if not any(_overlap(span, x) for x in found)]
        marked.sort(key=lambda item: item[0].start)
        pieces: list[Piece] = []
        for first, end in ranges:
            position = running.starts[first]
            if first:
                pieces.append(Piece("… "))
            for span, mark in marked:
                if first <= span.start and span.end <= end:
                    start, stop = running.starts[span.start], running.ends[span.end - 1]
                    pieces.append(Piece(running.text[position:start]))
                    pieces.append(Piece(running.text[start:stop], span.type, tints[span.type.casefold()], mark))
                    position = stop
            pieces.append(
                Piece(running.text[position : running.ends[end - 1]] + (" " if end < len(running.ends) else ""))
            )
        if ranges and ranges[-1][1] < len(running.ends):
            pieces.append(Piece("…"))
        return Line(who, tuple(piece for piece in pieces if piece.text))

    right, now_right = set(baseline) & set(gold), set(chosen) & set(gold)
    false, now_false = set(baseline) - set(gold), set(chosen) - set(gold)
    return Shown(
        document=example.document,
        repaired=len(now_right - right),
        broken=len(right - now_right),
        removed=len(false - now_false),
        added=len(now_false - false),
        lines=(line("gold", gold), line("baseline", baseline), line("chosen", chosen)),
    )


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
