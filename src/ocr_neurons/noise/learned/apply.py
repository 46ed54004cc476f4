"""A noise model at work: texts and documents in, pairs and noisy documents out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.model import NoiseModel, Style
from ocr_neurons.noise.learned.sampler import Sampler
from ocr_neurons.text.align import Alignment
from ocr_neurons.text.document import Document
from ocr_neurons.text.pairs import TextPair
from ocr_neurons.text.project import Projection, project
from ocr_neurons.text.token_map import token_map
from ocr_neurons.text.tokenise import tokenise

SHIPPED = {"en": "English", "fr": "French", "de": "German"}
"""Models that come with the package, by language."""
AUTO = "auto"
"""In the place of a model's name: that of the text's language."""


@dataclass(frozen=True, slots=True)
class NoisyDocument:
    """A document with noise: its text beside the clean one, and its tokens with labels and LED."""

    clean: Document
    pair: TextPair
    projection: Projection

    @property
    def document(self) -> Document:
        """The noisy document."""
        return self.projection.document

    def token_map(self) -> tuple[tuple[int, int], ...]:
        """Pairs of a clean and a noisy token that share characters: see :mod:`ocr_neurons.text.token_map`."""
        running = self.clean.running_text()
        alignment = Alignment(self.pair.clean, self.pair.noisy, self.pair.edits)
        clean = list(zip(running.starts, running.ends, strict=True))
        return token_map(alignment, clean, tokenise(self.pair.noisy, self.clean.language))


class NoiseMaker:
    """A :class:`NoiseModel` ready to be drawn from; the tables of a style are made when it is first drawn."""

    def __init__(self, model: NoiseModel) -> None:
        self.model = model
        self._samplers: dict[str, Sampler] = {}

    @property
    def name(self) -> str:
        """The language of the model."""
        return self.model.language

    def corrupt(
        self, text: str, rng: np.random.Generator, *, cer: float | None = None, style: str | None = None
    ) -> TextPair:
        """``text`` with noise; ``level`` says the style and the rate reached, ``edits`` is the script.

        ``cer`` is the character error rate wanted, unit edits / characters; drawn from the style's own spread between
        documents unless given. ``style`` is drawn by weight unless given. Two calls with generators in the same state
        give the same text, whatever was drawn before.

        Raises:
            UserError: ``cer`` is not between 0 and 1, or there is no such style.
        """
        made, name = self._alignment(text, rng, cer, style)
        return TextPair(text, made.noisy, f"{name} {made.cer:.4f}", "", edits=made.edits)

    def corrupt_document(
        self, document: Document, rng: np.random.Generator, *, cer: float | None = None, style: str | None = None
    ) -> NoisyDocument:
        """``document`` with noise on its running text, cut into tokens anew, with its labels; see :meth:`corrupt`."""
        made, name = self._alignment(document.text(), rng, cer, style)
        pair = TextPair(made.clean, made.noisy, f"{name} {made.cer:.4f}", document.id, edits=made.edits)
        return NoisyDocument(document, pair, project(document, made.noisy, made))

    def _alignment(
        self, text: str, rng: np.random.Generator, cer: float | None, style: str | None
    ) -> tuple[Alignment, str]:
        if cer is not None and not 0 <= cer <= 1:
            raise UserError(f"character error rate {cer}; wanted a number from 0 to 1, such as 0.05 for 5 %")
        name = self._drawn_style(rng) if style is None else style
        chosen = self.model.style(name)
        rate = _drawn_rate(chosen, rng) if cer is None else cer
        if name not in self._samplers:
            self._samplers[name] = Sampler(chosen)
        return self._samplers[name].corrupt(text, rate, rng), name

    def _drawn_style(self, rng: np.random.Generator) -> str:
        names = list(self.model.styles)
        weights = np.array([self.model.styles[name].weight for name in names])
        return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def spread_rates(
    model: NoiseModel, names: Sequence[str], mean: float, seed: int, style: str | None = None
) -> dict[str, float]:
    """A rate for each of several texts, spread as between the model's documents, with this mean over them."""
    chosen = [model.style(style)] if style else list(model.styles.values())
    weights = np.array([one.weight for one in chosen]) / sum(one.weight for one in chosen)
    drawn = {}
    for name in names:
        rng = generator(seed, "noise rate", name)
        drawn[name] = _drawn_rate(chosen[int(rng.choice(len(chosen), p=weights))], rng)
    total = sum(drawn.values())
    return {name: min(1.0, rate * mean * len(drawn) / total) if total else mean for name, rate in drawn.items()}


def _drawn_rate(style: Style, rng: np.random.Generator) -> float:
    """A rate from the deciles of the style's documents."""
    return float(np.interp(rng.random(), np.linspace(0, 1, len(style.rates)), style.rates))


def shipped_for(documents: Sequence[Document]) -> str:
    """The name of the noise model for the documents' language; empty where there is no one such."""
    languages = {document.language for document in documents}
    return languages.pop() if len(languages) == 1 and languages <= set(SHIPPED) else ""


def language_noise(documents: Sequence[Document]) -> str:
    """As :func:`shipped_for`; a UserError where there is no one such."""
    if found := shipped_for(documents):
        return found
    languages = sorted({document.language for document in documents})
    known = ", ".join(SHIPPED)
    raise UserError(
        f"documents in {', '.join(name or 'no named language' for name in languages)}: which noise? "
        f"name a model with --noise: {known}, or a file of `noise learn`"
    )


def load_noise(spec: str) -> NoiseModel:
    """A noise model by name (``SHIPPED``) or by its file.

    Raises:
        UserError: neither, or no noise model.
    """
    if spec in SHIPPED:
        resource = files("ocr_neurons.resources").joinpath("noise", f"{spec}.json")
        return NoiseModel.from_json(resource.read_text("utf-8"), f"noise model {spec}")
    path = Path(spec)
    if not path.is_file():
        raise UserError(f"noise model {spec!r}: no such file{nearest(spec, SHIPPED)}; `noise learn` makes one")
    return NoiseModel.load(path)
