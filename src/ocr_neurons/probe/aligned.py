"""Whole texts against their noisy form, word by word: a document's ground truth and its OCR, as units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.special import special_tokens
from ocr_neurons.probe.units import Side, Unit
from ocr_neurons.text.align import align
from ocr_neurons.text.pairs import TextPair, similarity
from ocr_neurons.text.token_map import token_map
from ocr_neurons.text.tokenise import tokenise

CHANGED, UNCHANGED = "changed", "unchanged"
"""The levels: the word itself differs, or only what stands before it."""
MAX_LENGTH = 128
CONTEXT = 32
LONGEST = 40
"""What has more characters than this on either side is text that the other side lacks, not a word."""

Span = tuple[int, int]
"""``[start, end)``"""


@dataclass(frozen=True, slots=True)
class Aligned:
    """The words of a text that are read on both sides, and how many are not, and why.

    Every clean token with a letter or digit is in a unit, or ``lost``, or in a word that is counted below. Words are
    the units: what is split on a side, or merged, counts once.

    ``lost``: clean tokens with no counterpart. ``at_edge``: words that would hold the first position of a text.
    ``blocks``: words of more than ``LONGEST`` characters on a side (misaligned, or missing text), with ``in_blocks``
    clean tokens. ``too_long``: words of more sub-words than a window holds. ``unseen``: words of which the tokenizer
    drops a side altogether.
    """

    units: list[Unit] = field(default_factory=list)
    lost: int = 0
    at_edge: int = 0
    blocks: int = 0
    in_blocks: int = 0
    too_long: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """One word in characters and in sub-words of the two texts; ``tokens`` clean ones of it have a letter or digit."""

    clean: Span
    noisy: Span
    clean_subs: Span
    noisy_subs: Span
    tokens: int

    def fits(self, room: int) -> bool:
        """Whether neither side has more than ``room`` sub-words."""
        return max(self.clean_subs[1] - self.clean_subs[0], self.noisy_subs[1] - self.noisy_subs[0]) <= room


def aligned_units(
    pair: TextPair,
    tokenizer: PreTrainedTokenizerBase,
    *,
    language: str = "",
    max_length: int = MAX_LENGTH,
    context: int = CONTEXT,
) -> Aligned:
    """Every word of a text against the same word of its noisy form, each once, in reading order.

    The two texts are aligned character by character and cut into tokens as ``language`` has them. Tokens that share
    characters belong together, so a word that is split or merged on a side is one unit. Tokens without a letter or
    digit on the clean side are context only.

    Windows hold at most ``max_length`` sub-words on either side, special tokens included, and end at a sentence end
    where there is one in their second half. Up to ``context`` of these sub-words repeat what stands before, from the
    same word on both sides; they are read, not measured. Nothing reaches over a block that one side lacks. Decoders
    keep very large activations at the first position of a text, so no unit holds it (a special token may).

    A unit's ``level`` is ``changed`` or ``unchanged``, its cluster is the window. Correspondence is a guess inside
    long changed segments (see :func:`ocr_neurons.text.token_map.token_map`).

    Raises:
        UserError: ``max_length`` has no room for a sub-word beside the special tokens and the context.
    """
    before, after = special_tokens(tokenizer)
    room = max_length - len(before) - len(after)
    if not 0 <= context < room:
        raise UserError(
            f"windows of {max_length} sub-words with a context of {context} given; wanted a context of 0 or more, and "
            f"room for more than that beside {max_length - room} special tokens; raise the window or lower the context"
        )
    clean, noisy = (pair.left + side + pair.right for side in (pair.clean, pair.noisy))
    tokens, others = tokenise(clean, language), tokenise(noisy, language)
    found = components(token_map(align(clean, noisy), tokens, others))
    clean_spans = [(tokens[i][0], tokens[j - 1][1]) for i, j, _, _ in found]
    noisy_spans = [(others[i][0], others[j - 1][1]) for _, _, i, j in found]
    clean_ids, clean_subs = _encoded(tokenizer, clean, clean_spans)
    noisy_ids, noisy_subs = _encoded(tokenizer, noisy, noisy_spans)
    counted = [any(map(str.isalnum, clean[start:end])) for start, end in tokens]
    sizes = [sum(counted[i:j]) for i, j, _, _ in found]

    units: list[Unit] = []
    counts = {"lost": sum(counted) - sum(sizes), "at_edge": 0, "blocks": 0, "in_blocks": 0, "too_long": 0, "unseen": 0}
    words: list[Word] = []
    for word in map(Word, clean_spans, noisy_spans, clean_subs, noisy_subs, sizes):
        reason = _why_not(word, room)
        if not reason:
            words.append(word)
        elif word.tokens:
            counts[reason] += 1
            counts["in_blocks"] += word.tokens if reason == "blocks" else 0
    for number, (start, first, last) in enumerate(_windows(words, clean, room, context)):
        begin, other = words[start].clean_subs[0], words[start].noisy_subs[0]
        clean_window = (*before, *clean_ids[begin : words[last - 1].clean_subs[1]], *after)
        noisy_window = (*before, *noisy_ids[other : words[last - 1].noisy_subs[1]], *after)
        for word in words[first:last]:
            if not word.tokens:
                continue
            left = _side(clean_window, word.clean_subs, len(before) - begin)
            right = _side(noisy_window, word.noisy_subs, len(before) - other)
            if 0 in (left.first, right.first):
                counts["at_edge"] += 1
                continue
            texts = clean[slice(*word.clean)], noisy[slice(*word.noisy)]
            level = UNCHANGED if texts[0] == texts[1] else CHANGED
            units.append(Unit(left, right, level, f"{pair.source} {number}", 1 - similarity(*texts)))
    return Aligned(units, **counts)


def components(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """Tokens that belong together, from a token map: ``(clean start, clean end, noisy start, noisy end)``, in order.

    Unmapped tokens between two of one component are inside it; the others are in none.
    """
    found: list[tuple[int, int, int, int]] = []
    for i, j in pairs:
        if found and (i < found[-1][1] or j < found[-1][3]):
            start, end, other, other_end = found.pop()
            found.append((start, max(end, i + 1), other, max(other_end, j + 1)))
        else:
            found.append((i, i + 1, j, j + 1))
    return found


def _encoded(tokenizer: PreTrainedTokenizerBase, text: str, spans: Sequence[Span]) -> tuple[list[int], list[Span]]:
    """The sub-words of a text, and which of them overlap each span: ``[first, last)``, ``(0, 0)`` where none does."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = np.array(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)
    places = np.flatnonzero(offsets[:, 1] > offsets[:, 0])  # sub-words without characters belong to no word
    # in order, even where a normaliser swaps combining marks
    starts = np.minimum.accumulate(offsets[places[::-1], 0])[::-1]
    ends = np.maximum.accumulate(offsets[places, 1])
    words = np.array(spans, dtype=np.int64).reshape(-1, 2)
    firsts = np.searchsorted(ends, words[:, 0], side="right")
    lasts = np.searchsorted(starts, words[:, 1], side="left")
    subs = [
        (int(places[first]), int(places[last - 1]) + 1) if first < last else (0, 0)
        for first, last in zip(firsts, lasts, strict=True)
    ]
    return encoded["input_ids"], subs


