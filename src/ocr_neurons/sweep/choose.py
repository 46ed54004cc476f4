"""Choosing a setting by its scores on dev."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference, compare
from ocr_neurons.score.table import difference_to_dict
from ocr_neurons.sweep.grid import CHOSEN, Setting
from ocr_neurons.sweep.operations import idle
from ocr_neurons.sweep.store import Trial


@dataclass(frozen=True)
class Choice:
    """The best of ``among`` settings on dev, and its paired difference to the baseline there (``gain``)."""

    setting: Setting
    gain: Difference
    among: int

    def to_json(self) -> dict[str, Any]:
        """The choice as JSON values."""
        return self.setting.to_json() | {"difference": difference_to_dict(self.gain), "among": self.among}


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
    return _best(own, baseline, seed)


def choose_random(trials: Sequence[Trial], baseline: Scores, seed: int) -> Choice | None:
    """What the same rule would have chosen among settings of random neurons: of each setting its first draw.

    The best of many settings looks good on dev whatever its neurons are. So much of that as random neurons reach too is
    the luck of the search. None: there is no trial of a first draw.
    """
    drawn = [trial for trial in trials if trial.setting.draw == CHOSEN + 1]
    if not drawn:
        return None
    best, gain = _best(drawn, baseline, seed)
    return Choice(best.setting, gain, len(drawn))


def _best(trials: Sequence[Trial], baseline: Scores, seed: int) -> tuple[Trial, Difference]:
    compared = [(trial, compare(trial.scores, baseline, draws=2000, seed=seed)) for trial in trials]
    gaining = [row for row in compared if row[1].f1 > 0]

    def merit(row: tuple[Trial, Difference]) -> tuple[float, float, int, float]:
        setting = row[0].setting
        measure = row[1].low if gaining else row[1].f1
        return measure, row[1].f1, -setting.count, -abs(setting.factor - idle(setting.operation))

    return max(gaining or compared, key=merit)
