"""From an operation's name to an Edit, and to that of the opposite sign, for all that the table of operations has."""

from __future__ import annotations

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.operations import OPERATIONS, operation
from ocr_neurons.probe.profile import Profile
from ocr_neurons.sweep.profile_edits import FROM_PROFILE, edit_from_profile


def sweepable() -> list[str]:
    """Operations that a sweep can do: those whose number says it all, and those whose values a profile has."""
    return [name for name, row in OPERATIONS.items() if not row.value or name in FROM_PROFILE]


def has_factor(name: str) -> bool:
    """Whether an operation has a strength; the factor of settings of one that has none is 0."""
    return bool(operation(name).number)


def make_edit(name: str, neurons: NeuronSet, factor: float, profile: Profile | None = None) -> Edit:
    """The edit that does ``name`` to ``neurons``; ``mean`` and ``shift`` take their values from ``profile``.

    Raises:
        UserError: no such operation, a factor that it cannot take, or no profile where it needs one.
    """
    check_operation(name)
    if name not in FROM_PROFILE:
        return Edit(neurons, factor if has_factor(name) else 1.0, name)
    if profile is None:
        raise UserError(
            f"operation {name!r} given without a profile, which holds the neurons' means; sweep scale, zero"
        )
    return edit_from_profile(neurons, profile, name, factor)


def check_operation(name: str) -> None:
    """Refuse an operation that a sweep does not know."""
    known = sweepable()
    if name not in known:
        raise UserError(f"operation {name!r} given; wanted one of {', '.join(known)}{nearest(name, known)}")


def idle(name: str) -> float:
    """The factor at which an operation changes nothing: 0 for a strength, 1 for a factor and for ``zero``."""
    return 0.0 if operation(name).number == "strength" else 1.0


def flipped(name: str, factor: float) -> tuple[str, float]:
    """Operation and factor of the sign-flipped edit.

    A ``scale`` by f (``zero``: 0) becomes one by 2 - f: damping becomes amplifying, and above 2 signs turn. ``mean``
    and ``shift`` go as far the other way, at minus their strength.
    """
    check_operation(name)
    return operation(name).flipped(factor)