def _why_not(word: Word, room: int) -> str:
    """Why a word cannot be read, as the name of its count; empty if it can."""
    if max(end - start for start, end in (word.clean, word.noisy)) > LONGEST:
        return "blocks"
    if any(last == first for first, last in (word.clean_subs, word.noisy_subs)):
        return "unseen"
    return "" if word.fits(room) else "too_long"


def _side(ids: tuple[int, ...], subs: Span, shift: int) -> Side:
    return Side(ids, subs[0] + shift, subs[1] + shift)


def _windows(words: Sequence[Word], clean: str, room: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Windows as words ``(start, first, last)``: measured are ``first`` to ``last``, read those from ``start`` on."""
    apart = [_apart(words[k - 1], words[k]) if k else True for k in range(len(words))]
    opens = [_opens_sentence(clean, word.clean[0]) for word in words]
    first = 0
    while first < len(words):
        start = first
        while not apart[start] and _before(words[start - 1], words[first]) <= context:
            start -= 1
        while _size(words[start], words[first]) > room:
            start += 1
        last = first + 1
        while last < len(words) and not apart[last] and _size(words[start], words[last]) <= room:
            last += 1
        if last < len(words) and not apart[last]:  # the window is full
            middle = (first + last) // 2
            last = next((k for k in range(last, middle, -1) if opens[k]), last)
        yield start, first, last
        first = last


def _apart(word: Word, following: Word) -> bool:
    """Whether text that is no pair of words lies between the two, so that the one is no context for the other."""
    return max(following.clean[0] - word.clean[1], following.noisy[0] - word.noisy[1]) > LONGEST


def _before(start: Word, first: Word) -> int:
    """Sub-words from ``start`` up to ``first``, on the side that has more."""
    return max(first.clean_subs[0] - start.clean_subs[0], first.noisy_subs[0] - start.noisy_subs[0])


def _size(start: Word, last: Word) -> int:
    """Sub-words from ``start`` up to and with ``last``, on the side that has more."""
    return max(last.clean_subs[1] - start.clean_subs[0], last.noisy_subs[1] - start.noisy_subs[0])


def _opens_sentence(text: str, start: int) -> bool:
    """Whether a capital stands here, and a full stop, exclamation or question mark before it."""
    return text[start].isupper() and text[max(0, start - 4) : start].rstrip().endswith((".", "!", "?"))
