"""Burstiness: how far errors stand from one another, and that a short gap follows a short gap.

A gap is *near* or *far*. Near ones are short whatever the characters are: where print is bad, everything goes wrong.
Far ones are measured in expected segments, the sum of the characters' own error probabilities: an ``e`` that is often
misread for ``c`` is likelier to end one than a full stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

NEAREST = 8
"""The longest near gap, in unchanged characters between two segments."""
LAGS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30])
"""Lags, in gaps, of the correlations that share and persistence are fitted to."""
ROUNDS = 20
"""Steps of expectation and maximisation."""
FEWEST = 30
"""Gaps needed to say anything about burstiness."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Burstiness:
    """How segments follow one another.

    ``near`` are the shares of all gaps that are near, by length from 1 unchanged character on. ``far`` are quantiles,
    at the normal scores ``SCORES``, of far gaps in expected segments. Normal scores of gaps, near ones lowest,
    correlate as ``share * persistence ** lag``. Independent errors: no near gaps, exponential far ones, share 0.
    """

    near: tuple[float, ...]
    far: tuple[float, ...]
    share: float
    persistence: float

    @classmethod
    def independent(cls) -> Burstiness:
        """No burstiness at all."""
        return cls((), _rounded(-np.log1p(-_normal_cdf(SCORES))), 0.0, 0.0)


@dataclass(frozen=True)
class Gaps:
    """The gaps of one document, one array for each piece of it.

    ``characters``: unchanged characters between two segments; ``before`` and ``after``: expected segments from where
    the other can begin at the earliest, one character behind the one's end, to just before and just after its start.
    """

    characters: list[Ints]
    before: list[Floats]
    after: list[Floats]


def fit_gaps(documents: list[Gaps]) -> Burstiness:
    """Burstiness of documents whose segments were found with the expected numbers given.

    Every document is divided by its own mean first: documents differ in rate, which is kept elsewhere. Near and far
    gaps are told apart by expectation and maximisation, and the correlations of normal scores within pieces fitted by
    least squares on a grid.
    """
    means = [float(np.concatenate(d.after).mean()) if d.after else 0.0 for d in documents]
    kept = [(d, mean) for d, mean in zip(documents, means, strict=True) if mean > 0]
    if sum(len(piece) for d, _ in kept for piece in d.after) < FEWEST:
        return Burstiness.independent()
    characters = np.concatenate([piece for d, _ in kept for piece in d.characters])
    before = np.concatenate([piece / mean for d, mean in kept for piece in d.before])
    after = np.concatenate([piece / mean for d, mean in kept for piece in d.after])
    near, far = _near_and_far(characters, before, after)
    lengths = [[len(piece) for piece in d.after] for d, _ in kept]
    share, persistence = _fit(_correlations((before + after) / 2, lengths))
    return Burstiness(_rounded(near), _rounded(far), share, persistence)


