"""From an operation's name to an Edit, and to the edit of the opposite sign: the one place that knows operations."""

from __future__ import annotations

from collections.abc import Callable

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.operations import operation

OPERATIONS: dict[str, Callable[[NeuronSet, float], Edit]] = {
    "scale": Edit,
    "zero": lambda neurons, _factor: Edit.zero(neurons),
}
"""What a sweep can do to neurons, given its factor."""
WITHOUT_FACTOR = frozenset({"zero"})
"""Operations that have no strength; the factor of their settings is 0."""


def make_edit(name: str, neurons: NeuronSet, factor: float) -> Edit:
    """The edit that does ``name`` to ``neurons``.

    Raises:
        UserError: no such operation, or a factor that it cannot take.
    """
    check_operation(name)
    return OPERATIONS[name](neurons, factor)


def check_operation(name: str) -> None:
    """Refuse an operation that a sweep does not know."""
    if name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise UserError(f"operation {name!r} given; wanted one of {known}{nearest(name, OPERATIONS)}")


def flipped_factor(name: str, factor: float) -> float:
    """The factor of the sign-flipped edit, a ``scale``: 2 - factor. Damping becomes amplifying; above 2 turns signs."""
    check_operation(name)
    return operation(name).flipped(factor)[1]
