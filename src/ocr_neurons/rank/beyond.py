"""Neurons by what they do beyond a placebo, and whether other words would name the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.agreement import split_half
from ocr_neurons.rank.methods import HALVES, score
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import paired, specific

FEWEST = 3
"""Words that a half must have."""


@dataclass(frozen=True)
class Again:
    """Whether one half of the words names the neurons that the other half names.

    Of the best ``share`` of all neurons by one half, the part ``overlap`` is among the best by the other, where
    rankings that agree on the layers alone would have ``expected``. ``within`` is the rank correlation of the halves'
    scores within layers, ``whole`` what the ranking by all ``words`` is expected to have with that by as many others
    (Spearman-Brown).
    """

    method: str
    words: int
    share: float
    overlap: float
    expected: float
    within: float
    whole: float


def scored(name: str, profiles: Profiles, group: str | None = None, **parameters: Any) -> Scored:  # noqa: ANN401 - passed on
    """Scores by a method: on noise, and beyond the placebo where the profiles have one.

    ``effect`` compares word by word (:func:`ocr_neurons.rank.specific.paired`) where the contrast was read; others, and
    profiles without it, subtract the score on the placebo.

    Raises:
        UserError: as :func:`ocr_neurons.rank.methods.score` and :func:`ocr_neurons.rank.specific.specific` do.
    """
    noise = score(name, profiles.noise, group, **parameters)
    if name == "effect" and profiles.contrast is not None:
        # the placebo's mean difference is that under noise less the contrast: the same words, word by word
        moved = 2 * profiles.noise.mean(group) - profiles.contrast.mean(group)
        return paired(noise, score(name, profiles.contrast, group), moved)
    if profiles.control is not None:
        return specific(noise, score(name, profiles.control, group, **parameters))
    return noise


def again(name: str, profiles: Profiles, share: float) -> Again | None:
    """How far two halves of the words agree; None for methods that cannot score a half, or too few words."""
    halves = ("half-1", "half-2")
    if name not in HALVES or min(profiles.noise.units(half) for half in halves) < FEWEST:
        return None
    first, second = (scored(name, profiles, half).score for half in halves)
    agreed = split_half(first, second, counts=(), shares=(share,))
    (best,) = agreed.halves.overlaps
    words = profiles.noise.units()
    return Again(name, words, share, best.overlap, best.expected_in_layers, agreed.halves.within, agreed.within_full)
