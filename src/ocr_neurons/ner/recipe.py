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

    epochs: int = 3
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 5e-4
    warmup: float = 0.1
    batch: int = 16
    max_length: int = MAX_LENGTH
    target: str = "all-linear"
    attention: str = "bidirectional"

    def __post_init__(self) -> None:
        if self.attention not in ("bidirectional", "causal"):
            raise UserError(f"recipe: attention {self.attention!r} given; wanted bidirectional or causal")
        if min(self.epochs, self.rank, self.batch) < 1 or self.max_length < 16 or self.learning_rate <= 0:
            raise UserError(
                f"recipe: {self.epochs} epochs, rank {self.rank}, batch {self.batch}, windows of {self.max_length}, "
                f"learning rate {self.learning_rate} given; wanted at least 1, 1, 1, 16 and a positive rate"
            )
