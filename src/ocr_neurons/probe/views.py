"""What is compared with what: the sides of units as the two sides of a profile.

Beside a placebo the same words are read in three ways, and each two of them are a profile: noisy against clean, the
placebo against clean, and noisy against the placebo. The last is a paired comparison: what a word does to a neuron, in
whatever spelling, is on both sides of it and falls out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ocr_neurons.probe.units import Side, Unit


@dataclass(frozen=True)
class View:
    """A pair of sides: numbers among clean (0), noisy (1), placebo (2), the one changed from first; and its dose."""

    name: str
    before: int
    after: int
    dose: Callable[[Unit], float]

    def of(self, sides: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The two tensors of it."""
        return sides[self.before], sides[self.after]

    def first(self, unit: Unit) -> Side:
        """The side that it is changed from."""
        return unit.sides[self.before]


NOISE = View("noise", 0, 1, lambda unit: unit.dose)
CONTROL = View("control", 0, 2, lambda unit: unit.control_dose)
CONTRAST = View("contrast", 2, 1, lambda unit: unit.dose)
