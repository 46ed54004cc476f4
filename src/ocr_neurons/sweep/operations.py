"""From an operation's name to an Edit, and to the edit of the opposite sign: the one place that knows operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.operations import operation
from ocr_neurons.probe.profile import Profile
from ocr_neurons.sweep.profile_edits import FROM_PROFILE, edit_from_profile


def _from_profile(name: str, neurons: NeuronSet, strength: float, profile: Profile | None) -> Edit:
    if profile is None:
        raise UserError(
            f"operation {name!r} given without a profile, which holds the neurons' means; sweep scale, zero"
        )
    return edit_from_profile(neurons, profile, name, strength)


OPERATIONS: dict[str, Callable[[NeuronSet, float, Profile | None], Edit]] = {
    "scale": lambda neurons, factor, _: Edit(neurons, factor),
    "zero": lambda neurons, _factor, _: Edit.zero(neurons),
    **{name: partial(_from_profile, name) for name in FROM_PROFILE},
}
"""What a sweep can do to neurons, given its factor and what was measured of them."""
WITHOUT_FACTOR = frozenset({"zero"})
"""Operations that have no strength; the factor of their settings is 0."""


def make_edit(name: str, neurons: NeuronSet, factor: float, profile: Profile | None = None) -> Edit:
    """The edit that does ``name`` to ``neurons``; ``mean`` and ``shift`` take their values from ``profile``.

    Raises:
        UserError: no such operation, a factor that it cannot take, or no profile where it needs one.
    """
    check_operation(name)
    return OPERATIONS[name](neurons, factor, profile)


def check_operation(name: str) -> None:
    """Refuse an operation that a sweep does not know."""
    if name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise UserError(f"operation {name!r} given; wanted one of {known}{nearest(name, OPERATIONS)}")


def idle(name: str) -> float:
    """The factor at which an operation changes nothing: 1 for ``scale`` and ``zero``, 0 for those with a strength."""
    return 0.0 if name in FROM_PROFILE else 1.0


def flipped(name: str, factor: float) -> tuple[str, float]:
    """Operation and factor of the sign-flipped edit.

    A ``scale`` by f (``zero``: 0) becomes one by 2 - f: damping becomes amplifying, and above 2 signs turn. ``mean``
    and ``shift`` go as far the other way, at minus their strength.
    """
    check_operation(name)
    return operation(name).flipped(factor)
