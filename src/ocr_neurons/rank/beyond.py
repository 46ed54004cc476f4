"""Neurons by what they do beyond a placebo, and whether other words would name the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.agreement import split_half
from ocr_neurons.rank.methods import HALVES, score
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import check_same, paired, specific

FEWEST = 3
"""Words that a half must have."""
WANTED = "wanted both of the same words, as one `ocr-neurons probe --control` writes them"


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
        UserError: as :func:`ocr_neurons.rank.methods.score` and :func:`ocr_neurons.rank.specific.specific` do; or a
            contrast of other words.
    """
    noise = score(name, profiles.noise, group, **parameters)
    if name == "effect" and profiles.contrast is not None:
        beside = score(name, profiles.contrast, group)
        check_same(noise, beside)
        _check_words(profiles.noise, profiles.contrast)
        # the placebo's mean difference is that under noise less the contrast: the same words, word by word
        moved = 2 * profiles.noise.mean(group) - profiles.contrast.mean(group)
        return paired(noise, beside, moved)
    if profiles.control is not None:
        return specific(noise, score(name, profiles.control, group, **parameters))
    return noise


def _check_words(noise: Profile, contrast: Profile) -> None:
    """Refuse a contrast of other words, or of halves drawn by another seed, as far as the profiles tell."""
    for name, what in (("shards", "other pairs"), ("seed", "other halves of the words")):
        first, second = noise.about.get(name), contrast.about.get(name)
        if isinstance(first, list) and isinstance(second, list):
            first, second = sorted(first), sorted(second)  # parts can be merged in any order
        if first is not None and second is not None and first != second:
            raise UserError(f"profile and contrast of {what}: {name} {first!r} and {second!r} given; {WANTED}")
    if noise.units() != contrast.units():
        raise UserError(f"profile of {noise.units()} words and contrast of {contrast.units()} given; {WANTED}")


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
