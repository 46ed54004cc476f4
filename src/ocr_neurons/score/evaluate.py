"""Scores of predicted entities against a gold standard, equal to those of the HIPE scorer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.matching import match, scored_entities, scored_positions, tally
from ocr_neurons.score.reading import COARSE, Reading
from ocr_neurons.text.document import Document

Mode = Literal["strict", "fuzzy"]
"""``strict``: same type and span. ``fuzzy``: same type, overlapping span."""
MODES: tuple[Mode, ...] = ("strict", "fuzzy")


@dataclass(frozen=True, slots=True)
class Macro:
    """Means and standard deviations (of the population) of per-document scores; ``None`` when no document counts."""

    precision: float | None
    recall: float | None
    f1: float | None
    precision_std: float | None
    recall_std: float | None
    f1_std: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts per document and entity type; every other score derives from them.

    ``strict[i][type]`` and ``fuzzy[i][type]`` belong to the document ``ids[i]`` (ids may repeat); a type that neither
    occurs nor is predicted in a document has no entry. Types are in upper case, because the HIPE scorer compares them
    without case.
    """

    ids: tuple[str, ...]
    strict: tuple[dict[str, Counts], ...]
    fuzzy: tuple[dict[str, Counts], ...]

    def per_document(self, mode: Mode = "strict") -> tuple[dict[str, Counts], ...]:
        """The counts by type of each document in one mode.

        Raises:
            UserError: the mode is neither ``strict`` nor ``fuzzy``.
        """
        if mode not in ("strict", "fuzzy"):
            raise UserError(
                f"unknown scoring mode {mode!r}; wanted strict or fuzzy{nearest(mode, ['strict', 'fuzzy'])}"
            )
        return self.strict if mode == "strict" else self.fuzzy

    def total(self, mode: Mode = "strict") -> Counts:
        """Counts over all documents and types; their ``f1`` is the micro F1."""
        return sum((counts for table in self.per_document(mode) for counts in table.values()), Counts())

    def by_type(self, mode: Mode = "strict") -> dict[str, Counts]:
        """Counts over all documents for each type, sorted by name.

        As in the HIPE scorer a prediction that takes a gold entity of another type is a false positive of the *gold*
        type, so ``tp + fp`` of a type is not always the number of its predictions; over all types it is.
        """
        totals: dict[str, Counts] = {}
        for table in self.per_document(mode):
            for kind, counts in table.items():
                totals[kind] = totals.get(kind, Counts()) + counts
        return dict(sorted(totals.items()))

    @property
    def types(self) -> tuple[str, ...]:
        """The types with any count, sorted."""
        return tuple(sorted({kind for table in self.strict for kind in table}))

    def table(self, mode: Mode = "strict") -> NDArray[np.int64]:
        """Counts as numbers: ``[documents, types, 3]``, types as in :attr:`types`, then tp, fp, fn."""
        places = {kind: place for place, kind in enumerate(self.types)}
        table = np.zeros((len(self.ids), len(places), 3), dtype=np.int64)
        for row, counts_by_type in zip(table, self.per_document(mode), strict=True):
            for kind, counts in counts_by_type.items():
                row[places[kind]] = (counts.tp, counts.fp, counts.fn)
        return table

    def document_totals(self, mode: Mode = "strict") -> NDArray[np.int64]:
        """Counts over all types for each document: ``[documents, 3]``, columns tp, fp, fn."""
        totals: NDArray[np.int64] = self.table(mode).sum(axis=1)
        return totals

    def subset(self, places: Sequence[int]) -> Scores:
        """The scores of some documents, by their places here."""
        return Scores(
            tuple(self.ids[place] for place in places),
            tuple(self.strict[place] for place in places),
            tuple(self.fuzzy[place] for place in places),
        )

    def with_missed(self, missed: Sequence[Mapping[str, int]]) -> Scores:
        """The same with further gold entities that nothing could find: for each document, how many of each type."""
        more = [{kind: Counts(fn=number) for kind, number in row.items() if number} for row in missed]
        return pooled([self, Scores(self.ids, tuple(more), tuple(more))])

    def macro(self, mode: Mode = "strict", entity_type: str | None = None) -> Macro:
        """Scores averaged over documents (``macro_doc`` of the HIPE scorer), of one type or of all.

        A document counts for precision if something was predicted in it, for recall if the gold standard has
        something in it, for F1 if both hold. So the mean F1 leaves out documents without a prediction, and is no
        function of the two others.
        """
        tables = self.per_document(mode)
        if entity_type is None:
            counts = [sum(table.values(), Counts()) for table in tables]
        else:
            counts = [table.get(entity_type, Counts()) for table in tables]
        precision = _mean_and_deviation([c.precision for c in counts if c.tp + c.fp])
        recall = _mean_and_deviation([c.recall for c in counts if c.tp + c.fn])
        f1 = _mean_and_deviation([c.f1 for c in counts if c.tp + c.fp and c.tp + c.fn])
        return Macro(precision[0], recall[0], f1[0], precision[1], recall[1], f1[1])

    def to_json(self) -> dict[str, Any]:
        """Small lists for a file or a trial: a row ``[document, type, strict tp, fp, fn, fuzzy tp, fp, fn]`` each."""
        types = sorted({kind for table in self.strict for kind in table})
        rows = [
            [document, types.index(kind), s.tp, s.fp, s.fn, f.tp, f.fp, f.fn]
            for document, (strict, fuzzy) in enumerate(zip(self.strict, self.fuzzy, strict=True))
            for kind, s in strict.items()
            for f in (fuzzy[kind],)
        ]
        return {"ids": list(self.ids), "types": types, "counts": rows}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Scores:
        """The scores that :meth:`to_json` wrote.

        Raises:
            UserError: ``value`` is something else.
        """
        try:
            ids, types = tuple(map(str, value["ids"])), [str(kind) for kind in value["types"]]
            strict: tuple[dict[str, Counts], ...] = tuple({} for _ in ids)
            fuzzy: tuple[dict[str, Counts], ...] = tuple({} for _ in ids)
            for row in value["counts"]:
                document, kind, a, b, c, d, e, f = (int(number) for number in row)
                if min(document, kind, a, b, c, d, e, f) < 0:
                    raise ValueError(f"negative number in {row}")
                strict[document][types[kind]] = Counts(a, b, c)
                fuzzy[document][types[kind]] = Counts(d, e, f)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError(f"not stored scores ({error!r}); wanted ids, types and counts; score again") from None
        return Scores(ids, strict, fuzzy)


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    return (float(np.mean(values)), float(np.std(values))) if values else (None, None)


