"""Recall by OCR noise: how many of the entities that OCR damaged this much were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import Scores, check_same_documents, gold_types, score_tokens
from ocr_neurons.score.intervals import Interval, share_difference, share_interval
from ocr_neurons.score.matching import entity_led, match, scored_entities, scored_positions
from ocr_neurons.score.reading import COARSE, Reading
from ocr_neurons.text.document import Document

Bin = tuple[float, float]

BINS: tuple[Bin, ...] = ((0.0, 0.0), (0.001, 0.1), (0.1, 0.3), (0.3, 1.1))
"""Clean, then three grades of noise: ``low <= LED < high``, or ``LED = low`` when the two are equal."""


@dataclass(frozen=True, slots=True)
class BinRecall:
    """Gold entities of one grade of OCR noise, and how many of them were found.

    ``low`` and ``high`` bound the entities' LED; both are ``None`` for the entry named ``unknown`` (entities without a
    LED) and for ``outside`` (LED in none of the bins asked for). The intervals are bootstrapped over the documents
    that have such entities. ``by_document``: entities, found strictly, found fuzzily, of each document.
    """

    name: str
    low: float | None
    high: float | None
    documents: int
    entities: int
    found_strict: int
    found_fuzzy: int
    interval_strict: Interval
    interval_fuzzy: Interval
    by_document: tuple[tuple[int, int, int], ...]

    @property
    def recall_strict(self) -> float:
        """Share found with the right type and span; 0.0 when there are no such entities."""
        return self.found_strict / self.entities if self.entities else 0.0

    @property
    def recall_fuzzy(self) -> float:
        """Share found with the right type and an overlapping span; 0.0 when there are no such entities."""
        return self.found_fuzzy / self.entities if self.entities else 0.0


def recall_by_led(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    bins: Sequence[Bin] = BINS,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    reading: Reading = COARSE,
) -> list[BinRecall]:
    """Recall for each grade of OCR noise, then ``outside`` and ``unknown`` where such entities exist.

    No precision is given: a false positive stands on no gold entity, so it has no LED and belongs to no bin. (The HIPE
    scorer counts those on unlabelled tokens again in every bin, so its precision in a small bin says how small the bin
    is.) Entities are matched over whole documents, so the entries add up to :func:`evaluate`'s totals. An entity's
    LED is that of its first token that has one.

    Raises:
        UserError: not the same documents, or bins that are reversed or overlap.
    """
    check_same_documents(gold, predicted)
    _check_bins(bins)
    types = gold_types(gold, reading)
    names = [f"{low:g}-{high:g}" for low, high in bins] + ["outside", "unknown"]
    rows: dict[str, list[tuple[int, int, int]]] = {name: [] for name in names}
    for true, guess in zip(gold, predicted, strict=True):
        kept = scored_positions(true)
        given = [entity for entity in scored_entities(guess, kept, reading) if entity.type in types]
        counts = {name: [0, 0, 0] for name in names}
        for pair in match(scored_entities(true, kept, reading), given):
            if pair.gold is not None:
                row = counts[_name(entity_led(true, kept, pair.gold), bins, names)]
                row[0] += 1
                row[1] += pair.strict
                row[2] += pair.fuzzy
        for name, (entities, strict, fuzzy) in counts.items():
            rows[name].append((entities, strict, fuzzy))
    bounds: list[tuple[float | None, float | None]] = [*bins, (None, None), (None, None)]
    found = [
        _summary(name, low, high, rows[name], draws, seed, level)
        for name, (low, high) in zip(names, bounds, strict=True)
    ]
    return [entry for entry in found if entry.low is not None or entry.entities]


@dataclass(frozen=True, slots=True)
class RecallChange:
    """A difference of two strict recalls of the same entities (positive: the first is better), its interval and p."""

    recall: float
    low: float
    high: float
    p: float


def compare_recall(a: BinRecall, b: BinRecall, draws: int = 10_000, seed: int = 0, level: float = 0.95) -> RecallChange:
    """Strict recall of ``a`` minus that of ``b`` in one bin, paired by document (:func:`share_difference`).

    Raises:
        UserError: the two do not count the same entities.
    """
    possible = [row[0] for row in a.by_document]
    if a.name != b.name or possible != [row[0] for row in b.by_document]:
        raise UserError(f"recall of bins {a.name} and {b.name} given; wanted the same bin of the same documents")
    ours, theirs = ([row[1] for row in entry.by_document] for entry in (a, b))
    recall, (low, high), p = share_difference(ours, theirs, possible, draws, seed, level)
    return RecallChange(recall, low, high, p)


def evaluate_bin(
    gold: Sequence[Document], predicted: Sequence[Document], low: float, high: float, reading: Reading = COARSE
) -> Scores:
    """Scores on one noise bin as the HIPE scorer computes them (``--noise-level``); for comparison with its tables.

    It removes the tokens whose gold LED is outside the bin and scores the rest as if it were the text; tokens without
    a LED stay in every bin. So all false positives on unlabelled tokens count in every bin and precision and F1 are
    not comparable between bins: use :func:`recall_by_led` for statements.

    Raises:
        UserError: not the same documents, or a reversed bin.
    """
    check_same_documents(gold, predicted)
    _check_bins([(low, high)])

    def positions(document: Document) -> list[int]:
        leds = [token.led for token in document.tokens]
        return [i for i in scored_positions(document) if (led := leds[i]) is None or _inside(led, (low, high))]

    return score_tokens(gold, predicted, list(map(positions, gold)), reading, gold_types(gold, reading))


def parse_bins(given: str) -> list[Bin]:
    """Bins written as ``0-0,0.001-0.1,0.1-0.3``.

    Raises:
        UserError: not of that form, reversed or overlapping.
    """
    try:
        pairs = [tuple(map(float, part.split("-"))) for part in given.split(",")]
        bins = [(low, high) for low, high in pairs]
    except ValueError:
        raise UserError(f"noise bins {given!r}; wanted bounds such as 0-0,0.001-0.1,0.1-1.1, after the files") from None
    _check_bins(bins)
    return bins


def _inside(led: float, bounds: Bin) -> bool:
    low, high = bounds
    return low <= led < high or low == led == high


def _name(led: float | None, bins: Sequence[Bin], names: Sequence[str]) -> str:
    if led is None:
        return "unknown"
    return next((name for bounds, name in zip(bins, names, strict=False) if _inside(led, bounds)), "outside")


def _summary(
    name: str,
    low: float | None,
    high: float | None,
    rows: Sequence[tuple[int, int, int]],
    draws: int,
    seed: int,
    level: float,
) -> BinRecall:
    entities, strict, fuzzy = ([row[column] for row in rows] for column in range(3))
    return BinRecall(
        name=name,
        low=low,
        high=high,
        documents=sum(count > 0 for count in entities),
        entities=sum(entities),
        found_strict=sum(strict),
        found_fuzzy=sum(fuzzy),
        interval_strict=share_interval(strict, entities, draws, seed, level),
        interval_fuzzy=share_interval(fuzzy, entities, draws, seed, level),
        by_document=tuple(rows),
    )


def _check_bins(bins: Sequence[Bin]) -> None:
    if not bins:
        raise UserError("no noise bin given; wanted at least one, such as 0.1-0.3")
    for low, high in bins:
        if not 0.0 <= low <= high:
            raise UserError(f"noise bin {low:g}-{high:g}; wanted 0 <= low <= high, such as 0.1-0.3")
    ordered = sorted(bins)
    for (a, b), (c, d) in pairwise(ordered):
        if c < b or (a, b) == (c, d) or a == b == c:
            raise UserError(f"noise bins {a:g}-{b:g} and {c:g}-{d:g} overlap; wanted bins apart, such as 0-0.1,0.1-0.3")
