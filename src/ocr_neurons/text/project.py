"""Entity labels carried from a document to another reading of its text, through their alignment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.document import Document, Entity, Token
from ocr_neurons.text.led import entity_distance, surface
from ocr_neurons.text.tokenise import tokenise


@dataclass(frozen=True, slots=True)
class Projection:
    """A document with labels from another one, and the entities of that one which found no place in it."""

    document: Document
    lost: tuple[Entity, ...]
    """Entities of the source, positions in its tokens: deleted altogether, or wholly inside another one's token."""


def project(
    document: Document,
    text: str,
    alignment: Alignment | None = None,
    *,
    tokens: Sequence[tuple[int, int]] | None = None,
) -> Projection:
    """The entities of ``document`` on ``text``, another reading of it: its OCR, or the clean page of an OCR text.

    ``alignment`` is that of ``document.text()`` with ``text``; made here unless given. ``tokens`` are the spans of
    ``text`` to label; cut by :func:`tokenise` unless given. A token belongs to the entity that has most of it, if that
    is half of the token or half of what is left of the entity: a name glued to its neighbour stays a name, one cut in
    two is one entity of two tokens. ``led`` of an entity's tokens is the distance of the two surfaces. Sentence ends
    are carried over, line ends are not.

    Raises:
        ValueError: the alignment is of other texts.
    """
    running = document.running_text()
    alignment = alignment or align(running.text, text)
    if alignment.clean != running.text or alignment.noisy != text:
        raise ValueError(f"document {document.id}: the alignment is not of this document and this text")
    cut = list(tokenise(text, document.language) if tokens is None else tokens)
    entities = document.entities()
    owner = [-1] * len(text)
    sizes: list[int] = []
    for index, entity in enumerate(entities):
        start, end = alignment.to_noisy(running.starts[entity.start], running.ends[entity.end - 1])
        owner[start:end] = [index] * (end - start)
        sizes.append(end - start)
    owners = [_owner(owner[start:end], sizes) for start, end in cut]
    labels = ["O"] * len(cut)
    distances: list[float | None] = [None] * len(cut)
    new = [Token(text[a:b], _space_after(text, b)) for a, b in cut]
    lost: list[Entity] = []
    lasts = {who: place for place, who in enumerate(owners)}
    firsts = {who: place for place, who in reversed(list(enumerate(owners)))}
    for index, entity in enumerate(entities):
        if index not in firsts:
            lost.append(entity)
            continue
        first, last = firsts[index], lasts[index]
        # running text, not tokens: it parts words that a data set glues without their being so on the page
        before = running.text[running.starts[entity.start] : running.ends[entity.end - 1]]
        led = entity_distance(before, surface(new[first : last + 1]))
        labels[first : last + 1] = [f"B-{entity.type}"] + [f"I-{entity.type}"] * (last - first)
        distances[first : last + 1] = [led] * (last - first + 1)
    ends = _sentence_ends(document, alignment, cut)
    made = tuple(
        replace(token, label=label, led=led, sentence_end=place in ends)
        for place, (token, label, led) in enumerate(zip(new, labels, distances, strict=True))
    )
    return Projection(replace(document, tokens=made), tuple(lost))


def _owner(characters: list[int], sizes: list[int]) -> int:
    """The entity a token belongs to, -1 for none."""
    shares = Counter(who for who in characters if who >= 0)
    if not shares:
        return -1
    who, count = max(shares.items(), key=lambda item: (item[1], -item[0]))
    return who if 2 * count >= min(len(characters), sizes[who]) else -1


def _space_after(text: str, end: int) -> bool:
    return end == len(text) or text[end].isspace()


def _sentence_ends(document: Document, alignment: Alignment, cut: list[tuple[int, int]]) -> set[int]:
    """The tokens that end a sentence: the last one to begin before the place where a sentence of the source ends."""
    ends: set[int] = set()
    running = document.running_text()
    position = 0
    for index, token in enumerate(document.tokens):
        if token.sentence_end:
            _, end = alignment.to_noisy(running.starts[index], running.ends[index])
            while position < len(cut) and cut[position][0] < end:
                position += 1
            if position:
                ends.add(position - 1)
    return ends
