"""The table of kinds of noise: what makes noise on a text, by name, beside models that were learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.text.pairs import TextPair


class Noise(Protocol):
    """What :func:`ocr_neurons.noise.words.word_pairs` takes in the place of the paper's presets.

    ``name`` is said of every pair that it made. ``corrupt`` gives ``text`` with noise and the edit script; ``cer`` is
    the wanted rate, unit edits / characters. Two calls with generators in the same state give the same text.
    """

    @property
    def name(self) -> str:
        """What the noise is called, such as ``en``."""

    def corrupt(self, text: str, rng: np.random.Generator, *, cer: float | None = None) -> TextPair:
        """``text`` with noise."""


KINDS: dict[str, Callable[[], Noise]] = {}
"""Kinds of noise by name, as ``pairs --noise`` and ``noise`` under ``[pairs]`` take them. One's own stand here; learned
models are files and need no row."""


def noise_called(spec: str) -> Noise:
    """The noise of a row of ``KINDS``, or that of a learned model by name or file.

    Raises:
        UserError: there is neither.
    """
    return KINDS[spec]() if spec in KINDS else NoiseMaker(load_noise(spec))
