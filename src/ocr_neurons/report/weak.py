"""Taggers that learned next to nothing: their scores are too low to read a cost or a gain from."""

from __future__ import annotations

WEAK = 0.05
"""A strict F1 below which no difference of scores says anything."""


def is_weak(f1: float) -> bool:
    """Whether a tagger of this strict F1 gets next to nothing right."""
    return f1 < WEAK


def headed(verdict: str, f1: float) -> str:
    """The verdict of a run; of a weak tagger, that there is none."""
    if not is_weak(f1):
        return verdict
    return (
        f"This tagger gets next to nothing right (strict F1 {100 * f1:.1f}), "
        "so neither costs nor edits can be read from it."
    )
