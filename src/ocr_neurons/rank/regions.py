"""Regions of layers: thirds, the bands of the paper at the same relative depth, and layers by their numbers."""

from __future__ import annotations

import re

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.ranges import numbers
from ocr_neurons.lm.layers import describe as describe

PAPER_DEPTH = 32
BANDS = {"band-early": (0, 2), "band-middle": (11, 13), "band-late": (23, 28)}
"""Layers of interest in 32-layer models (arXiv 2409.16934), first and last included."""


def regions(layers: int) -> dict[str, list[int]]:
    """``first``, ``middle`` and ``last`` third, ``all``, and the paper's bands scaled to this depth."""
    cuts = [round(layers * i / 3) for i in range(4)]
    found = {name: list(range(cuts[i], cuts[i + 1])) for i, name in enumerate(("first", "middle", "last"))}
    found = {name: members for name, members in found.items() if members}
    for name, (first, last) in BANDS.items():
        low = at_depth(first, layers)
        high = round((last + 1) * layers / PAPER_DEPTH)
        found[name] = list(range(low, max(high, low + 1)))
    return found | {"all": list(range(layers))}


def region(name: str, layers: int) -> list[int]:
    """The layers of one region; ``layer-7`` is layer 7 alone, ``layers-0-3,8`` are these.

    Raises:
        UserError: no such region.
    """
    known = regions(layers)
    if by_number(name):
        members = sorted(numbers(name.partition("-")[2], "region layers-"))
        if members[-1] >= layers:
            raise UserError(f"region {name!r} given; wanted layer-0 to layer-{layers - 1}")
        return members
    if name not in known:
        raise UserError(f"region {name!r} given; wanted one of {', '.join(known)}, layer-0, layer-1 …, or layers-0-3,8")
    return known[name]


def by_number(name: str) -> bool:
    """Whether the region is told by numbers of layers, so that it takes a model to say whether it exists."""
    return re.fullmatch(r"layer-\d{1,4}|layers-\d{1,4}([,-]\d{1,4})*", name, re.ASCII) is not None


def at_depth(layer: int, layers: int) -> int:
    """The layer of a model of ``layers`` at the same relative depth as ``layer`` of the paper's 32."""
    return min(round(layer * layers / PAPER_DEPTH), layers - 1)
