"""Layer curves with their intervals, by noise level and by bin of similarity, and the regions found in them: values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.fields import BINS
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.changepoints import stability

LEAST_LAYERS = 4
"""Fewer layers are not cut into regions."""
MIN_LENGTH, TOLERANCE = 2, 1
"""A region has so many layers at least; a boundary of a replicate counts for one so many layers away."""

Array = np.ndarray[Any, np.dtype[Any]]


def bands(profile: Profile) -> dict[str, Any]:
    """``levels`` and ``bins``: for each its pairs, CKA and relative distance, as curves with 95 % intervals.

    Intervals are percentiles of the profile's bootstrap replicates: over words for the distance, over the mini-batches
    of the probing for the CKA. Bins without two pairs are left out.
    """
    return {
        "levels": {level: _group(profile, level) for level in profile.levels},
        "bins": {name: _group(profile, name) for name in BINS if profile.units(name) > 1},
    }


def found_regions(profile: Profile) -> dict[str, Any] | None:
    """Where the curves of distance, one a level, change for good, and how many replicates agree; None if not cut."""
    if profile.layers < LEAST_LAYERS:
        return None
    curves = np.stack([profile.curve("distance", level)[0] for level in profile.levels])
    replicates = np.stack([profile.replicates("distance", level) for level in profile.levels], axis=1)
    try:
        cut = stability(replicates, curves, min_length=MIN_LENGTH, tolerance=TOLERANCE)
    except UserError:  # a level without pairs, or replicates of which none is whole
        return None
    return {
        "boundaries": list(cut.consensus.boundaries),
        "support": [round(share, 4) for share in cut.support],
        "share": [round(share, 4) for share in cut.share],
        "replicates": cut.replicates,
        "tolerance": cut.tolerance,
    }


def banded(mean: Array, replicates: Array) -> dict[str, list[float | None]]:
    """A curve ``[layers]`` with the middle 95 % of its replicates ``[replicates, layers]``; None where undefined."""
    low, high = np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    for layer, drawn in enumerate(replicates.T):
        known = drawn[np.isfinite(drawn)]
        if len(known) > 1:
            low[layer], high[layer] = np.percentile(known, [2.5, 97.5])
    return {"mean": curve(mean), "low": curve(low), "high": curve(high)}


def curve(values: Array) -> list[float | None]:
    """Values as JSON has them: rounded, None for what is not finite."""
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]


def _group(profile: Profile, group: str) -> dict[str, Any]:
    return {
        "pairs": profile.units(group),
        "cka": banded(profile.cka(group), profile.replicates("cka", group)),
        "distance": banded(profile.curve("distance", group)[0], profile.replicates("distance", group)),
    }
