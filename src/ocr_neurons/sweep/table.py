"""What a sweep found: one row a setting, its difference to the baseline beside those of its random twins."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from ocr_neurons.rank.regions import region
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference, compare
from ocr_neurons.score.table import span_text
from ocr_neurons.sweep.grid import CHOSEN, Setting
from ocr_neurons.sweep.store import Trial

SHOWN = 40
"""Rows of the table on the screen; files hold all."""
COLUMNS = (
    "ranking", "region", "first_layer", "last_layer", "count", "operation", "factor", "f1", "difference", "low",
    "high", "p", "random_draws", "random_difference", "predicted",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A setting of ranked neurons: strict F1 on dev, its paired difference to the baseline, those of its twins."""

    setting: Setting
    f1: float
    difference: Difference
    random: tuple[float, ...]
    predicted: float | None = None
    """By how much screening said that the loss would fall, in nats a token or in what the scores are; if it did."""

    def to_json(self, layers: int) -> dict[str, Any]:
        """The row as JSON values, by the names of :data:`COLUMNS`; every random difference under ``random``."""
        members, d = region(self.setting.region, layers), self.difference
        values = self.setting.to_json()
        del values["draw"]
        values |= {"first_layer": members[0], "last_layer": members[-1], "f1": self.f1}
        values |= {"difference": d.f1, "low": d.low, "high": d.high, "p": d.p, "random_draws": len(self.random)}
        values |= {"random_difference": fmean(self.random) if self.random else None, "predicted": self.predicted}
        return {name: values[name] for name in COLUMNS} | {"random": list(self.random)}


def rows(
    trials: Sequence[Trial], baseline: Scores, seed: int, promise: Mapping[Setting, float] | None = None
) -> list[Row]:
    """One row for each trial of ranked neurons, in the order given, beside what screening promised of it."""
    plain = baseline.total("strict").f1
    random: dict[Setting, list[float]] = {}
    for trial in trials:
        if trial.setting.draw != CHOSEN:
            twin = replace(trial.setting, draw=CHOSEN)
            random.setdefault(twin, []).append(trial.scores.total("strict").f1 - plain)
    return [
        Row(
            trial.setting,
            trial.scores.total("strict").f1,
            compare(trial.scores, baseline, draws=2000, seed=seed),
            tuple(random.get(trial.setting, ())),
            (promise or {}).get(trial.setting),
        )
        for trial in trials
        if trial.setting.draw == CHOSEN
    ]


def text(found: Sequence[Row]) -> str:
    """A table for the terminal in points of F1; of a long one the rows with the highest lower bounds."""
    kept = sorted(found, key=lambda row: (-row.difference.low, row.setting))[:SHOWN]
    head = ("neurons", "where", "what", "F1", "− baseline", "95 %", "random −")
    lines = [head, *(_cells(row) for row in sorted(kept, key=lambda row: row.setting))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    left = (1, 2)
    shown = [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    if len(found) > len(kept):
        shown.append(
            f"{len(found) - len(kept)} more settings, all with lower bounds below these; --csv writes them all"
        )
    return "\n".join(shown)


def to_csv(found: Sequence[Row], layers: int) -> str:
    """All rows as CSV with a header; shares of 1, not points."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_json(layers) for row in found)
    return stream.getvalue()


def _cells(row: Row) -> tuple[str, ...]:
    setting, d = row.setting, row.difference
    where = setting.region + (f" ({setting.ranking})" if setting.ranking else "")
    return (
        f"{setting.count:,}",
        where,
        setting.doing(),
        f"{100 * row.f1:.1f}",
        f"{100 * d.f1:+.1f}",
        span_text(d),
        f"{100 * fmean(row.random):+.1f}" if row.random else "–",
    )
