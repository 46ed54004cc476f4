"""What to do, in a sentence or two, and the admission that nothing helped where nothing did.

Dev chooses, test is asked: of all strategies the one with the best F1 on dev can be recommended, if it gains on test.
So one question is put to test, however many strategies there are; what the others do there is for another look.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.report.phrase import bounds, p_value, seconds, signed
from ocr_neurons.score.intervals import ALPHA, Difference
from ocr_neurons.strategies.compare import Row
from ocr_neurons.strategies.strategy import NOTHING, OTHERS


def favourite(rows: Sequence[Row]) -> Row | None:
    """The strategy that is best on dev (the first of equals); None where doing nothing is as good."""
    plain = max((row.made.dev_f1 for row in rows if row.name == NOTHING), default=0.0)
    best = max((row for row in rows if row.change), key=lambda row: row.made.dev_f1, default=None)
    return best if best and best.made.dev_f1 > plain else None


def recommended(rows: Sequence[Row]) -> Row | None:
    """The strategy that is best on dev, if it gains on OCR text and costs clean text nothing.

    Gain: the 95 % interval of the paired difference on test lies above zero, and p is at most 0.05. Cost: on the clean
    twins the interval lies below zero, whatever p is.
    """
    best = favourite(rows)
    return best if best and best.change and best.change.better and not _harms(best) else None


def recommendation(rows: Sequence[Row]) -> tuple[str, Row | None]:
    """What is said, and the strategy that is recommended, or None."""
    others = [row for row in rows if row.change]
    if not others:
        return "There is nothing to compare: only the plain tagger was scored.", None
    first, best = favourite(rows), recommended(rows)
    if best and best.change:
        return _praise(best, best.change, len(others)), best
    said = _failure(first) if first else "on dev no strategy does better than doing nothing"
    return f"Nothing is recommended: {said}.{_second(others, first)}", None


def _failure(first: Row) -> str:
    """Why what dev chose is not recommended."""
    change, title = first.change, first.strategy.title
    if change and change.better:
        return (
            f"{title}, the best on dev, changes strict F1 by {_size(change)} on OCR text, but by "
            f"{_size(first.clean_change)} on clean text"
        )
    what = "did harm on OCR text" if change and change.worse else "cannot be told from doing nothing on OCR text"
    return f"{title}, the best on dev, {what}; it changes strict F1 by {_size(change)}"


def _second(others: Sequence[Row], first: Row | None) -> str:
    """The best on test among those that dev did not choose, where it gains; and whether that outlives correction."""
    gaining = [row for row in others if row is not first and row.change and row.change.better and not _harms(row)]
    row = max(gaining, key=lambda row: row.change.low if row.change else 0.0, default=None)
    if row is None:
        return ""
    p = 1.0 if row.holm is None else row.holm
    stays = "that stays a gain" if p <= ALPHA else "that may be chance"
    return (
        f" {row.strategy.title[:1].upper()}{row.strategy.title[1:]} changes it by {_size(row.change)}; corrected for "
        f"{len(others)} strategies {stays} ({p_value(p)}).{_owed(row)} Look at it again on other "
        "documents, or with another seed."
    )


def _praise(row: Row, change: Difference, count: int) -> str:
    work = f" It takes {seconds(60 * row.minutes)} beyond the plain tagger." if row.minutes is not None else ""
    chosen = f", the best of {count} on dev" if count > 1 else ""
    said = f"Recommended: {row.strategy.title}{chosen}. Against doing nothing strict F1 changes by {_size(change)} on"
    said += f" OCR text ({p_value(change.p)})"
    if row.clean_change:
        said += f" and by {_size(row.clean_change)} on clean text."
    else:
        said += "; what it does on clean text is not known, as there are no clean twins."
    return said + _owed(row) + work


def _owed(row: Row) -> str:
    """Whether random neurons, or its rival, would have done as well; that it is not known, where it should be."""
    if row.random:
        beaten, others = row.random.beaten, f"{len(row.random.f1s)} draws of random neurons treated alike"
        means = OTHERS
    elif row.over_rival:
        beaten, others, means = row.over_rival.better, row.strategy.rival_said, row.strategy.rival_means
    elif row.missing:
        return f" It was not compared with {row.missing}, so {row.strategy.rival_means or OTHERS}."
    else:
        return ""
    if beaten:
        return f" It did better than {others}."
    return f" It cannot be told to do better than {others}, so {means}."


def _harms(row: Row) -> bool:
    return row.clean_change is not None and row.clean_change.high < 0


def _size(value: Difference | None) -> str:
    return "nothing" if value is None else f"{signed(value.f1)} {bounds((value.low, value.high))} points"
