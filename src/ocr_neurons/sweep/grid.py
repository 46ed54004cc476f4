"""The settings of a sweep: which neurons, how many, where, what is done to them; and the neurons each one means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.operations import operation as table_row
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.controls import random_like
from ocr_neurons.rank.regions import PAPER_DEPTH, by_number, describe, region
from ocr_neurons.sweep.operations import check_operation, has_factor, idle, make_edit

CHOSEN = -1
"""The draw number of the ranked neurons themselves; 0, 1, … are random draws."""


@dataclass(frozen=True, order=True, slots=True)
class Setting:
    """One trial: ``operation`` with ``factor`` on ``count`` neurons of ``region``.

    ``draw`` tells ranked from random neurons; ``ranking`` names one of several rankings. ``factor`` is the strength
    for operations that have one, else 0.
    """

    region: str
    count: int
    factor: float
    draw: int = CHOSEN
    operation: str = "scale"
    ranking: str = ""

    def to_json(self) -> dict[str, Any]:
        """The setting as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any], where: str = "setting") -> Setting:
        """Read what :meth:`to_json` made; draw, operation and ranking may be left out.

        Raises:
            UserError: something is missing, unknown, or of the wrong kind.
        """
        wanted = "wanted region, count and factor, and perhaps draw, operation, ranking"
        try:
            made = Setting(**value)
        except TypeError as error:
            raise UserError(f"{where}: not a setting ({error}); {wanted}") from None
        numbers = (made.count, made.draw, made.factor)
        if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers) or made.factor != made.factor:
            raise UserError(f"{where}: count, draw and factor are {numbers}; wanted numbers")
        whole = all(isinstance(n, int) or n.is_integer() for n in (made.count, made.draw))
        if not whole or made.count < 1 or made.draw < CHOSEN:
            raise UserError(
                f"{where}: count {made.count}, draw {made.draw}; wanted whole numbers from 1 and from -1 on"
            )
        if not 0 <= made.factor < float("inf"):
            raise UserError(f"{where}: factor {made.factor}; wanted a finite number of at least 0")
        _check_region(str(made.region))
        check_operation(str(made.operation))
        factor = float(made.factor) if has_factor(made.operation) else 0.0  # the same trial, whatever a list says
        return replace(made, count=int(made.count), draw=int(made.draw), factor=factor, ranking=str(made.ranking))

    def neurons(self, ranked: NeuronSet, seed: int) -> NeuronSet:
        """The best ``count`` neurons of the region, or as many random ones in the same layers."""
        best = ranked.within(region(self.region, ranked.layers)).top(self.count)
        return best if self.draw == CHOSEN else random_like(best, seed, self.draw, self.ranking)

    def edit(self, ranked: NeuronSet, seed: int) -> Edit:
        """The edit that the setting stands for."""
        return make_edit(self.operation, self.neurons(ranked, seed), self.factor)

    def doing(self) -> str:
        """What is done: ``times 0.5``, or the name of the operation, or what it says of itself."""
        if not has_factor(self.operation):
            return self.operation
        if self.operation != "scale":
            return table_row(self.operation).describe(self.factor, np.zeros(0))
        return f"times {self.factor:g}"

    def describe(self, layers: int) -> str:
        """One line for people."""
        members = region(self.region, layers)
        named = f"layer{'s' if len(members) > 1 else ''} {describe(members)}"
        named += "" if by_number(self.region) else f" ({self.region})"
        which = ("most sensitive" if self.draw == CHOSEN else "random") + (f" ({self.ranking})" if self.ranking else "")
        return f"{self.count} {which} neurons of {named} {self.doing()}"


class EditMaker:
    """The edits that settings stand for; one or several rankings, and the seed of the random draws.

    ``profile`` holds the means that ``mean`` and ``shift`` need; they are refused without it. The best neurons
    of a region are looked up once for all settings that share them.
    """

    def __init__(self, ranked: NeuronSet | Mapping[str, NeuronSet], seed: int, profile: Profile | None = None) -> None:
        self.rankings = {"": ranked} if isinstance(ranked, NeuronSet) else dict(ranked)
        self.seed, self.profile = seed, profile
        self._best: dict[tuple[str, str, int], NeuronSet] = {}

    @property
    def layers(self) -> int:
        """The depth of the model."""
        return next(iter(self.rankings.values())).layers

    def ranked(self, setting: Setting) -> NeuronSet:
        """The ranking that a setting names.

        Raises:
            UserError: there is none of that name.
        """
        if setting.ranking not in self.rankings:
            known = ", ".join(repr(name) for name in self.rankings)
            raise UserError(f"ranking {setting.ranking!r} given; wanted one of {known}")
        return self.rankings[setting.ranking]

    def best(self, setting: Setting) -> NeuronSet:
        """The ranked neurons of a setting's shape, whatever its draw."""
        key = (setting.ranking, setting.region, setting.count)
        if key not in self._best:
            ranked = self.ranked(setting)
            self._best[key] = ranked.within(region(setting.region, ranked.layers)).top(setting.count)
        return self._best[key]

    def of(self, setting: Setting) -> Edit:
        """The edit of one setting; without a profile the same as ``setting.edit(ranked, seed)``."""
        best = self.best(setting)
        neurons = best if setting.draw == CHOSEN else random_like(best, self.seed, setting.draw, setting.ranking)
        return make_edit(setting.operation, neurons, setting.factor, self.profile)

    def first(self, setting: Setting) -> int:
        """The first layer that a setting touches; its random draws touch the same layers."""
        return min(self.best(setting).counts())


