"""Layers in words."""

from __future__ import annotations

from collections.abc import Iterable


def describe(layers: Iterable[int]) -> str:
    """``0-9`` for neighbouring layers, commas between runs."""
    runs: list[list[int]] = []
    for layer in sorted(layers):
        if runs and layer == runs[-1][1] + 1:
            runs[-1][1] = layer
        else:
            runs.append([layer, layer])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
