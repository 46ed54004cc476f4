"""A text made ready to be corrupted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.noise.learned.contexts import EDGE, Alphabet, codes, triples

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
RANGE = (-14.0, 16.0)
"""Shifts of log-odds that are tried."""
BREAKS = "\n\r"
"""Characters that are never changed: lines are structure."""
BREAK_CODES = np.array([ord(mark) for mark in BREAKS])


@dataclass(frozen=True)
class Page:
    """A text made ready: its characters' numbers and contexts, the contexts' log-odds and how often each occurs."""

    codes: Ints
    ids: Ints
    places: Ints
    inverse: NDArray[np.int32]
    odds: Floats
    amount: Ints
    breaks: Ints

    def rates(self, scale: float) -> Floats:
        """The chance of a segment's start in each context, its log-odds shifted by ``scale``."""
        return np.asarray(1 / (1 + np.exp(-(self.odds + scale))))

    def shift(self, wanted: float, start: float = 0.0) -> float:
        """The shift of log-odds at which ``wanted`` segments are expected: Newton's method inside a bracket."""
        low, high = RANGE
        scale = min(max(start, low), high)
        for _ in range(60):
            rates = self.rates(scale)
            excess = float(self.amount @ rates) - wanted
            low, high = (low, scale) if excess > 0 else (scale, high)
            if abs(excess) <= 1e-4 * wanted or high - low < 1e-6:
                break
            step = scale - excess / max(float(self.amount @ (rates * (1 - rates))), 1e-9)
            scale = step if low < step < high else (low + high) / 2
        return scale

    @classmethod
    def of(cls, text: str, alphabet: Alphabet, log_odds: NDArray[np.float32]) -> Page:
        """``text`` under a table of log-odds by context."""
        ids = alphabet.encode(text)
        places = triples(ids, alphabet.size, alphabet.id(EDGE))
        contexts, inverse = _contexts(places, len(log_odds))
        breaks = np.array(sorted(i for mark in BREAKS for i in _find(text, mark)), dtype=np.int64)
        odds = log_odds[contexts].astype(np.float64)
        amount = np.bincount(inverse, minlength=len(contexts))
        return cls(codes(text).astype(np.int64), ids, places, inverse, odds, amount, breaks)


def _contexts(places: Ints, size: int) -> tuple[Ints, NDArray[np.int32]]:
    """The contexts that occur, and which of them each place has."""
    present = np.zeros(size, dtype=bool)
    present[places] = True
    contexts = np.flatnonzero(present)
    number = np.zeros(size, dtype=np.int32)
    number[contexts] = np.arange(len(contexts))
    return contexts, number[places]


def _find(text: str, mark: str) -> list[int]:
    places = []
    place = text.find(mark)
    while place >= 0:
        places.append(place)
        place = text.find(mark, place + 1)
    return places
