"""Where sentences end in running text: a rule for text that nobody has marked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_neurons.text.hyphens import LINE_END

# English, French, German; those after which a capital is usual
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms dr rev hon capt col gen lieut maj sergt prof st ste messrs esq sir jun sen no nos vol pp cf viz etc
    mm mme mmes mlle mgr me cie av ch fr hr hrn frl nr str bd ff bzw vgl sog geb ca art
    wm jas chas thos geo jos sta fig comp tac cic hom il od ann thlr ngr kr fl
    jan feb mar apr jul aug sept oct nov dec janv févr avr juil okt dez
    """.split()  # noqa: SIM905 - thirty lines otherwise
)
_PARAGRAPH = re.compile(rf"{LINE_END}\s*[\r\n]|\f")
_CLOSING = "\"'”’»)]"
_OPENING = "\"'“‘„«([—–-"


def sentence_ends(text: str, tokens: Sequence[tuple[int, int]]) -> set[int]:
    r"""The tokens after which a sentence ends: closing marks included, and the last token.

    ``tokens`` are spans of ``text``. An empty line ends one. ``.``, ``!`` and ``?`` end one where no small letter
    follows, unless the point stands after an initial, a known abbreviation or a figure that a word follows. A guess:
    windows are cut there, and no label depends on it otherwise.
    """
    ends: set[int] = set()
    for index in range(len(tokens)):
        last = index + 1 == len(tokens)
        if last or _PARAGRAPH.search(text[tokens[index][1] : tokens[index + 1][0]]):
            ends.add(index)
        elif text[slice(*tokens[index])] in (".", "!", "?", "…"):
            end = _with_closing(text, tokens, index)
            if end + 1 < len(tokens) and _may_end(text, tokens, index, end):
                ends.add(end)
    return ends


def _with_closing(text: str, tokens: Sequence[tuple[int, int]], index: int) -> int:
    """The last of the closing marks and points that stand right after a token, without a space."""
    while (
        index + 1 < len(tokens)
        and tokens[index + 1][0] == tokens[index][1]
        and text[slice(*tokens[index + 1])] in (*_CLOSING, ".", "!", "?")
    ):
        index += 1
    return index


def _may_end(text: str, tokens: Sequence[tuple[int, int]], index: int, end: int) -> bool:
    following = text[slice(*tokens[end + 1])]
    if tokens[end + 1][0] == tokens[end][1] or not (following[0].isupper() or following[0] in _OPENING + "0123456789"):
        return False
    if text[slice(*tokens[index])] != "." or index == 0 or tokens[index - 1][1] != tokens[index][0]:
        return True
    word = text[slice(*tokens[index - 1])]
    initial = len(word) == 1 and word.isalpha()
    return not (initial or word.lower() in _ABBREVIATIONS or (word.isdigit() and len(word) < 3))
