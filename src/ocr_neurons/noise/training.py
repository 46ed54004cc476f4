"""Noise for training: learned noise on documents, at the rates that the data set itself has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ocr_neurons.common.files import sha256
from ocr_neurons.noise.learned.apply import AUTO, SHIPPED, NoiseMaker, NoisyDocument, language_noise, load_noise
from ocr_neurons.text.align import align
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document

FEWEST = 5
"""Entities with a known LED that a document must have for their mean to stand for its error rate."""


def training_noise(spec: str, dataset: Dataset) -> Callable[[Document, np.random.Generator], NoisyDocument]:
    """A function that puts the noise of model ``spec`` (``auto``: that of the data's language) on a document.

    The error rate of each is drawn from those of the training documents (:func:`error_rates`), or, where these are not
    known, from the documents that the model was learned from.

    Raises:
        UserError: no such model, or none for the data's language.
    """
    maker = NoiseMaker(load_noise(language_noise(dataset.train) if spec == AUTO else spec))
    rates = error_rates(dataset)

    def corrupt(document: Document, rng: np.random.Generator) -> NoisyDocument:
        return maker.corrupt_document(document, rng, cer=float(rng.choice(rates)) if rates else None)

    return corrupt


def noise_file(spec: str) -> str:
    """A hash of what stands in the noise model ``spec`` if that is a file; empty for one by name."""
    return "" if spec in (AUTO, *SHIPPED) or not Path(spec).is_file() else sha256(Path(spec))


def error_rates(dataset: Dataset) -> list[float]:
    """The character error rates of the training documents, as far as they are known; empty where they are not.

    Beside clean twins of the whole text: unit edits a character. Else the mean LED of a document's entities, which
    stands for the rate around them.
    """
    if dataset.twin_scope == "text" and "train" in dataset.clean_twins:
        twins = zip(dataset.clean_twins["train"], dataset.train, strict=True)
        return [min(1.0, align(clean.text(), noisy.text()).cer) for clean, noisy in twins if clean.tokens]
    return [float(np.mean(led)) for led in map(_distances, dataset.train) if len(led) >= FEWEST]


def _distances(document: Document) -> list[float]:
    known = (document.tokens[entity.start].led for entity in document.entities())
    return [led for led in known if led is not None]
