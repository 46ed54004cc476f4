"""The Profile: per layer and neuron, what noise does; frozen, with the counts it rests on."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing
from ocr_neurons.probe.accumulate import THRESHOLDS, Accumulator

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Profile:
    """Statistics of ``d = noisy - clean`` (positive: fires more on noisy text), pooled over the word's own sub-words.

    Attributes:
        levels: names of the noise levels, in order.
        pairs: ``[levels]`` pairs each level rests on.
        sums: ``[levels, 5, layers, width]`` float64 sums of d, d², |d|, clean, clean².
        passes: ``[levels, thresholds, layers, width]`` pairs in which |d| exceeds its layer's mean + k sd.
        thresholds: the k of each.
        cka: ``[levels, layers]`` debiased linear CKA of clean and noisy activations; NaN when undefined.
        cka_pairs: ``[levels]`` pairs the CKA rests on.
        about: model, fingerprint, site, protocol, seed, pairs skipped.

    Correlational: it says what changes with noise, not what causes an error.
    """

    levels: tuple[str, ...]
    pairs: Array
    sums: Array
    passes: Array
    thresholds: tuple[float, ...]
    cka: Array
    cka_pairs: Array
    about: dict[str, Any]

    @property
    def layers(self) -> int:
        """Number of layers."""
        return int(self.sums.shape[2])

    @property
    def width(self) -> int:
        """Neurons a layer."""
        return int(self.sums.shape[3])

    def mean(self, level: str | None = None) -> Array:
        """Mean of d, ``[layers, width]``; over all pairs when ``level`` is None."""
        mean: Array = self._sum(0, level) / self._pairs(level)
        return mean

    def mean_absolute(self, level: str | None = None) -> Array:
        """Mean of |d|, ``[layers, width]``."""
        mean: Array = self._sum(2, level) / self._pairs(level)
        return mean

    def deviation(self, level: str | None = None) -> Array:
        """Standard deviation of d over pairs (divided by n), ``[layers, width]``."""
        return _deviation(self._sum(0, level), self._sum(1, level), self._pairs(level))

    def clean_deviation(self) -> Array:
        """Standard deviation of the clean activation over all pairs, ``[layers, width]``."""
        return _deviation(self._sum(3, None), self._sum(4, None), self._pairs(None))

    def share(self, threshold: float, level: str | None = None) -> Array:
        """Share of pairs in which a neuron passes the paper's threshold, ``[layers, width]``, 0 to 1.

        Raises:
            UserError: this threshold was not counted.
        """
        if threshold not in self.thresholds:
            known = ", ".join(f"{k:g}" for k in self.thresholds)
            raise UserError(f"threshold {threshold:g} given; this profile counted {known}; choose one of them")
        counted = self.passes[:, self.thresholds.index(threshold)]
        passed = counted.sum(0) if level is None else counted[self._level(level)]
        share: Array = passed / self._pairs(level)
        return share

    def standardised_curve(self, level: str) -> Array:
        """For each layer, the mean over neurons of |mean d| / sd of the clean activation.

        Neurons whose clean activation never varies are left out; NaN for a layer of such.
        """
        spread = self.clean_deviation()
        ratio = np.divide(np.abs(self.mean(level)), spread, out=np.full_like(spread, np.nan), where=spread > 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a layer without a live neuron is NaN
            curve: Array = np.nanmean(ratio, axis=1)
        return curve

    def _level(self, level: str) -> int:
        if level not in self.levels:
            raise UserError(f"noise level {level!r} given; this profile has {', '.join(self.levels)}")
        return self.levels.index(level)

    def _pairs(self, level: str | None) -> float:
        """NaN instead of 0, so that every statistic of no pairs is NaN."""
        return int(self.pairs.sum() if level is None else self.pairs[self._level(level)]) or float("nan")

    def _sum(self, which: int, level: str | None) -> Array:
        part: Array = self.sums[:, which].sum(0) if level is None else self.sums[self._level(level), which]
        return part

    def save(self, path: Path) -> None:
        """Write as safetensors, with what it is about in the header."""
        from safetensors.numpy import save_file

        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        header = {"levels": self.levels, "thresholds": self.thresholds, "about": self.about}
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata={"ocr_neurons_profile": json.dumps(header, ensure_ascii=False)})

    @staticmethod
    def load(path: Path) -> Profile:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: the file is absent or no profile.
        """
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            raise UserError(f"{path}: no such file; wanted a profile, as `ocr-neurons probe` writes it")
        try:
            with safe_open(path, framework="numpy") as stored:
                header = json.loads((stored.metadata() or {})["ocr_neurons_profile"])
                arrays = {name: stored.get_tensor(name) for name in _ARRAYS}
            levels, thresholds, about = tuple(header["levels"]), tuple(header["thresholds"]), dict(header["about"])
            shape = arrays["sums"].shape
            wanted = {
                "pairs": (len(levels),),
                "sums": (len(levels), 5, *shape[2:4]),
                "passes": (len(levels), len(thresholds), *shape[2:4]),
                "cka": (len(levels), *shape[2:3]),
                "cka_pairs": (len(levels),),
            }
            for name, value in arrays.items():
                if value.shape != wanted[name]:
                    raise ValueError(f"{name} of shape {list(value.shape)}, wanted {list(wanted[name])}")
        except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}: not a profile ({reason}); make it with `ocr-neurons probe`") from None
        return Profile(levels=levels, thresholds=thresholds, about=about, **arrays)


def _deviation(total: Array, squares: Array, count: float) -> Array:
    """Standard deviation from sums; 0 where it would be below the rounding of the sums, as for a constant."""
    square = squares / count
    variance = square - (total / count) ** 2
    deviation: Array = np.sqrt(np.where(variance < 1e-13 * square, 0, variance))
    return deviation


_ARRAYS = ("pairs", "sums", "passes", "cka", "cka_pairs")


def freeze(accumulator: Accumulator, about: dict[str, Any]) -> Profile:
    """The Profile of what the accumulator has seen."""
    return Profile(
        levels=tuple(accumulator.levels),
        pairs=accumulator.stacked("pairs"),
        sums=accumulator.stacked("sums"),
        passes=accumulator.stacked("passes"),
        thresholds=THRESHOLDS,
        cka=np.stack([sums.cka.value() for sums in accumulator.levels.values()]),
        cka_pairs=np.array([sums.cka.examples for sums in accumulator.levels.values()]),
        about=about | {"skipped": accumulator.skipped},
    )
