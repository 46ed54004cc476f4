"""The settings of a sweep: which neurons, how many, where, times what; and the neurons each one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.rank.controls import random_like
from ocr_neurons.rank.regions import PAPER_DEPTH, describe, region

CHOSEN = -1
"""The draw number of the ranked neurons themselves; 0, 1, … are random draws."""


@dataclass(frozen=True, order=True, slots=True)
class Setting:
    """One trial: ``count`` neurons of ``region`` times ``factor``; ``draw`` tells ranked from random neurons."""

    region: str
    count: int
    factor: float
    draw: int = CHOSEN

    def params(self) -> dict[str, Any]:
        """The setting as the store keeps it."""
        return {"region": self.region, "count": self.count, "factor": self.factor, "draw": self.draw}

    def neurons(self, ranked: NeuronSet, seed: int) -> NeuronSet:
        """The best ``count`` neurons of the region, or as many random ones in the same layers."""
        best = ranked.within(region(self.region, ranked.layers)).top(self.count)
        return best if self.draw == CHOSEN else random_like(best, seed, self.draw)

    def edit(self, ranked: NeuronSet, seed: int) -> Edit:
        """The edit that the setting stands for."""
        return Edit(self.neurons(ranked, seed), self.factor)

    def describe(self, layers: int) -> str:
        """One line for people."""
        where = describe(region(self.region, layers))
        which = "most sensitive" if self.draw == CHOSEN else "random"
        return f"{self.count} {which} neurons of layers {where} ({self.region}) times {self.factor:g}"


def grid(
    ranked: NeuronSet,
    regions: Sequence[str],
    shares: Sequence[float],
    factors: Sequence[float],
    draws: int,
) -> list[Setting]:
    """All settings of a sweep, each beside ``draws`` random ones of the same shape; last regions first.

    ``shares`` are parts of the region's neurons, so that counts scale with the model.

    Raises:
        UserError: as :func:`check_grid` does, or ``ranked`` holds too few neurons in a region.
    """
    check_grid(regions, shares, factors, draws)
    settings: list[Setting] = []
    for name in sorted(regions, key=lambda name: -min(region(name, ranked.layers))):
        layers = region(name, ranked.layers)
        have = ranked.within(layers).count
        for share in shares:
            count = max(1, round(share * len(layers) * ranked.width))
            if count > have:
                raise UserError(
                    f"sweep: {count} neurons of region {name!r} asked for, {have} are ranked there; "
                    "rank more (`--count`) or sweep smaller shares"
                )
            settings += [
                Setting(name, count, float(factor), draw) for factor in factors for draw in (CHOSEN, *range(draws))
            ]
    return settings


def check_grid(regions: Sequence[str], shares: Sequence[float], factors: Sequence[float], draws: int) -> None:
    """Refuse what no model could be swept with, so that it shows before any long work.

    Raises:
        UserError: nothing to sweep, an unknown region, or a part or factor out of range.
    """
    if not (regions and shares and factors) or draws < 0:
        raise UserError(
            "sweep: wanted at least one region, one share of neurons and one factor, and draws of 0 or more"
        )
    for name in regions:
        region(name, PAPER_DEPTH)
    if any(not 0 < share <= 1 for share in shares) or any(not 0 <= f < float("inf") or f == 1 for f in factors):
        raise UserError(
            f"sweep: shares {list(shares)}, factors {list(factors)} given; "
            "wanted shares above 0 up to 1, factors of 0 or more other than 1"
        )
