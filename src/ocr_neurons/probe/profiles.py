"""The profiles of one set of words: under noise, and under a placebo beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.probe.profile import Profile


@dataclass(frozen=True)
class Profiles:
    """Noisy against clean; a placebo against clean; noisy against the placebo (or None where there is none).

    In ``contrast`` the placebo is the clean side: its mean difference is what a neuron does more of under noise than
    under the placebo, word by word. What a word itself does to the neuron is on both sides, so the comparison is
    paired, and tells more than two profiles that are measured apart.
    """

    noise: Profile
    control: Profile | None = None
    contrast: Profile | None = None
