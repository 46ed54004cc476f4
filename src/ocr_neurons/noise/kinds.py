"""The table of kinds of noise: what makes noise on a text, by name, beside models that were learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ocr_neurons.noise.learned.apply import AUTO, NoiseMaker, load_noise, shipped_for
from ocr_neurons.text.document import Document
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


PAPER = "paper"
"""The name of the paper's presets, which :func:`ocr_neurons.noise.words.word_pairs` has at hand."""

KINDS: dict[str, Callable[[], Noise]] = {}
"""Kinds of noise by name, as ``pairs --noise`` and ``noise`` under ``[pairs]`` take them. One's own stand here; learned
models are files and need no row."""


def noise_called(spec: str) -> Noise:
    """The noise of a row of ``KINDS``, or that of a learned model by name or file.

    Raises:
        UserError: there is neither.
    """
    return KINDS[spec]() if spec in KINDS else NoiseMaker(load_noise(spec))


def pairs_noise(spec: str, protocol: str, documents: Sequence[Document]) -> Noise | None:
    """What makes words of ``documents`` noisy by ``spec``: ``paper``, ``auto``, or as :func:`noise_called`.

    None stands for the paper's presets. ``auto`` takes learned noise of the documents' language for words in their
    sentence, where a model for it is shipped; else the presets, as for words fed alone, which is the paper's way.

    Raises:
        UserError: there is no such noise.
    """
    if spec == AUTO:
        spec = (shipped_for(documents) if protocol == "context" else "") or PAPER
    return None if spec == PAPER else noise_called(spec)
