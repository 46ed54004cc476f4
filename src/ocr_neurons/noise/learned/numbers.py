"""The random numbers of one call, equal at every step of a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.seeds import derive, generator
from ocr_neurons.noise.learned.gaps import Burstiness, draw_gaps

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bursts:
    """Where bursts begin; of each the number of its first segment, how many follow, the gap before it; by number of a
    segment the near gap before it, 0 for a far one.
    """

    starts: Ints
    first: Ints
    followers: Ints
    gaps: Floats
    characters: Ints


class Numbers:
    """The random numbers of one call: the same ones at every step of the search."""

    def __init__(self, rng: np.random.Generator, burst: Burstiness) -> None:
        self.seed = int(rng.integers(2**63))
        self.burst = burst
        self.gaps = 0
        self.near: Ints = np.zeros(0, dtype=np.int64)
        self.far: Floats = np.zeros(0)
        self.totals: Floats = np.zeros(0)
        self.keys: dict[tuple[object, ...], np.uint64] = {}

    def uniform(self, name: tuple[object, ...], numbers: Ints) -> Floats:
        """A number in [0, 1) for each of ``numbers``, in the series called ``name``.

        The splitmix64 generator (Steele, Lea and Flood, 2014) at the state that each number counts: what is drawn for
        one segment does not depend on which others are drawn.
        """
        key = self.keys.get(name)
        if key is None:
            key = self.keys[name] = np.uint64(derive(self.seed, *name))
        state = numbers.astype(np.uint64) * _STEP + key
        state = (state ^ (state >> _THIRTY)) * _FIRST
        state = (state ^ (state >> _TWENTY_SEVEN)) * _SECOND
        return np.asarray(((state ^ (state >> _THIRTY_ONE)) >> _ELEVEN) * 2.0**-53)

    def bursts(self, running: Floats) -> Bursts:
        """Where bursts begin and what follows in them, given the running sum of the error probabilities."""
        total = float(running[-1]) if len(running) else 0.0
        self.gaps = max(64, self.gaps)
        while not len(self.totals) or self.totals[-1] <= total:
            self.gaps = max(int(total * 1.5), self.gaps * 2)
            self.near, self.far = draw_gaps(self.gaps, self.burst, generator(self.seed, "gaps", self.gaps))
            self.near[0] = 0
            self.totals = np.cumsum(self.far)
        first = np.flatnonzero(self.near == 0)
        followers = np.diff(np.append(first, len(self.near))) - 1
        inside = self.totals[first] < total
        places = np.searchsorted(running, self.totals[first[inside]], side="right")
        fits = places < len(running)
        first, followers = first[inside][fits], followers[inside][fits]
        return Bursts(places[fits], first, followers, self.far[first], self.near)


_STEP, _FIRST, _SECOND = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_ELEVEN, _TWENTY_SEVEN, _THIRTY, _THIRTY_ONE = (np.uint64(x) for x in (11, 27, 30, 31))
