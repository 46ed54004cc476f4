"""What to do, in a sentence or two, and the admission that nothing helped where nothing did."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.report.phrase import bounds, p_value, seconds, signed
from ocr_neurons.score.intervals import ALPHA, Difference
from ocr_neurons.strategies.compare import Row


def recommended(rows: Sequence[Row]) -> Row | None:
    """The strategy with the highest lower bound on OCR text among those that gain there and cost clean text nothing.

    Gain: the 95 % interval of the paired difference lies above zero, and p, corrected for the strategies of the table,
    is at most 0.05. Cost: on the clean twins the interval lies below zero, whatever p is.
    """
    return _highest([row for row in _gaining(rows) if row.holm is None or row.holm <= ALPHA])


def _gaining(rows: Sequence[Row]) -> list[Row]:
    """Those that would be recommended if nothing else had been tried."""
    return [row for row in rows if row.change and row.change.better and not _harms(row)]


def _highest(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row.change.low if row.change else 0.0, default=None)


def recommendation(rows: Sequence[Row]) -> tuple[str, Row | None]:
    """What is said, and the strategy that is recommended, or None."""
    others = [row for row in rows if row.change]
    best = recommended(others)
    if not others:
        return "There is nothing to compare: only the plain tagger was scored.", None
    if best and best.change:
        return _praise(best, best.change, len(others)), best
    if lead := _highest(_gaining(others)):
        return (
            f"Nothing is recommended: the best, {lead.strategy.title}, changes strict F1 by {_size(lead.change)} on "
            f"OCR text; corrected for {len(others)} strategies that may be chance ({p_value(lead.holm or 1.0)}). Look "
            "at it again on other documents, or with another seed.",
            None,
        )
    if row := _highest([row for row in others if row.change and row.change.better]):
        return (
            f"Nothing is recommended: {row.strategy.title} changes strict F1 by {_size(row.change)} on OCR text, but "
            f"by {_size(row.clean_change)} on clean text.",
            None,
        )
    return _failure(others), None


def _failure(others: Sequence[Row]) -> str:
    """That nothing gained on OCR text, what did harm there, and how the best one did."""
    row = max(others, key=lambda row: row.change.f1 if row.change else 0.0)
    worse = [row.strategy.title for row in others if row.change and row.change.worse]
    who = (
        f"none of the {len(others)} strategies" if len(others) > 1 else f"the one strategy tried, {row.strategy.title},"
    )
    if not worse:
        said = f"{who} can{'' if len(others) > 1 else 'not'} be told from doing nothing on OCR text"
    elif len(worse) == len(others):
        said = "doing nothing is better on OCR text than " + " and ".join(worse)
    else:
        said = f"{who} gains on OCR text; {', '.join(worse)} did harm, the others cannot be told from doing nothing"
    best = f"the best on test, {row.strategy.title}," if len(others) > 1 else "it"
    return f"Nothing is recommended: {said}; {best} changes strict F1 by {_size(row.change)}."


def _praise(row: Row, change: Difference, count: int) -> str:
    work = f" It takes {seconds(60 * row.minutes)} beyond the plain tagger." if row.minutes is not None else ""
    said = f"Recommended: {row.strategy.title}. Against doing nothing strict F1 changes by {_size(change)} on OCR text"
    if row.clean_change:
        said += f" and by {_size(row.clean_change)} on clean text."
    else:
        said += "; what it does on clean text is not known, as there are no clean twins."
    if row.holm is not None and count > 1:
        said += f" Corrected for {count} strategies that stays a gain ({p_value(row.holm)})."
    return said + _owed(row) + work


def _owed(row: Row) -> str:
    """Whether random neurons, or its rival, would have done as well, where that is known."""
    if row.random:
        beaten, others = row.random.beaten, f"{len(row.random.f1s)} draws of random neurons treated alike"
        means = "other neurons may bring the gain as well"
    elif row.over_rival:
        beaten, others, means = row.over_rival.better, row.strategy.rival_said, row.strategy.rival_means
    else:
        return ""
    if beaten:
        return f" It did better than {others}."
    return f" It cannot be told to do better than {others}, so {means}."


def _harms(row: Row) -> bool:
    return row.clean_change is not None and row.clean_change.high < 0


def _size(value: Difference | None) -> str:
    return "nothing" if value is None else f"{signed(value.f1)} {bounds((value.low, value.high))} points"
