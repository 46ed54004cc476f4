"""Burstiness: how far errors stand from one another, and that a short gap follows a short gap."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

GAP_SCORES = np.round(np.linspace(-3.2, 3.2, 33), 1)
"""Normal scores at which the quantiles of gaps are kept."""
LAGS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 15, 20])
"""Lags, in gaps, of the correlations that share and persistence are fitted to."""

Floats = NDArray[np.float64]


def fit_gaps(gaps: list[Floats]) -> tuple[list[float], float, float]:
    """Quantiles, share and persistence of gaps, one array for each document, each gap in expected segments.

    Every document is divided by its own mean first: documents differ in rate, which is kept elsewhere. The
    correlations of normal scores at ``LAGS`` are fitted by least squares on a grid. Without gaps the result is that of
    independent errors.
    """
    gaps = [values / values.mean() for values in gaps if len(values) > 1 and values.mean() > 0]
    if sum(map(len, gaps)) < 30:
        return _rounded(-np.log1p(-_normal_cdf(GAP_SCORES))), 0.0, 0.0
    pooled = np.concatenate(gaps)
    quantiles = np.quantile(pooled, _normal_cdf(GAP_SCORES))
    ranks = np.empty(len(pooled))
    ranks[np.argsort(pooled, kind="stable")] = (np.arange(len(pooled)) + 0.5) / len(pooled)
    scores = np.split(_normal_inverse(ranks), np.cumsum([len(values) for values in gaps])[:-1])
    # a document that is all short or all long differs in kind, not in burstiness
    scores = [values - values.mean() for values in scores]
    power = sum(float(values @ values) for values in scores)
    found = []
    for lag in LAGS:
        both = [(values[:-lag], values[lag:]) for values in scores if len(values) > lag]
        weight = sum(len(values) - lag for values in scores if len(values) > lag) / len(pooled)
        found.append(sum(float(a @ b) for a, b in both) / power / weight if weight else 0.0)
    share, persistence = _fit(np.array(found))
    return _rounded(quantiles), share, persistence


def draw_gaps(count: int, gaps: list[float], share: float, persistence: float, rng: np.random.Generator) -> Floats:
    """``count`` gaps in a row, with mean 1 on average.

    The normal score of a gap is the sum of a slow part, an autoregression, and a part of its own; both marginal
    distribution and correlation are then those fitted.
    """
    scores = rng.standard_normal(count)
    if share > 0:
        scores = np.sqrt(share) * _autoregression(rng.standard_normal(count), persistence) + np.sqrt(1 - share) * scores
    table = np.array(gaps)
    return np.asarray(np.interp(scores, GAP_SCORES, table / _mean(table)))


def _autoregression(noise: Floats, persistence: float) -> Floats:
    """A stationary series of variance 1 with this correlation between neighbours."""
    values = noise.tolist()
    step = (1 - persistence**2) ** 0.5
    for index in range(1, len(values)):
        values[index] = persistence * values[index - 1] + step * values[index]
    return np.array(values)


def _fit(found: Floats) -> tuple[float, float]:
    persistences = np.linspace(0.5, 0.99, 50)
    curves = persistences[:, None] ** LAGS[None, :]
    shares = np.clip((curves * found).sum(1) / (curves**2).sum(1), 0.0, 0.95)
    errors = ((shares[:, None] * curves - found) ** 2).sum(1)
    best = int(np.argmin(errors))
    return round(float(shares[best]), 4), round(float(persistences[best]), 4)


def _mean(table: Floats) -> float:
    """The mean of gaps drawn from a table of quantiles: the integral over a fine grid of normal scores."""
    grid = _normal_inverse((np.arange(4000) + 0.5) / 4000)
    return float(np.interp(grid, GAP_SCORES, table).mean())


def _normal_cdf(scores: Floats) -> Floats:
    return np.array([NormalDist().cdf(float(score)) for score in scores])


def _normal_inverse(shares: Floats) -> Floats:
    """Normal scores of shares, by interpolation in a fine table."""
    return np.asarray(np.interp(shares, _FINE_SHARES, _FINE_SCORES))


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


_FINE_SCORES = np.linspace(-6, 6, 4801)
_FINE_SHARES = _normal_cdf(_FINE_SCORES)
