"""The special tokens that a tokenizer puts around a text."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Their numbers ``(before, after)`` the text; either may be empty."""
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, mask = encoded["input_ids"], encoded["special_tokens_mask"]
    first = mask.index(0)
    last = len(mask) - mask[::-1].index(0)
    return tuple(ids[:first]), tuple(ids[last:])
