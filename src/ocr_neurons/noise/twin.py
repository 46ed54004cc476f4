"""A noisy twin of clean documents, token by token: a stand-in until printed and recognised noise replaces it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.presets import CONFUSIONS
from ocr_neurons.text.document import Document, Token

FREQUENT: dict[str, str] = {
    # one letter for one
    "a": "o u s",
    "b": "h l",
    "c": "e o",
    "d": "cl a",
    "e": "c c c o",
    "f": "t",
    "g": "q y",
    "h": "b b li",
    "i": "l l 1 t",
    "k": "lt h",
    "l": "1 i I t",
    "m": "rn in nn",
    "n": "u u ii",
    "o": "c 0 e",
    "p": "n",
    "q": "g",
    "r": "t i v",
    "s": "f a 8",
    "t": "l l f i",
    "u": "n n ii",
    "v": "y r",
    "w": "vv iv",
    "x": "z",
    "y": "v g",
    "z": "x",
    # one for several
    "cl": "d",
    "ff": "f",
    "fi": "n",
    "ii": "n",
    "in": "m",
    "li": "h",
    "ll": "U",
    "ni": "m",
    "ri": "n",
    "rn": "m m",
    "tt": "lt",
    "vv": "w",
    # capitals
    "A": "a",
    "B": "R 8",
    "C": "G c",
    "D": "O",
    "E": "F B",
    "F": "P",
    "G": "C 6",
    "H": "II",
    "I": "l 1",
    "J": "I",
    "K": "R",
    "L": "I",
    "M": "lVI",
    "N": "X",
    "O": "0 Q",
    "P": "F",
    "R": "B K",
    "S": "8 s",
    "T": "I",
    "U": "IJ",
    "V": "Y",
    "W": "VV",
    # figures, accents, points
    "0": "O o",
    "1": "l I",
    "3": "8",
    "5": "S",
    "7": "1",
    "8": "3",
    "é": "e 6",
    "æ": "ce",
    "ü": "ii",
    ".": ", ,",
    ",": ". .",
    ";": ":",
    ":": ";",
    "—": "-",
    "£": "&",
}
"""Frequent misreadings of nineteenth-century print, readings parted by spaces, a doubled one twice as likely.

Written down from general experience of such text (``s`` for ``f`` is the long s), not measured on any page.
"""

MEAN_SHARE = 0.18
"""Mean over documents of the share of tokens that are hit; tokens of one character are hit half as often."""
CONCENTRATION = 8.0
"""Of the Beta distribution the share is drawn from: its spread is about 0.13, so some documents are nearly clean."""
HITS: tuple[float, ...] = (0.72, 0.22, 0.06)
"""Chance of 1, 2 and 3 changes in a token that is hit."""


def _table() -> dict[str, tuple[str, ...]]:
    """The frequent confusions, and those of nlpaug once each."""
    table = {source: readings.split() for source, readings in FREQUENT.items()}
    for source, known in CONFUSIONS.items():
        ours = table.setdefault(source, [])
        ours += [reading for reading in known if reading not in ours and reading.isalnum()]
    return {source: tuple(readings) for source, readings in table.items()}


TWIN_CONFUSIONS: dict[str, tuple[str, ...]] = _table()
_SOURCES = {width: frozenset(source for source in TWIN_CONFUSIONS if len(source) == width) for width in (1, 2)}


def noisy_twin(documents: Iterable[Document], seed: int) -> list[Document]:
    """The documents with confused characters inside tokens; labels, spacing and the number of tokens stay.

    Each document draws its own share of hit tokens, so the character error rate differs between documents. ``led``
    of every token of an entity becomes the entity's normalised Levenshtein distance, :func:`entity_distance`. The
    noise of a document depends on ``seed``, its id and its tokens, not on the other documents. Real OCR also joins,
    splits and loses words; this does not.
    """
    return [_corrupt(document, generator(seed, "twin", document.id)) for document in documents]


def with_distances(noisy: Document, clean: Document) -> Document:
    """``noisy`` with ``led`` set from its ``clean`` twin: on every token of every entity, ``None`` elsewhere.

    Raises:
        ValueError: the two differ in their number of tokens.
    """
    if len(noisy.tokens) != len(clean.tokens):
        raise ValueError(f"document {noisy.id}: {len(noisy.tokens)} tokens, its twin {len(clean.tokens)}")
    distances: list[float | None] = [None] * len(noisy.tokens)
    for entity in clean.entities():
        span = slice(entity.start, entity.end)
        led = entity_distance(surface(clean.tokens[span]), surface(noisy.tokens[span]))
        distances[span] = [led] * (entity.end - entity.start)
    tokens = tuple(replace(token, led=led) for token, led in zip(noisy.tokens, distances, strict=True))
    return replace(noisy, tokens=tokens)


def surface(tokens: Sequence[Token]) -> str:
    """The text of consecutive tokens, joined by spaces except where ``space_after`` says there is none."""
    return "".join(token.text + " " * token.space_after for token in tokens[:-1]) + tokens[-1].text


def entity_distance(clean: str, noisy: str) -> float:
    """Levenshtein distance / length of the longer surface, two decimals, as HIPE defines ``LED``: 0 clean, 1 lost."""
    return round(float(Levenshtein.normalized_distance(clean, noisy)), 2)


def _corrupt(document: Document, rng: np.random.Generator) -> Document:
    share = rng.beta(MEAN_SHARE * CONCENTRATION, (1 - MEAN_SHARE) * CONCENTRATION)
    tokens: list[Token] = []
    space_before = True
    for token in document.tokens:
        if rng.random() < (share if len(token.text) > 1 else share / 2):
            text = _misread(token.text, 1 + int(rng.choice(len(HITS), p=HITS)), rng)
            # Running text parts two letters that meet: a letter must not appear or vanish where tokens touch.
            left = space_before or text[:1].isalpha() == token.text[:1].isalpha()
            right = token.space_after or text[-1:].isalpha() == token.text[-1:].isalpha()
            if left and right:
                token = replace(token, text=text)
        tokens.append(token)
        space_before = token.space_after
    return with_distances(replace(document, tokens=tuple(tokens)), document)


def _misread(text: str, count: int, rng: np.random.Generator) -> str:
    """``text`` with up to ``count`` confusions at places that do not overlap."""
    places = [
        (start, start + width)
        for width, sources in _SOURCES.items()
        for start in range(len(text) - width + 1)
        if text[start : start + width] in sources
    ]
    taken: list[tuple[int, int]] = []
    for index in rng.permutation(len(places)):
        start, end = places[int(index)]
        if len(taken) < count and all(end <= other[0] or start >= other[1] for other in taken):
            taken.append((start, end))
    for start, end in sorted(taken, reverse=True):
        readings = TWIN_CONFUSIONS[text[start:end]]
        text = text[:start] + readings[int(rng.integers(len(readings)))] + text[end:]
    return text
