"""Choosing a setting by its scores on dev."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference, compare
from ocr_neurons.sweep.grid import CHOSEN
from ocr_neurons.sweep.operations import idle
from ocr_neurons.sweep.store import Trial


def choose(trials: Sequence[Trial], baseline: Scores, seed: int) -> tuple[Trial, Difference]:
    """The trial of ranked neurons to confirm, and its paired difference to the baseline on dev.

    Among trials that gain anything, the one with the highest lower bound; if none gains, the one that loses least.
    Ties go to fewer neurons, then to the milder factor.

    Raises:
        UserError: there is no trial of ranked neurons.
    """
    own = [trial for trial in trials if trial.setting.draw == CHOSEN]
    if not own:
        raise UserError(
            "the sweep holds no trial of ranked neurons; run `ocr-neurons sweep` first, and without "
            "--prune if that gave up all of them"
        )
    compared = [(trial, compare(trial.scores, baseline, draws=2000, seed=seed)) for trial in own]
    gaining = [row for row in compared if row[1].f1 > 0]

    def merit(row: tuple[Trial, Difference]) -> tuple[float, float, int, float]:
        setting = row[0].setting
        measure = row[1].low if gaining else row[1].f1
        return measure, row[1].f1, -setting.count, -abs(setting.factor - idle(setting.operation))

    return max(gaining or compared, key=merit)
