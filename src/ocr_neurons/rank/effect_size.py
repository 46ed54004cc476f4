"""Effect sizes: of the mean difference, which has a direction, and of its size, which has none."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr

from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.basis import about, independent
from ocr_neurons.rank.scored import Array, Scored

LARGEST = 1e6
"""Score of a neuron whose difference is the same in every word: its effect size is infinite, which JSON cannot say."""


def effect(profile: Profile, group: str | None = None) -> Scored:
    """Paired effect size |d_z| of noisy against clean, with a paired t-test.

    ``d_z`` = mean of d / standard deviation of d (Cohen 1988), times Hedges' correction 1 - 3 / (4 (n - 1) - 1) for
    small n. By default over words, each the mean of its levels: independent units. The standard error is the usual
    large-sample one, sqrt(1 / n + d_z² / 2n), which assumes normal differences: with heavy tails and large effects it
    is too small. p: t-test of mean d = 0 with n - 1 degrees of freedom; wants d to be near symmetric or n not small.

    Finds neurons that move in one direction. One that jumps either way has none: see :func:`size`.

    Raises:
        UserError: fewer than three words, or no such group.
    """
    n = independent(profile, group, needed=3)
    d_z = np.clip(profile.effect(group), -LARGEST, LARGEST)
    hedges = 1 - 3 / (4 * (n - 1) - 1)
    error = hedges * np.sqrt(1 / n + d_z**2 / (2 * n))
    p = 2 * stdtr(n - 1, -np.abs(d_z) * np.sqrt(n))
    score: Array = hedges * np.abs(d_z)
    return Scored("effect", score, np.sign(d_z), error, p, about(profile, group))


def size(profile: Profile, group: str | None = None) -> Scored:
    """Mean |d| in standard deviations of the neuron's own activation on both sides together; 0 to 2.

    Over words by default. It is above 0 for any change at all, so there is no p-value before it is compared with the
    same score of other changes (``specific``). The error is that of mean |d|, to which that of the standard deviation
    is added as if it were of 2n independent normal values; the two go up and down together, which leaves a margin for
    heavy tails.

    Raises:
        UserError: fewer than three words, or no such group.
    """
    n = independent(profile, group, needed=3)
    mean = profile.mean(group)
    within = (profile.clean_deviation(group) ** 2 + profile.noisy_deviation(group) ** 2) / 2
    spread = np.sqrt(within * (1 - 1 / profile.units(group)) + mean**2 / 4)
    moving = spread > 0
    score = np.divide(profile.mean_absolute(group), spread, out=np.zeros_like(spread), where=moving)
    varying = np.divide(profile.size_deviation(group), spread, out=np.zeros_like(spread), where=moving)
    error = np.sqrt(varying**2 / n + score**2 / (4 * n))
    return Scored("size", score, np.sign(mean), error, None, about(profile, group))
