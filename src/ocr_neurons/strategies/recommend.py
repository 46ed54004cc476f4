"""What to do, in a sentence or two, and the admission that nothing helped where nothing did."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.report.phrase import bounds, p_value, seconds, signed
from ocr_neurons.score.intervals import Difference
from ocr_neurons.strategies.compare import Row


def recommended(rows: Sequence[Row]) -> Row | None:
    """The strategy with the highest lower bound on OCR text among those that gain there and cost nothing on clean text.

    Gain: the 95 % interval of the paired difference lies above zero. Cost: that on the clean twins lies below it.
    """
    good = [row for row in rows if row.change and row.change.low > 0 and not _harms(row)]
    return max(good, key=lambda row: row.change.low if row.change else 0.0, default=None)


def recommendation(rows: Sequence[Row]) -> tuple[str, Row | None]:
    """What is said, and the strategy that is recommended, or None."""
    others = [row for row in rows if row.change]
    best = recommended(others)
    if not others:
        return "There is nothing to compare: only the plain tagger was scored.", None
    if best and best.change:
        return _praise(best, best.change, len(others)), best
    harmful = [row for row in others if row.change and row.change.low > 0]
    if harmful:
        row = max(harmful, key=lambda row: row.change.low if row.change else 0.0)
        return (
            f"None of {_count(others)} is recommended: {row.strategy.title} gained {_size(row.change)} on OCR text, "
            f"but lost on clean text: {_size(row.clean_change)}.",
            None,
        )
    row = max(others, key=lambda row: row.change.f1 if row.change else 0.0)
    whole = "it cannot be told" if len(others) == 1 else f"none of {_count(others)} can be told"
    subject = "that one" if len(others) == 1 else "the best of them on test"
    return (
        f"Nothing is recommended: {whole} from doing nothing on OCR text to the good; {subject}, {row.strategy.title}, "
        f"changed {_size(row.change)}.",
        None,
    )


def _praise(row: Row, change: Difference, count: int) -> str:
    cost = f", in {seconds(60 * row.minutes)} beyond the plain tagger" if row.minutes is not None else ""
    said = f"Recommended: {row.strategy.title}, which changed {_size(change)} on OCR text over doing nothing"
    if row.clean_change:
        said += f", and {_size(row.clean_change)} on clean text{cost}."
    else:
        said += f"{cost}; what it does on clean text is not known, as there are no clean twins."
    if row.holm is not None and count > 1:
        sure = "stays so" if row.holm <= 0.05 else "may be chance"
        said += f" Corrected for {count} strategies that {sure} ({p_value(row.holm)})."
    if row.random:
        owed = "better than" if row.random.beaten else "no better than"
        said += f" It did {owed} {len(row.random.f1s)} draws of random neurons treated alike."
        said += "" if row.random.beaten else " So the gain is not owed to which neurons were chosen."
    return said


def _harms(row: Row) -> bool:
    return row.clean_change is not None and row.clean_change.high < 0


def _count(rows: Sequence[Row]) -> str:
    return f"the {len(rows)} strategies"


def _size(value: Difference | None) -> str:
    return "nothing" if value is None else f"{signed(value.f1)} {bounds((value.low, value.high))} points of strict F1"
