"""Scores to look at and to keep: tables for the terminal, dictionaries for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocr_neurons.common.numbers import p_text
from ocr_neurons.score.bins import BinRecall
from ocr_neurons.score.by_type import ALL, Comparison, Row, rows_by_type
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import MODES, Mode, Scores
from ocr_neurons.score.intervals import Difference, Interval, f1_interval, known

NONE = "–"
UNDEFINED = "–: not defined: nothing was predicted or nothing is there to find; or fewer than two documents have any."
RECALL_ONLY = (
    "Recall alone: a wrong prediction stands on no gold entity, so it has no LED and belongs to no bin; "
    "precision and F1 by noise are not defined."
)


def score_table(scores: Scores, draws: int = 10_000, seed: int = 0) -> str:
    """A plain text table: both modes, all types together, each by itself, and the mean over documents (macro).

    Intervals are of 95 %, of F1.
    """
    width = max([9, *(len(kind) + 2 for kind in scores.types)])
    lines = [f"{'':<{width}}    P      R      F1    95 % of F1         TP    FP    FN"]
    for mode in MODES:
        for row in rows_by_type(scores, mode, draws, seed):
            lines.append(_text_row(mode if row.type == ALL else f"  {row.type}", row, width))
        macro = scores.macro(mode)
        lines.append(f"{'  macro':<{width}}  " + "  ".join(map(_figure, (macro.precision, macro.recall, macro.f1))))
    notes = ["macro: mean over documents; strict: exact span; fuzzy: overlapping span; both with the right type."]
    notes += [UNDEFINED] if any(NONE in line.split() for line in lines[1:]) else []
    return "\n".join(lines + notes) + "\n"


def bin_table(bins: Sequence[BinRecall]) -> str:
    """A plain text table of recall by noise bin, with 95 % intervals if the bins were made with that level."""
    lines = ["LED          entities  documents  strict recall          fuzzy recall"]
    for entry in bins:
        cells = [
            f"{recall:.3f} [{low:.3f}, {high:.3f}]" if entry.entities else NONE
            for recall, (low, high) in (
                (entry.recall_strict, entry.interval_strict),
                (entry.recall_fuzzy, entry.interval_fuzzy),
            )
        ]
        lines.append(f"{entry.name:<12} {entry.entities:>8}  {entry.documents:>9}  {cells[0]:<21}  {cells[1]}".rstrip())
    return "\n".join([*lines, RECALL_ONLY]) + "\n"


def period_table(periods: Mapping[str, Scores], draws: int = 10_000, seed: int = 0) -> str:
    """A plain text table of micro scores by period, with 95 % intervals of F1."""
    lines = ["period       mode    documents    P      R      F1    95 % of F1         TP    FP    FN"]
    for name, scores in periods.items():
        for mode in MODES:
            interval = f1_interval(scores, mode, draws, seed) if len(scores.ids) > 1 else None
            row = Row(ALL, scores.total(mode), None, None, interval)
            lines.append(_text_row(f"{name:<12} {mode:<7} {len(scores.ids):>9}", row, 30))
    return "\n".join(lines) + "\n"


def comparison_table(comparisons: Sequence[Comparison], together: int) -> str:
    """A plain text table of one system minus another; ``together``: how many comparisons the correction is for."""
    width = max(len(one.type) for one in comparisons)
    lines = [f"{'':<{width}}          F1    95 %                  p      p (Holm)  documents"]
    for one in comparisons:
        d = one.difference
        interval = f"[{d.low:+.3f}, {d.high:+.3f}]" if one.documents > 1 else NONE
        lines.append(
            f"{one.mode:<6}  {one.type:<{width}}  {d.f1:+.3f}  {interval:<16}  {d.p:>7.4f}  {one.adjusted:>8.4f}"
            f"  {one.documents:>9}"
        )
    lines.append(
        "95 %: paired bootstrap over documents. p: approximate randomisation. Holm: p corrected for all "
        f"{together} comparisons made here; the plain p is for a question asked before looking."
    )
    return "\n".join(lines) + "\n"


def difference_text(difference: Difference) -> str:
    """One phrase, in points: ``+1.2 [-0.3, +2.8], p = 0.11``."""
    return f"{100 * difference.f1:+.1f} {span_text(difference)}, p {p_text(difference.p)}"


def span_text(d: Difference) -> str:
    """Its interval in points: ``[-0.3, +2.8]``; ``[unknown]`` where there is one document."""
    return f"[{100 * d.low:+.1f}, {100 * d.high:+.1f}]" if known(d.low, d.high) else "[unknown]"


def to_dict(scores: Scores, draws: int = 10_000, seed: int = 0) -> dict[str, Any]:
    """Scores for JSON; what is not defined is ``None``.

    ``{"strict": {"precision", "recall", "f1", "ci95", "tp", "fp", "fn"}, "fuzzy": the same, "by_type": {type:
    {"strict": the same and "macro", "fuzzy": …}}, "macro": {"strict": {"precision", "recall", "f1"}, …}, "documents":
    number}``; ``ci95`` is of F1, macro scores are means over documents.
    """
    result: dict[str, Any] = {"by_type": {kind: {} for kind in scores.types}}
    for mode in MODES:
        first, *rows = rows_by_type(scores, mode, draws, seed)
        result[mode] = _figures(first.counts, f1_interval(scores, mode, draws, seed))
        for row in rows:
            macro = {"macro": _macro(scores, mode, row.type)}
            result["by_type"][row.type][mode] = _figures(row.counts, row.f1) | macro
    result["macro"] = {mode: _macro(scores, mode) for mode in MODES}
    result["documents"] = len(scores.ids)
    return result


def difference_to_dict(difference: Difference) -> dict[str, Any]:
    """A difference for JSON: ``{"f1", "ci95": [low, high], "p"}``; its interval must be of the level 0.95."""
    return {"f1": difference.f1, "ci95": [difference.low, difference.high], "p": difference.p}


def comparisons_to_dict(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Comparisons for JSON: ``{mode: {type: a difference, "p_holm" and "documents"}}``."""
    found: dict[str, Any] = {mode: {} for mode in MODES}
    for one in comparisons:
        more = {"p_holm": one.adjusted, "documents": one.documents}
        found[one.mode][one.type] = difference_to_dict(one.difference) | more
    return found


