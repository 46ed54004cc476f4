"""Regions of layers: thirds, and the bands of the paper at the same relative depth."""

from __future__ import annotations

from ocr_neurons.common.errors import UserError
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
        low = min(round(first * layers / PAPER_DEPTH), layers - 1)
        high = round((last + 1) * layers / PAPER_DEPTH)
        found[name] = list(range(low, max(high, low + 1)))
    return found | {"all": list(range(layers))}


def region(name: str, layers: int) -> list[int]:
    """The layers of one region.

    Raises:
        UserError: no such region.
    """
    known = regions(layers)
    if name not in known:
        raise UserError(f"region {name!r} given; wanted one of {', '.join(known)}")
    return known[name]
