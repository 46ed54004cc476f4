"""Running text cut into tokens, about as HIPE cuts its newspapers."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_WORD = r"""
    | \w[\w{marks}]*                 # a word or figure, combining marks in it, which goes on with
      (?: -\w[\w{marks}]*            #   a hyphen
{apostrophe}
        | (?<=\d)[.,/](?=\d)\w+      #   a point, comma or stroke between figures: 1,200, 7/8d
      )*
    | \S                             # any other mark stands alone
"""
_APOSTROPHES = {
    "en": r"        | ['’](?!s(?![\w-]))\w[\w{marks}]*  # no possessive: o'clock, St. Martin's-le-Grand",
    "fr": "",
}
_FIRST = {"en": r"  ['’]s(?![\w-])  # possessive", "fr": r"  aujourd['’]hui"}


@cache
def _tokens(language: str) -> re.Pattern[str]:
    """The rule of ``en`` or ``fr``. Letters of many scripts carry their vowels as marks: those of all are in words."""
    marks = "".join(sign for sign in map(chr, range(0x300, 0x10000)) if unicodedata.category(sign)[0] == "M")
    pattern = _FIRST[language] + _WORD.replace("{apostrophe}", _APOSTROPHES[language]).replace("{marks}", marks)
    return re.compile(pattern, re.VERBOSE | (re.IGNORECASE if language == "fr" else re.NOFLAG))


def tokenise(text: str, language: str = "") -> list[tuple[int, int]]:
    """Character spans ``[start, end)`` of the tokens: words with their hyphens, and every other mark alone.

    English keeps the possessive ``'s`` together and apart from its word. French, as HIPE does, has elided letters and
    their apostrophe as tokens of their own (``l ’ autre``). Other languages are cut as English; where a script writes
    no spaces, as Chinese and Thai, what stands between two marks is one token. White space is all that lies outside the
    tokens.
    """
    return [match.span() for match in _tokens("fr" if language == "fr" else "en").finditer(text)]
