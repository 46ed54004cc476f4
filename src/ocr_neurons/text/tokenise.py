"""Running text cut into tokens, about as HIPE cuts its newspapers."""

from __future__ import annotations

import re

_WORD = r"""
    | \w[\w\u0300-\u036f]*           # a word or figure, combining marks in it, which goes on with
      (?: -\w[\w\u0300-\u036f]*      #   a hyphen
{apostrophe}
        | (?<=\d)[.,/](?=\d)\w+      #   a point, comma or stroke between figures: 1,200, 7/8d
      )*
    | \S                             # any other mark stands alone
"""
_ENGLISH = r"        | ['’](?!s(?![\w-]))\w[\w\u0300-\u036f]*  # no possessive: o'clock, St. Martin's-le-Grand"
_TOKENS = {
    "en": re.compile(r"  ['’]s(?![\w-])  # possessive" + _WORD.format(apostrophe=_ENGLISH), re.VERBOSE),
    "fr": re.compile(r"  aujourd['’]hui" + _WORD.format(apostrophe=""), re.VERBOSE | re.IGNORECASE),
}


def tokenise(text: str, language: str = "") -> list[tuple[int, int]]:
    """Character spans ``[start, end)`` of the tokens: words with their hyphens, and every other mark alone.

    English keeps the possessive ``'s`` together and apart from its word. French, as HIPE does, has elided letters and
    their apostrophe as tokens of their own (``l ’ autre``). Other languages are cut as English. White space is all
    that lies outside the tokens.
    """
    return [match.span() for match in _TOKENS.get(language, _TOKENS["en"]).finditer(text)]
