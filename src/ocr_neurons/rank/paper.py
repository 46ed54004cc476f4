"""The paper's rule: a neuron is common when it passes the threshold in most pairs (arXiv 2409.16934)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.basis import about, independent, noisy_levels, pairs
from ocr_neurons.rank.choose import choose, neuron_set
from ocr_neurons.rank.scored import Array, Scored


def paper(profile: Profile, group: str | None = None, *, threshold: float = 1.0) -> Scored:
    """Share of pairs in which a neuron passes the threshold, all noisy levels together by default.

    In one pair a neuron passes when ``|d|`` exceeds the mean plus ``threshold`` standard deviations of ``|d|`` over
    the neurons of its layer. Equal shares are told apart by the mean ``|d|`` in units of its layer's mean (scaled to
    stay below one pair's worth). The error is binomial, by the words as units and with two passes and two failures
    added (Agresti & Coull 1998), so that it is not 0 for shares of 0 and 1. No p-value: some neurons of a layer always
    stand out, whatever the change. ``sign`` is that of the mean difference.

    Raises:
        UserError: a threshold that the profile did not count, or a half, which has no shares.
    """
    share = shares(profile, threshold, group)
    if not pairs(profile, group):
        what = f"group {group!r}" if group else "the profile"
        raise UserError(f"{what} holds no pair; choose another group, or probe more pairs")
    size = _average(profile, group, profile.mean_absolute)
    relative = size / np.maximum(size.mean(axis=1, keepdims=True), np.finfo(float).tiny)
    score: Array = share + relative / (relative.max() + 1) / (pairs(profile, group) + 1)
    n = independent(profile, group, needed=0)
    likely = (share * n + 2) / (n + 4)
    error = np.sqrt(likely * (1 - likely) / (n + 4))
    sign = np.sign(_average(profile, group, profile.mean))
    return Scored("paper", score, sign, error, None, about(profile, group, threshold=threshold))


def shares(profile: Profile, threshold: float, group: str | None = None) -> Array:
    """Share of pairs in which a neuron passes, exact: 9 of 10 is 0.9."""
    if group is not None:
        return profile.share(threshold, group)
    levels = noisy_levels(profile)
    passes = sum(np.rint(profile.share(threshold, level) * profile.units(level)) for level in levels)
    found: Array = np.asarray(passes) / pairs(profile, None)
    return found


def _average(profile: Profile, group: str | None, of: Callable[[str | None], Array]) -> Array:
    """A mean over the pairs of a group, or of all noisy levels."""
    levels = noisy_levels(profile) if group is None else [group]
    total: Array = np.sum([of(level) * profile.units(level) for level in levels], axis=0)
    return total / pairs(profile, group)


def rank_paper(
    profile: Profile,
    *,
    threshold: float = 1.0,
    share: float = 0.9,
    count: int | None = None,
    group: str | None = None,
) -> NeuronSet:
    """Neurons that pass the threshold in at least ``share`` of the pairs; or the best ``count``, whatever their share.

    The pairs are those of ``group``, or all noisy ones. The score is that of :func:`paper`.

    Raises:
        UserError: a parameter out of range, an unknown group, or a threshold that the profile did not count.
    """
    if not 0 <= share <= 1:
        raise UserError(f"share {share} given; wanted a number from 0 to 1")
    scored = paper(profile, group, threshold=threshold)
    if count is not None:
        return choose(scored, count=count)
    return neuron_set(shares(profile, threshold, group) >= share, scored, share=share)
