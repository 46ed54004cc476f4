"""What an edit does to a neuron: every operation is ``gain * activation + offset``, so all bake and combine alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table.

    Attributes:
        number: what its number is called, ``factor`` or ``strength``; empty: it has none.
        value: what stands in the edit for each neuron; empty: nothing.
        coefficients: from number ``[]`` and values ``[neurons]`` to gain and offset ``[neurons]``.
        flipped: name and number of the operation that changes each activation by as much the other way.
        describe: from number and all values to what is done, in words that follow "150 neurons".
    """

    number: str
    value: str
    coefficients: Callable[[float, Array], tuple[Array, Array]]
    flipped: Callable[[float], tuple[str, float]]
    describe: Callable[[float, Array], str]


def _same(values: Array, gain: float) -> tuple[Array, Array]:
    return np.full_like(values, gain), np.zeros_like(values)


def _at(strength: float) -> str:
    return "" if strength == 1 else f", at strength {strength:g}"


def _describe_gains(strength: float, values: Array) -> str:
    if not len(values):
        return "each times a gain of its own"
    spread = f"{values.min():.2f} to {values.max():.2f}, mean {values.mean():.2f}"
    return f"each times a gain of its own ({spread})" + _at(strength)


OPERATIONS: dict[str, Operation] = {
    "scale": Operation(
        number="factor",
        value="",
        coefficients=lambda factor, values: _same(values, factor),
        flipped=lambda factor: ("scale", 2 - factor),
        describe=lambda factor, _: f"times {factor:g}",
    ),
    "zero": Operation(
        number="",
        value="",
        coefficients=lambda _, values: _same(values, 0),
        flipped=lambda _: ("scale", 2),
        describe=lambda *_: "set to zero",
    ),
    "mean": Operation(
        number="strength",
        value="its mean on clean words",
        coefficients=lambda strength, values: (np.full_like(values, 1 - strength), strength * values),
        flipped=lambda strength: ("mean", -strength),
        describe=lambda strength, _: "replaced by their mean on clean words" + _at(strength),
    ),
    "shift": Operation(
        number="strength",
        value="its clean mean minus its noisy mean",
        coefficients=lambda strength, values: (np.ones_like(values), strength * values),
        flipped=lambda strength: ("shift", -strength),
        describe=lambda strength, _: f"moved by {strength:g} x (clean mean - noisy mean)",
    ),
    "gains": Operation(
        number="strength",
        value="its gain",
        coefficients=lambda strength, values: (1 + strength * (values - 1), np.zeros_like(values)),
        flipped=lambda strength: ("gains", -strength),
        describe=_describe_gains,
    ),
}
"""Operations by name, as they stand in edit files; what becomes of an activation x:

- ``scale``: factor * x. 0 silences, 0 to 1 dampens, above 1 amplifies, below 0 turns the sign.
- ``zero``: 0.
- ``mean``: x moved towards the clean mean; strength 1 is the mean itself, 0.5 half way, below 0 away from it.
- ``shift``: x + strength * (clean mean - noisy mean). Steering: what tells words apart stays.
- ``gains``: x times a gain of the neuron's own; strength 1 is the gain, 0 nothing, between them in between.
"""


def operation(name: str) -> Operation:
    """The row of ``name``.

    Raises:
        UserError: there is none.
    """
    if name not in OPERATIONS:
        raise UserError(f"edit: operation {name!r} given; wanted one of {', '.join(OPERATIONS)}")
    return OPERATIONS[name]
