"""What a neuron does on OCR noise beyond what it does on any change."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.scored import Array, Scored

SAME = ("fingerprint", "site", "read", "protocol", "pool", "parameters")
"""What scores must agree in to be compared."""


def paired(noise: Scored, contrast: Scored, moved: Array) -> Scored:
    """How much further a neuron goes under noise than under a placebo, word by word.

    ``noise`` is the effect of noise against clean, ``contrast`` that of noise against the placebo of the same words
    (:func:`ocr_neurons.probe.probe.probe_beside`); ``moved`` is the mean difference under noise plus that under the
    placebo, ``[layers, width]``. The score is the effect size of the contrast: positive where the mean difference under
    noise is the larger one in size, negative where that under the placebo is. As ``moved`` is of both alike, neurons
    that hardly move are as often of the one kind as of the other. ``p`` is that of the contrast: two-sided, of no
    difference.

    Raises:
        UserError: scores of other methods than ``effect``, or of other models, sites or words.
    """
    if (noise.name, contrast.name) != ("effect", "effect"):
        raise UserError(f"scores by {noise.name!r} and {contrast.name!r} given; word by word only 'effect' compares")
    check_same(noise, contrast)
    counted = {"control": {name: contrast.about[name] for name in ("pairs", "words") if name in contrast.about}}
    score = np.sign(moved) * contrast.sign * contrast.score
    return Scored("specific effect", score, noise.sign, contrast.error, contrast.p, noise.about | counted)


def specific(noise: Scored, control: Scored) -> Scored:
    """The score on noise minus the same score on a control: other changes of the same size to the same words.

    Positive: reacts more to noise. The error combines both, sqrt(e² + e²), and p tests no difference (normal). Scores
    on the same words go up and down together, which makes both conservative. ``sign`` is that of the noise. A control
    answers for what it shares with the noise: how many letters, and how uniformly they change. Against random letters,
    any neuron that tells one letter from another stands out, as OCR writes the same few signs again and again.

    Raises:
        UserError: scores of different methods, models or sites, or without errors.
    """
    if noise.name != control.name:
        raise UserError(f"scores by {noise.name!r} and by {control.name!r} given; wanted the same method twice")
    check_same(noise, control)
    if noise.error is None or control.error is None:
        raise UserError(f"method {noise.name!r} has no standard error; specificity needs one; choose another method")
    difference: Array = noise.score - control.score
    error = np.hypot(noise.error, control.error)
    certain = np.where(difference == 0, 0.0, np.inf)
    z = np.divide(np.abs(difference), error, out=certain, where=error > 0)
    counted = {"control": {name: control.about[name] for name in ("pairs", "words") if name in control.about}}
    return Scored(f"specific {noise.name}", difference, noise.sign, error, 2 * ndtr(-z), noise.about | counted)


def check_same(noise: Scored, control: Scored) -> None:
    """Refuse scores of other models, sites or layers, or read in another way; a UserError."""
    for name in SAME:
        if noise.about.get(name) != control.about.get(name):
            raise UserError(
                f"noise and control: {name} {noise.about.get(name)!r} and {control.about.get(name)!r} given; "
                "wanted the same model, read in the same way"
            )
    if noise.score.shape != control.score.shape:
        raise UserError(f"scores of {noise.score.shape} and {control.score.shape} neurons given; wanted one model")
