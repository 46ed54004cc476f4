"""Regions of layers found in the data: change points on layer curves, and how stable they are.

A curve is taken as constant within a region, plus noise. Of all ways to cut the layers the one with the least
``squares + penalty x boundaries`` is found exactly (dynamic programming; Jackson et al. 2005), squares in units of the
noise. The penalty is the smallest that leaves a flat curve whole in ``1 - false_rate`` of cases. Like BIC's it grows
with the logarithm of the number of layers; unlike BIC's it also pays for choosing the place and for estimating noise.

Limits: noise is taken as independent from layer to layer (between curves it may be correlated). Where errors are small,
a slow drift is cut into steps, since it is no constant. Read the boundaries with their support (:func:`stability`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator

Array = np.ndarray[Any, np.dtype[np.float64]]
Correlation = tuple[tuple[float, ...], ...]

FALSE_RATE = 0.05
"""How often a flat curve may be cut."""
NULL_CURVES = 2000
"""Flat curves, or sets of curves, that the penalty is read from."""
NULL_REGIONS = 6
"""Most regions they are cut into: more cuts never save as much a cut."""
FLOOR = 1e-6
"""Least noise, relative to a curve's range; it keeps curves without noise computable."""
ROUNDING = 1e-12
"""Least noise, relative to a curve's largest value: what a sum of rounded numbers may be off."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The best cut of ``layers`` layers.

    ``boundaries`` are the first layers of all regions but the first. ``means[curve][region]`` are in the curves' own
    units. ``penalty`` is what a boundary had to save, in noise variances (None: there was nothing to choose), ``saved``
    what all of them saved.
    """

    layers: int
    boundaries: tuple[int, ...]
    means: tuple[tuple[float, ...], ...]
    penalty: float | None
    saved: float

    def regions(self, prefix: str = "found") -> dict[str, list[int]]:
        """``found-1``, ``found-2`` … and their layers, in order; together all layers."""
        cuts = [0, *self.boundaries, self.layers]
        return {f"{prefix}-{i + 1}": list(range(cuts[i], cuts[i + 1])) for i in range(len(cuts) - 1)}

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "layers": self.layers,
            "boundaries": list(self.boundaries),
            "means": [list(curve) for curve in self.means],
            "penalty": self.penalty,
            "saved": self.saved,
        }


@dataclass(frozen=True, slots=True)
class Stability:
    """Boundaries of the mean curve, and how many bootstrap replicates agree.

    ``share[layer]`` is the share of replicates with a boundary at that layer, or at most ``tolerance`` layers from it;
    ``support`` is the same at the boundaries of ``consensus``. ``replicates`` were cut; ``undefined`` held a NaN.
    """

    consensus: Segmentation
    support: tuple[float, ...]
    share: tuple[float, ...]
    tolerance: int
    replicates: int
    undefined: int

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "consensus": self.consensus.to_json(),
            "support": list(self.support),
            "share": list(self.share),
            "tolerance": self.tolerance,
            "replicates": self.replicates,
            "undefined": self.undefined,
        }


def segment(
    curves: Array,
    errors: Array | None = None,
    *,
    segments: int | None = None,
    min_length: int = 1,
    false_rate: float = FALSE_RATE,
) -> Segmentation:
    """Cut the layers of ``curves`` ``[layers]`` or ``[curves, layers]`` into regions, the same for all curves.

    ``errors`` are standard errors of the same shape. A layer counts by the inverse of its squared error, which is held
    to at least a tenth of the curve's median. Without errors the noise of each curve is estimated from its steps from
    layer to layer, 1.4826 x median |step| / sqrt(2), so a boundary must stand out from the usual change. This needs
    some ten layers or more, and sees no noise in a curve that mostly stays the same, such as counts that are mostly 0.
    ``segments`` sets the number of regions (None: by the penalty), ``min_length`` their least length in layers.

    Raises:
        UserError: NaN or infinite values, shapes that differ, numbers out of range.
    """
    values = _table(curves)
    layers = values.shape[1]
    _check(layers, segments, min_length, false_rate)
    weights = _weights(values[None], None if errors is None else _errors(errors, values.shape))
    penalty = None
    if segments is None and layers >= 2 * min_length:
        penalty = boundary_penalty(layers, _correlation(values), min_length, errors is not None, false_rate)
    cuts, saved = _cut(values[None], weights, penalty, segments, min_length)
    edges = [0, *cuts[0], layers]
    means = tuple(
        tuple(float(np.average(row[a:b], weights=w[a:b])) for a, b in pairwise(edges))
        for row, w in zip(values, weights[0], strict=True)
    )
    return Segmentation(layers, cuts[0], means, penalty, float(saved[0]))


