"""What the scores of a profile rest on: which levels, how many independent units."""

from __future__ import annotations

from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profile import WORDS, Profile

COPIED = ("fingerprint", "site", "depth", "read", "protocol", "pool")
"""What scores keep of what a profile is about."""


def noisy_levels(profile: Profile) -> list[str]:
    """Levels with at least one changed pair; all of them where nothing was changed at all.

    Aligned texts have a level of unchanged words, many times as large: pooled with the rest it would hide them.
    """
    rows = zip(profile.levels, profile.arrays["dose"], strict=False)
    return [level for level, (total, _) in rows if total > 0] or list(profile.levels)


def pairs(profile: Profile, group: str | None) -> int:
    """Pairs of a group; words of a half; None: pairs of the noisy levels together."""
    return sum(map(profile.units, noisy_levels(profile) if group is None else [group]))


def independent(profile: Profile, group: str | None, needed: int = 2) -> int:
    """Units of a group that can count as independent: no more than there are words (or windows) made noisy.

    The pairs of one word at several levels share its clean side, and the words of one window share their context.
    Where pairs of a word agree this is the right order; where they do not it is conservative.

    Raises:
        UserError: fewer than ``needed``.
    """
    words = profile.units(WORDS)
    found = words if group in (None, "shuffled") else min(profile.units(group), words)
    if found < needed:
        where = "the profile" if group is None else f"group {group!r}"
        raise UserError(f"{where} rests on {found} independent words; wanted at least {needed}; probe more pairs")
    return found


def about(profile: Profile, group: str | None, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """What a :class:`Scored` says of itself; the shape of the model included."""
    known = {name: profile.about[name] for name in COPIED if name in profile.about}
    counts = {"pairs": int(profile.pairs.sum()), "words": profile.units(WORDS)}
    where = {} if group is None else {"group": group}
    return known | {"parameters": parameters | where} | counts
