"""The random numbers of one call, equal at every step of a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        self.drawn: dict[tuple[object, ...], Floats] = {}

    def _generator(self, *names: object) -> np.random.Generator:
        return np.random.default_rng([self.seed, *(_number(name) for name in names)])

    def uniform(self, name: tuple[object, ...], count: int) -> Floats:
        """``count`` numbers in [0, 1) called ``name``: a longer series begins as a shorter one does."""
        held = self.drawn.get(name)
        if held is None or len(held) < count:
            held = self._generator(*name).random(max(count, 16) * 2)
            self.drawn[name] = held
        return held[:count]

    def bursts(self, running: Floats) -> Bursts:
        """Where bursts begin and what follows in them, given the running sum of the error probabilities."""
        total = float(running[-1]) if len(running) else 0.0
        self.gaps = max(64, self.gaps)
        while not len(self.totals) or self.totals[-1] <= total:
            self.gaps = max(int(total * 1.5), self.gaps * 2)
            self.near, self.far = draw_gaps(self.gaps, self.burst, self._generator("gaps", self.gaps))
            self.near[0] = 0
            self.totals = np.cumsum(self.far)
        first = np.flatnonzero(self.near == 0)
        followers = np.diff(np.append(first, len(self.near))) - 1
        inside = self.totals[first] < total
        places = np.searchsorted(running, self.totals[first[inside]], side="right")
        fits = places < len(running)
        first, followers = first[inside][fits], followers[inside][fits]
        return Bursts(places[fits], first, followers, self.far[first], self.near)


def _number(name: object) -> int:
    """A small number for a name, the same in every process."""
    return int.from_bytes(str(name).encode("utf-8"), "big") % (2**61 - 1)