def stability(
    replicates: Array,
    curves: Array | None = None,
    errors: Array | None = None,
    *,
    tolerance: int = 0,
    segments: int | None = None,
    min_length: int = 1,
    false_rate: float = FALSE_RATE,
) -> Stability:
    """Cut the mean curve and each bootstrap replicate ``[replicates, curves, layers]`` (or ``[replicates, layers]``).

    ``curves`` are the curves themselves (None: the mean over replicates); the other arguments are those of
    :func:`segment`, the same for all. Replicates with a NaN are left out and counted. A replicate carries the noise of
    the data twice, so support below 1 is usual, and support is no p-value.

    Raises:
        UserError: as :func:`segment`; no replicate without NaN.
    """
    drawn = np.asarray(replicates, dtype=np.float64)
    drawn = drawn[:, None] if drawn.ndim == 2 else drawn
    if drawn.ndim != 3 or not drawn.size:
        raise UserError(f"replicates of shape {list(drawn.shape)} given; wanted [replicates, curves, layers]")
    if tolerance < 0:
        raise UserError(f"tolerance {tolerance} given; wanted a number of layers, 0 or more")
    whole = drawn[np.isfinite(drawn).all((1, 2))]
    if not len(whole):
        raise UserError(f"{len(drawn)} replicates given, each with a NaN; leave out the curves or layers that have it")
    middle = whole.mean(0) if curves is None else _table(curves)
    if middle.shape != drawn.shape[1:]:
        raise UserError(f"curves {list(middle.shape)} given; wanted {list(drawn.shape[1:])}, as in the replicates")
    consensus = segment(middle, errors, segments=segments, min_length=min_length, false_rate=false_rate)
    weights = _weights(whole, None if errors is None else _errors(errors, middle.shape))
    cuts, _ = _cut(whole, weights, consensus.penalty, segments, min_length)
    near = np.zeros((len(whole), consensus.layers), dtype=bool)
    for row, boundaries in enumerate(cuts):
        for boundary in boundaries:
            near[row, max(0, boundary - tolerance) : boundary + tolerance + 1] = True
    share = tuple(float(s) for s in near.mean(0))
    support = tuple(share[boundary] for boundary in consensus.boundaries)
    return Stability(consensus, support, share, tolerance, len(whole), len(drawn) - len(whole))