def pooled(several: Sequence[Scores]) -> Scores:
    """Several scores of the same documents as one: counts add up, document by document.

    Raises:
        ValueError: scores of different documents.
    """
    ids = several[0].ids
    if any(scores.ids != ids for scores in several):
        raise ValueError("scores of different documents cannot be pooled")
    strict, fuzzy = (
        tuple(_added(tables) for tables in zip(*(scores.per_document(mode) for scores in several), strict=True))
        for mode in MODES
    )
    return Scores(ids, strict, fuzzy)


def _added(tables: Sequence[Mapping[str, Counts]]) -> dict[str, Counts]:
    kinds = sorted({kind for table in tables for kind in table})
    return {kind: sum((table.get(kind, Counts()) for table in tables), Counts()) for kind in kinds}


def evaluate(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    reading: Reading = COARSE,
    types: Collection[str] | None = None,
) -> Scores:
    """Score predictions against the gold standard, over whole documents.

    Documents are paired by position and must agree in id and tokens. Tokens with a ``#`` count on neither side, types
    are compared without case, and predictions of a type that occurs nowhere in the gold standard are ignored: all as
    in the HIPE scorer. :mod:`ocr_neurons.score.matching` states the rule of pairing. ``reading`` says which labels
    are entities; ``types`` (upper case) are the types that count instead of the gold standard's.

    Raises:
        UserError: there is no document, or the two sides are not the same documents.
    """
    check_same_documents(gold, predicted)
    return score_tokens(gold, predicted, [scored_positions(document) for document in gold], reading, types)


def score_tokens(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    positions: Sequence[Sequence[int]],
    reading: Reading = COARSE,
    types: Collection[str] | None = None,
) -> Scores:
    """Score on some tokens: for each document those at ``positions``.

    The types that count are those of the gold entities there unless given. The two sides must have been checked.
    """
    wanted = [scored_entities(true, kept, reading) for true, kept in zip(gold, positions, strict=True)]
    known = {entity.type for entities in wanted for entity in entities} if types is None else set(types)
    strict, fuzzy = [], []
    for entities, guess, kept in zip(wanted, predicted, positions, strict=True):
        given = [entity for entity in scored_entities(guess, kept, reading) if entity.type in known]
        tables = tally(match([entity for entity in entities if entity.type in known], given))
        strict.append(tables[0])
        fuzzy.append(tables[1])
    return Scores(tuple(document.id for document in gold), tuple(strict), tuple(fuzzy))


def gold_types(gold: Sequence[Document], reading: Reading = COARSE) -> set[str]:
    """The types that count, in upper case: those of the gold standard's entities."""
    return {e.type for document in gold for e in scored_entities(document, scored_positions(document), reading)}


def ignored_predictions(
    gold: Sequence[Document], predicted: Sequence[Document], reading: Reading = COARSE
) -> dict[str, int]:
    """Predictions that do not count because the gold standard has nothing of their type, by type."""
    known = gold_types(gold, reading)
    found = Counter(e.type for d in predicted for e in scored_entities(d, scored_positions(d), reading))
    return {kind: number for kind, number in sorted(found.items()) if kind not in known}


def check_same_documents(gold: Sequence[Document], predicted: Sequence[Document]) -> None:
    """Refuse predictions for other documents than the gold standard's.

    Raises:
        UserError: names the first difference in number, ids or tokens.
    """
    if not gold:
        raise UserError("no document to score; wanted at least one in the gold standard; check the file or split")
    for number, (true, guess) in enumerate(zip(gold, predicted, strict=False), 1):
        if true.id != guess.id:
            raise UserError(
                f"document {number} is {guess.id!r} in the predictions and {true.id!r} in the gold standard; "
                "wanted the same documents in the same order; tag the gold file itself"
            )
        wanted, given = [t.text for t in true.tokens], [t.text for t in guess.tokens]
        if wanted != given:
            place = next((i for i, (a, b) in enumerate(zip(wanted, given, strict=False)) if a != b), None)
            if place is None:
                difference = f"{len(given)} tokens in the predictions and {len(wanted)} in the gold standard"
            else:
                difference = (
                    f"token {place + 1} is {given[place]!r} in the predictions, {wanted[place]!r} in the gold standard"
                )
            raise UserError(f"document {true.id!r}: {difference}; wanted the same tokens; tag the gold file itself")
    if len(gold) != len(predicted):
        raise UserError(
            f"{len(predicted)} documents in the predictions and {len(gold)} in the gold standard; "
            "wanted the same documents; tag the whole gold file"
        )
