"""What a tagger is trained with."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.common.errors import UserError
from ocr_neurons.ner.encode import MAX_LENGTH


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of LoRA training (rank, alpha, dropout as in Hu et al. 2021; ``target`` all linear maps).

    ``attention`` is ``bidirectional`` (a decoder's mask is lifted, so that a word sees what follows it) or
    ``causal``. ``batch`` counts windows.
    """

    epochs: int = 4
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 5e-4
    warmup: float = 0.1
    batch: int = 4
    max_length: int = MAX_LENGTH
    target: str = "all-linear"
    attention: str = "bidirectional"

    def __post_init__(self) -> None:
        wanted = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "rank": (self.rank >= 1, "at least 1"),
            "alpha": (self.alpha >= 1, "at least 1"),
            "dropout": (0 <= self.dropout < 1, "a number from 0 to below 1"),
            "learning_rate": (0 < self.learning_rate < float("inf"), "a positive number"),
            "warmup": (0 <= self.warmup < float("inf"), "a share of the steps below 1, or a number of steps"),
            "batch": (self.batch >= 1, "at least 1"),
            "max_length": (self.max_length >= 16, "at least 16"),
            "attention": (self.attention in ("bidirectional", "causal"), "bidirectional or causal"),
        }
        for name, (holds, what) in wanted.items():
            if not holds:
                raise UserError(f"recipe: {name} = {getattr(self, name)!r} given; wanted {what}")
