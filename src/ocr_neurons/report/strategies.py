"""What `ocr-neurons strategies` found, read from its folder for a section of the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.fields import Field
from ocr_neurons.report.forest import Effect, forest
from ocr_neurons.report.inputs import Difference, difference
from ocr_neurons.report.phrase import NONE, bounds, p_cell, points, signed

FOLDER, FILE = "strategies", "strategies.json"


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy on test: its strict F1 on OCR text, and what it changes there and on clean text."""

    title: str
    what: str
    f1: float
    change: Difference | None
    holm: float | None
    clean_change: Difference | None
    minutes: float | None


@dataclass(frozen=True, slots=True)
class Strategies:
    """A comparison of strategies; the first row is doing nothing. ``documents``: of test."""

    model: str
    data: str
    seed: int
    documents: int
    recommendation: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    def table(self) -> Table:
        """The table of the page."""
        header = ("strategy", "F1, OCR text", "minus nothing", "95 % interval", "p (Holm)", "clean text minus nothing",
                  "95 % interval, clean", "minutes")  # fmt: skip
        return Table(header, [_cells(row) for row in self.rows])

    def chart(self) -> Chart | None:
        """The forest of differences; None where there is nothing but doing nothing."""
        shown = [row for row in self.rows if row.change]
        if not shown:
            return None
        effects = [Effect(i - 0.14, r.change.f1, r.change.interval) for i, r in enumerate(shown) if r.change]
        clean = [Effect(i + 0.14, r.clean_change.f1, r.clean_change.interval, 1) for i, r in enumerate(shown)
                 if r.clean_change]  # fmt: skip
        series = ("OCR text", "clean text") if clean else ("OCR text",)
        said = "; ".join(f"{r.title} {signed(r.change.f1)} {bounds(r.change.interval)}" for r in shown if r.change)
        caption = (
            "Points of strict F1 on test over doing nothing, with 95 % intervals paired by document; right of the line "
            "is better. Filled: on the text as OCR read it"
            + ("; hollow: on its clean twin, where a strategy should do no harm. " if clean else ". ")
            + "An interval that crosses the line cannot be told from doing nothing."
        )
        return Chart(
            "strategies",
            caption,
            f"Forest plot of strategies, strict F1 on OCR text over doing nothing. {said}.",
            lambda width: forest(
                [row.title if width > 5 else _folded(row.title) for row in shown], [*effects, *clean], series,
                "Points of strict F1 over doing nothing", width,
            ),
            self.table(),
            "Strategies against OCR noise on test, in points of strict F1.",
        )  # fmt: skip


def read_strategies(folder: Path) -> Strategies:
    """Read the folder of `ocr-neurons strategies`.

    Raises:
        UserError: no such comparison in it, or a value that is missing or wrong.
    """
    value = Field.of(folder / FILE, "the comparison that `ocr-neurons strategies` writes (JSON)")
    return Strategies(
        model=value["model"].text(),
        data=value["data"].text(),
        seed=value["seed"].whole(),
        documents=value["test_documents"].whole(),
        recommendation=value["recommendation"].text(),
        notes=tuple(note.text() for note in value["notes"].items()),
        rows=tuple(_row(row) for row in value["strategies"].items()),
    )


def _row(field: Field) -> Row:
    change, clean, minutes = (field.maybe(name) for name in ("difference", "clean_difference", "minutes"))
    holm = change.maybe("p_holm") if change else None
    return Row(
        title=field["title"].text(),
        what=field["what"].text(),
        f1=field["ocr"]["strict"]["f1"].number(),
        change=difference(change) if change else None,
        holm=holm.number() if holm else None,
        clean_change=difference(clean) if clean else None,
        minutes=minutes.number() if minutes else None,
    )


def _cells(row: Row) -> tuple[str, ...]:
    cells = [row.title, points(row.f1)]
    cells += [signed(row.change.f1), bounds(row.change.interval)] if row.change else [NONE, NONE]
    cells.append(NONE if row.holm is None else p_cell(row.holm))
    cells += [signed(row.clean_change.f1), bounds(row.clean_change.interval)] if row.clean_change else [NONE, NONE]
    return (*cells, NONE if row.minutes is None else f"{row.minutes:.1f}")


def _folded(title: str, most: int = 18) -> str:
    """A title in lines of about so many characters."""
    lines = [""]
    for word in title.split():
        lines[-1:] = [lines[-1], word] if lines[-1] and len(lines[-1]) + len(word) > most else [f"{lines[-1]} {word}"]
    return "\n".join(line.strip() for line in lines)
