"""True positives, false positives, false negatives, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of entities: ``tp`` found, ``fp`` predicted in vain, ``fn`` missed.

    ``tp + fp`` is what was predicted, ``tp + fn`` what the gold standard holds. Counts add up with ``+``.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Share of the predicted entities that are right; 0.0 when none was predicted."""
        predicted = self.tp + self.fp
        return self.tp / predicted if predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold entities that were found; 0.0 when there are none."""
        possible = self.tp + self.fn
        return self.tp / possible if possible else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, ``2 tp / (2 tp + fp + fn)``; 0.0 when nothing is there to count."""
        weight = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / weight if weight else 0.0
