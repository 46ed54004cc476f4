"""Changed segments cut into units: the small n:m confusions a noise model counts and draws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

LONGEST_UNIT = 3
"""Characters of a unit on either side."""
LONGEST_CUT = 24
"""Segments longer than this on either side are cut one by one, without a search."""
KINDS = ("substitution", "insertion", "deletion")

Unit = tuple[str, str]
"""``(source, target)``: what the page says and how it was read; either may be empty, not both."""


def kind(unit: Unit) -> int:
    """The index in ``KINDS``: an insertion has no source, a deletion no target."""
    return 1 if not unit[0] else 2 if not unit[1] else 0


def count_units(segments: Iterable[Unit]) -> Counter[Unit]:
    """How often each segment short enough to be a unit occurs."""
    return Counter(s for s in segments if max(len(s[0]), len(s[1])) <= LONGEST_UNIT)


def cut(segment: Unit, known: Counter[Unit]) -> list[Unit]:
    """A segment as a sequence of units, the likeliest one under the counts ``known``.

    Single substitutions, insertions and deletions are always possible; longer units only where they occur by
    themselves more than once. One character for another is a unit already, however often both come alone.
    """
    source, target = segment
    if known[segment] > 1 or max(len(source), len(target)) <= 1:
        return [segment]
    if max(len(source), len(target)) > LONGEST_CUT:
        return _one_by_one(source, target)
    total = sum(known.values()) + 1
    best: dict[tuple[int, int], tuple[float, Unit | None]] = {(0, 0): (0.0, None)}
    for i in range(len(source) + 1):
        for j in range(len(target) + 1):
            for n in range(min(i, LONGEST_UNIT) + 1):
                for m in range(min(j, LONGEST_UNIT) + 1):
                    unit = (source[i - n : i], target[j - m : j])
                    if unit[0] == unit[1] or (i - n, j - m) not in best:
                        continue
                    count = known[unit]
                    if max(n, m) > 1 and count < 2:
                        continue
                    cost = best[i - n, j - m][0] - math.log((count + 0.1) / total)
                    if (i, j) not in best or cost < best[i, j][0]:
                        best[i, j] = (cost, unit)
    units: list[Unit] = []
    i, j = len(source), len(target)
    while step := best[i, j][1]:
        units.append(step)
        i, j = i - len(step[0]), j - len(step[1])
    return units[::-1]


def _one_by_one(source: str, target: str) -> list[Unit]:
    """Substitutions as far as both last, then insertions or deletions."""
    shared = min(len(source), len(target))
    units: list[Unit] = []
    for a, b in zip(source, target, strict=False):
        units += [(a, b)] if a != b else [(a, ""), ("", b)]
    return units + [(a, "") for a in source[shared:]] + [("", b) for b in target[shared:]]
