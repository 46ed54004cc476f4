"""The noise presets of the paper: character confusions of nlpaug's ``OcrAug`` at three levels, and similarity bins.

Source: Boros & Ehrmann 2024 (arXiv 2409.16934) and nlpaug 1.1.11. The table has 31 characters and covers about 1 %
of the edits that real OCR makes: use it to reproduce the paper, not to imitate OCR.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.text.align import align
from ocr_neurons.text.pairs import TextPair

_FORWARD: dict[str, str] = {
    "0": "89oOD",
    "1": "47lI",
    "2": "zZ",
    "5": "8",
    "6": "b",
    "8": "sS@&",
    "9": "gq",
    "o": "u",
    "r": "k",
    "C": "G",
    "O": "DU",
    "E": "B",
}


def _both_ways(forward: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The table with each confusion reversed too."""
    table: dict[str, list[str]] = {key: list(values) for key, values in forward.items()}
    for key, values in forward.items():
        for value in values:
            back = table.setdefault(value, [])
            if key not in back:
                back.append(key)
    return {key: tuple(values) for key, values in table.items()}


CONFUSIONS: dict[str, tuple[str, ...]] = _both_ways(_FORWARD)
"""What each character may be read as; each reading is equally likely. Other characters never change."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How much a level changes: characters a word (least, most, share of its length) and the share of words."""

    char_min: int
    char_max: int
    char_share: float
    word_share: float

    def characters(self, length: int) -> int:
        """Characters to change in a word of ``length``: ``share * length`` rounded up, within least and most."""
        return max(self.char_min, min(self.char_max, math.ceil(self.char_share * length)))

    def words(self, count: int) -> int:
        """Words to change in a text of ``count``: ``share * count`` rounded up, so at least one."""
        return min(count, max(1, math.ceil(self.word_share * count)))


PRESETS: dict[str, Preset] = {
    "low": Preset(1, 1, 0.1, 0.1),
    "medium": Preset(2, 5, 0.6, 0.6),
    "high": Preset(3, 10, 0.9, 0.9),
}


def preset(level: str) -> Preset:
    """The preset called ``level``.

    Raises:
        UserError: there is none of this name.
    """
    if level not in PRESETS:
        raise UserError(f"noise level {level!r} is unknown{nearest(level, PRESETS)}")
    return PRESETS[level]


def confusable(word: str) -> bool:
    """Whether the table can change ``word`` at all."""
    return any(character in CONFUSIONS for character in word)


def corrupt_word(word: str, level: str, rng: np.random.Generator) -> TextPair:
    """``word`` with the character noise of ``level``; the preset's word share plays no part.

    Each position changes at most once, and only if the table knows its character: a word with fewer such characters
    than the level asks for has them all changed, a word with none stays as it is.
    """
    noisy = _corrupt(word, preset(level), rng)
    return TextPair(clean=word, noisy=noisy, level=level, source="", edits=align(word, noisy).edits)


def corrupt_text(text: str, level: str, rng: np.random.Generator) -> TextPair:
    """``text`` with the noise of ``level`` on the preset's share of its words, drawn at random; at least one word.

    Words are runs of letters and digits. nlpaug also draws punctuation marks, which its table rarely changes, and
    stops at ten words a text; neither is imitated.
    """
    chosen = preset(level)
    words = list(re.finditer(r"\w+", text))
    picked = rng.permutation(len(words))[: chosen.words(len(words))]
    pieces: list[str] = []
    position = 0
    for index in sorted(int(number) for number in picked):
        start, end = words[index].span()
        pieces += [text[position:start], _corrupt(text[start:end], chosen, rng)]
        position = end
    noisy = "".join([*pieces, text[position:]])
    return TextPair(clean=text, noisy=noisy, level=level, source="", edits=align(text, noisy).edits)


def similarity_bin(value: float) -> str:
    """``"poor"`` up to 0.6, ``"average"`` up to 0.8, ``"good"`` above; ``value`` is 1 - distance / longer length."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"similarity {value}: wanted a number from 0 to 1")
    value = round(value, 9)  # 1 - 2/5 must be 0.6
    return "poor" if value <= 0.6 else "average" if value <= 0.8 else "good"


def _corrupt(word: str, chosen: Preset, rng: np.random.Generator) -> str:
    characters = list(word)
    places = [place for place, character in enumerate(characters) if character in CONFUSIONS]
    count = min(len(places), chosen.characters(len(characters)))
    for index in rng.permutation(len(places))[:count]:
        readings = CONFUSIONS[characters[places[index]]]
        characters[places[index]] = readings[int(rng.integers(len(readings)))]
    return "".join(characters)
