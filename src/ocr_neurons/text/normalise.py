"""Differences that are layout or typography and not OCR noise, taken out on request, with the way back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.text.align import align
from ocr_neurons.text.pairs import TextPair

RULES: dict[str, str] = {
    "nfc": "characters composed (Unicode NFC); before the other rules and once more after them",
    "hyphens": "words cut by a line end joined: soft hyphens, ¬ and - before a line end dropped with it",
    "lines": "line ends and runs of white space, no-break spaces included, become one space",
    "long-s": "long s becomes s (also ẛ and the ligature of long s and t)",
    "ligatures": "the letters of ﬀ ﬁ ﬂ ﬃ ﬄ ﬆ apart",
    "umlauts": "a small e above a vowel, as old German prints it, becomes its umlaut: aͤ, oͤ, uͤ are ä, ö, ü",
    "hyphen-signs": "the typographic hyphens ‐ and ‑ become -",
    "french-spacing": "spaces before ; : ! ? » and after « dropped",
    "quotes": "typographic quotes and apostrophes become \" and '",
}
"""The rules, in the order in which they are applied."""

Change = tuple[int, int, str]
"""``(start, end, what stands there instead)``, character offsets."""

_LETTER = r"[^\W\d_][\u0300-\u036f]*"
_BREAK = r"[^\S\r\n]*[\r\n]\s*"
_HYPHENS = re.compile(
    rf"\u00ad(?:{_BREAK}(?={_LETTER}))?"  # soft hyphen, with its line end if the word goes on
    rf"|¬(?:{_BREAK}|\s*(?={_LETTER}))"  # the transcribers' sign; in running text of tokens its line end is a space
    rf"|(?<=[^\W\d_])[\u0300-\u036f]*(?P<hyphen>[-\u2010\u2e17]{_BREAK})(?={_LETTER})"
)
_SPACES = re.compile(r"\s+")
_LONG_S = {"ſ": "s", "ẛ": "ṡ", "ﬅ": "st"}
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬆ": "st"}
_UMLAUTS = {"aͤ": "ä", "oͤ": "ö", "uͤ": "ü", "Aͤ": "Ä", "Oͤ": "Ö", "Uͤ": "Ü"}
_HYPHEN_SIGNS = dict.fromkeys("\u2010\u2011", "-")
_FRENCH = re.compile(r"[ \t\u00a0\u2007\u2009\u202f]+(?=[;:!?»])|(?<=«)[ \t\u00a0\u2007\u2009\u202f]+")
_QUOTES = dict.fromkeys("„“”‟«»", '"') | dict.fromkeys("‹›‘’‚‛ʼ", "'")


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """A normalised text and where its characters stood.

    ``offsets`` (int64, ``len(text) + 1`` of them, never falling) are positions in the original: character ``i`` stands
    for ``original[offsets[i]:offsets[i + 1]]``, in which what was dropped after it is included; the last is the length
    of the original. Characters dropped at the very beginning stand before ``offsets[0]``.
    """

    text: str
    offsets: NDArray[np.int64]

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that ``[start, end)`` stands for."""
        return int(self.offsets[start]), int(self.offsets[end])


def normalise(text: str, rules: Collection[str]) -> Normalised:
    """Apply ``rules`` (keys of :data:`RULES`), in the order of that table whatever order they are given in.

    A second application changes nothing. ``hyphens`` cannot know a compound from a word cut by the line end, so
    ``co-`` + ``operate`` and ``Saint-`` + ``Germain`` are both joined: apply it to both sides.

    Raises:
        UserError: an unknown rule.
    """
    if isinstance(rules, str):
        rules = (rules,)
    for rule in rules:
        if rule not in RULES:
            raise UserError(f"normalisation {rule!r} is unknown{nearest(rule, RULES)}")
    offsets = np.arange(len(text) + 1, dtype=np.int64)
    for rule in [rule for rule in RULES if rule in rules] + ["nfc"] * ("nfc" in rules):
        while changes := list(_CHANGES[rule](text)):
            text, kept = changed(text, changes)
            offsets = offsets[kept]
            if rule not in _REPEATED:
                break
    return Normalised(text, offsets)


def changed(text: str, changes: Sequence[Change]) -> tuple[str, NDArray[np.int64]]:
    """The text with ``changes`` made (in order, none overlapping), and where its characters and its end stood.

    A new text is not longer than what it replaces, or its last characters share the last old position.
    """
    pieces: list[str] = []
    kept: list[NDArray[np.int64]] = []
    position = 0
    for start, end, new in changes:
        pieces += [text[position:start], new]
        kept += [np.arange(position, start), np.minimum(np.arange(start, start + len(new)), max(start, end - 1))]
        position = end
    pieces.append(text[position:])
    kept.append(np.arange(position, len(text) + 1))
    return "".join(pieces), np.concatenate(kept).astype(np.int64)


def normalise_pair(pair: TextPair, rules: Collection[str]) -> TextPair:
    """Both sides of a pair, and its context, normalised; its edit script is made anew if it had one."""
    clean, noisy = normalise(pair.clean, rules).text, normalise(pair.noisy, rules).text
    left, right = normalise(pair.left, rules).text, normalise(pair.right, rules).text
    edits = align(clean, noisy).edits if pair.edits else ()
    return replace(pair, clean=clean, noisy=noisy, left=left, right=right, edits=edits)


def _hyphens(text: str) -> Iterator[Change]:
    for match in _HYPHENS.finditer(text):
        start, end = match.span("hyphen")
        yield (*((start, end) if start >= 0 else match.span()), "")


def _lines(text: str) -> Iterator[Change]:
    return ((*match.span(), " ") for match in _SPACES.finditer(text) if match[0] != " ")


def _french_spacing(text: str) -> Iterator[Change]:
    return ((*match.span(), "") for match in _FRENCH.finditer(text))


def _characters(table: dict[str, str]) -> Callable[[str], Iterator[Change]]:
    pattern = re.compile("|".join(table))
    return lambda text: ((*match.span(), table[match[0]]) for match in pattern.finditer(text))


def _nfc(text: str) -> Iterator[Change]:
    if unicodedata.is_normalized("NFC", text):
        return
    start = 0
    joins = _second_characters()
    for position in range(1, len(text) + 1):
        # a cluster ends before a character that never composes with what stands before it
        if position == len(text) or not (unicodedata.combining(text[position]) or text[position] in joins):
            new = unicodedata.normalize("NFC", text[start:position])
            if new != text[start:position]:
                yield start, position, new
            start = position


@lru_cache(maxsize=1)
def _second_characters() -> frozenset[str]:
    """Characters of combining class 0 that compose with the one before them, or begin a decomposition that does."""
    joins = set(map(chr, [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))  # Hangul, which no table lists
    for code in range(0x110000):
        decomposition = unicodedata.decomposition(chr(code))
        if decomposition and not decomposition.startswith("<"):
            joins |= {chr(int(part, 16)) for part in decomposition.split()[1:]}
    return frozenset(joins)


_CHANGES: dict[str, Callable[[str], Iterator[Change]]] = {
    "nfc": _nfc,
    "hyphens": _hyphens,
    "lines": _lines,
    "long-s": _characters(_LONG_S),
    "ligatures": _characters(_LIGATURES),
    "umlauts": _characters(_UMLAUTS),
    "hyphen-signs": _characters(_HYPHEN_SIGNS),
    "french-spacing": _french_spacing,
    "quotes": _characters(_QUOTES),
}
_REPEATED = ("hyphens",)  # what is joined may be cut again: a soft hyphen before a hyphen
