"""Where the noise shows, as a run left it: curves and counts by layer, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.report.fields import Field
from ocr_neurons.report.layering import Layering


@dataclass(frozen=True, slots=True)
class Placebo:
    """What another change of the same words does: curves of relative distance, and neurons found by layer."""

    kind: str
    rate: float
    words: int
    distance: dict[str, tuple[float | None, ...]]
    placebo_distance: dict[str, tuple[float | None, ...]]
    noise_found: tuple[int, ...]
    placebo_found: tuple[int, ...]
    both_found: tuple[int, ...]
    specific_found: tuple[int, ...]
    correlation: float | None


@dataclass(frozen=True, slots=True)
class Layers:
    """Per layer: CKA and mean absolute standardised difference by noise level, and the number of sensitive neurons."""

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
    )


def _banded(field: Field, count: int) -> dict[str, tuple[float | None, ...]]:
    return {part: _curve(field[part], count) for part in ("mean", "low", "high")}


def _numbers(field: Field, count: int) -> tuple[int, ...]:
    if len(field.items()) != count:
        raise field.wrong(f"one number a layer ({count})")
    return tuple(value.whole() for value in field.items())


def _curve(field: Field, count: int) -> tuple[float | None, ...]:
    values = field.items()
    if len(values) != count:
        raise field.wrong(f"one number or null a layer ({count})")
    return tuple(None if value.value is None else value.number() for value in values)