def bins_to_dict(bins: Sequence[BinRecall]) -> list[dict[str, Any]]:
    """Recall by noise bin for JSON, one entry a bin; recall is ``None`` where there are no entities."""
    return [
        {
            "name": entry.name,
            "low": entry.low,
            "high": entry.high,
            "documents": entry.documents,
            "entities": entry.entities,
            "strict": _share(entry.found_strict, entry.entities, entry.interval_strict),
            "fuzzy": _share(entry.found_fuzzy, entry.entities, entry.interval_fuzzy),
        }
        for entry in bins
    ]


def _share(found: int, entities: int, interval: tuple[float, float]) -> dict[str, Any]:
    return {"found": found, "recall": found / entities if entities else None, "ci95": list(interval)}


def _defined(counts: Counts) -> tuple[float | None, float | None, float | None]:
    """Precision, recall and F1; ``None`` where there is nothing to divide by."""
    return (
        counts.precision if counts.tp + counts.fp else None,
        counts.recall if counts.tp + counts.fn else None,
        counts.f1 if counts.tp + counts.fp + counts.fn else None,
    )


def _figures(counts: Counts, interval: Interval | None) -> dict[str, Any]:
    precision, recall, f1 = _defined(counts)
    scores = {"precision": precision, "recall": recall, "f1": f1, "ci95": list(interval) if interval else None}
    return scores | {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn}


def _macro(scores: Scores, mode: Mode, entity_type: str | None = None) -> dict[str, float | None]:
    macro = scores.macro(mode, entity_type)
    return {"precision": macro.precision, "recall": macro.recall, "f1": macro.f1}


def _figure(value: float | None) -> str:
    return f"{NONE:<5}" if value is None else f"{value:.3f}"


def _text_row(name: str, row: Row, width: int) -> str:
    counts = row.counts
    interval = f"[{row.f1[0]:.3f}, {row.f1[1]:.3f}]" if row.f1 else NONE
    scores = "  ".join(map(_figure, _defined(counts)))
    return f"{name:<{width}}  {scores}  {interval:<14}  {counts.tp:>6}{counts.fp:>6}{counts.fn:>6}"
