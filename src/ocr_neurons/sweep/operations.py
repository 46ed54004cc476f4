"""From an operation's name to an Edit, and to the edit of the opposite sign: the one place that knows operations."""

from __future__ import annotations

from collections.abc import Callable

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit

OPERATIONS: dict[str, Callable[[NeuronSet, float], Edit]] = {
    "scale": Edit,
    "zero": lambda neurons, _factor: Edit(neurons, 0.0),
}
"""What a sweep can do to neurons, given its factor."""
WITHOUT_FACTOR = frozenset({"zero"})
"""Operations that have no strength; the factor of their settings is 0."""


def make_edit(operation: str, neurons: NeuronSet, factor: float) -> Edit:
    """The edit that does ``operation`` to ``neurons``.

    Raises:
        UserError: no such operation, or a factor that it cannot take.
    """
    check_operation(operation)
    return OPERATIONS[operation](neurons, factor)


def check_operation(name: str) -> None:
    """Refuse an operation that a sweep does not know."""
    if name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise UserError(f"operation {name!r} given; wanted one of {known}{nearest(name, OPERATIONS)}")


def flipped_factor(operation: str, factor: float) -> float:
    """The factor of the sign-flipped edit, a ``scale``: 2 - factor, at least 0. Damping becomes amplifying."""
    check_operation(operation)
    return max(0.0, 2.0 - (0.0 if operation == "zero" else factor))
