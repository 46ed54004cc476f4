"""What is read: one word on its clean and its noisy side, as sub-words of the two texts it stands in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Side:
    """A text in sub-words, and the word's own among them: ``ids[first:last]``; none where ``first == last``."""

    ids: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Unit:
    """One word, read on both sides.

    ``level`` names its noise. Units of one ``cluster`` (the same word in the same sentence, the words of one window)
    are not independent of one another. ``dose`` is 1 - similarity of the two words: 0 none of it changed, 1 all of it.
    ``control`` is the word under a placebo, with its own dose, where one is read beside the noise.
    """

    clean: Side
    noisy: Side
    level: str
    cluster: str
    dose: float
    control: Side | None = None
    control_dose: float = 0.0

    @property
    def sides(self) -> tuple[Side, ...]:
        """Clean, noisy, and the placebo's where there is one."""
        return (self.clean, self.noisy) if self.control is None else (self.clean, self.noisy, self.control)
