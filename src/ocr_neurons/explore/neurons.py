"""What the run knows of single neurons: ranks under every method, and what they do on clean and noisy words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.beyond import scored
from ocr_neurons.rank.methods import PROFILED, score
from ocr_neurons.rank.scored import Scored

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

    def __init__(self, profiles: Profiles, threshold: float) -> None:
        self.profiles, self.threshold = profiles, threshold
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
        row, profile = self._row(layer), self.profiles.noise
        return {
            "clean": float(profile.clean_mean()[row, index]),
            "noisy": float(profile.noisy_mean()[row, index]),
            "difference": float(profile.mean()[row, index]),
            "deviation": float(profile.clean_deviation()[row, index]),
            "words": profile.units(),
        }

    def _row(self, layer: int) -> int:
        profile = self.profiles.noise
        layers = [int(read) for read in profile.about.get("read", range(profile.layers))]
        if layer not in layers:
            raise UserError(f"Layer {layer} was not read when the run probed its tagger, so nothing is known of it.")
        return layers.index(layer)

    def _all(self) -> list[tuple[str, Scored, Scored | None, Scored | None]]:
        if self._made is None:
            self._made = []
            for name in PROFILED:
                parameters: dict[str, Any] = {"threshold": self.threshold} if name == "paper" else {}
                try:
                    noise = score(name, self.profiles.noise, **parameters)
                except UserError:
                    continue  # it needs more words, or levels, than this run has
                control = self.profiles.control
                placebo = None if control is None else score(name, control, **parameters)
                both = placebo is not None and noise.error is not None and placebo.error is not None
                beyond = scored(name, self.profiles, **parameters) if both else None
                self._made.append((name, noise, placebo, beyond))
        return self._made


def _rank(scored: Scored, row: int, index: int) -> Rank:
    """Neurons with the same score share the best place; those without a score (NaN) come last."""
    values = np.nan_to_num(scored.score, nan=-np.inf)
    place = 1 + int((values > values[row, index]).sum())
    p = None if scored.p is None else float(scored.p[row, index])
    return Rank(float(scored.score[row, index]), place, values.size, p)
