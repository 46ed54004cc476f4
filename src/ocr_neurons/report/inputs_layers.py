"""Where the noise shows, as a run left it: curves and counts by layer, read and checked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.report.fields import Field
from ocr_neurons.report.layering import Layering

Banded = dict[str, tuple[float | None, ...]]
"""``mean``, ``low`` and ``high`` of a curve over the layers."""


@dataclass(frozen=True, slots=True)
class Placebo:
    """What another change of the same words does: curves of relative distance, and neurons found by layer.

    ``specific_found`` go further under noise than under the placebo, ``less_found`` less far (empty in runs of earlier
    versions); ``paired``: as compared word by word.
    """

    kind: str
    rate: float
    words: int
    distance: Banded
    placebo_distance: Banded
    noise_found: tuple[int, ...]
    placebo_found: tuple[int, ...]
    both_found: tuple[int, ...]
    specific_found: tuple[int, ...]
    correlation: float | None
    sensitive: tuple[int, ...] | None = None
    sensitive_both: tuple[int, ...] | None = None
    less_found: tuple[int, ...] | None = None
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs of a noise level or of a bin of similarity: how many, and their curves with 95 % intervals."""

    pairs: int
    cka: Banded
    distance: Banded


@dataclass(frozen=True, slots=True)
class Cut:
    """Regions found in the curves: first layers of all but the first, the share of bootstrap replicates that agree.

    ``share`` is that share for every layer; a boundary at most ``tolerance`` layers away counts.
    """

    boundaries: tuple[int, ...]
    support: tuple[float, ...]
    share: tuple[float, ...]
    replicates: int
    tolerance: int


@dataclass(frozen=True, slots=True)
class Layers:
    """Per layer: CKA and mean absolute standardised difference by noise level, neurons by the paper's rule.

    ``by_level``, ``by_bin``, ``cut`` and ``noise`` (what made the words noisy) are empty in runs of earlier versions.
    """

    site: str
    width: int
    count: int
    pairs: int
    levels: tuple[str, ...]
    cka: dict[str, tuple[float | None, ...]]
    shift: dict[str, tuple[float | None, ...]]
    sensitive: tuple[int, ...]
    rule: str
    regions: dict[str, tuple[int, ...]]
    placebo: Placebo | None = None
    by_level: dict[str, Group] = dataclasses.field(default_factory=dict)
    by_bin: dict[str, Group] = dataclasses.field(default_factory=dict)
    cut: Cut | None = None
    noise: str = ""


def layers_of(where: Layering) -> Layers:
    """The same values straight from profiles, without a run's folder."""
    return read_layers(Field(where.entry(), Path("profile")))


def read_layers(field: Field) -> Layers:
    """The layer curves of a run, checked: as many values as layers.

    Raises:
        UserError: a value is missing or of the wrong kind.
    """
    count = field["count"].whole()
    if count < 1:
        raise field["count"].wrong("one layer or more")
    levels = tuple(level.text() for level in field["levels"].items())
    bands = field.maybe("bands")
    return Layers(
        site=field["site"].text(),
        width=field["width"].whole(),
        count=count,
        pairs=field["pairs"].whole(),
        levels=levels,
        cka={level: _curve(field["cka"][level], count) for level in levels},
        shift={level: _curve(field["mean_difference"][level], count) for level in levels},
        sensitive=_numbers(field["sensitive"], count),
        rule=field["sensitive_rule"].text(),
        regions={
            name: tuple(i.whole() for i in members.items()) for name, members in field["regions"].entries().items()
        },
        placebo=None if (placebo := field.maybe("placebo")) is None else _placebo(placebo, count),
        by_level=_groups(bands.maybe("levels") if bands else None, count),
        by_bin=_groups(bands.maybe("bins") if bands else None, count),
        cut=None if (found := field.maybe("found")) is None else _cut(found, count),
        noise=said.text() if (said := field.maybe("noise")) is not None else "",
    )


def _placebo(field: Field, count: int) -> Placebo:
    correlation = field.nullable("correlation")
    return Placebo(
        kind=field["kind"].text(),
        rate=field["rate"].number(),
        words=field["words"].whole(),
        distance=_banded(field["distance"], count),
        placebo_distance=_banded(field["placebo_distance"], count),
        noise_found=_numbers(field["noise_found"], count),
        placebo_found=_numbers(field["placebo_found"], count),
        both_found=_numbers(field["both_found"], count),
        specific_found=_numbers(field["specific_found"], count),
        correlation=None if correlation is None else correlation.number(),
        sensitive=None if (passed := field.maybe("sensitive")) is None else _numbers(passed, count),
        sensitive_both=None if (both := field.maybe("sensitive_both")) is None else _numbers(both, count),
        less_found=None if (less := field.maybe("less_found")) is None else _numbers(less, count),
        paired=field.maybe("paired") is not None and bool(field["paired"].value),
    )


def _groups(field: Field | None, count: int) -> dict[str, Group]:
    return {
        name: Group(group["pairs"].whole(), _banded(group["cka"], count), _banded(group["distance"], count))
        for name, group in (field.entries() if field else {}).items()
    }


def _cut(field: Field, count: int) -> Cut:
    return Cut(
        boundaries=tuple(boundary.whole() for boundary in field["boundaries"].items()),
        support=tuple(share.number() for share in field["support"].items()),
        share=tuple(share.number() for share in _each(field["share"], count)),
        replicates=field["replicates"].whole(),
        tolerance=field["tolerance"].whole(),
    )


def _banded(field: Field, count: int) -> Banded:
    return {part: _curve(field[part], count) for part in ("mean", "low", "high")}


def _numbers(field: Field, count: int) -> tuple[int, ...]:
    return tuple(value.whole() for value in _each(field, count))


def _curve(field: Field, count: int) -> tuple[float | None, ...]:
    return tuple(None if value.value is None else value.number() for value in _each(field, count, "number or null"))


def _each(field: Field, count: int, what: str = "number") -> list[Field]:
    values = field.items()
    if len(values) != count:
        raise field.wrong(f"one {what} a layer ({count})")
    return values
