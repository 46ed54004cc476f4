"""From a source's text to a Reading: words made whole, tokens and sentences found, every token's way back kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hyphens import LINE_END, word_cuts
from ocr_neurons.text.normalise import Change, changed, normalise
from ocr_neurons.text.sentences import sentence_ends
from ocr_neurons.text.source import Page, Place, Reading
from ocr_neurons.text.tokenise import tokenise


def read_running(
    name: str,
    kind: str,
    text: str,
    places: Iterable[Place],
    *,
    pages: Sequence[Page] = (),
    language: str = "",
    known: Iterable[Change] = (),
) -> Reading:
    r"""A reading of running text in which ``\n``, ``\r\n`` or ``\r`` ends a line and an empty line a paragraph.

    The tagger is given whole words, composed (NFC). ``known`` are cuts of words that the source marks itself.
    """
    cuts = word_cuts(text, known)
    joined, offsets = changed(text, cuts)
    composed = normalise(joined, ("nfc",))
    offsets = offsets[composed.offsets]
    cut = tokenise(composed.text, language)
    ends = sentence_ends(composed.text, cut)
    tokens: list[Token] = []
    for index, (start, end) in enumerate(cut):
        gap = composed.text[end : cut[index + 1][0] if index + 1 < len(cut) else None]
        last = index + 1 == len(cut)
        tokens.append(
            Token(
                composed.text[start:end],
                space_after=bool(gap) or last,
                line_end="\n" in gap or "\r" in gap or last,
                sentence_end=index in ends,
            )
        )
    spans = tuple((int(offsets[start]), int(offsets[end])) for start, end in cut)
    document = Document(name, tuple(tokens), language)
    return Reading(document, kind, text, spans, tuple(places), tuple(pages), tuple(cuts))


def read_tokens(document: Document, kind: str, *, join: bool) -> Reading:
    r"""A reading of a document that is cut into tokens already; ``join`` makes words whole that a line end cuts.

    The source's text is the document's running text with ``\n`` where the data mark a line end.
    """
    running = document.running_text()
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    position = 0
    for index, token in enumerate(document.tokens):
        following = running.starts[index + 1] if index + 1 < len(document.tokens) else len(running.text)
        gap = "\n" if token.line_end else running.text[running.ends[index] : following]
        spans.append((position, position + len(token.text)))
        pieces += [token.text, gap]
        position += len(token.text) + len(gap)
    text = "".join(pieces).rstrip("\n")
    cuts = word_cuts(text)
    groups = _groups(spans, cuts) if join else [(index, index + 1) for index in range(len(spans))]
    reading = Reading(
        document,
        kind,
        text,
        tuple((spans[first][0], spans[last - 1][1]) for first, last in groups),
        tuple(line_places(text)),
        cuts=tuple(cuts),
        original=document,
        groups=tuple(groups),
    )
    tokens = tuple(_token(reading, number) for number in range(len(groups)))
    return replace(reading, document=replace(document, tokens=tokens))


def line_places(text: str, page: int = -1) -> list[Place]:
    r"""A place for each line that is not empty; ``\f`` ends a page where pages are counted from ``page``."""
    places: list[Place] = []
    position = 0
    for piece in re.split(rf"({LINE_END}|\f)", text):
        if piece == "\f" and page >= 0:
            page += 1
        elif piece.strip():
            places.append(Place(position, position + len(piece.rstrip()), len(places), page))
        position += len(piece)
    return places


def _groups(spans: Sequence[tuple[int, int]], cuts: Sequence[Change]) -> list[tuple[int, int]]:
    """Token spans that become one token each: those that a cut word is made of."""
    groups: list[tuple[int, int]] = []
    places = iter(cuts)
    cut = next(places, None)
    for index, (start, _) in enumerate(spans):
        while cut and cut[1] < start:
            cut = next(places, None)
        joined = cut is not None and groups and cut[0] <= start <= cut[1]
        groups.append((groups.pop()[0] if joined else index, index + 1))
    return groups


def _token(reading: Reading, number: int) -> Token:
    """The tokens of a group as one."""
    first, last = reading.groups[number]
    tokens = reading.document.tokens[first:last]
    if len(tokens) == 1:
        return tokens[0]
    return replace(
        tokens[0],
        text=reading.form(*reading.spans[number]),
        space_after=tokens[-1].space_after,
        line_end=tokens[-1].line_end,
        sentence_end=tokens[-1].sentence_end,
        fields=(),
    )
