"""Whether a style read from a file holds what a style must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocr_neurons.noise.learned.gaps import SCORES
from ocr_neurons.noise.learned.units import KINDS, LONGEST_UNIT

if TYPE_CHECKING:
    from ocr_neurons.noise.learned.model import Style


def check_style(name: str, style: Style) -> None:
    """Raise a ValueError that names the first thing wrong; nothing else is raised whatever ``style`` holds."""
    for field in ("seen", "hit"):
        _counts(getattr(style, field), f"{name}: {field}", context=True)
    _need(isinstance(style.changes, Mapping) and len(style.changes) > 0, f"{name}: changes is empty or no object")
    for context, sources in style.changes.items():
        _need(isinstance(sources, Mapping) and len(context) == 3, f"{name}: changes at {context!r}")
        for source, targets in sources.items():
            _units(source, targets, f"{name}: changes at {context!r}")
    _need(isinstance(style.later, Mapping), f"{name}: later is no object")
    for source, targets in style.later.items():
        _units(source, targets, f"{name}: later")
    _need(_shape(style.chain) in {(n, len(KINDS), 2, len(KINDS) + 1) for n in range(1, 100)}, f"{name}: chain")
    _numbers(style.rates, f"{name}: rates", 0.0, 1.0)
    _numbers([style.weight], f"{name}: weight", 1e-9, 1e12)
    _numbers([style.cer, style.burst.share], f"{name}: cer or share", 0.0, 1.0)
    _numbers([style.burst.persistence], f"{name}: persistence", 0.0, 0.9999)
    _numbers(style.burst.far, f"{name}: far", 0.0, 1e6)
    _need(len(style.burst.far) == len(SCORES) and max(style.burst.far) > 0, f"{name}: far")
    if len(style.burst.near):
        _numbers(style.burst.near, f"{name}: near", 0.0, 1.0)
        _need(sum(style.burst.near) < 1, f"{name}: near")
    _numbers([style.documents, style.characters], f"{name}: documents or characters", 0, 1e15)


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} is not what it should be")


def _number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _numbers(values: object, what: str, low: float, high: float) -> None:
    good = isinstance(values, list | tuple) and len(values) > 0 and all(_number(v, low, high) for v in values)
    _need(good, what)


def _counts(values: object, what: str, *, context: bool = False) -> None:
    _need(isinstance(values, Mapping) and len(values) > 0, what)
    assert isinstance(values, Mapping)  # noqa: S101 - the line above
    for key, value in values.items():
        _need(isinstance(value, int) and not isinstance(value, bool) and value > 0, f"{what} at {key!r}")
        _need(not context or len(key) == 3, f"{what} at {key!r}")


def _units(source: str, targets: object, what: str) -> None:
    _counts(targets, f"{what}, {source!r}")
    assert isinstance(targets, Mapping)  # noqa: S101 - the line above
    for target in targets:
        _need(max(len(source), len(target)) <= LONGEST_UNIT and source != target, f"{what}, {source!r} to {target!r}")


def _shape(value: object) -> tuple[int, ...]:
    """The shape of nested lists of counts, empty where they are ragged or hold anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return () if value >= 0 else (-1,)
    if not isinstance(value, list | tuple) or not value:
        return (-1,)
    shapes = {_shape(item) for item in value}
    return (len(value), *shapes.pop()) if len(shapes) == 1 else (-1,)