def grid(
    ranked: NeuronSet,
    regions: Sequence[str],
    shares: Sequence[float],
    factors: Sequence[float],
    draws: int,
    operations: Sequence[str] = ("scale",),
) -> list[Setting]:
    """All settings of a sweep, each beside ``draws`` random ones of the same shape; early regions first.

    ``shares`` are parts of the region's neurons, so that counts scale with the model. Operations that have no strength
    stand once, whatever the factors.

    Where an operation does nothing at one of the factors, that pair is left out.

    Raises:
        UserError: as :func:`check_grid` does, or ``ranked`` holds too few neurons in a region.
    """
    check_grid(regions, shares, factors, draws, operations)
    found: list[Setting] = []
    for name in sorted(regions, key=lambda name: min(region(name, ranked.layers))):
        size = len(region(name, ranked.layers)) * ranked.width
        counts = [max(1, round(share * size)) for share in shares]
        found += crossed(ranked, name, counts, factors, draws, operations)
    return found


def crossed(
    ranked: NeuronSet,
    name: str,
    counts: Iterable[int],
    factors: Sequence[float],
    draws: int,
    operations: Sequence[str] = ("scale",),
) -> list[Setting]:
    """Counts x operations x factors in one region, each beside ``draws`` random ones; equal counts once.

    Raises:
        UserError: ``ranked`` holds too few neurons in the region.
    """
    have = ranked.within(region(name, ranked.layers)).count
    wanted = list(dict.fromkeys(counts))
    for count in wanted:
        if count > have:
            raise UserError(
                f"sweep: {count} neurons of region {name!r} asked for, {have} are ranked there; "
                "rank more (`--count`) or sweep smaller shares"
            )
    return [
        Setting(name, count, float(factor), draw, operation)
        for count in wanted
        for operation in operations
        for factor in ([f for f in factors if f != idle(operation)] if has_factor(operation) else (0.0,))
        for draw in (CHOSEN, *range(draws))
    ]


def read_settings(path: Path) -> list[Setting]:
    """Settings from a JSON list such as ``[{"region": "layer-3", "count": 100, "factor": 0.5}]``, each once.

    Raises:
        UserError: the file holds something else.
    """
    wanted = 'a list of settings such as [{"region": "first", "count": 100, "factor": 0.5}]'
    value = read_json(path, wanted)
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise UserError(f"{path}: wanted {wanted}")
    return list(dict.fromkeys(Setting.from_json(item, f"{path}, {n}") for n, item in enumerate(value, 1)))


def beside_random(settings: Iterable[Setting], draws: int) -> list[Setting]:
    """The settings, each of ranked neurons followed by ``draws`` random sets of its shape; each once."""
    return list(
        dict.fromkeys(
            one
            for setting in settings
            for one in (setting, *(replace(setting, draw=draw) for draw in range(draws) if setting.draw == CHOSEN))
        )
    )


def check_grid(
    regions: Sequence[str],
    shares: Sequence[float],
    factors: Sequence[float],
    draws: int,
    operations: Sequence[str] = ("scale",),
) -> None:
    """Refuse what no model could be swept with, so that it shows before any long work.

    Raises:
        UserError: nothing to sweep, an unknown region or operation, or a part or factor out of range.
    """
    if not (regions and shares and factors and operations) or draws < 0:
        raise UserError(
            "sweep: wanted at least one region, one share of neurons, one factor and one operation, and draws of 0 or "
            "more"
        )
    for name in regions:
        _check_region(name)
    for operation in operations:
        check_operation(operation)
    idlers = {idle(operation) for operation in operations if has_factor(operation)} or {1.0}
    nothing = idlers if len(idlers) == 1 else set()  # what is idle for one operation may be much for another
    if any(not 0 < s <= 1 for s in shares) or any(not 0 <= f < float("inf") or f in nothing for f in factors):
        raise UserError(
            f"sweep: shares {list(shares)}, factors {list(factors)} given; wanted shares above 0 up to 1, factors of 0 "
            "or more" + "".join(f" other than {factor:g}, which does nothing" for factor in nothing)
        )


def _check_region(name: str) -> None:
    region(name, 10_000 if by_number(name) else PAPER_DEPTH)  # whether a layer is there takes a model to say
