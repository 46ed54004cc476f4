"""Every error of a tagger, where it stands and what OCR did there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_text
from ocr_neurons.score.evaluate import check_same_documents, gold_types
from ocr_neurons.score.matching import Match, entity_led, match, scored_entities, scored_positions
from ocr_neurons.score.reading import COARSE, Reading
from ocr_neurons.text.document import Document, Entity, RunningText

KINDS = ("missed", "spurious", "wrong type", "wrong boundary", "wrong type and boundary")
CONTEXT = 60
"""Characters shown on either side."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One error: a gold entity, what was predicted in its place, or one of them alone (empty and ``None`` otherwise).

    Starts and ends are characters of the document's running text, ``[start, end)``; ``gold_token`` and
    ``predicted_token`` count tokens from 0. ``left`` and ``right`` stand around both. ``led`` is the gold entity's.
    """

    document: str
    date: str
    kind: str
    gold_type: str
    gold_text: str
    gold_start: int | None
    gold_end: int | None
    gold_token: int | None
    predicted_type: str
    predicted_text: str
    predicted_start: int | None
    predicted_end: int | None
    predicted_token: int | None
    led: float | None
    left: str
    right: str


def mistakes(gold: Sequence[Document], predicted: Sequence[Document], reading: Reading = COARSE) -> list[Mistake]:
    """All errors in reading order, by the pairing that the scores rest on.

    ``missed`` and ``spurious`` errors, and those of the type, are errors of both modes; ``wrong boundary`` is a hit
    in fuzzy scores. Each costs strict scores a false positive, a false negative, or both.

    Raises:
        UserError: not the same documents.
    """
    check_same_documents(gold, predicted)
    types = gold_types(gold, reading)
    found: list[Mistake] = []
    for true, guess in zip(gold, predicted, strict=True):
        kept = scored_positions(true)
        given = [entity for entity in scored_entities(guess, kept, reading) if entity.type in types]
        wrong = [pair for pair in match(scored_entities(true, kept, reading), given) if not pair.strict]
        if wrong:
            running = true.running_text()
            found += sorted((_mistake(true, running, kept, pair) for pair in wrong), key=_place)
    return found


def count_kinds(found: Iterable[Mistake]) -> dict[str, int]:
    """How many errors there are of each kind, in the order of :data:`KINDS`."""
    counts = Counter(mistake.kind for mistake in found)
    return {kind: counts[kind] for kind in KINDS}


def write_mistakes(path: Path, found: Sequence[Mistake]) -> None:
    """Write errors as JSON Lines (``.jsonl``) or as a table with a header (``.tsv``), by the file's suffix.

    In the table, tabs and line feeds of the text are spaces and what is not there is empty.

    Raises:
        UserError: another suffix.
    """
    check_suffix(path)
    if path.suffix == ".jsonl":
        lines = [json.dumps(asdict(mistake), ensure_ascii=False) for mistake in found]
    else:
        lines = ["\t".join(field.name for field in fields(Mistake))]
        lines += ["\t".join(_cell(value) for value in asdict(mistake).values()) for mistake in found]
    write_text(path, "".join(line + "\n" for line in lines))


def check_suffix(path: Path) -> None:
    """Refuse a file that is neither ``.tsv`` nor ``.jsonl``; a UserError."""
    if path.suffix not in (".tsv", ".jsonl"):
        raise UserError(f"{path}: unknown format {path.suffix!r}; wanted a name that ends in .tsv or .jsonl")


def _mistake(document: Document, running: RunningText, kept: Sequence[int], pair: Match) -> Mistake:
    sides = [_span(entity, kept) for entity in pair]
    bounds = [(running.starts[first], running.ends[last]) for first, last in filter(None, sides)]
    start, end = min(low for low, _ in bounds), max(high for _, high in bounds)
    cells = [_side(entity, span, running) for entity, span in zip(pair, sides, strict=True)]
    return Mistake(
        document.id,
        document.date or "",
        _kind(pair),
        *cells[0],
        *cells[1],
        None if pair.gold is None else entity_led(document, kept, pair.gold),
        running.text[max(0, start - CONTEXT) : start],
        running.text[end : end + CONTEXT],
    )


def _span(entity: Entity | None, kept: Sequence[int]) -> tuple[int, int] | None:
    """First and last token of an entity in the document's own numbering."""
    return None if entity is None else (kept[entity.start], kept[entity.end - 1])


def _side(
    entity: Entity | None, span: tuple[int, int] | None, running: RunningText
) -> tuple[str, str, int | None, int | None, int | None]:
    if entity is None or span is None:
        return "", "", None, None, None
    start, end = running.starts[span[0]], running.ends[span[1]]
    return entity.type, running.text[start:end], start, end, span[0]


def _kind(pair: Match) -> str:
    gold, predicted = pair
    if predicted is None:
        return "missed"
    if gold is None:
        return "spurious"
    if gold.type == predicted.type:
        return "wrong boundary"
    same = (gold.start, gold.end) == (predicted.start, predicted.end)
    return "wrong type" if same else "wrong type and boundary"


def _place(mistake: Mistake) -> int:
    starts = (mistake.gold_start, mistake.predicted_start)
    return min(start for start in starts if start is not None)


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split("\t")).replace("\n", " ").replace("\r", " ")
