"""The chart of the test: chosen against baseline with its interval, beside the opposite edit and what noise costs."""

from __future__ import annotations

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.forest import Effect, forest
from ocr_neurons.report.inputs import Difference, Run
from ocr_neurons.report.phrase import bounds, p_cell, signed


def differences_chart(run: Run) -> Chart | None:
    """Differences of strict F1 on test with their intervals; None where no edit was chosen."""
    if run.edit is None:
        return None
    rows = differences(run)
    said = "; ".join(f"{name} {signed(d.f1)} {bounds(d.interval)}" for name, d in rows)
    caption = (
        "Differences of strict F1 on the test data, in points; the line through each mark is its 95 % interval, paired "
        "by document. Right of the line at 0 the first named is better. An interval that crosses the line cannot be "
        "told from no difference."
    )
    if run.twin:
        caption += " The lowest row shows what could be won back at most by undoing " + (
            "all that OCR did." if run.twin.whole else "what OCR did to the entities; its errors around them stay."
        )
    return Chart(
        "test",
        caption,
        f"Forest plot of differences in strict F1 on test. {said}.",
        lambda width: forest(
            [name if width > 5 else name.replace(" − ", "\n− ") for name, _ in rows],
            [Effect(place, d.f1, d.interval) for place, (_, d) in enumerate(rows)],
            ("difference",),
            "Points of strict F1 on test",
            width,
        ),
        Table(
            ("difference", "points of F1", "95 % interval", "p"),
            [(name, signed(d.f1), bounds(d.interval), p_cell(d.p)) for name, d in rows],
        ),
        "Differences of strict F1 on test, in points, paired by document.",
    )


def differences(run: Run) -> list[tuple[str, Difference]]:
    """What was compared on test, with names."""
    rows = [("chosen edit − baseline", run.gain)]
    if run.opposite:
        rows.append(("opposite edit − baseline", run.opposite.difference))
    if run.gain_over_control:
        rows.append(("chosen edit − random neurons", run.gain_over_control))
    if run.twin:
        rows.append(("clean text − OCR text" if run.twin.whole else "clean entities − OCR text", run.twin.difference))
    return rows