def draw_gaps(count: int, burst: Burstiness, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """``count`` gaps in a row: the unchanged characters of near ones, 0 for far ones; expected segments of far ones.

    The second is scaled so that near and far gaps together have mean 1: one segment for each that is expected. The
    normal score of a gap is the sum of a slow part, an autoregression, and a part of its own.
    """
    scores = rng.standard_normal(count)
    slow = rng.standard_normal(count)
    if burst.share > 0:
        slow = np.sqrt(burst.share) * _autoregression(slow, burst.persistence)
        scores = slow + np.sqrt(1 - burst.share) * scores
    shares = np.interp(scores, _FINE_SCORES, _FINE_SHARES)
    bounds = np.cumsum(burst.near)
    nearness = float(bounds[-1]) if len(bounds) else 0.0
    near = shares < nearness
    characters = np.zeros(count, dtype=np.int64)
    # which near gap is drawn anew: the score only says that it is one
    characters[near] = 1 + np.searchsorted(bounds, rng.random(count)[near] * nearness, side="right")
    table = np.array(burst.far)
    rest = _normal_inverse((shares - nearness) / (1 - nearness))
    far = np.interp(rest, SCORES, table) / (_mean(table) * (1 - nearness))
    return np.minimum(characters, len(burst.near)), np.asarray(np.where(near, 0.0, far))


def _near_and_far(characters: Ints, before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Shares of near gaps by length, and quantiles of far gaps."""
    short = np.minimum(characters, NEAREST + 1)
    near = np.concatenate([[0.0], 0.1 * 0.5 ** np.arange(1, NEAREST + 1), [0.0]])
    middle = (before + after) / 2
    far = np.quantile(middle, _normal_cdf(SCORES))
    for _ in range(ROUNDS):
        # the chance that a far gap ends at just this character, under the quantiles so far
        mass = (1 - near.sum()) * np.maximum(_cdf(after, far) - _cdf(before, far), 1e-6)
        nearness = near[short] / (near[short] + mass)
        near = np.bincount(short, weights=nearness, minlength=NEAREST + 2) / len(short)
        near[0] = near[-1] = 0.0
        far = _weighted_quantiles(middle, 1 - nearness)
    return near[1:-1], far


def _cdf(values: Floats, quantiles: Floats) -> Floats:
    """The share of the distribution with these quantiles below each of ``values``; exponential beyond the last."""
    return np.asarray(np.interp(values, np.maximum.accumulate(quantiles), _normal_cdf(SCORES), left=0.0))


def _weighted_quantiles(values: Floats, weights: Floats) -> Floats:
    order = np.argsort(values)
    running = np.cumsum(weights[order])
    return np.asarray(np.interp(_normal_cdf(SCORES) * running[-1], running, values[order]))


def _correlations(gaps: Floats, lengths: list[list[int]]) -> Floats:
    """Correlation of the normal scores of gaps at ``LAGS``, within pieces; ``lengths`` of pieces by document."""
    ranks = np.empty(len(gaps))
    ranks[np.argsort(gaps, kind="stable")] = (np.arange(len(gaps)) + 0.5) / len(gaps)
    scores = _normal_inverse(ranks)
    documents = np.split(scores, np.cumsum([sum(pieces) for pieces in lengths])[:-1])
    pairs: list[list[tuple[float, int]]] = [[] for _ in LAGS]
    power = 0.0
    for values, pieces in zip(documents, lengths, strict=True):
        values = values - values.mean()  # a document that is all short or all long differs in kind, not in burstiness
        power += float(values @ values)
        for piece in np.split(values, np.cumsum(pieces)[:-1]):
            for found, lag in zip(pairs, LAGS.tolist(), strict=True):
                if len(piece) > lag:
                    found.append((float(piece[:-lag] @ piece[lag:]), len(piece) - lag))
    variance = power / len(scores)
    counts = [sum(number for _, number in found) for found in pairs]
    sums = [sum(product for product, _ in found) for found in pairs]
    return np.array([total / count / variance if count else 0.0 for total, count in zip(sums, counts, strict=True)])


def _fit(found: Floats) -> tuple[float, float]:
    persistences = np.linspace(0.5, 0.99, 50)
    curves = persistences[:, None] ** LAGS[None, :]
    shares = np.clip((curves * found).sum(1) / (curves**2).sum(1), 0.0, 0.95)
    errors = ((shares[:, None] * curves - found) ** 2).sum(1)
    best = int(np.argmin(errors))
    return round(float(shares[best]), 4), round(float(persistences[best]), 4)


def _autoregression(noise: Floats, persistence: float) -> Floats:
    """A stationary series of variance 1 with this correlation between neighbours."""
    values = noise.tolist()
    step = (1 - persistence**2) ** 0.5
    for index in range(1, len(values)):
        values[index] = persistence * values[index - 1] + step * values[index]
    return np.array(values)


def _mean(table: Floats) -> float:
    """The mean of gaps drawn from a table of quantiles: the integral over a fine grid of normal scores."""
    grid = _normal_inverse((np.arange(4000) + 0.5) / 4000)
    return float(np.interp(grid, SCORES, table).mean())


def _normal_cdf(scores: Floats) -> Floats:
    return np.array([NormalDist().cdf(float(score)) for score in scores])


def _normal_inverse(shares: Floats) -> Floats:
    """Normal scores of shares, by interpolation in a fine table."""
    return np.asarray(np.interp(shares, _FINE_SHARES, _FINE_SCORES))


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


SCORES = np.round(np.linspace(-3.2, 3.2, 33), 1)
"""Normal scores at which the quantiles of far gaps are kept."""
_FINE_SCORES = np.linspace(-6, 6, 4801)
_FINE_SHARES = _normal_cdf(_FINE_SCORES)
