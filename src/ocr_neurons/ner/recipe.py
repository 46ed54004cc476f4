"""What a tagger is trained with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.ner.encoding import CONTEXT, HEADS, MAX_LENGTH, Encoding
from ocr_neurons.text.document import Document

LEAST_WORDS = 90_000
"""What is read at least where the size of the data decides on epochs: on dev of the gazette, of 11,385 words, 4 epochs
give 61.8 strict F1 and 8 give 71.0; AjMC English reads 123,728 in 4."""
LEAST_EPOCHS, MOST_EPOCHS = 4, 20
"""However many words there are, or few."""
ATTENTIONS = ("bidirectional", "causal", "repeat")
METHODS = ("lora", "full")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of training.

    ``epochs`` passes over the training data; 0: as many as it takes to read ``LEAST_WORDS``, at least 4, at most 20.

    ``method``: ``lora`` (``rank``, ``alpha``, ``dropout`` as in Hu et al. 2021, on the linear maps called ``target``,
    all of them by default) or ``full``, in which every weight moves.

    ``attention``: ``bidirectional`` (a decoder's mask is lifted, so that a word sees what follows it), ``causal``, or
    ``repeat`` (causal, the text given twice and read in the second copy). ``head`` is the sub-word of a word that
    carries its label: ``first``, ``last``, or ``auto``, the last one where attention is causal.

    A step is a batch of windows of like length, of at most ``batch_tokens`` sub-words with padding, or of ``batch``
    windows where that is not 0. ``patience``: epochs without a better strict F1 on dev after which training ends; the
    best epoch is kept. 0 takes the last epoch and looks at no dev.

    ``noise_share`` of the documents get learned noise in each epoch, drawn anew (Namysl et al. 2020, ACL), from the
    model ``noise`` (``auto``: that of their language). With a
    ``stability`` above 0 the noisy text stands beside the given one and not in its place, and ``stability`` times the
    mean over words of KL(given ‖ noisy) is added to the loss; each such step costs twice as much.
    """

    epochs: int = 0
    method: str = "lora"
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target: str = "all-linear"
    learning_rate: float = 5e-4
    warmup: float = 0.1
    batch: int = 0
    batch_tokens: int = 512
    max_length: int = MAX_LENGTH
    context: int = CONTEXT
    attention: str = "bidirectional"
    head: str = "auto"
    patience: int = 0
    noise: str = "auto"
    noise_share: float = 0.0
    stability: float = 0.0

    def __post_init__(self) -> None:
        wanted = {
            "epochs": (self.epochs >= 0, "0 (by the size of the data) or more"),
            "method": (self.method in METHODS, " or ".join(METHODS)),
            "rank": (self.rank >= 1, "at least 1"),
            "alpha": (self.alpha >= 1, "at least 1"),
            "dropout": (0 <= self.dropout < 1, "a number from 0 to below 1"),
            "learning_rate": (0 < self.learning_rate < float("inf"), "a positive number"),
            "warmup": (0 <= self.warmup < float("inf"), "a share of the steps below 1, or a number of steps"),
            "batch": (self.batch >= 0, "0 (by batch_tokens) or a number of windows"),
            "batch_tokens": (self.batch_tokens >= 16, "at least 16"),
            "max_length": (self.max_length >= 16, "at least 16"),
            "context": (0 <= self.context <= self.max_length // 4, "from 0 to a quarter of max_length"),
            "attention": (self.attention in ATTENTIONS, ", ".join(ATTENTIONS)),
            "head": (self.head in ("auto", *HEADS), ", ".join(("auto", *HEADS))),
            "patience": (self.patience >= 0, "0 or more"),
            "noise_share": (0 <= self.noise_share <= 1, "a number from 0 to 1"),
            "stability": (0 <= self.stability < float("inf"), "0 or more"),
        }
        for name, (holds, what) in wanted.items():
            if not holds:
                raise UserError(f"recipe: {name} = {getattr(self, name)!r} given; wanted {what}")
        if self.stability and not self.noise_share:
            raise UserError(f"recipe: stability = {self.stability} with noise_share = 0; wanted a share above 0")

    def settled(self, documents: Sequence[Document]) -> Recipe:
        """The same with the number of epochs that these training data take."""
        words = sum(len(document.tokens) for document in documents)
        needed = math.ceil(LEAST_WORDS / max(1, words))
        return replace(self, epochs=self.epochs or min(max(LEAST_EPOCHS, needed), MOST_EPOCHS))

    @property
    def encoding(self) -> Encoding:
        """How text is laid out for the model."""
        head = self.head if self.head != "auto" else "first" if self.attention == "bidirectional" else "last"
        return Encoding(self.max_length, self.context, head, self.attention == "repeat")

    @property
    def mask(self) -> str:
        """The model's own attention: ``bidirectional`` or ``causal``."""
        return "causal" if self.attention == "repeat" else self.attention


RECIPES: Mapping[str, Recipe] = {
    "default": Recipe(),
    "causal": Recipe(attention="causal"),
    "repeat": Recipe(attention="repeat"),
    # Boros and Ehrmann 2024: LoRA on up_proj, batches of 16 sequences, label on the first sub-word, no context
    "paper": Recipe(
        epochs=3, rank=12, alpha=32, dropout=0.1, target="up_proj", learning_rate=1e-4, warmup=0.0, batch=16,
        max_length=128, context=0, attention="causal", head="first",
    ),
    # short windows: on dev of the gazette `minilm` has 55.5 strict F1 with them, 48.0 with long ones and their context
    "encoder": Recipe(method="full", epochs=8, learning_rate=2e-4, max_length=128, context=0),
    "noise": Recipe(noise_share=0.5),
    "stable": Recipe(noise_share=0.5, stability=1.0),
}  # fmt: skip
"""Recipes by name; settings on top of them change single fields."""


def recipe(name: str, **changes: object) -> Recipe:
    """The recipe called ``name``, with some fields changed.

    Raises:
        UserError: no such recipe, or a value out of range.
    """
    if name not in RECIPES:
        raise UserError(f"recipe {name!r} is unknown{nearest(name, RECIPES)}")
    return replace(RECIPES[name], **changes)  # type: ignore[arg-type]
