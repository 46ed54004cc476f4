"""Scores to look at and to keep: a table for the terminal, the HIPE scorer's TSV, a dictionary for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocr_neurons.score.bins import BinRecall
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Mode, Scores
from ocr_neurons.score.intervals import Difference, f1_interval

MODES: tuple[Mode, ...] = ("strict", "fuzzy")
TSV_HEADER = ("System", "Evaluation", "Label", "P", "R", "F1", "F1_std", "P_std", "R_std", "TP", "FP", "FN")


def score_table(scores: Scores, draws: int = 10_000, seed: int = 0) -> str:
    """A plain text table: both modes, all types together (with a 95 % interval of F1) and each by itself."""
    width = max([8, *(len(kind) + 2 for kind in scores.by_type())])
    lines = [f"{'':<{width}}    P      R      F1    95 % of F1        TP    FP    FN"]
    for mode in MODES:
        low, high = f1_interval(scores, mode, draws, seed)
        lines.append(_text_row(mode, scores.total(mode), width, f"{low:.3f} – {high:.3f}"))
        lines += [_text_row(f"  {kind}", counts, width, "") for kind, counts in scores.by_type(mode).items()]
    return "\n".join(lines) + "\n"


def bin_table(bins: Sequence[BinRecall]) -> str:
    """A plain text table of recall by noise bin, with 95 % intervals if the bins were made with that level."""
    lines = ["LED          entities  documents  strict recall          fuzzy recall"]
    for entry in bins:
        cells = [
            f"{recall:.3f} [{low:.3f}, {high:.3f}]" if entry.entities else "–"
            for recall, (low, high) in (
                (entry.recall_strict, entry.interval_strict),
                (entry.recall_fuzzy, entry.interval_fuzzy),
            )
        ]
        lines.append(f"{entry.name:<12} {entry.entities:>8}  {entry.documents:>9}  {cells[0]:<21}  {cells[1]}".rstrip())
    return "\n".join(lines) + "\n"


def difference_text(difference: Difference) -> str:
    """One phrase: ``+0.012 F1 [-0.003, +0.028], p = 0.114``."""
    d = difference
    return f"{d.f1:+.3f} F1 [{d.low:+.3f}, {d.high:+.3f}], p = {d.p:.3f}"


def to_tsv(scores: Scores, system: str, suffix: str = "", led: str = "ALL", header: bool = True) -> str:
    """The rows that the HIPE scorer writes for ``NE-COARSE-LIT``, rounded as it rounds.

    ``suffix`` and ``led`` go into the column Evaluation, ``noise`` and ``0.1-0.3`` say. Empty cells: not defined.
    """
    rows: list[tuple[str, ...]] = [TSV_HEADER] if header else []
    for aggregation in ("micro", "macro_doc"):
        for mode in reversed(MODES):
            evaluation = "-".join(
                ["NE-COARSE-LIT", aggregation, mode, *([suffix] if suffix else []), "TIME-ALL", f"LED-{led}"]
            )
            by_type = scores.by_type(mode)
            for label in sorted([*by_type, "ALL"]):
                if aggregation == "micro":
                    cells = _micro_cells(scores.total(mode) if label == "ALL" else by_type[label])
                else:
                    m = scores.macro(mode, None if label == "ALL" else label)
                    values = (m.precision, m.recall, m.f1, m.f1_std, m.precision_std, m.recall_std)
                    cells = [*("" if value is None else str(round(value, 3)) for value in values), "", "", ""]
                rows.append((system, evaluation, label, *cells))
    return "".join("\t".join(row) + "\n" for row in rows)


def to_dict(scores: Scores, draws: int = 10_000, seed: int = 0) -> dict[str, Any]:
    """Micro scores for JSON.

    ``{"strict": {"precision", "recall", "f1", "ci95", "tp", "fp", "fn"}, "fuzzy": the same, "by_type": {type:
    {"strict": the same without "ci95", "fuzzy": …}}, "documents": number}``.
    """
    result: dict[str, Any] = {}
    for mode in MODES:
        low, high = f1_interval(scores, mode, draws, seed)
        result[mode] = _figures(scores.total(mode)) | {"ci95": [low, high]}
    strict, fuzzy = scores.by_type("strict"), scores.by_type("fuzzy")
    result["by_type"] = {kind: {"strict": _figures(strict[kind]), "fuzzy": _figures(fuzzy[kind])} for kind in strict}
    result["documents"] = len(scores.ids)
    return result


def difference_to_dict(difference: Difference) -> dict[str, Any]:
    """A difference for JSON: ``{"f1", "ci95": [low, high], "p"}``; its interval must be of the level 0.95."""
    return {"f1": difference.f1, "ci95": [difference.low, difference.high], "p": difference.p}


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


def _figures(counts: Counts) -> dict[str, Any]:
    return {
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
    }


def _text_row(name: str, counts: Counts, width: int, interval: str) -> str:
    scores = f"{counts.precision:.3f}  {counts.recall:.3f}  {counts.f1:.3f}"
    return f"{name:<{width}}  {scores}  {interval:<13}  {counts.tp:>6}{counts.fp:>6}{counts.fn:>6}"


def _micro_cells(counts: Counts) -> list[str]:
    # The scorer prints an integer 0 for what is undefined, and for an F1 without a hit.
    precision = str(round(counts.precision, 3)) if counts.tp + counts.fp else "0"
    recall = str(round(counts.recall, 3)) if counts.tp + counts.fn else "0"
    f1 = str(round(counts.f1, 3)) if counts.tp else "0"
    return [precision, recall, f1, "", "", "", str(counts.tp), str(counts.fp), str(counts.fn)]
