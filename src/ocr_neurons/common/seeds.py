"""Random generators that depend on a seed and a name, never on the order of calls."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed for the thing called ``names`` in the run seeded with ``seed``."""
    key = "\x1f".join([str(seed), *map(str, names)]).encode("utf-8")
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """A NumPy generator for the thing called ``names``; equal arguments give equal streams."""
    return np.random.default_rng(derive(seed, *names))
