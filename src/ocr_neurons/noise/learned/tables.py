"""Many small distributions in one array, drawn from all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


DOUBT = 1.0
"""Weight of a coarser distribution for each different item of a row; 1 is the estimate of Witten and Bell."""


class Tables:
    """Distributions over item numbers, one a row; a row is drawn from by a number between 0 and 1.

    ``trust`` is, by row, how far the row's own counts are to be believed against a coarser distribution:
    n / (n + ``DOUBT`` t) for n observations of t different items.
    """

    def __init__(self, rows: Sequence[Mapping[int, int]]) -> None:
        self.items = np.array([item for row in rows for item in row], dtype=np.int64)
        counts = np.array([count for row in rows for count in row.values()], dtype=np.float64)
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        ends = np.cumsum(lengths)
        starts = ends - lengths
        running = np.cumsum(counts)
        before = np.concatenate([[0.0], running])[starts] if len(rows) else np.zeros(0)
        totals = (np.concatenate([[0.0], running])[ends] - before) if len(rows) else np.zeros(0)
        self.last = ends - 1
        row_of = np.repeat(np.arange(len(rows)), lengths)
        # row r covers (r, r + 1], so one sorted array serves all rows
        self.bounds = row_of + (running - before[row_of]) / totals[row_of]
        if len(self.bounds):
            self.bounds[ends - 1] = np.arange(len(rows)) + 1.0
        self.trust = totals / (totals + DOUBT * lengths)

    def draw(self, rows: NDArray[np.integer[Any]], numbers: Floats) -> Ints:
        """One item for each of ``rows``, by ``numbers`` in [0, 1)."""
        place = np.searchsorted(self.bounds, rows + numbers, side="right")
        return np.asarray(self.items[np.minimum(place, self.last[rows])])  # rounding may lead into the next row
