"""Numbers as people read them: F1 points with one decimal, signs, intervals, p-values, times."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_neurons.common.numbers import p_text
from ocr_neurons.lm.layers import describe
from ocr_neurons.report.inputs import Difference, Interval
from ocr_neurons.score.intervals import known

MINUS = "\u2212"
NONE = "–"


def points(share: float | None) -> str:
    """0.749 as ``74.9``; a dash for ``None``."""
    return NONE if share is None else _tidy(f"{share * 100:.1f}")


def signed(share: float | None) -> str:
    """0.004 as ``+0.4``, -0.004 with a minus sign, what rounds to nothing as ``0.0``; a dash for ``None``."""
    if share is None:
        return NONE
    text = _tidy(f"{share * 100:+.1f}")
    return "0.0" if text == "+0.0" else text


def bounds(interval: Interval | None) -> str:
    """``[-0.6, 1.3]`` in points, with a real minus sign; a dash for ``None``, ``[unknown]`` of one document."""
    if interval is None:
        return NONE
    return f"[{points(interval[0])}, {points(interval[1])}]" if known(*interval) else "[unknown]"


def p_value(p: float) -> str:
    """``p = 0.042``, ``p < 0.001``, with spaces that do not break."""
    return f"p {p_text(p)}".replace(" ", "\u00a0")


def p_cell(p: float) -> str:
    """``0.042`` or ``< 0.001``, for a column that is headed p."""
    return p_text(p).removeprefix("= ").replace(" ", "\u00a0")


def difference(value: Difference) -> str:
    """``+0.4 [-0.6, 1.3], p = 0.42``, with a real minus sign."""
    return f"{signed(value.f1)} {bounds(value.interval)}, {p_value(value.p)}"


def printed(text: str) -> str:
    """A sentence of a terminal as it is set on a page: minus signs, and en dashes between numbers."""
    return re.sub(r"(?<![\w.])-(?=[0-9])", MINUS, re.sub(r"(?<=[0-9])-(?=[0-9])", "–", text))


def whole(number: int) -> str:
    """1536 as ``1,536``."""
    return f"{number:,}"


def seconds(time: float) -> str:
    """120.3 as ``2 min 0 s``; less than ten seconds with one decimal."""
    if time < 9.95:
        return f"{time:.1f} s"
    minutes, rest = divmod(round(time), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def runs(numbers: Sequence[int]) -> str:
    """[0, 1, 2, 5] as ``0–2, 5``."""
    return describe(numbers).replace("-", "–")


def factor(value: float | None, operation: str) -> str:
    """``×0.5`` for scaling, else the operation's name with its number, if it has one."""
    if operation == "scale" and value is not None:
        return f"×{value:g}"
    return operation if value is None else f"{operation} {value:g}"


def _tidy(text: str) -> str:
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)
