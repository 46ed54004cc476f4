"""How sure a score or a difference is: bootstrap over documents, approximate randomisation.

Documents are the unit, because entities of one document stand and fall together. All draws depend on the seed alone,
not on memory or order of calls. Limits: with few documents (fewer than some twenty), or where few of them differ,
percentile intervals are too narrow, so a difference is claimed only where the randomisation test agrees
(:func:`beyond_chance`); and both speak of other documents like these, not of another training of the same tagger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.score.evaluate import Mode, Scores

Floats = NDArray[np.float64]
Interval = tuple[float, float]

ALPHA = 0.05
"""p-values up to this are told from chance."""
FEW = 20
"""Percentile intervals over fewer documents than these are too narrow."""
CELLS = 2_000_000
"""Most draws × documents held at once, about 16 MB a table."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two micro F1 (positive: the first is better), its interval and its p-value."""

    f1: float
    low: float
    high: float
    p: float

    @property
    def better(self) -> bool:
        """Whether a paired difference is a gain beyond chance (:func:`beyond_chance`)."""
        return beyond_chance(self.low, self.high, self.p) > 0

    @property
    def worse(self) -> bool:
        """Whether it is a loss beyond chance."""
        return beyond_chance(self.low, self.high, self.p) < 0


def beyond_chance(low: float, high: float, p: float) -> int:
    """1 for a paired difference that is a gain beyond chance, -1 for a loss, 0 where neither can be told.

    The whole interval must lie on one side of 0, and p be at most ``ALPHA``. The interval alone is not enough. Where an
    edit touches four documents of twenty and all four gain, hardly any bootstrap draw leaves out all of them, and the
    interval lies above 0; but four coins show four heads in one of sixteen cases.
    """
    if p > ALPHA:
        return 0
    return int(low > 0) - int(high < 0)


def known(low: float, high: float) -> bool:
    """Whether an interval says anything: of one document it is the whole range of a score or a difference."""
    return (low, high) not in ((0.0, 1.0), (-1.0, 1.0))


def too_narrow(documents: int) -> str:
    """What must be said of intervals over so few documents; empty for more, and for one, which has no interval."""
    if not 2 <= documents < FEW:
        return ""
    return f"There are {documents} documents; with fewer than some twenty, intervals are too narrow."


def outranks(f1: float, p: float) -> bool:
    """Whether a difference to random draws, with p by their ranks (:func:`compare_to_mean`), is more than they do."""
    return f1 > 0 and p <= ALPHA


