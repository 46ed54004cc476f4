"""What the run knows of single neurons: ranks under every method, and what they do on clean and noisy words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.methods import PROFILED, score
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import specific

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Rank:
    """A neuron's place (from 1) among ``of`` by one score, and its p-value where the method has one."""

    score: float
    place: int
    of: int
    p: float | None


@dataclass(frozen=True)
class MethodRanks:
    """A neuron by one method: on noise, on the placebo, and by what its score on noise exceeds that on the placebo."""

    method: str
    says: str
    noise: Rank
    placebo: Rank | None
    beyond: Rank | None


class Scores:
    """The scores of all neurons by every method that a profile suffices for; made once, when first asked for."""

    def __init__(self, profile: Profile, control: Profile | None, threshold: float) -> None:
        self.profile, self.control, self.threshold = profile, control, threshold
        self._made: list[tuple[str, Scored, Scored | None, Scored | None]] | None = None

    def ranks(self, layer: int, index: int) -> list[MethodRanks]:
        """Where one neuron stands under each method, layer as the profile read them."""
        row = self._row(layer)
        return [
            MethodRanks(
                name,
                PROFILED[name].says,
                _rank(noise, row, index),
                None if placebo is None else _rank(placebo, row, index),
                None if beyond is None else _rank(beyond, row, index),
            )
            for name, noise, placebo, beyond in self._all()
        ]

    def moments(self, layer: int, index: int) -> dict[str, float]:
        """Means and spread of a neuron over the words of the run's pairs, and its mean difference."""
        row, profile = self._row(layer), self.profile
        return {
            "clean": float(profile.clean_mean()[row, index]),
            "noisy": float(profile.noisy_mean()[row, index]),
            "difference": float(profile.mean()[row, index]),
            "deviation": float(profile.clean_deviation()[row, index]),
            "words": profile.units(),
        }

    def _row(self, layer: int) -> int:
        layers = [int(read) for read in self.profile.about.get("read", range(self.profile.layers))]
        if layer not in layers:
            raise UserError(f"Layer {layer} was not read when the run probed its tagger, so nothing is known of it.")
        return layers.index(layer)

    def _all(self) -> list[tuple[str, Scored, Scored | None, Scored | None]]:
        if self._made is None:
            self._made = []
            for name in PROFILED:
                parameters: dict[str, Any] = {"threshold": self.threshold} if name == "paper" else {}
                try:
                    noise = score(name, self.profile, **parameters)
                except UserError:
                    continue  # it needs more words, or levels, than this run has
                placebo = None if self.control is None else score(name, self.control, **parameters)
                both = placebo is not None and noise.error is not None and placebo.error is not None
                self._made.append((name, noise, placebo, specific(noise, placebo) if both and placebo else None))
        return self._made


def _rank(scored: Scored, row: int, index: int) -> Rank:
    """Neurons with the same score share the best place; those without a score (NaN) come last."""
    values = np.nan_to_num(scored.score, nan=-np.inf)
    place = 1 + int((values > values[row, index]).sum())
    p = None if scored.p is None else float(scored.p[row, index])
    return Rank(float(scored.score[row, index]), place, values.size, p)
