"""Discoveries among many neurons: control of the false-discovery rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ocr_neurons.common.errors import UserError, nearest

Array = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Method = Literal["bh", "by", "storey"]

METHODS: tuple[str, ...] = get_args(Method)
"""Benjamini & Hochberg 1995; Benjamini & Yekutieli 2001, for any dependence; Storey, Taylor & Siegmund 2004."""
TUNING = 0.5
"""Storey's lambda: p-values above it are taken for true nulls."""


@dataclass(frozen=True, slots=True)
class Discoveries:
    """What was found among ``tested`` p-values at a false-discovery rate of ``q``.

    ``mask`` and ``q_values`` have the shape of the p-values; a test whose p-value was NaN has a NaN q-value. ``pi0`` is
    the estimated share of true nulls (:func:`null_share`), whatever the method.
    """

    mask: Mask
    q_values: Array
    q: float
    method: str
    tested: int
    pi0: float

    @property
    def found(self) -> int:
        """How many discoveries."""
        return int(self.mask.sum())

    def to_json(self) -> dict[str, Any]:
        """The counts, as JSON values."""
        return {"method": self.method, "q": self.q, "tested": self.tested, "found": self.found, "pi0": self.pi0}


def discoveries(p_values: Array, q: float = 0.05, method: Method = "bh") -> Discoveries:
    """The tests with a q-value of at most ``q``.

    ``bh`` keeps the expected share of false ones among them at most ``q`` where the tests are independent or positively
    dependent (neurons that move together), ``by`` whatever their dependence, at a price of about the logarithm of
    their number; ``storey`` finds more where many are no nulls, and assumes near independence.

    Raises:
        UserError: q outside (0, 1), a p-value outside [0, 1], an unknown method.
    """
    if not 0 < q < 1:
        raise UserError(f"false-discovery rate {q} given; wanted a number between 0 and 1, such as 0.05")
    found = q_values(p_values, method)
    mask = found <= q  # a NaN is not
    if method == "storey":
        mask &= np.asarray(p_values) <= TUNING  # part of its proof for finitely many tests
    return Discoveries(mask, found, q, method, int(np.isfinite(found).sum()), null_share(p_values))


def q_values(p_values: Array, method: Method = "bh") -> Array:
    """For each p-value (any shape) the least false-discovery rate at which it is a discovery; NaN stays and counts not.

    Raises:
        UserError: a p-value outside [0, 1], an unknown method.
    """
    if method not in METHODS:
        raise UserError(f"method {method!r} given; wanted one of {', '.join(METHODS)}{nearest(method, METHODS)}")
    table = _checked(p_values)
    found = np.full(table.shape, np.nan)
    tested = np.isfinite(table)
    p = table[tested]
    order = np.argsort(p)
    ranks = np.arange(1, len(p) + 1)
    scaled = p[order] * len(p) / ranks
    if method == "by":
        scaled *= (1 / ranks).sum()
    elif method == "storey":
        scaled *= null_share(table)
    monotone = np.empty_like(p)
    monotone[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    found[tested] = np.minimum(monotone, 1)
    return found


def null_share(p_values: Array, tuning: float = TUNING) -> float:
    """Estimated share of true nulls, 0 to 1: ``(p-values above tuning + 1) / (tests x (1 - tuning))``; 1 for no tests.

    An upper estimate: alternatives above ``tuning`` are counted too (Storey 2002, with the 1 of Storey et al. 2004).

    Raises:
        UserError: a p-value outside [0, 1], tuning outside [0, 1).
    """
    if not 0 <= tuning < 1:
        raise UserError(f"tuning {tuning} given; wanted a number from 0 to below 1, such as {TUNING}")
    table = _checked(p_values)
    tests = int(np.isfinite(table).sum())
    if not tests:
        return 1.0
    return min(1.0, float(((table > tuning).sum() + 1) / (tests * (1 - tuning))))


def _checked(p_values: Array) -> Array:
    table = np.asarray(p_values, dtype=np.float64)
    outside = table[(table < 0) | (table > 1)]
    if outside.size:
        raise UserError(
            f"p-value {outside.flat[0]:g} given; wanted numbers from 0 to 1, or NaN where nothing was tested"
        )
    return table