def f1_interval(
    scores: Scores, mode: Mode = "strict", draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Percentile bootstrap interval of the micro F1: documents drawn with replacement, as many as there are.

    One document says nothing about others: the interval is then the whole range, (0.0, 1.0). An F1 of exactly 0 or 1
    has an interval of no width, which says only that all documents at hand agree.
    """
    check_draws(draws, level)
    totals = scores.document_totals(mode)
    if len(totals) < 2:
        return 0.0, 1.0
    return percentile_interval(f1_draws(scores, mode, draws, seed), level)


def share_interval(
    found: Sequence[int], possible: Sequence[int], draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Percentile bootstrap interval of ``sum(found) / sum(possible)`` over documents, such as a recall.

    Only documents with something possible are drawn; with fewer than two of them it is the whole range, (0.0, 1.0).
    Where all or nothing was found every draw says the same, and [1, 1] would claim certainty; the open end is then the
    exact binomial bound for as many trials as documents, ``((1 - level) / 2) ** (1 / documents)`` from the other end.
    """
    check_draws(draws, level)
    table = np.array([found, possible], dtype=np.float64).T
    table = table[table[:, 1] > 0]
    if len(table) < 2:
        return 0.0, 1.0
    share = table[:, 0].sum() / table[:, 1].sum()
    if share in (0.0, 1.0):
        bound = float(((1.0 - level) / 2) ** (1.0 / len(table)))
        return (bound, 1.0) if share else (0.0, 1.0 - bound)
    sums = np.concatenate([w @ table for w in resamples(len(table), draws, seed)])
    return percentile_interval(sums[:, 0] / sums[:, 1], level)


def share_difference(
    ours: Sequence[int],
    theirs: Sequence[int],
    possible: Sequence[int],
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, Interval, float]:
    """``sum(ours) / sum(possible)`` minus the same of ``theirs``, such as recalls of the same entities: interval and p.

    As :func:`compare`: paired bootstrap over documents, p by coins that swap the two in each document. Only documents
    with something possible are drawn; with fewer than two of them the interval is (-1.0, 1.0).
    """
    check_draws(draws, level)
    counts = np.array([ours, theirs, possible], dtype=np.float64)
    counts = counts[:, counts[2] > 0]
    table = np.stack([counts[0] - counts[1], counts[2]], axis=1)
    if not len(table):
        return 0.0, (-1.0, 1.0), 1.0
    change, whole = map(float, table.sum(axis=0))
    rng, extreme = generator(seed, "score", "swap documents"), 0
    for size in _pieces(draws, len(table)):
        moved = np.where(rng.random((size, len(table))) < 0.5, -1.0, 1.0) @ table[:, 0]
        extreme += int((np.abs(moved) >= abs(change) - 1e-12).sum())
    p = (extreme + 1) / (draws + 1)
    if len(table) < 2:
        return change / whole, (-1.0, 1.0), p
    sums = np.concatenate([w @ table for w in resamples(len(table), draws, seed)])
    return change / whole, percentile_interval(sums[:, 0] / sums[:, 1], level), p


def f1_draws(scores: Scores, mode: Mode = "strict", draws: int = 10_000, seed: int = 0) -> Floats:
    """The micro F1 of each bootstrap draw, ``[draws]``; equal arguments draw the same documents.

    So the draws of two scores of the same documents may be subtracted or weighed against each other, draw by draw.
    """
    check_draws(draws, 0.5)
    totals = scores.document_totals(mode)
    return np.concatenate([_f1(weights @ totals) for weights in resamples(len(totals), draws, seed)])


def compare(
    a: Scores, b: Scores, mode: Mode = "strict", draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> Difference:
    """Micro F1 of ``a`` minus that of ``b``, on the same documents.

    Interval: paired bootstrap, both scored on the same drawn documents. ``p``: approximate randomisation, two-sided:
    the share of draws, the observed one among them, in which swapping the two in each document by a coin gives a
    difference at least as large. Identical systems have p = 1. With one document the interval is (-1.0, 1.0).

    Raises:
        UserError: the two are not scores of the same documents.
    """
    check_draws(draws, level)
    check_comparable(a, b)
    ours, theirs = (scores.document_totals(mode)[:, None] for scores in (a, b))
    return paired_differences(ours, theirs, draws, seed, level)[0]


def paired_differences(
    ours: NDArray[np.int64], theirs: NDArray[np.int64], draws: int, seed: int, level: float = 0.95
) -> list[Difference]:
    """Differences of F1 for several kinds of counts at once, ``[documents, kinds, 3]`` on either side; see `compare`.

    All kinds share the drawn documents and the coins, so that each draw is one row of a matrix product. A draw without
    anything of a kind says nothing about it and is left out of its interval; with nothing of it in all documents the
    difference is 0.0, with fewer than two documents at hand the interval is (-1.0, 1.0).
    """
    check_draws(draws, level)
    observed = _f1(ours.sum(axis=0)) - _f1(theirs.sum(axis=0))
    p = _randomisation(ours, theirs, observed, draws, seed)
    documents, kinds = ours.shape[:2]
    if documents < 2:
        return [Difference(float(f1), -1.0, 1.0, float(chance)) for f1, chance in zip(observed, p, strict=True)]
    pieces = [
        _f1_known(weighed(weights, ours)) - _f1_known(weighed(weights, theirs))
        for weights in resamples(documents, draws, seed, width=3 * kinds)
    ]
    drawn = np.concatenate(pieces)
    found = []
    for kind in range(kinds):
        known = drawn[:, kind][~np.isnan(drawn[:, kind])]
        low, high = percentile_interval(known, level) if len(known) else (0.0, 0.0)
        found.append(Difference(float(observed[kind]), low, high, float(p[kind])))
    return found


def compare_to_mean(
    a: Scores,
    others: Sequence[Scores],
    mode: Mode = "strict",
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Micro F1 of ``a`` minus the mean of the others' micro F1: a choice against random controls.

    Interval: each draw resamples the documents (the same for all) and, independently, which of the ``others`` enter
    the mean, so that both the text and the luck of the controls are in it. ``p`` is one-sided and rests on the ranks
    alone: ``(number of others with an F1 >= a's, + 1) / (others + 1)``; small when ``a`` beats its controls. With 20
    others it cannot be below 1/21 = 0.048. With one document the interval is (-1.0, 1.0).

    Raises:
        UserError: no others, or not scores of the same documents.
    """
    check_draws(draws, level)
    if not others:
        raise UserError(
            "no scores to compare with; wanted those of at least one random control; 20 or more are advised"
        )
    for other in others:
        check_comparable(a, other)
    ours, theirs = a.document_totals(mode), np.stack([other.document_totals(mode) for other in others])
    f1s = np.array([other.total(mode).f1 for other in others])
    own = a.total(mode).f1
    observed = own - float(f1s.mean())
    p = (int((f1s >= own - 1e-12).sum()) + 1) / (len(others) + 1)
    if len(ours) < 2:
        return Difference(observed, -1.0, 1.0, p)
    rng = generator(seed, "score", "resample controls")
    count = len(others)
    differences = []
    for weights in resamples(len(ours), draws, seed, width=max(len(ours), 3 * count)):
        sums = np.einsum("wd,odc->woc", weights, theirs, optimize=True)
        chosen = rng.integers(0, count, size=(len(weights), count))
        means = np.take_along_axis(_f1(sums), chosen, axis=1).mean(axis=1)
        differences.append(_f1(weights @ ours) - means)
    low, high = percentile_interval(np.concatenate(differences), level)
    return Difference(observed, low, high, p)


def resamples(documents: int, draws: int, seed: int, width: int | None = None) -> Iterator[Floats]:
    """How often each document is drawn: ``[some draws, documents]`` at a time, ``draws`` rows in all.

    Equal arguments give equal rows, so two systems on the same documents are always paired. ``width`` is the widest
    table the caller makes of a row, when wider than the row itself; it changes the pieces, not the rows.
    """
    rng = generator(seed, "score", "bootstrap documents")
    for size in _pieces(draws, max(width or 0, documents)):
        indices = rng.integers(0, documents, size=(size, documents))
        indices += np.arange(size)[:, None] * documents
        counts = np.bincount(indices.ravel(), minlength=size * documents)
        yield counts.reshape(size, documents).astype(np.float64)


def percentile_interval(values: Floats, level: float) -> Interval:
    """The middle ``level`` of the values."""
    tail = (1.0 - level) / 2
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)


def weighed(weights: Floats, table: NDArray[np.int64]) -> Floats:
    """``[draws, documents]`` times ``[documents, kinds, 3]``: ``[draws, kinds, 3]``, as one matrix product."""
    product: Floats = weights @ table.reshape(len(table), -1).astype(np.float64)
    return product.reshape(len(weights), *table.shape[1:])


def _randomisation(
    ours: NDArray[np.int64], theirs: NDArray[np.int64], observed: Floats, draws: int, seed: int
) -> Floats:
    rng = generator(seed, "score", "swap documents")
    extreme = np.zeros(len(observed), dtype=np.int64)
    for size in _pieces(draws, max(len(ours), 3 * len(observed))):
        moved = weighed((rng.random((size, len(ours))) < 0.5).astype(np.float64), theirs - ours)
        swapped = _f1(ours.sum(axis=0) + moved) - _f1(theirs.sum(axis=0) - moved)
        extreme += (np.abs(swapped) >= np.abs(observed) - 1e-12).sum(axis=0)
    return (extreme + 1) / (draws + 1)


def _f1(sums: Floats | NDArray[np.int64]) -> Floats:
    """``[..., 3]`` tp, fp, fn to ``[...]``; 0.0 where there is nothing to count."""
    return np.nan_to_num(_f1_known(sums), copy=False)


def _f1_known(sums: Floats | NDArray[np.int64]) -> Floats:
    """The same, NaN where there is nothing to count."""
    hits = 2 * sums[..., 0]
    return share(hits, hits + sums[..., 1] + sums[..., 2])


def share(part: Floats | NDArray[np.int64], whole: Floats | NDArray[np.int64]) -> Floats:
    """``part / whole``, NaN where ``whole`` is 0."""
    unknown = np.full(np.shape(part), np.nan)
    result: Floats = np.divide(part, whole, out=unknown, where=np.asarray(whole) > 0)
    return result


def _pieces(draws: int, width: int) -> Iterator[int]:
    size = max(1, CELLS // max(1, width))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def check_draws(draws: int, level: float) -> None:
    """Refuse fewer than one draw, or a level that is none; a UserError."""
    if draws < 1:
        raise UserError(f"{draws} draws asked for; wanted at least 1; 10000 are usual")
    if not 0.0 < level < 1.0:
        raise UserError(f"interval level {level} asked for; wanted a number between 0 and 1, such as 0.95")


def check_comparable(a: Scores, b: Scores) -> None:
    """Refuse two scores that are not of the same documents and gold standard; a UserError says where they differ."""
    if a.ids != b.ids:
        raise UserError(
            f"scores of different documents ({len(a.ids)} and {len(b.ids)}, or in another order); "
            "wanted two systems on the same documents; score both against one gold file"
        )
    ours, theirs = a.document_totals(), b.document_totals()
    differ = np.flatnonzero((ours[:, 0] + ours[:, 2]) != (theirs[:, 0] + theirs[:, 2]))
    if len(differ):
        raise UserError(
            f"document {a.ids[differ[0]]!r}: the two scores count different gold entities; "
            "wanted two systems on the same gold standard; score both against one gold file"
        )