@lru_cache(maxsize=64)
def boundary_penalty(
    layers: int,
    correlation: Correlation = ((1.0,),),
    min_length: int = 1,
    errors: bool = True,
    false_rate: float = FALSE_RATE,
) -> float:
    """What a boundary must save, in noise variances, so that flat curves are cut at a rate of ``false_rate``.

    Read from simulated flat curves whose normal noise has this ``correlation`` ``[curves, curves]`` and is known
    (``errors``) or estimated from each curve's own steps. Wanted: ``layers >= 2 x min_length``.
    """
    values, vectors = np.linalg.eigh(np.array(correlation))
    mixing = vectors * np.sqrt(np.maximum(values, 0))
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    rng = generator(0, "flat layer curves", layers, len(mixing))
    flat = mixing @ rng.standard_normal((NULL_CURVES, len(mixing), layers))
    weights = np.ones_like(flat) if errors else _weights(flat, None)
    best = _best(_costs(flat, weights), min(NULL_REGIONS, layers // min_length), min_length)[0]
    needed = (best[:, :1] - best[:, 1:]) / np.arange(1, best.shape[1])
    return float(np.quantile(needed.max(1), 1 - false_rate))


def _correlation(curves: Array) -> Correlation:
    """Correlation between the curves' noise, from the signs of their steps: a few large steps do not move it.

    For normal noise it is ``sin(pi / 2 x mean product of signs)`` (Blomqvist 1950). Rounded to tenths: with some thirty
    layers more is not known.
    """
    signs = np.sign(np.diff(curves, axis=1))
    found = np.sin(np.pi / 2 * (signs @ signs.T) / max(1, signs.shape[1])).round(1) + 0.0
    np.fill_diagonal(found, 1.0)
    return tuple(tuple(float(r) for r in row) for row in found)


def _cut(
    curves: Array, weights: Array, penalty: float | None, segments: int | None, min_length: int
) -> tuple[list[tuple[int, ...]], Array]:
    """Boundaries of each of ``[replicates, curves, layers]``, and the squares they save."""
    layers = curves.shape[2]
    best, last = _best(_costs(curves, weights), segments or max(1, layers // min_length), min_length)
    if penalty is not None:
        chosen = np.argmin(best + penalty * np.arange(best.shape[1]), axis=1)
    else:
        chosen = np.full(len(best), best.shape[1] - 1)
    cuts = []
    for row, count in enumerate(chosen):
        boundaries, end = [], layers
        for k in range(count, 0, -1):
            end = int(last[row, k, end])
            boundaries.append(end)
        cuts.append(tuple(reversed(boundaries)))
    return cuts, best[:, 0] - best[np.arange(len(best)), chosen]


def _best(costs: Array, segments: int, min_length: int) -> tuple[Array, np.ndarray[Any, np.dtype[np.intp]]]:
    """Least squares ``[replicates, count - 1]`` of cutting all layers into count regions, count = 1 … ``segments``.

    And where the last of count regions begins when the layers end at ``end``: ``[replicates, count - 1, end]``.
    """
    replicates, ends = costs.shape[0], costs.shape[2]
    least = np.full((replicates, segments, ends), np.inf)
    least[:, 0] = costs[:, 0]
    last = np.zeros((replicates, segments, ends), dtype=np.intp)
    for k in range(1, segments):
        for end in range((k + 1) * min_length, ends):
            starts = slice(k * min_length, end - min_length + 1)
            total = least[:, k - 1, starts] + costs[:, starts, end]
            where = total.argmin(1)
            last[:, k, end] = where + k * min_length
            least[:, k, end] = total[np.arange(replicates), where]
    return least[:, :, -1], last


def _costs(curves: Array, weights: Array) -> Array:
    """Weighted squares around its mean of each run of layers: ``[replicates, start, end]``, end excluded."""
    centred = curves - np.average(curves, axis=2, weights=weights)[:, :, None]

    def running(terms: Array) -> Array:
        return np.concatenate([np.zeros((*terms.shape[:2], 1)), terms.cumsum(2)], axis=2)

    weight, total, squares = (running(weights * centred**power) for power in range(3))
    replicates, _, ends = weight.shape
    costs = np.zeros((replicates, ends, ends))
    for start in range(ends - 1):
        run = slice(start + 1, ends)
        mass, first, second = (sums[:, :, run] - sums[:, :, start, None] for sums in (weight, total, squares))
        costs[:, start, run] = np.maximum(second - first**2 / mass, 0).sum(1)
    return costs


def _weights(curves: Array, errors: Array | None) -> Array:
    """One over the noise variance of each value of ``[replicates, curves, layers]``."""
    if errors is None:
        steps = np.abs(np.diff(curves, axis=2)) if curves.shape[2] > 1 else np.zeros_like(curves)
        noise = 1.4826 * np.median(steps, axis=2, keepdims=True) / np.sqrt(2)
    else:
        noise = np.maximum(errors, np.median(errors, axis=1, keepdims=True) / 10)
    least = FLOOR * np.ptp(curves, axis=2, keepdims=True)
    least = np.maximum(least, ROUNDING * np.abs(curves).max(2, keepdims=True))
    noise = np.broadcast_to(np.maximum(noise, least), curves.shape)
    weights: Array = 1 / np.where(noise > 0, noise, 1) ** 2  # all 0: nothing to save, whatever the weight
    return weights


def _table(curves: Array) -> Array:
    table = np.asarray(curves, dtype=np.float64)
    table = table[None] if table.ndim == 1 else table
    if table.ndim != 2 or not table.size:
        raise UserError(f"curves of shape {list(table.shape)} given; wanted [layers] or [curves, layers]")
    if not np.isfinite(table).all():
        curve, layer = (int(i) for i in np.argwhere(~np.isfinite(table))[0])
        raise UserError(f"curve {curve}, layer {layer}: {table[curve, layer]} given; wanted a number; leave it out")
    return table


def _errors(errors: Array, shape: tuple[int, ...]) -> Array:
    table = np.asarray(errors, dtype=np.float64)
    table = table[None] if table.ndim == 1 else table
    if table.shape != shape:
        raise UserError(f"errors of shape {list(table.shape)} given; wanted {list(shape)}, one for each value")
    if not np.isfinite(table).all() or (table < 0).any() or (np.median(table, axis=1) == 0).any():
        raise UserError("standard errors that are NaN, negative or mostly 0 given; wanted some above 0; or give none")
    return table


def _check(layers: int, segments: int | None, min_length: int, false_rate: float) -> None:
    if min_length < 1:
        raise UserError(f"least length {min_length} given; wanted a number of layers, 1 or more")
    if segments is not None and not 1 <= segments <= max(1, layers // min_length):
        most = max(1, layers // min_length)
        raise UserError(
            f"{segments} segments asked for; wanted 1 to {most} for {layers} layers of {min_length} or more"
        )
    if not 0 < false_rate < 1:
        raise UserError(f"false rate {false_rate} given; wanted a number between 0 and 1, such as {FALSE_RATE}")
