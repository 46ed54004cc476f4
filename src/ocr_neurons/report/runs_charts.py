"""The figures and tables of several runs: gains, noise costs, layer curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.chart_layers import three
from ocr_neurons.report.forest import Effect, forest
from ocr_neurons.report.inputs import Difference
from ocr_neurons.report.layer_axes import AXIS, banded_line, cka_limits, line
from ocr_neurons.report.phrase import NONE, bounds, points, signed, whole
from ocr_neurons.report.runs import Member, Spread, groups
from ocr_neurons.report.style import canvas, legend_above

SEEDS = "mean and range over seeds"


ENTITIES_ALONE = (
    " Where the twin is clean in its entities alone, it is what errors in these cost; those around them come on top."
)


def runs_table(members: Sequence[Member]) -> Table:
    """One row a run: scores, noise cost, the chosen edit, what it gained, and the verdict."""
    header = (
        "run", "test documents", "entities", "baseline F1", "95 % interval", "noise cost", "95 % of the cost",
        "chosen edit", "gain", "95 % of the gain", "over random", "95 % over random", "verdict",
    )  # fmt: skip
    rows = []
    for member in members:
        run, strict = member.run, member.run.baseline.strict
        rows.append(
            (
                member.name,
                NONE if run.test_documents is None else whole(run.test_documents),
                NONE if run.entities is None else whole(run.entities),
                points(strict.f1),
                bounds(strict.interval),
                *_cells(member.cost),
                run.edit.description if run.edit else "none",
                *_cells(run.gain if run.edit else None),
                *_cells(run.gain_over_control),
                member.short_verdict,
            )
        )
    return Table(header, rows)


def runs_overview(members: Sequence[Member]) -> Table:
    """The same for the page: each number over its interval, and what does not fit left to the texts below."""
    header = ("run", "test", "baseline F1", "noise cost", "gain", "over random")
    rows = []
    for member in members:
        run, strict = member.run, member.run.baseline.strict
        size = [f"{whole(run.entities)} entities"] if run.entities is not None else []
        size += [f"{whole(run.test_documents)} documents"] if run.test_documents is not None else []
        pairs = [(points(strict.f1), bounds(strict.interval)), _cells(member.cost)]
        pairs += [_cells(run.gain if run.edit else None), _cells(run.gain_over_control)]
        cells = [NONE if value == NONE else f"{value}\n{interval}" for value, interval in pairs]
        rows.append((member.name.replace(" · ", "\n"), "\n".join(size) or NONE, *cells))
    return Table(header, rows)


def seeds_table(members: Sequence[Member]) -> Table | None:
    """Mean and range over the runs of each model and data set; None where none was trained with several."""
    several = [group for group in groups(members) if group.seeds]
    if not several:
        return None
    rows = [
        (
            group.title,
            ", ".join(str(member.run.seed) for member in group.members),
            _spread(group.spread(lambda member: member.run.baseline.strict.f1), points),
            _spread(group.spread(lambda member: member.cost.f1 if member.cost else None), signed),
            _spread(group.spread(_gain), signed),
        )
        for group in several
    ]
    return Table(("model · data", "seeds", "baseline F1", "noise cost", "gain"), rows)


def runs_charts(members: Sequence[Member]) -> dict[str, Chart]:
    """The charts that these runs have data for, by name."""
    made = (gains_chart(members), costs_chart(members), curves_chart(members))
    return {chart.name: chart for chart in made if chart is not None}


def gains_chart(members: Sequence[Member]) -> Chart | None:
    """What the chosen edit of each run gained; None where no run chose one."""
    shown = [member for member in members if member.run.edit]
    if not shown:
        return None
    caption = (
        "What the edit that dev chose changed on test, in points of strict F1, for each run. Filled: over the tagger "
        "without an edit; hollow squares: over the mean of random neurons in the same layers. Lines are 95 % intervals "
        "paired by document: an interval that crosses the line at 0 cannot be told from nothing. Only where both lie "
        "to the right did these neurons gain anything."
    )
    return _forest(
        "gains", caption, shown,
        [("chosen − baseline", lambda m: m.run.gain), ("chosen − random neurons", lambda m: m.run.gain_over_control)],
        "Points of strict F1 on test",
    )  # fmt: skip


def costs_chart(members: Sequence[Member]) -> Chart | None:
    """What noise costs in each run; None where no run has clean twins."""
    shown = [member for member in members if member.cost]
    if not shown:
        return None
    left = len(members) - len(shown)
    caption = (
        "What OCR errors cost each tagger: strict F1 on the clean twin of test minus that on the text as OCR read it, "
        "with 95 % intervals paired by document. Further right is a greater loss; it is the most that any remedy could "
        "win back."
        + ("" if all(m.run.twin and m.run.twin.whole for m in shown) else ENTITIES_ALONE)
        + (f" {left} of the runs {'has' if left == 1 else 'have'} no clean text and cannot be shown." if left else "")
    )
    return _forest(
        "costs", caption, shown, [("clean − OCR text", lambda m: m.cost)], "Points of strict F1 lost to OCR errors"
    )


def curves_chart(members: Sequence[Member]) -> Chart | None:
    """Layer curves over one another at a level of noise that all runs have; None where there is none."""
    level = common_level(members)
    if level is None:
        return None
    bands = all(level in member.run.layers.by_level for member in members)
    deep = len({member.run.layers.count for member in members}) > 1
    caption = (
        f"Where the noise shows in each run, for the level “{level}”. Top: CKA of clean and noisy words, 1 where noise "
        "changes nothing. Bottom: "
        + ("how far the activations move, as a share of their own length; bands are 95 % intervals by bootstrap. "
           if bands else "mean shift of a neuron in standard deviations of its clean activation; a run of an earlier "
           "version has no intervals. ")
        + ("The models differ in depth, so layers stand at their share of it. " if deep else "")
        + "Each run read words of its own training data."
    )  # fmt: skip
    header = ["run", "layer", f"CKA {level}", "distance" if bands else "shift"]
    rows = [
        (member.name, str(i), three(cka), three(moved))
        for member in members
        for i, (cka, moved) in enumerate(zip(*_curves(member, level, bands), strict=True))
    ]
    lows = "; ".join(
        f"{member.name}: CKA falls to {min(known):.2f}"
        for member in members
        if (known := [value for value in member.run.layers.cka[level] if value is not None])
    )
    return Chart(
        "curves", caption, f"Layer curves of {len(members)} runs at the level {level}. {lows}.",
        lambda width: _draw(members, level, bands, deep, width), Table(header, rows),
        f"Layer curves of each run, level {level}.",
    )  # fmt: skip


def common_level(members: Sequence[Member]) -> str | None:
    """The last, that is the noisiest, of the levels that all runs were probed at."""
    shared = [
        level for level in members[0].run.layers.levels
        if all(level in member.run.layers.levels for member in members)
    ]  # fmt: skip
    return shared[-1] if shared else None


def _forest(
    name: str,
    caption: str,
    members: Sequence[Member],
    series: list[tuple[str, Callable[[Member], Difference | None]]],
    axis: str,
) -> Chart:
    labels: list[str] = []
    effects: list[Effect] = []
    rows: list[tuple[str, ...]] = []
    first = series[0][1]

    def value_of(member: Member) -> float | None:
        value = first(member)
        return value.f1 if value else None

    titles = [title for title, _ in series]
    for group in groups(members):
        for member in group.members:
            cells: list[str] = []
            for index, (_, of) in enumerate(series):
                cells += _cells(value := of(member))
                if value:
                    offset = (index - (len(series) - 1) / 2) * 0.28
                    effects.append(Effect(len(labels) + offset, value.f1, value.interval, index))
            labels.append(member.name)
            rows.append((member.name, *cells))
        spread = group.spread(value_of) if group.seeds else None
        if spread:
            effects.append(Effect(len(labels), spread.mean, (spread.least, spread.most), len(series)))
            labels.append(f"{group.title} · {spread.count} seeds")
            rows.append((labels[-1], signed(spread.mean), _range(spread), *[NONE] * (2 * len(series) - 2)))
    if len(labels) > len(members):
        titles.append(SEEDS)
        caption += " Seeds of one model and data set have a row for their mean and range, which is no interval."
    said = "; ".join(f"{row[0]}: {row[1]} {row[2]}" for row in rows)
    header = ["run"]
    for title, _ in series:
        header += [title, f"95 % interval of {title}"]
    return Chart(
        name, caption, f"Forest plot, {series[0][0]}, points of strict F1. {said}.",
        lambda width: forest([_label(x, width) for x in labels], effects, titles, axis, width), Table(header, rows),
        f"{axis}, by run, with 95 % intervals.",
    )  # fmt: skip


def _draw(members: Sequence[Member], level: str, bands: bool, deep: bool, width: float) -> Figure:
    figure = canvas(width, 4.4 + 0.2 * len(members) * (width < 5))
    top, bottom = figure.subplots(2, 1, sharex=True)
    lines = []
    for index, member in enumerate(members):
        layers = member.run.layers
        places = [(i + 0.5) / layers.count if deep else float(i) for i in range(layers.count)]
        if bands:
            lines.append(banded_line(top, layers.by_level[level].cka, index, places))
            banded_line(bottom, layers.by_level[level].distance, index, places)
        else:
            lines.append(line(top, layers.cka[level], index, places))
            line(bottom, layers.shift[level], index, places)
    top.set_title("CKA of clean and noisy (1 = unchanged)")
    bottom.set_title("Distance from the clean word" if bands else "Mean shift of a neuron (clean st. dev.)")
    cka_limits(top, [member.run.layers.cka[level] for member in members])
    bottom.set_ylim(bottom=0)
    bottom.set_xlabel("Share of the depth (0 is nearest the input)" if deep else AXIS)
    for axes in (top, bottom):
        axes.grid(axis="y")
    legend_above(figure, lines, [member.name for member in members], 2 if width > 5 else 1)
    return figure


def _curves(member: Member, level: str, bands: bool) -> tuple[Sequence[float | None], Sequence[float | None]]:
    layers = member.run.layers
    return layers.cka[level], layers.by_level[level].distance["mean"] if bands else layers.shift[level]


def _gain(member: Member) -> float | None:
    return member.run.gain.f1 if member.run.edit else None


def _cells(value: Difference | None) -> tuple[str, str]:
    return (NONE, NONE) if value is None else (signed(value.f1), bounds(value.interval))


def _spread(value: Spread | None, shown: Callable[[float | None], str]) -> str:
    return NONE if value is None else f"{shown(value.mean)} ({shown(value.least)} to {shown(value.most)})"


def _range(value: Spread) -> str:
    return f"{signed(value.least)} to {signed(value.most)}"


def _label(name: str, width: float) -> str:
    return name if width > 5 else name.replace(" · ", "\n")
