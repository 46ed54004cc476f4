"""Whether a neuron's reaction grows with the noise."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.fields import BINS, SUMS
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.basis import about, independent
from ocr_neurons.rank.scored import Array, Scored

ROUNDING = 1e-12
"""Variances below this share of the mean square are rounding."""


def dose(profile: Profile, group: str | None = None) -> Scored:
    """Pearson correlation of |d| with the dose (1 - similarity) over pairs; positive: the reaction grows with noise.

    By default over all pairs that were made noisy, whatever their level; a half has words in place of pairs, and so
    another correlation. Words differ in how much they react and the pairs of one word go together, so the error,
    (1 - r²) / sqrt(n - 3) by Fisher's z, and the t-test of no correlation (n - 2 degrees of freedom) take the number of
    words, n, at most. ``sign`` is that of the mean difference.

    It does not say that the neuron reacts much, and a word that loses more letters differs more in everything.

    Raises:
        UserError: fewer than four words, or all pairs have the same dose.
    """
    n = independent(profile, group, needed=4)
    # every changed pair is in one bin, so the bins add up to all of them; by place, as a level may have a bin's name
    first = len(profile.levels)
    rows = list(range(first, first + len(BINS))) if group is None else [profile.groups.index(group)]
    units = float(profile.arrays["units"][rows].sum())
    total, squares = profile.arrays["dose"][rows].sum(0)
    sums = dict(zip(SUMS, profile.arrays["sums"][rows].sum(0), strict=True))
    spread = squares - total**2 / units
    if spread <= ROUNDING * squares:
        raise UserError(f"dose: all {units:.0f} pairs have the same similarity; wanted pairs of several noise levels")
    varying = sums["d d"] - sums["size"] ** 2 / units
    known = varying > ROUNDING * sums["d d"]
    together = sums["dose size"] - total * sums["size"] / units
    r = np.divide(together, np.sqrt(np.where(known, varying, 1) * spread), out=np.zeros_like(together), where=known)
    r = np.clip(r, -1, 1)
    left = np.maximum(1 - r**2, np.finfo(float).eps ** 2)
    p: Array = 2 * stdtr(n - 2, -np.abs(r) * np.sqrt((n - 2) / left))
    return Scored("dose", r, np.sign(sums["d"]), left / np.sqrt(n - 3), p, about(profile, group))
