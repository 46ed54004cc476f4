"""How well one neuron alone tells noisy words from clean ones."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.basis import about, independent, noisy_levels
from ocr_neurons.rank.scored import Array, Scored


def auroc(profile: Profile, group: str | None = None) -> Scored:
    """|AUROC - 0.5| of clean against noisy activations, from the histograms; sign +1 where noisy ones are higher.

    By default over the pairs of all noisy levels. The pairs of a word are not independent, so errors and p-values take
    the number of words, n, on each side. Error: Hanley & McNeil (1982). p: Mann-Whitney test with the correction for
    ties (histograms have 16 bins), normal approximation. Both take the sides as independent samples; a word's two sides
    go together, which makes both conservative: what this finds is there, what it misses may be as well.

    Raises:
        UserError: fewer than three words, no histograms, or none of this group (levels and ``shuffled`` have one).
    """
    n = independent(profile, group, needed=3)
    histograms = [profile.histogram(name) for name in (noisy_levels(profile) if group is None else [group])]
    clean = np.sum([sides[0] for sides in histograms], axis=0, dtype=float)
    noisy = np.sum([sides[1] for sides in histograms], axis=0, dtype=float)
    total = clean.sum(0)  # as many noisy ones
    area: Array = ((np.cumsum(clean, axis=0) - clean / 2) * noisy).sum(0) / total**2
    deviation = np.sqrt(null_variance((clean + noisy) / (2 * total), n))
    z = np.divide(np.abs(area - 0.5), deviation, out=np.zeros_like(area), where=deviation > 0)
    score: Array = np.abs(area - 0.5)
    return Scored("auroc", score, np.sign(area - 0.5), hanley_mcneil(area, n), 2 * ndtr(-z), about(profile, group))


def hanley_mcneil(area: Array, n: int) -> Array:
    """Standard error of an AUROC of ``n`` against ``n`` (Hanley & McNeil 1982, eq. 1 and 2)."""
    area = np.maximum(area, 1 - area)  # which side is called positive must not matter
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    error: Array = np.sqrt((area * (1 - area) + (n - 1) * (one - area**2 + two - area**2)) / n**2)
    return error


def null_variance(shares: Array, n: int) -> Array:
    """Variance of an AUROC of ``n`` against ``n`` from one distribution; ``shares`` ``[bins, …]`` of values per bin.

    That of the Mann-Whitney U over n⁴, ties corrected; 0 where all values are in one bin.
    """
    both = 2 * n
    ties = (both**3 * (shares**3).sum(0) - both) / (both * (both - 1))
    variance: Array = np.maximum(both + 1 - ties, 0) / (12 * n**2)
    return np.where(variance < 1e-12, 0, variance)
