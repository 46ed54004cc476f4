"""The comparison as a page of Markdown: the recommendation, the table, recall by noise, what was chosen, limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocr_neurons.cost.measured import BIN_NAMES
from ocr_neurons.report.phrase import NONE, bounds, points, signed
from ocr_neurons.score.bins import BinRecall, RecallChange
from ocr_neurons.score.intervals import Difference
from ocr_neurons.score.table import RECALL_ONLY
from ocr_neurons.strategies.chart import CAPTION
from ocr_neurons.strategies.compare import Row
from ocr_neurons.strategies.strategy import NOTHING

PROTOCOL = (
    "Everything was made and chosen on train and dev; test was scored once for each strategy at the end. All taggers "
    "that are trained have the same recipe and seed, and as many epochs but for `longer`. The strategy that is best on "
    "dev is recommended if it gains on test, so that one question is put to test. Differences are in points of strict "
    "F1, paired by document: 95 % intervals by bootstrap, p by approximate randomisation, and p corrected by Holm over "
    "the strategies of the table. Minutes are those of making a strategy, with what it rests on, beyond the plain "
    "tagger; a trained one takes the place of the plain one. They are not known where the tagger was given, or where "
    "the work was stopped in between."
)
LIMITS = (
    "Intervals speak of other documents like these, not of another training: with one seed a difference between two "
    "trained taggers is partly luck of the draw, so repeat with another seed of training. The best of many on test "
    "looks better than it is; the corrected p counts that in, the intervals do not."
)
SCOPES = {
    "text": "Clean text: clean twins of the same documents.",
    "entities": "Clean text: the same documents with their entities as printed; words around them are as OCR read "
    "them.",
    "": "Clean text: not known; these data have no clean twins.",
}


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Header and rows of the main table."""
    header = (
        "strategy", "F1 on dev", "F1, OCR text", "minus nothing", "p", "p (Holm)", "F1, clean text", "minus nothing",
        "p (Holm)", "minutes",
    )  # fmt: skip
    return [header, *(_cells(row) for row in rows)]


def screen(value: dict[str, Any]) -> str:
    """The main figures of ``strategies.json`` and the recommendation, as plain text for the terminal."""
    rows = [("strategy", "F1 on dev", "F1, OCR text", "minus nothing", "clean text minus nothing", "minutes")]
    for one in value["strategies"]:
        changes = (one["difference"], one["clean_difference"])
        told = (NONE if d is None else f"{signed(d['f1'])} {bounds(tuple(d['ci95']))}" for d in changes)
        minutes = NONE if one["minutes"] is None else f"{one['minutes']:.1f}"
        f1s = (points(one["dev_f1"]), points(one["ocr"]["strict"]["f1"]))
        rows.append((one["title"], *f1s, *told, minutes))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", value["recommendation"]])


def page(value: dict[str, Any], rows: Sequence[Row], command: str) -> str:
    """The whole page. ``value`` is what ``strategies.json`` holds."""
    parts = [
        f"# Strategies against OCR noise: {value['data']}",
        f"**{value['recommendation']}**",
        *value["notes"],
        f"Model: {value['model']}. Seed: {value['seed']}. Test documents: {value['test_documents']}.",
        _markdown(table(rows)),
        PROTOCOL + " " + SCOPES[value["clean_twins"]],
        *([f"![Differences to doing nothing](strategies.png)\n\n*{CAPTION}*"] if len(rows) > 1 else []),
        "## Recall by how much OCR damaged the entity",
        _recall(rows),
        "## What was made",
        "\n".join(f"- **{row.strategy.title}** (`{row.name}`): {row.made.what}; {_dev(row)}." for row in rows),
        "## How far to trust it",
        LIMITS,
        "## Files",
        "Each strategy has a folder: `predictions.tsv`, `predictions-clean.tsv` (clean twins), and what was made: "
        "`tagger/`, or `edit.json`, which `ocr-neurons tag --edit` and `ocr-neurons bake` take. `strategies.json` "
        f"holds all values, `strategies.toml` the settings, `manifest.json` versions, hardware and times.\n\n"
        f"    {command}",
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    clean = points(row.clean.total("strict").f1) if row.clean else NONE
    return (
        row.strategy.title,
        points(row.made.dev_f1),
        points(row.scores.total("strict").f1),
        _change(row.change),
        NONE if row.change is None else f"{row.change.p:.4f}",
        NONE if row.holm is None else f"{row.holm:.4f}",
        clean,
        _change(row.clean_change),
        NONE if row.clean_holm is None else f"{row.clean_holm:.4f}",
        NONE if row.minutes is None else f"{row.minutes:.1f}",
    )


def _change(value: Difference | None) -> str:
    return NONE if value is None else f"{signed(value.f1)} {bounds((value.low, value.high))}"


def _recall(rows: Sequence[Row]) -> str:
    bins = [entry for entry in rows[0].cost.bins if entry.entities]
    if not any(entry.low is not None for entry in bins):
        return "Unknown: these data do not say how much OCR damaged an entity (no LED)."
    header = ("strategy", *(f"{BIN_NAMES.get(entry.name, entry.name)} (n = {entry.entities})" for entry in bins))
    names = [entry.name for entry in bins]
    lines = []
    for row in rows:
        found = {entry.name: entry for entry in row.cost.bins}
        lines.append((row.strategy.title, *(_recalled(found[name], row.recall.get(name)) for name in names)))
    how = (
        "Strict recall in per cent: of the plain tagger with its 95 % interval, of the others with the difference to "
        "it, paired by document. Each interval is by itself; with so many of them some miss zero by luck."
    )
    return _markdown([header, *lines]) + f"\n\n{how} {RECALL_ONLY}"


def _recalled(entry: BinRecall, change: RecallChange | None) -> str:
    said = points(entry.recall_strict)
    if change is None:
        return f"{said} {bounds(entry.interval_strict)}"
    if change.low == change.high == 0:  # in every document as many: of few entities that is no certainty
        return f"{said} (as many)"
    return f"{said} ({signed(change.recall)} {bounds((change.low, change.high))})"


def _dev(row: Row) -> str:
    said = f"strict F1 on dev {points(row.made.dev_f1)}"
    if row.random:
        over = row.random.over
        said += (
            f"; {_change(over)} on test over the mean of {len(row.random.f1s)} draws of random neurons treated alike"
        )
    if row.over_rival:
        said += f"; {_change(row.over_rival)} on test over `{row.strategy.rival}`"
    if row.change and row.change.better and row.missing:
        said += f"; its gain was not compared with {row.missing}"
    return said if row.name != NOTHING else f"{said}; everything else is compared with it"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
