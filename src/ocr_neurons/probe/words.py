"""Pairs of words, in context or alone, as units."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from ocr_neurons.probe.units import Side, Unit
from ocr_neurons.text.pairs import TextPair

PADDED = 64
"""Positions that the paper feeds every word with, and averages over (arXiv 2409.16934)."""


def encode(pairs: Sequence[TextPair], tokenizer: PreTrainedTokenizerBase) -> list[Unit]:
    """One unit a pair, special tokens included as the tokenizer puts them.

    Decoders keep very large activations at the first position of a text, whatever stands there. Where the word would be
    first, both sides get the tokenizer's begin (or else end) token in front, unless the tokenizer has neither. A word
    that has no sub-word on a side has an empty span there.
    """
    if not pairs:
        return []  # a tokenizer refuses an empty list
    before = next((t for t in (tokenizer.bos_token_id, tokenizer.eos_token_id) if isinstance(t, int)), None)
    units = []
    for pair, (clean, noisy) in zip(pairs, _sides(pairs, tokenizer), strict=True):
        if before is not None and 0 in (clean.first, noisy.first):
            clean, noisy = (Side((before, *s.ids), s.first + 1, s.last + 1) for s in (clean, noisy))
        units.append(Unit(clean, noisy, pair.level, cluster(pair), 1 - pair.similarity))
    return units


def encode_as_paper(pairs: Sequence[TextPair], tokenizer: PreTrainedTokenizerBase) -> list[Unit]:
    """One unit a pair as the paper reads it: the word padded to ``PADDED`` positions, all of which are averaged over.

    Padding is masked as a key, yet its positions are computed and averaged like the word's. Longer words are cut.
    """
    if not pairs:
        return []
    return [
        Unit(_padded(clean), _padded(noisy), pair.level, cluster(pair), 1 - pair.similarity)
        for pair, (clean, noisy) in zip(pairs, _sides(pairs, tokenizer), strict=True)
    ]


def cluster(pair: TextPair) -> str:
    """What tells words apart: pairs with the same clean word in the same context are one word at several levels."""
    return f"{pair.left}\x1f{pair.clean}\x1f{pair.right}"


def _sides(pairs: Sequence[TextPair], tokenizer: PreTrainedTokenizerBase) -> list[tuple[Side, Side]]:
    texts = [text for pair in pairs for text in (_text(pair, pair.clean), _text(pair, pair.noisy))]
    words = [word for pair in pairs for word in (_span(pair, pair.clean), _span(pair, pair.noisy))]
    encoded = tokenizer(texts, return_offsets_mapping=True, verbose=False)
    sides = [
        _side(ids, offsets, start, end)
        for ids, offsets, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], words, strict=True)
    ]
    return list(zip(sides[::2], sides[1::2], strict=True))


def _padded(side: Side) -> Side:
    return Side(side.ids[:PADDED], 0, PADDED) if side.last > side.first else side


def _text(pair: TextPair, word: str) -> str:
    return pair.left + word + pair.right


def _span(pair: TextPair, word: str) -> tuple[int, int]:
    return len(pair.left), len(pair.left) + len(word)


def _side(ids: Sequence[int], offsets: Sequence[tuple[int, int]], start: int, end: int) -> Side:
    """Special tokens have the empty span (0, 0) and overlap nothing."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
    return Side(tuple(ids), inside[0], inside[-1] + 1) if inside else Side(tuple(ids), 0, 0)
