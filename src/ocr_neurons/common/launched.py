"""Processes that a launcher (``torchrun``, ``accelerate launch``) started together, by the variables it sets."""

from __future__ import annotations

import os


def processes() -> int:
    """How many were started together, on all machines; 1 without a launcher."""
    return max(1, int(os.environ.get("WORLD_SIZE", "1")))


def rank() -> int:
    """The number of this one among all of them; 0 for one alone."""
    return int(os.environ.get("RANK", "0")) if processes() > 1 else 0


def rank_here() -> int:
    """The number of this one among those on its machine; 0 for one alone."""
    return int(os.environ.get("LOCAL_RANK", "0")) if processes() > 1 else 0
