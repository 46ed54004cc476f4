"""Words that a line end cuts in two: where they are, and whether the hyphen belongs to the word."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ocr_neurons.text.normalise import Change

SIGNS = "-\u2010\u2011=¬\u2e17\u00ad"
"""What may stand at the end of a line for a cut: hyphens, ``=`` (blackletter's as it is often read), ``¬``, ``⸗``, the
soft hyphen."""
_CERTAIN = "¬\u2e17\u00ad"
"""Signs that say a word goes on and are never part of one."""

LINE_END = r"(?>\r*+\n|\r)"
r"""A pattern of line ends: those of Unix, of Windows (``\r`` twice where it was converted twice) and of old Macs."""

_LETTER = r"[^\W\d_]"
_CUT = re.compile(
    rf"(?<={_LETTER})[\u0300-\u036f]*(?P<cut>(?P<sign>[{SIGNS}])(?P<gap>[^\S\r\n]*[\r\n]\s*))(?={_LETTER})"
    rf"|(?<=\w)(?P<soft>\u00ad)(?=\w)"
)
_WORD_BEFORE = re.compile(rf"({_LETTER}[\u0300-\u036f]*)+$")
_WORD_AFTER = re.compile(rf"({_LETTER}[\u0300-\u036f]*)+")
_LONGEST = 60


def word_cuts(text: str, known: Iterable[Change] = ()) -> list[Change]:
    r"""What to change in ``text`` so that words cut by line ends (``\n``, ``\r\n``, ``\r``) are whole; in order.

    A sign before a small letter is dropped with the line end, so ``to-``/``day`` loses its hyphen. Before a capital a
    hyphen stays (``Saint-``/``Germain``), unless both parts are in capitals; over an empty line words only go on with
    a small letter. ``¬``, ``⸗`` and soft hyphens are always dropped. Figures are left alone. ``known`` are cuts that
    the source itself marks; where they stand, nothing is guessed.
    """
    cuts = sorted(known)
    taken = {position for start, end, _ in cuts for position in range(start, end)}
    for match in _CUT.finditer(text):
        start, end = match.span("soft" if match["soft"] else "cut")
        if start in taken or end - 1 in taken:
            continue
        new = "" if match["soft"] else _joint(text, match)
        if new is not None:
            cuts.append((start, end, new))
    return sorted(cuts)


def _joint(text: str, match: re.Match[str]) -> str | None:
    """What stands in the place of sign and line end: nothing, a hyphen, or ``None`` where two words meet."""
    start, end = match.span("cut")
    if text[end].islower():
        return ""
    if len(re.findall(LINE_END, match["gap"])) > 1:
        return None
    if match["sign"] in _CERTAIN:
        return ""
    before = _WORD_BEFORE.search(text, max(0, start - _LONGEST), start)
    after = _WORD_AFTER.match(text, end)
    if before and after and len(before[0]) > 1 and len(after[0]) > 1 and (before[0] + after[0]).isupper():
        return ""
    return "-"
