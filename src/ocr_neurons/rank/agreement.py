"""How much two rankings of the same neurons agree: rank correlation, and overlap of the best k.

Two rankings may agree only on the layers. So each number has a companion that takes layers as given: the correlation
within layers, and the overlap that is expected, and its p-value, when each layer's best are drawn at random in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator

Array = np.ndarray[Any, np.dtype[Any]]
Interval = tuple[float, float]

COUNTS = (10, 100, 1000)
SHARES = (0.01,)
"""The best so many neurons, or so large a share of them, are compared."""
DRAWS = 2000
"""Bootstrap draws of layers behind the intervals."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Overlap:
    """What the best ``k`` of two rankings share.

    ``overlap`` is ``|A & B| / k``. Were the rankings independent, it would be ``expected`` = k/N on average, between
    ``low`` and ``high`` in 95 % of cases, and this large or larger with probability ``p`` (hypergeometric, exact).
    ``expected_in_layers`` and ``p_in_layers`` are the same for rankings that are independent within each layer, with as
    many of the best in each layer as here. ``layers`` is the overlap of the histograms over layers, the sum of the
    smaller counts over k. ``tied``: neurons that equal the k-th score but found no place, in the ranking that has more
    of them; who of them has one is decided by lot.
    """

    k: int
    overlap: float
    expected: float
    low: float
    high: float
    p: float
    expected_in_layers: float
    p_in_layers: float
    layers: float
    tied: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two rankings of ``compared`` neurons; ``left_out`` had a NaN score in one of them.

    ``spearman`` is over all neurons; ``within`` is the mean of the layers' own, over the ``layers_compared`` layers in
    which neither score is constant. The 95 % intervals come from a bootstrap over layers (neurons of a layer are not
    independent) with ranks held fixed: the whole range, (-1, 1), for fewer than two layers. NaN: undefined.
    """

    spearman: float
    spearman_ci95: Interval
    within: float
    within_ci95: Interval
    overlaps: tuple[Overlap, ...]
    compared: int
    left_out: int
    layers_compared: int

    def to_json(self) -> dict[str, Any]:
        """JSON values; NaN becomes None."""
        value = asdict(self) | {"overlaps": [asdict(overlap) for overlap in self.overlaps]}
        value |= {name: list(value[name]) for name in ("spearman_ci95", "within_ci95")}
        return {name: None if isinstance(v, float) and not isfinite(v) else v for name, v in value.items()}


@dataclass(frozen=True, slots=True)
class SplitHalf:
    """Stability of a method: the agreement of its scores on two halves of the data.

    ``spearman_full`` and ``within_full`` are what two samples of the full size would have (Spearman-Brown).
    """

    halves: Agreement
    spearman_full: float
    within_full: float

    def to_json(self) -> dict[str, Any]:
        """JSON values; NaN becomes None."""
        full = {"spearman_full": self.spearman_full, "within_full": self.within_full}
        return {"halves": self.halves.to_json()} | {name: r if isfinite(r) else None for name, r in full.items()}


def agreement(
    a: Array,
    b: Array,
    counts: Sequence[int] = COUNTS,
    shares: Sequence[float] = SHARES,
    *,
    seed: int = 0,
) -> Agreement:
    """Compare two score arrays ``[layers, width]``, higher is better; for signed scores give absolute values.

    The best ``counts`` and ``shares`` of the compared neurons are laid side by side, equal ones once; counts above the
    number of neurons are left out. The seed decides ties and bootstrap draws.

    Raises:
        UserError: shapes that differ or are not ``[layers, width]``, nothing to compare, a count or share out of range.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 2 or first.shape != second.shape:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise UserError(f"scores of shape {shapes} given; wanted two of the same [layers, width]: same model and site")
    known = ~(np.isnan(first) | np.isnan(second))
    compared = int(known.sum())
    if compared < 2:
        raise UserError(f"{compared} neurons with a score in both rankings given; wanted at least 2")
    wrong = [*(k for k in counts if k < 1), *(s for s in shares if not 0 < s <= 1)]
    if wrong:
        raise UserError(f"count or share {wrong[0]} given; wanted counts of 1 or more, shares above 0 and at most 1")
    layer_of = np.broadcast_to(np.arange(len(first))[:, None], first.shape)[known]
    x, y = first[known], second[known]
    best = {k for k in counts if k <= compared} | {max(1, round(share * compared)) for share in shares}
    overlaps = _overlaps(x, y, layer_of, sorted(best), seed)
    spearman, spearman_interval = _spearman(x, y, layer_of, seed)
    inside = _within(x, y, layer_of)
    draws = generator(seed, "agreement", "layers").integers(0, max(1, len(inside)), (DRAWS, len(inside)))
    return Agreement(
        spearman=spearman,
        spearman_ci95=spearman_interval,
        within=float(inside.mean()) if len(inside) else float("nan"),
        within_ci95=_middle(inside[draws].mean(1)) if len(inside) > 1 else (-1.0, 1.0),
        overlaps=overlaps,
        compared=compared,
        left_out=int(known.size) - compared,
        layers_compared=len(inside),
    )


