"""Strategies side by side: scores from the predictions on disk, paired differences to doing nothing, Holm over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ocr_neurons.cost.measured import BIN_NAMES, MeasuredCost, measure_cost
from ocr_neurons.score.bins import RecallChange, compare_recall
from ocr_neurons.score.by_type import holm
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference, compare
from ocr_neurons.score.table import difference_to_dict, to_dict
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.controls import RandomBeside
from ocr_neurons.strategies.strategy import NOTHING, Made, Strategy
from ocr_neurons.strategies.table import STRATEGIES
from ocr_neurons.strategies.tested import CLEAN, OCR
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe


@dataclass(frozen=True)
class Row:
    """A strategy on test.

    Attributes:
        cost: scores on OCR text, recall by noise bin, scores on clean twins where there are any.
        change, clean_change: strict F1 minus that of doing nothing, on OCR text and on clean twins; positive: better.
        holm, clean_holm: their p-values corrected for all strategies in the table.
        minutes: its making, with what it rests on, beyond the plain tagger; None for a tagger that was given, and where
            the making was stopped in between, so that nobody knows.
        random: as many random neurons in the place of its own, where it gained.
        over_rival: strict F1 on OCR text minus that of its rival, where the table has it.
        recall: strict recall minus that of doing nothing, by noise bin, of the bins that have entities.
    """

    strategy: Strategy
    made: Made
    cost: MeasuredCost
    minutes: float | None
    change: Difference | None = None
    clean_change: Difference | None = None
    holm: float | None = None
    clean_holm: float | None = None
    random: RandomBeside | None = None
    over_rival: Difference | None = None
    recall: Mapping[str, RecallChange] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.strategy.name

    @property
    def scores(self) -> Scores:
        """On the test documents as OCR read them."""
        return self.cost.scores

    @property
    def clean(self) -> Scores | None:
        """On the clean twins of the test documents."""
        return self.cost.twin.scores if self.cost.twin else None

    @property
    def missing(self) -> str:
        """What a gain should stand beside and does not: its rival, or random neurons where it chose neurons."""
        if self.random or self.over_rival:
            return ""
        if self.strategy.rival:
            return f"{self.strategy.rival_said} (`{self.strategy.rival}`)"
        random_itself = any(one.rival == self.name for one in STRATEGIES.values())
        return "random neurons" if self.strategy.probes and not random_itself else ""

    def entry(self, seed: int) -> dict[str, Any]:
        """The values of one strategy in ``strategies.json``."""
        return {
            "name": self.name,
            "title": self.strategy.title,
            "what": self.made.what,
            "dev_f1": self.made.dev_f1,
            "ocr": to_dict(self.scores, seed=seed),
            "difference": _difference(self.change, self.holm),
            "clean_difference": _difference(self.clean_change, self.clean_holm),
            "noise_cost": self.cost.entry(seed),
            "recall_differences": [_recall(name, change) for name, change in self.recall.items()],
            "random_control": self.random.entry() if self.random else None,
            "minus_rival": {"rival": self.strategy.rival} | difference_to_dict(self.over_rival)
            if self.over_rival
            else None,
            "minutes": self.minutes,
        }


def compared(bench: Bench, strategies: Sequence[Strategy]) -> list[Row]:
    """The rows of strategies whose predictions are on disk, the first of which is doing nothing."""
    rows = [_row(bench, strategy) for strategy in strategies]
    plain, others, seed = rows[0], rows[1:], bench.config.seed
    named = {row.name: row for row in rows}
    others = [
        replace(
            row,
            change=compare(row.scores, plain.scores, seed=seed),
            clean_change=compare(row.clean, plain.clean, seed=seed) if row.clean and plain.clean else None,
            over_rival=compare(row.scores, named[row.strategy.rival].scores, seed=seed)
            if row.strategy.rival in named
            else None,
            recall={
                own.name: compare_recall(own, theirs, seed=seed)
                for own, theirs in zip(row.cost.bins, plain.cost.bins, strict=True)
                if own.entities
            },
        )
        for row in others
    ]
    ocr = holm([row.change.p for row in others if row.change])
    clean = iter(holm([row.clean_change.p for row in others if row.clean_change]))  # all have it or none
    return [plain, *(replace(row, holm=p, clean_holm=next(clean, None)) for row, p in zip(others, ocr, strict=True))]


def _row(bench: Bench, strategy: Strategy) -> Row:
    folder = bench.folder(strategy.name)
    gold_twins = bench.data.clean_twins.get("test")
    twins = _read(folder / CLEAN, gold_twins) if gold_twins else ()
    cost = measure_cost(bench.data, "test", _read(folder / OCR, bench.data.test), twins, bench.config.seed)
    return Row(strategy, Made.load(folder), cost, _minutes(bench, strategy))


def _read(path: Path, gold: Sequence[Document]) -> list[Document]:
    """Predictions under the ids of what was tagged: documents without one are named after their file, here another."""
    found = read_hipe(path)
    if len(found) != len(gold):
        return found  # which is refused when it is scored
    return [replace(guess, id=true.id) for guess, true in zip(found, gold, strict=True)]


def _minutes(bench: Bench, strategy: Strategy) -> float | None:
    if strategy.name == NOTHING and bench.given:
        return None
    seconds = bench.manifest.timings()
    steps = [strategy.name, *(["probe"] if strategy.probes else []), *(n for n in strategy.needs if n != NOTHING)]
    return sum(seconds[step] for step in steps) / 60 if all(step in seconds for step in steps) else None


def _recall(name: str, change: RecallChange) -> dict[str, Any]:
    value = asdict(change)
    return {"label": BIN_NAMES.get(name, name), "ci95": [value.pop("low"), value.pop("high")]} | value


def _difference(value: Difference | None, adjusted: float | None) -> dict[str, Any] | None:
    return None if value is None else difference_to_dict(value) | {"p_holm": adjusted}
