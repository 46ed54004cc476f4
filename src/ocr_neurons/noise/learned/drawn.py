"""Units that were drawn for a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """Units of a text in order: where they stand in the clean text, and what is read instead."""

    starts: Ints
    ends: Ints
    units: Ints

    def segments(self, lengths: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Units that touch, as segments: clean start and end, noisy start and end."""
        grown = np.cumsum(lengths[self.units] - (self.ends - self.starts))
        noisy_ends = self.ends + grown
        noisy_starts = noisy_ends - lengths[self.units]
        first = np.ones(len(self.starts), dtype=bool)
        first[1:] = self.starts[1:] != self.ends[:-1]
        last = np.roll(first, -1)
        return self.starts[first], self.ends[last], noisy_starts[first], noisy_ends[last]

    def distance(self, lengths: Ints) -> int:
        """Unit edits of the segments."""
        starts, ends, noisy_starts, noisy_ends = self.segments(lengths)
        return int(np.maximum(ends - starts, noisy_ends - noisy_starts).sum())

    @classmethod
    def nothing(cls) -> Drawn:
        """No unit at all."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, none)