def split_half(
    first: Array, second: Array, counts: Sequence[int] = COUNTS, shares: Sequence[float] = SHARES, *, seed: int = 0
) -> SplitHalf:
    """Agreement of a method's scores ``[layers, width]`` on two disjoint halves, and what the whole would reach.

    The halves must be independent: keep all pairs of one word, or of one document, in the same half.

    Raises:
        UserError: as :func:`agreement`.
    """
    halves = agreement(first, second, counts, shares, seed=seed)
    return SplitHalf(halves, spearman_brown(halves.spearman), spearman_brown(halves.within))


def spearman_brown(r: float, times: float = 2.0) -> float:
    """Reliability of a measure ``times`` as long as one with reliability ``r``: ``times r / (1 + (times - 1) r)``.

    At most 0 nothing is reliable, and ``r`` is given back.
    """
    return times * r / (1 + (times - 1) * r) if r > 0 else r


def _overlaps(x: Array, y: Array, layer_of: Array, best: Sequence[int], seed: int) -> tuple[Overlap, ...]:
    from scipy.stats import hypergeom

    orders = []
    for values, name in ((x, "first"), (y, "second")):
        lots = generator(seed, "agreement", "ties", name).permutation(len(values))
        orders.append(np.lexsort((lots, -values)))
    total, sizes = len(x), np.bincount(layer_of)
    found = []
    for k in best:
        tops = [order[:k] for order in orders]
        common = len(np.intersect1d(tops[0], tops[1], assume_unique=True))
        ours, theirs = (np.bincount(layer_of[top], minlength=len(sizes)) for top in tops)
        low, high = hypergeom.interval(LEVEL, total, k, k)
        found.append(
            Overlap(
                k=k,
                overlap=common / k,
                expected=k / total,
                low=float(low) / k,
                high=float(high) / k,
                p=float(hypergeom.sf(common - 1, total, k, k)),
                expected_in_layers=float((ours * theirs / np.maximum(sizes, 1)).sum() / k),
                p_in_layers=_tail(common, sizes, ours, theirs),
                layers=float(np.minimum(ours, theirs).sum() / k),
                tied=max(_tied(x, tops[0]), _tied(y, tops[1])),
            )
        )
    return tuple(found)


def _tied(values: Array, top: Array) -> int:
    """How many outside ``top`` have the score of its last."""
    last = values[top[-1]]
    return int((values == last).sum() - (values[top] == last).sum())


def _tail(common: int, sizes: Array, ours: Array, theirs: Array) -> float:
    """Chance of ``common`` or more shared, when each layer's two sets are drawn independently from that layer."""
    from scipy.stats import hypergeom

    chances = np.ones(1)
    for size, one, other in zip(sizes, ours, theirs, strict=True):
        if one and other:
            chances = np.convolve(chances, hypergeom.pmf(np.arange(min(one, other) + 1), size, one, other))
    return min(1.0, float(chances[common:].sum()))


def _spearman(x: Array, y: Array, layer_of: Array, seed: int) -> tuple[float, Interval]:
    """Pearson correlation of midranks over all neurons, and its interval from layers drawn with replacement."""
    ranks = [_midranks(values) for values in (x, y)]
    u, v = (r - r.mean() for r in ranks)
    layers = np.flatnonzero(np.bincount(layer_of))
    terms = (np.ones_like(u), u, v, u * u, v * v, u * v)
    sums = np.stack([np.bincount(layer_of, term)[layers] for term in terms], axis=1)
    observed = float(_correlation(sums.sum(0)))
    if len(layers) < 2 or np.isnan(observed):
        return observed, (-1.0, 1.0)
    rng = generator(seed, "agreement", "layers of all")
    weights = rng.multinomial(len(layers), np.full(len(layers), 1 / len(layers)), DRAWS)
    return observed, _middle(_correlation(weights @ sums))


def _within(x: Array, y: Array, layer_of: Array) -> Array:
    """The layers' own rank correlations, of those that have one."""
    found = []
    for layer in np.unique(layer_of):
        u, v = (_midranks(values[layer_of == layer]) for values in (x, y))
        u, v = u - u.mean(), v - v.mean()
        norm = np.sqrt((u @ u) * (v @ v))
        if norm > 0:
            found.append(float(u @ v / norm))
    return np.array(found)


def _midranks(values: Array) -> Array:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)


def _correlation(sums: Array) -> Array:
    """From ``[..., 6]``: n, and the sums of u, v, u², v², uv; NaN where one does not vary."""
    n, u, v, uu, vv, uv = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Array = (uv - u * v / n) / np.sqrt((uu - u * u / n) * (vv - v * v / n))
    return np.clip(r, -1, 1)


def _middle(draws: Array) -> Interval:
    defined = draws[np.isfinite(draws)]
    if not len(defined):
        return -1.0, 1.0
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
