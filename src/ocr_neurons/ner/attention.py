"""Lifting a decoder's causal mask, and making sure that it is lifted."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ocr_neurons.common.errors import UserError


def lift_mask(config: Any) -> None:  # noqa: ANN401 - transformers' configurations have no common interface
    """Make ``config`` ask for attention in both directions, so that plain transformers reads a saved model likewise.

    ``is_causal`` is read where masks are made; the attention modules alone would stay causal wherever there is
    padding. Gemma 3 has a switch of its own, which its modules read as well.
    """
    config.is_causal = False
    if hasattr(config, "use_bidirectional_attention"):
        config.use_bidirectional_attention = True


def check_attention(model: nn.Module, attention: str, name: str) -> None:
    """Refuse a model whose first position does not see the last one, or sees it though it should not.

    Two short inputs that differ in their last sub-word go through the model, without padding and with it.

    Raises:
        UserError: the model's attention is not ``attention``; says what to ask for.
    """
    device = next(model.parameters()).device
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9], [5, 6, 8, 9]], device=device)
    padded = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]], device=device)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            whole, short = (
                model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]  # type: ignore[operator]
                for mask in (torch.ones_like(ids), padded)
            )
    finally:
        model.train(was_training)
    sees = (not torch.equal(whole[0], whole[1]), not torch.equal(short[1], short[2]))
    if sees == (attention == "bidirectional",) * 2:
        return
    if attention == "causal":
        raise UserError(
            f'{name}: attention "causal" given; {type(model).__name__} reads in both directions; use "bidirectional"'
        )
    raise UserError(
        f'{name}: attention "bidirectional" given; the mask of {type(model).__name__} cannot be lifted; use "repeat"'
    )
