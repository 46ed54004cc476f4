"""Merging profiles of different pairs into the profile of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe import fields
from ocr_neurons.probe.fields import BINS, EDGES_ATOL, EDGES_RTOL, SUMS
from ocr_neurons.probe.profile import Array, Profile

SAME = ("fingerprint", "site", "read", "protocol", "pool", "language", "seed", "view")
"""What profiles must agree in."""


def merge(profiles: Sequence[Profile]) -> Profile:
    """The profile of all pairs together; levels are those of all, in the order in which they first come.

    Adding is exact up to rounding, in any order. Histograms need the same edges: those of shards of one run are, others
    are made so by probing with ``--like``.

    Raises:
        UserError: nothing to merge, profiles of different models, sites, protocols or edges, or one shard twice.
    """
    if not profiles:
        raise UserError("no profile to merge; wanted two or more")
    first = profiles[0]
    for other in profiles[1:]:
        _refuse_different(first, other)
    parts = [shard for profile in profiles for shard in profile.about.get("shards", [])]
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice:
        raise UserError(f"shard {twice} given twice; give each part once")
    cuts = {part.partition("/")[2] for part in parts}  # each "8 of DIGEST"
    if len({cut.partition(" of ")[2] for cut in cuts}) < len(cuts):
        raise UserError("shards of the same pairs, cut into different numbers of parts, given; give parts of one cut")
    levels = tuple(dict.fromkeys(level for profile in profiles for level in profile.levels))
    arrays = fields.zeros(len(levels), first.layers, first.width)
    skipped: dict[str, int] = {}
    for profile in profiles:
        moved = _shifted(profile, first.shift)
        for name, array in arrays.items():
            _add(array, moved[name], name, profile.levels, levels)
        for why, count in profile.about.get("skipped", {}).items():
            skipped[why] = skipped.get(why, 0) + count
    about: dict[str, Any] = dict(first.about) | {"skipped": skipped, "shards": parts, "merged": len(profiles)}
    return Profile(levels, first.shift, first.edges, arrays, about)


def _refuse_different(first: Profile, other: Profile) -> None:
    for name in SAME:
        if first.about.get(name) != other.about.get(name):
            raise UserError(
                f"profiles of {name} {first.about.get(name)!r} and {other.about.get(name)!r} given; "
                "wanted profiles of one model, read in one way"
            )
    if first.shift.shape != other.shift.shape:
        raise UserError(f"profiles of {first.shift.shape} and {other.shift.shape} neurons given; wanted one model")
    same = (first.edges is None) == (other.edges is None)
    if first.edges is not None and other.edges is not None:
        # cards add up in no fixed order, and machines of two kinds differ in the last bits of their pilots
        alike = first.edges.shape == other.edges.shape
        same = alike and np.allclose(first.edges, other.edges, rtol=EDGES_RTOL, atol=EDGES_ATOL)
    if not same:
        raise UserError("profiles with different histograms given; probe the second with --like FIRST, and merge then")


def _shifted(profile: Profile, shift: Array) -> dict[str, Array]:
    """The arrays as if clean activations had been counted from ``shift``."""
    by = profile.shift - shift
    if not by.any():
        return profile.arrays
    sums = profile.arrays["sums"].copy()
    units = profile.arrays["units"].astype(float)[:, None, None]
    clean, squares, d, cross = (SUMS.index(name) for name in ("clean", "clean clean", "d", "clean d"))
    sums[:, squares] += 2 * by * sums[:, clean] + units * by**2
    sums[:, cross] += by * sums[:, d]
    sums[:, clean] += units * by
    return profile.arrays | {"sums": sums}


def _add(into: Array, array: Array, name: str, have: Sequence[str], wanted: Sequence[str]) -> None:
    """Add rows of levels to the rows of the same levels; what follows the levels stays in its order."""
    if name == "shuffled":
        into += array
        return
    axis = 1 if name in ("replicates", "weights") else 0
    rest = array.shape[axis] - len(have)
    rows = [wanted.index(level) for level in have] + [len(wanted) + number for number in range(rest)]
    assert rest in (1, len(BINS), len(BINS) + 2)  # noqa: S101 - the shuffled histogram; the bins; and the halves
    if axis:
        into[:, rows] += array
    else:
        into[rows] += array
