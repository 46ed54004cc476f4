"""The settings of ``ocr-neurons sweep`` as the heat maps that a run has."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.rank.regions import region
from ocr_neurons.report.chart import Chart
from ocr_neurons.report.chart_sweep import tried_chart
from ocr_neurons.report.inputs import Edit, Trial
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.operations import has_factor
from ocr_neurons.sweep.table import Row


def swept_chart(rows: Sequence[Row], baseline: Scores, best: Setting, layers: int) -> Chart:
    """All settings on dev beside their random draws, the best outlined; several rankings one below the other."""
    regions = {_place(row.setting): tuple(region(row.setting.region, layers)) for row in rows}
    edit = Edit(
        _place(best), regions[_place(best)], best.count, best.operation, _factor(best), best.describe(layers)
    )  # fmt: skip
    trials = [
        Trial(
            _place(row.setting), row.setting.count, row.setting.operation, _factor(row.setting), row.f1,
            row.difference.f1, (row.difference.low, row.difference.high), row.random,
        )
        for row in rows
    ]  # fmt: skip
    return tried_chart(trials, baseline.total("strict").f1, regions, edit)


def _place(setting: Setting) -> str:
    return setting.region + (f" ({setting.ranking})" if setting.ranking else "")


def _factor(setting: Setting) -> float | None:
    return setting.factor if has_factor(setting.operation) else None
