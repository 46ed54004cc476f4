"""Scores by the date of documents: decades, or periods of given bounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.text.document import Document

Period = tuple[int, int]
"""Years: ``first <= year < second``, as the HIPE scorer has it."""

_YEAR = re.compile(r"\d{4}(?!\d)")
_WANTED = "decade, or years such as 1800-1850,1850-1900 (the first included, the second not)"


def parse_periods(given: str) -> list[Period] | None:
    """Periods written as ``1800-1850,1850-1900``; ``None`` for ``decade``.

    Raises:
        UserError: not of that form, reversed or overlapping.
    """
    if given == "decade":
        return None
    try:
        pairs = [tuple(map(int, part.split("-"))) for part in given.split(",")]
        periods = [(first, second) for first, second in pairs]
    except ValueError:
        raise UserError(f"time bins {given!r}; wanted {_WANTED}, after the files") from None
    for first, second in periods:
        if first >= second:
            raise UserError(f"time bin {first}-{second}: it ends before it begins; wanted {_WANTED}")
    for (_, end), (start, _) in pairwise(sorted(periods)):
        if start < end:
            raise UserError(f"time bins of {given!r} overlap at {start}; wanted {_WANTED}")
    return periods


def year(document: Document) -> int | None:
    """The year of a document's date, or ``None`` where it has none that can be read."""
    found = _YEAR.match(document.date or "")
    return int(found[0]) if found else None


def decades(documents: Sequence[Document]) -> list[Period]:
    """The decades that the documents' dates fall in, in order."""
    starts = sorted({known // 10 * 10 for document in documents if (known := year(document)) is not None})
    return [(start, start + 10) for start in starts]


def scores_by_period(
    scores: Scores, gold: Sequence[Document], periods: Sequence[Period] | None = None
) -> dict[str, Scores]:
    """Scores of the documents of each period (decades unless given), then of the others where there are any.

    The others are ``outside`` (a date in no period) and ``unknown`` (no date that can be read). A document is in one
    entry, so the entries add up to the whole; unlike noise, a date belongs to predictions as well, so precision counts.
    """
    wanted = decades(gold) if periods is None else list(periods)
    names = {f"{first}-{second}": (first, second) for first, second in wanted}
    places: dict[str, list[int]] = {name: [] for name in (*names, "outside", "unknown")}
    for place, document in enumerate(gold):
        known = year(document)
        if known is None:
            places["unknown"].append(place)
        else:
            inside = (name for name, (first, second) in names.items() if first <= known < second)
            places[next(inside, "outside")].append(place)
    return {name: scores.subset(found) for name, found in places.items() if name in names or found}
