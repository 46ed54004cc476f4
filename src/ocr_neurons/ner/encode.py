"""From documents to windows of sub-words, and from sub-words back to tokens.

The running text of a document is tokenised as it stands, missing spaces included, and cut into windows. A token of
the document is represented by one sub-word of one window, found by character offsets; every token has one, however
long its document or its sentence.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.special import special_tokens
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.text.document import Document


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a document: ``ids`` are sub-word numbers, the rest tells where the tokens it labels stand.

    Attributes:
        document: the document's place in its sequence.
        heads: ``(position in ids, token of document)``: where the label of a token is given.
        spans: for each of ``heads`` the token's own sub-words, positions ``[first, last)``, without one at which the
            token before begins, unless there is no other. The end of a word longer than a window is cut with it.
    """

    document: int
    ids: tuple[int, ...]
    heads: tuple[tuple[int, int], ...]
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document as sub-words: ``firsts[i]`` is the one at which token ``i`` begins, ``lasts[i]`` the one after it."""

    ids: tuple[int, ...]
    firsts: tuple[int, ...]
    lasts: tuple[int, ...]

    def size(self, first: int, last: int) -> int:
        """Sub-words from token ``first`` to the end of token ``last - 1``, which may share it with the next one."""
        end = self.firsts[last] if last < len(self.firsts) else len(self.ids)
        return max(end, self.firsts[last - 1] + 1) - self.firsts[first]


def encode(document: Document, tokenizer: PreTrainedTokenizerBase) -> Encoded:
    """The sub-words of a document's running text, and which of them are whose; never none."""
    running = document.running_text()
    encoded = tokenizer(running.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    # a tokenizer may drop all there is (BERT's drops control characters); the tokens still need a window
    ids: list[int] = encoded["input_ids"] or [_stand_in(tokenizer)]
    offsets = encoded["offset_mapping"] or [(0, 0)]
    firsts = token_heads(offsets, running.starts, running.ends)
    begins = [start for start, _ in offsets]
    lasts = [max(bisect_left(begins, end), first + 1) for first, end in zip(firsts, running.ends, strict=True)]
    return Encoded(tuple(ids), tuple(firsts), tuple(lasts))


def windows(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase, encoding: Encoding | None = None
) -> list[Window]:
    """Cut documents into windows by the ``encoding`` (its defaults unless given), at sentence ends where it can.

    Neighbouring sentences share a window while they fit beside the context on either side. A sentence longer than
    that is cut. Each token of each document is in the heads of exactly one window.

    Raises:
        UserError: ``max_length`` has no room for a sub-word beside the special tokens.
    """
    layout = Layout(encoding or Encoding(), tokenizer)
    cut: list[Window] = []
    for number, document in enumerate(documents):
        encoded = encode(document, tokenizer)
        cut += [layout.window(number, encoded, *piece) for piece in pieces(encoded, document, layout.room, layout.core)]
    return cut


class Layout:
    """How the words of a window are laid out for a model: special tokens, context, repetition.

    Attributes:
        room: sub-words beside the special tokens.
        core: sub-words beside the context as well; a context that leaves less than half of the room is shortened.
    """

    def __init__(self, encoding: Encoding, tokenizer: PreTrainedTokenizerBase) -> None:
        self.encoding = encoding
        self.before, self.after = special_tokens(tokenizer)
        special = len(self.before) + len(self.after)
        self.room = encoding.max_length - special
        if self.room < 1:
            raise UserError(
                f"windows of {encoding.max_length} sub-words given; wanted more than the {special} special ones"
            )
        self.context = min(encoding.context, self.room // 4)
        self.core = self.room - 2 * self.context

    def window(self, number: int, encoded: Encoded, first: int, last: int, limit: int | None = None) -> Window:
        """Tokens ``[first, last)`` of document ``number``, with their context.

        The end of a word that is longer than ``limit`` sub-words, the layout's room unless given, is cut off.
        """
        begin = encoded.firsts[first]
        end = begin + min(encoded.size(first, last), limit or self.room)
        spare = max(0, self.room - (end - begin))
        start = begin - min(self.context, begin, spare)
        stop = end + min(self.context, len(encoded.ids) - end, spare - (begin - start))
        text = encoded.ids[start:stop]
        shift = len(self.before) - start
        if self.encoding.repeat:
            text, shift = text + text, shift + len(text)
        spans = [
            (encoded.firsts[token] + shift, min(encoded.lasts[token], stop) + shift) for token in range(first, last)
        ]
        heads = [
            (head if self.encoding.head == "first" else tail - 1, token)
            for token, (head, tail) in zip(range(first, last), spans, strict=True)
        ]
        return Window(number, (*self.before, *text, *self.after), tuple(heads), tuple(spans))


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


def pieces(encoded: Encoded, document: Document, room: int, core: int) -> Iterator[tuple[int, int]]:
    """Token spans ``[first, last)`` that follow one another without a gap, each of at most ``core`` sub-words.

    A span of one token may be longer. A document that fits into ``room`` needs no context and is one span.
    """
    count = len(document.tokens)
    if count and encoded.size(0, count) <= room:
        yield 0, count
        return
    merged: list[tuple[int, int]] = []
    for first, last in _units(encoded, document.sentences(), core):
        if merged and encoded.size(merged[-1][0], last) <= core:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    yield from merged


def _units(encoded: Encoded, sentences: Sequence[tuple[int, int]], core: int) -> Iterator[tuple[int, int]]:
    """The sentences, long ones cut."""
    for first, last in sentences:
        begin = first
        for token in range(first + 1, last):
            if encoded.size(begin, token + 1) > core:
                yield begin, token
                begin = token
        yield begin, last


def _stand_in(tokenizer: PreTrainedTokenizerBase) -> int:
    known = (tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return next((int(number) for number in known if isinstance(number, int)), 0)
