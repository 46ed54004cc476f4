"""Where a pair's word stands in the sub-words of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from ocr_neurons.text.pairs import TextPair


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair, encoded. ``first`` and ``last`` bound the word's own sub-words: ``ids[first:last]``."""

    ids: tuple[int, ...]
    first: int
    last: int


def encode(pairs: Sequence[TextPair], tokenizer: PreTrainedTokenizerBase) -> list[tuple[Side, Side]]:
    """The clean and the noisy side of each pair, special tokens included as the tokenizer puts them."""
    if not pairs:
        return []  # a tokenizer refuses an empty list
    texts = [text for pair in pairs for text in (_text(pair, pair.clean), _text(pair, pair.noisy))]
    words = [word for pair in pairs for word in (_span(pair, pair.clean), _span(pair, pair.noisy))]
    encoded = tokenizer(texts, return_offsets_mapping=True, verbose=False)
    sides = [
        _side(ids, offsets, start, end)
        for ids, offsets, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], words, strict=True)
    ]
    return list(zip(sides[::2], sides[1::2], strict=True))


def _text(pair: TextPair, word: str) -> str:
    return pair.left + word + pair.right


def _span(pair: TextPair, word: str) -> tuple[int, int]:
    return len(pair.left), len(pair.left) + len(word)


def _side(ids: Sequence[int], offsets: Sequence[tuple[int, int]], start: int, end: int) -> Side:
    """Special tokens have the empty span (0, 0) and overlap nothing."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
    return Side(tuple(ids), inside[0], inside[-1] + 1) if inside else Side(tuple(ids), 0, 0)
