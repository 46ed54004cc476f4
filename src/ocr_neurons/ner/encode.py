"""From documents to windows of sub-words, and from sub-words back to tokens.

The running text of a document is tokenised as it stands, missing spaces included, and cut into windows. A token of
the document is represented by one sub-word of one window, found by character offsets; every token has one, however
long its document or its sentence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.special import special_tokens
from ocr_neurons.text.document import Document

MAX_LENGTH = 128
OVERLAP = 32


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a document: ``ids`` are sub-word numbers, ``heads`` pairs ``(position in ids, token of document)``."""

    document: int
    ids: tuple[int, ...]
    heads: tuple[tuple[int, int], ...]


def windows(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase, max_length: int = MAX_LENGTH
) -> list[Window]:
    """Cut documents into windows of at most ``max_length`` sub-words, special tokens included, at sentence ends.

    Neighbouring sentences share a window while they fit. A sentence longer than a window is cut; its pieces reach
    over the cut by up to ``OVERLAP`` sub-words, so that no token is read at a bare edge. Each token of each document
    is in the heads of exactly one window.

    Raises:
        UserError: ``max_length`` has no room for a sub-word beside the special tokens.
    """
    before, after = special_tokens(tokenizer)
    room = max_length - len(before) - len(after)
    if room < 1:
        raise UserError(
            f"windows of {max_length} sub-words given; wanted more than the {max_length - room} special ones"
        )
    cut: list[Window] = []
    for number, document in enumerate(documents):
        running = document.running_text()
        encoded = tokenizer(running.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        # a tokenizer may drop all there is (BERT's drops control characters); the tokens still need a window
        ids: list[int] = encoded["input_ids"] or [_stand_in(tokenizer)]
        heads = token_heads(encoded["offset_mapping"] or [(0, 0)], running.starts, running.ends)
        for start, stop, first, last in _pieces(document.sentences(), [*heads, len(ids)], room):
            kept = tuple((heads[token] - start + len(before), token) for token in range(first, last))
            cut.append(Window(number, (*before, *ids[start:stop], *after), kept))
    return cut


def token_heads(offsets: Sequence[tuple[int, int]], starts: Sequence[int], ends: Sequence[int]) -> list[int]:
    """For each token the sub-word that carries its label: the first one that belongs to it alone, if there is one.

    ``offsets`` are the character spans of the sub-words. A sub-word may span two tokens that stand together
    (``).``); the second then takes the next sub-word of its own, or shares when it has none. A token that no sub-word
    covers takes the one before it, so that no token is ever without.
    """
    heads: list[int] = []
    sub_ends = [end for _, end in offsets]
    for start, end in zip(starts, ends, strict=True):
        sub = bisect_right(sub_ends, start)
        if sub == len(offsets) or offsets[sub][0] >= end:
            sub = max(sub - 1, 0)
        elif heads and heads[-1] == sub and sub + 1 < len(offsets) and offsets[sub + 1][0] < end:
            sub += 1
        heads.append(max(sub, heads[-1]) if heads else sub)
    return heads


def _pieces(sentences: Sequence[tuple[int, int]], heads: Sequence[int], room: int) -> list[tuple[int, int, int, int]]:
    """Spans ``(sub-word start, stop, first token, last token)``; token spans follow one another without a gap.

    ``heads`` holds the first sub-word of each token and, last, the number of sub-words.
    """

    def size(first: int, last: int) -> int:
        # the last token may share its sub-word with the first of the next piece
        return max(heads[last], heads[last - 1] + 1) - heads[first]

    units: list[tuple[int, int]] = []
    for first, last in sentences:
        limit = room if size(first, last) <= room else max(1, room - 2 * OVERLAP)
        begin = first
        for token in range(first + 1, last):
            if size(begin, token + 1) > limit:
                units.append((begin, token))
                begin = token
        units.append((begin, last))
    merged: list[tuple[int, int]] = []
    for first, last in units:
        if merged and size(merged[-1][0], last) <= room:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    starts = {first for first, _ in sentences}
    pieces: list[tuple[int, int, int, int]] = []
    for first, last in merged:
        start, stop = heads[first], heads[first] + size(first, last)
        if first not in starts:
            start -= min(OVERLAP, start, max(0, room - (stop - start)))
        if last not in starts:
            stop += min(OVERLAP, heads[-1] - stop, max(0, room - (stop - start)))
        pieces.append((start, min(stop, start + room), first, last))
    return pieces


def _stand_in(tokenizer: PreTrainedTokenizerBase) -> int:
    known = (tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return next((int(number) for number in known if isinstance(number, int)), 0)
