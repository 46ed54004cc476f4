"""The Profile: for every neuron, what noise does; frozen, with the counts it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.cka import cka
from ocr_neurons.probe.fields import BINS, CURVES, GROUPS, SUMS, THRESHOLDS

Array = np.ndarray[Any, np.dtype[Any]]
WORDS = None
"""As a group: all words made noisy, each the mean of its levels, independent of one another."""


@dataclass(frozen=True)
class Profile:
    """Statistics of ``d = noisy - clean`` (positive: fires more on noisy text), pooled over the word's own sub-words.

    A ``group`` is a noise level, a similarity bin (``poor``, ``average``, ``good``), a half (``half-1``, ``half-2``) or
    None: all words. In levels and bins the unit is a pair, in the halves and in all of them a word. The arrays are
    sums, described in :mod:`ocr_neurons.probe.fields`; the methods are what one asks of them, ``[layers, width]`` each,
    NaN where a group has too few units.

    Correlational: it says what changes with noise, not what causes an error.

    Attributes:
        levels: names of the noise levels, in order.
        shift: ``[layers, width]``, what clean activations are counted from.
        edges: ``[EDGES, layers, width]`` edges of the histograms, or None.
        about: model, fingerprint, site, layers read, protocol, seed, pairs skipped by reason.
    """

    levels: tuple[str, ...]
    shift: Array
    edges: Array | None
    arrays: dict[str, Array]
    about: dict[str, Any]

    @property
    def layers(self) -> int:
        """Number of layers."""
        return int(self.shift.shape[0])

    @property
    def width(self) -> int:
        """Neurons a layer."""
        return int(self.shift.shape[1])

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the rows of the arrays."""
        return (*self.levels, *GROUPS)

    @property
    def pairs(self) -> Array:
        """``[levels]`` pairs each level rests on."""
        counts: Array = self.arrays["units"][: len(self.levels)]
        return counts

    def units(self, group: str | None = WORDS) -> int:
        """Pairs (of a level or bin) or words (of a half or all) that a group rests on."""
        return int(self._rows("units", group))

    def mean(self, group: str | None = WORDS) -> Array:
        """Mean of d."""
        return self._mean("d", group)

    def mean_absolute(self, group: str | None = WORDS) -> Array:
        """Mean of |d|."""
        return self._mean("size", group)

    def variance(self, group: str | None = WORDS) -> Array:
        """Variance of d over units (divided by n - 1)."""
        return self._covariance("d d", "d", "d", group)

    def deviation(self, group: str | None = WORDS) -> Array:
        """Standard deviation of d over units."""
        deviation: Array = np.sqrt(self.variance(group))
        return deviation

    def size_deviation(self, group: str | None = WORDS) -> Array:
        """Standard deviation of |d| over units."""
        deviation: Array = np.sqrt(self._covariance("d d", "size", "size", group))
        return deviation

    def clean_mean(self, group: str | None = WORDS) -> Array:
        """Mean of the clean activation."""
        return self._mean("clean", group) + self.shift

    def noisy_mean(self, group: str | None = WORDS) -> Array:
        """Mean of the noisy activation."""
        return self.clean_mean(group) + self.mean(group)

    def clean_deviation(self, group: str | None = WORDS) -> Array:
        """Standard deviation of the clean activation over units."""
        deviation: Array = np.sqrt(self._covariance("clean clean", "clean", "clean", group))
        return deviation

    def noisy_deviation(self, group: str | None = WORDS) -> Array:
        """Standard deviation of the noisy activation over units."""
        cross = self._covariance("clean d", "clean", "d", group)
        clean = self._covariance("clean clean", "clean", "clean", group)
        deviation: Array = np.sqrt(np.maximum(clean + self.variance(group) + 2 * cross, 0))
        return deviation

    def effect(self, group: str | None = WORDS) -> Array:
        """Paired effect size d_z = mean d / standard deviation of d (Cohen 1988); 0 where d is always 0."""
        mean, deviation = self.mean(group), self.deviation(group)
        constant = np.where(mean == 0, 0.0, np.copysign(np.inf, mean))
        effect: Array = np.divide(mean, deviation, out=constant, where=deviation > 0)
        return np.where(np.isnan(deviation), np.nan, effect)

    def shuffled_mean(self) -> Array:
        """Mean of d over words, the two sides of each swapped by the toss of a coin: what chance gives."""
        mean: Array = self.arrays["shuffled"] / (self.units(WORDS) or np.nan)
        return mean

    def dose(self, group: str | None = WORDS) -> tuple[float, float]:
        """Mean and variance (n - 1) of the dose, 1 - similarity, over units."""
        total, squares = self._rows("dose", group)
        n = self.units(group) or np.nan
        return float(total / n), float((squares - total**2 / n) / (n - 1)) if n > 1 else np.nan

    def dose_covariance(self, of: str = "size", group: str | None = WORDS) -> Array:
        """Covariance (n - 1) of the dose with ``size`` (|d|) or ``d`` over units."""
        n = self.units(group) or np.nan
        total = self._rows("dose", group)[0]
        covariance: Array = (self._sum(f"dose {of}", group) - total * self._sum(of, group) / n) / (n - 1 or np.nan)
        return covariance

    def share(self, threshold: float, group: str | None = WORDS) -> Array:
        """Share of pairs in which a neuron passes the paper's threshold, 0 to 1; None here means all levels' pairs.

        Raises:
            UserError: this threshold was not counted, or the group is a half.
        """
        if threshold not in THRESHOLDS:
            known = ", ".join(f"{k:g}" for k in THRESHOLDS)
            raise UserError(f"threshold {threshold:g} given; profiles count {known}; choose one of them")
        passed = self.arrays["passes"][:, THRESHOLDS.index(threshold)]
        row = self._row(group, halves=False)
        counts = passed[: len(self.levels)].sum(0) if row is None else passed[row]
        pairs = self.pairs.sum() if row is None else self.units(group)
        share: Array = counts / (pairs or np.nan)
        return share

    def histogram(self, group: str | None = WORDS) -> tuple[Array, Array]:
        """Clean and noisy counts ``[EDGES + 1, layers, width]`` of a level, of all levels (None), or ``shuffled``.

        Raises:
            UserError: no edges were given, or the group has no histogram.
        """
        if self.edges is None:
            raise UserError("a profile without histograms given; wanted one of `ocr-neurons probe`")
        exceeding = self.arrays["exceeding"].astype(np.int64)
        if group == "shuffled":
            first = len(self.levels)  # by place: a level may have a bin's name
            counts, total = exceeding[-1], int(self.arrays["units"][first : first + len(BINS)].sum())
        elif group is None:
            counts, total = exceeding[: len(self.levels)].sum(0), int(self.pairs.sum())
        else:
            row = self._row(group, halves=False)
            if row is None or row >= len(self.levels):
                raise UserError(f"group {group!r} has no histogram; wanted one of {', '.join(self.levels)}, shuffled")
            counts, total = exceeding[row], self.units(group)
        full = np.concatenate([np.full_like(counts[:, :1], total), counts, np.zeros_like(counts[:, :1])], axis=1)
        clean, noisy = -np.diff(full, axis=1)
        return clean, noisy

    def auroc(self, group: str | None = WORDS) -> Array:
        """Chance that a noisy activation exceeds a clean one (of any pair), ties half; from histograms of 16 bins.

        0.5: the sides cannot be told apart; above: fires more on noisy text. Within a bin values count as equal, which
        moves it towards 0.5 by little.
        """
        clean, noisy = self.histogram(group)
        below = np.cumsum(clean, axis=0) - clean / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            area: Array = (below * noisy).sum(0) / (clean.sum(0) * noisy.sum(0)).astype(float)
        return area

    def cka(self, group: str | None = WORDS) -> Array:
        """Debiased linear CKA of the two sides, ``[layers]``; NaN when undefined. None: all levels' mini-batches."""
        return cka(self._levels("hsic", group))

    def cka_pairs(self, group: str | None = WORDS) -> int:
        """Pairs that the CKA of a group rests on."""
        return int(self._levels("hsic_pairs", group))

    def curve(self, name: str, group: str | None = WORDS) -> tuple[Array, Array]:
        """Mean over pairs of a layer curve (see :data:`fields.CURVES`) and its standard error, ``[layers]`` each.

        The error takes pairs as independent; the replicates keep the pairs of a word together.
        """
        total, squares = self._levels("curves", group)[CURVES.index(name)]
        n = self._counted(group) or np.nan
        variance = np.maximum(squares - total**2 / n, 0) / (n - 1 if n > 1 else np.nan)
        return total / n, np.sqrt(variance / n)

    def replicates(self, name: str, group: str | None = WORDS) -> Array:
        """Bootstrap replicates ``[REPLICATES, layers]`` of a curve or of ``cka``, by Poisson weights.

        Words are drawn with all their levels. The CKA draws mini-batches: few pairs make few of them.
        """
        sums = self._levels("replicates", group, axis=1)
        if name == "cka":
            return np.stack([cka(part) for part in sums[:, len(CURVES) :]])
        weights = self._levels("weights", group, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn: Array = sums[:, CURVES.index(name)] / weights[:, None]
        return drawn

    def standardised_curve(self, group: str | None = WORDS) -> Array:
        """For each layer, the mean over neurons of |mean d| / standard deviation of the clean activation of all words.

        Neurons whose clean activation never varies are left out; NaN for a layer of such.
        """
        spread = self.clean_deviation(WORDS)
        ratio = np.divide(np.abs(self.mean(group)), spread, out=np.full_like(spread, np.nan), where=spread > 0)
        alive = np.isfinite(ratio)
        counted = alive.sum(1)
        sums: Array = np.where(alive, ratio, 0).sum(1)
        curve: Array = np.divide(sums, counted, out=np.full(len(sums), np.nan), where=counted > 0)
        return curve

    def _row(self, group: str | None, halves: bool = True) -> int | None:
        names = self.groups if halves else self.groups[:-2]
        if group is None:
            return None
        if group not in names:
            raise UserError(f"group {group!r} given; this profile has {', '.join(names)}")
        return names.index(group)

    def _rows(self, name: str, group: str | None) -> Array:
        """One row; the two halves together for None."""
        row, array = self._row(group), self.arrays[name]
        found: Array = array[-2] + array[-1] if row is None else array[row]
        return found

    def _levels(self, name: str, group: str | None, axis: int = 0) -> Array:
        """One row of what is kept by pair; all levels together for None."""
        row, array = self._row(group, halves=False), self.arrays[name]
        rows = list(range(len(self.levels))) if row is None else [row]
        total: Array = np.take(array, rows, axis).sum(axis)
        return total

    def _counted(self, group: str | None) -> int:
        return int(self.pairs.sum()) if group is None else self.units(group)

    def _sum(self, name: str, group: str | None) -> Array:
        row, array = self._row(group), self.arrays["sums"]
        index = SUMS.index(name)
        found: Array = array[-2, index] + array[-1, index] if row is None else array[row, index]
        return found

    def _mean(self, name: str, group: str | None) -> Array:
        mean: Array = self._sum(name, group) / (self.units(group) or np.nan)
        return mean

    def _covariance(self, product: str, left: str, right: str, group: str | None) -> Array:
        """From sums; 0 where it would be below their rounding, as for a constant."""
        n = self.units(group) or np.nan
        products = self._sum(product, group)
        covariance = products - self._sum(left, group) * self._sum(right, group) / n
        if left == right:
            covariance = np.where(covariance < 1e-12 * products, 0, covariance)
        scaled: Array = covariance / (n - 1 if n > 1 else np.nan)
        return scaled


def freeze(accumulator: Accumulator, about: dict[str, Any]) -> Profile:
    """The Profile of what the accumulator has seen: one transfer from its device."""
    return Profile(
        levels=accumulator.levels,
        shift=accumulator.shift.cpu().numpy(),
        edges=None if accumulator.edges is None else accumulator.edges.cpu().numpy(),
        arrays={name: tensor.cpu().numpy().copy() for name, tensor in accumulator.state.items()},
        about=about | {"skipped": dict(accumulator.skipped)},
    )


def thaw(profile: Profile, seed: int, device: torch.device | None = None) -> Accumulator:
    """An accumulator that goes on from ``profile``."""
    accumulator = Accumulator(
        profile.layers,
        profile.width,
        profile.levels,
        shift=torch.from_numpy(profile.shift),
        edges=None if profile.edges is None else torch.from_numpy(profile.edges),
        seed=seed,
        device=device,
    )
    for name, array in profile.arrays.items():
        accumulator.state[name] = torch.from_numpy(array.copy()).to(accumulator.device)
    accumulator.skipped = dict(profile.about.get("skipped", {}))
    return accumulator
