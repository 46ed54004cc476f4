"""How long an input a model can take."""

from __future__ import annotations

from torch import nn


def positions(model: nn.Module) -> int | None:
    """Sub-words that an input may have by the model's configuration; None where it does not say.

    RoBERTa's kind counts positions from the one after its padding's, so the first few of its table are never used.
    """
    table = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(table, int):
        return None
    parts = (part for name, part in model.named_modules() if name.endswith("position_embeddings"))
    padding = [part.padding_idx for part in parts if isinstance(part, nn.Embedding) and part.padding_idx is not None]
    return table - max(padding, default=-1) - 1
