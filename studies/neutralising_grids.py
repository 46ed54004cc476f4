"""The original's two experiments, its code's quirk, and each layer alone: parts of the page of neutralising.

Scores are strict F1 on dev in points, as differences to the same tagger without an edit. In each grid the neurons found
stand beside as many random ones of the same layers, so that the best of a grid has something to be compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neutralising_repair import DRAWS, SENSITIVE, Floats, f1, number_of, said, span, who_of
from ocr_neurons.report.phrase import bounds, p_cell, signed
from ocr_neurons.report.style import MUTED, canvas, styled, to_png
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.intervals import beyond_chance, paired_differences

FOUND, RANDOM = "found", "random"
WAYS = (FOUND, RANDOM, "found-everywhere", "random-everywhere")
GRIDS = (("first-layers", "first"), ("layer-25", "layer-"))
"""The original's grids, and how the names of their regions begin."""
REACH = 5.0
"""Points at which the colours of the heat maps end."""
Taggers = Mapping[str, Mapping[str, Any]]
"""Name of a tagger to its parts, each what ``studies/neutralising.py`` keeps."""
Where = Callable[[Mapping[str, Any]], bool]


def changes(part: Mapping[str, Any], wanted: Where) -> Floats:
    """Strict F1 minus the baseline's, of the trials that are wanted, ``[trials]``."""
    base = f1_of(part["baseline"])
    return np.array([f1_of(trial["totals"]) - base for trial in part["trials"] if wanted(trial)])


def points(value: float) -> str:
    """A difference in points, with its sign."""
    return signed(value / 100)


def f1_of(totals: Sequence[Sequence[int]]) -> float:
    """Micro F1 in points of the counts of documents."""
    return 100 * Counts(*map(sum, zip(*totals, strict=True))).f1


def drawn(setting: Mapping[str, Any], who: str) -> bool:
    """Whether a setting is of neurons found, or of random ones."""
    return (who_of(setting) == SENSITIVE) == (who == FOUND)


def main_job(taggers: Taggers) -> list[str]:
    """What was chosen on dev, and what it did on test."""
    counts = sorted({_settings(parts["run"]) for parts in taggers.values()})
    lines = [
        "## The main job: chosen on dev, scored once on test", "",
        "Thirds and each layer alone, a tenth of their neurons silenced, halved or made half as strong again: "
        f"{' or '.join(map(str, counts))} settings, and as many with random neurons. The best on dev by the lower "
        "bound of its gain; on test beside 20 random draws.", "",
        "| tagger | chosen | gain on dev | on test | p | random neurons on test | better than random, p |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, parts in taggers.items():
        summary, run = parts["run"]["summary"], parts["run"]
        edit, change = summary["chosen"]["edit"], summary["difference"]
        (gain,) = changes(run, _chosen(edit))
        plain, random = summary["baseline"]["strict"]["f1"], summary["random_control"]["strict"]["f1"]
        test, over = change["chosen_minus_baseline"], change["chosen_minus_random_control"]
        lines.append(
            f"| {name} | {edit['description']} | {points(gain)} | {signed(test['f1'])} {bounds(tuple(test['ci95']))} | "
            f"{p_cell(test['p'])} | {signed(random - plain)} | {p_cell(over['p'])} |"
        )
    return [*lines, "", *_verdicts(taggers), *_seeds_together(taggers), *_by_lot(taggers)]


def _verdicts(taggers: Taggers) -> list[str]:
    """What the program itself said of each tagger, in the words before its numbers."""
    said: dict[str, list[str]] = {}
    for name, parts in taggers.items():
        said.setdefault(parts["run"]["summary"]["verdict"].partition(":")[0], []).append(name)
    return [*(f"- The program's verdict on {'; '.join(names)}: {words}." for words, names in said.items()), ""]


def _seeds_together(taggers: Taggers) -> list[str]:
    """The chosen edits of taggers that differ in their seed alone, on test: counts added up in each document."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for name, parts in taggers.items():
        if "test" in parts["run"]:
            kinds.setdefault(name.partition(", seed")[0], []).append(parts["run"]["test"])
    lines = []
    for kind, tests in kinds.items():
        if len(tests) > 1:
            ours, theirs = (np.sum([test[which] for test in tests], axis=0) for which in ("chosen", "baseline"))
            (change,) = paired_differences(ours[:, None], theirs[:, None], DRAWS, 1)
            cells = f"{signed(change.f1)} {bounds((change.low, change.high))}, p {p_cell(change.p)}"
            lines.append(f"- {kind}, {len(tests)} seeds together (their counts added up in each document): {cells}")
    return [*lines, ""] if lines else []


def _by_lot(taggers: Taggers) -> list[str]:
    """What the same rule chose among the settings of random neurons, where the run scored that on test."""
    lines = []
    for name, parts in taggers.items():
        if best := parts["run"]["summary"].get("random_best"):
            dev, test = best["on_dev"], best["minus_baseline"]
            lines.append(
                f"| {name} | {best['edit']['description']} | {signed(dev['f1'])} {bounds(tuple(dev['ci95']))} | "
                f"{signed(test['f1'])} {bounds(tuple(test['ci95']))} | {p_cell(test['p'])} |"
            )
    if not lines:
        return []
    return [
        "What the same rule chooses among the settings of random neurons:", "",
        "| tagger | chosen by lot | gain on dev | on test | p |", "|---|---|---|---|---|", *lines, "",
    ]  # fmt: skip


def _settings(run: Mapping[str, Any]) -> int:
    """Of ranked neurons."""
    return sum(drawn(trial["setting"], FOUND) for trial in run["trials"])


def _chosen(edit: Mapping[str, Any]) -> Where:
    """The trial of the edit that a summary calls chosen."""
    wanted = tuple(edit[key] for key in ("region", "count", "factor"))
    return lambda trial: (
        drawn(trial["setting"], FOUND)
        and wanted == tuple(trial["setting"][key] for key in ("region", "count", "factor"))
    )


def original(taggers: Taggers) -> list[str]:
    """The original's two grids."""
    lines = [
        "## The original's two experiments, at the size of the model", "",
        "`first-layers`: ten counts x factors 0.1 to 0.9 in the first third (90 settings). `layer-25`: seven counts x "
        "three factors in the layer at that depth (21 settings; random neurons drawn three times). On dev, at test "
        "time alone. The original reports the best of such a grid; so here stands the best of the same grid of "
        "*random* neurons.", "",
        "| tagger | grid | found: mean | found: best | random: mean | random: best | above baseline, found | random |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, parts in taggers.items():
        for title, wanted in GRIDS:
            rows = {who: changes(parts["paper"], _of(wanted, who)) for who in (FOUND, RANDOM)}
            found, random = rows[FOUND], rows[RANDOM]
            lines.append(
                f"| {name} | {title} | {points(found.mean())} | {points(found.max())} | {points(random.mean())} | "
                f"{points(random.max())} | {100 * (found > 0).mean():.0f}% | {100 * (random > 0).mean():.0f}% |"
            )
    return [
        *lines, "",
        "![F1 over the grids, found and random neurons](first-layers.png)", "",
        f"*Points of F1 on dev over the tagger without an edit; colours end at {REACH:g}. Left of each pair: neurons "
        "found, right: random ones.*", "",
    ]  # fmt: skip


def _of(region: str, who: str) -> Where:
    return lambda trial: trial["setting"]["region"].startswith(region) and drawn(trial["setting"], who)


def _way(way: str) -> Where:
    return lambda trial: bool(trial["way"] == way)


def quirk(taggers: Taggers) -> list[str]:
    """What the original's code really edits."""
    lines = [
        "## What the original's code edits", "",
        "Its hooks take the numbers of neurons found in one layer and scale the neurons of these numbers in *every* "
        "layer (`legacy`). The 21 settings of `layer-25`, so done; beside numbers drawn at random. Dev.", "",
        "| tagger | found, its layer: mean | random, its layer | found, every layer: mean | best | worst | random, "
        "every layer: mean | best | worst |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, parts in taggers.items():
        found, random, wide, random_wide = (changes(parts["legacy"], _way(way)) for way in WAYS)
        cells = [found.mean(), random.mean()]
        cells += [value for rows in (wide, random_wide) for value in (rows.mean(), rows.max(), rows.min())]
        lines.append(f"| {name} | {' | '.join(points(value) for value in cells)} |")
    return [*lines, ""]


def in_short(taggers: Taggers) -> list[str]:
    """What the main job and the original's grids come to, over all taggers."""
    lines = []
    ran = [
        parts["run"]["summary"]["difference"]["chosen_minus_baseline"] for parts in taggers.values() if "run" in parts
    ]
    if ran:
        told = [beyond_chance(one["ci95"][0], one["ci95"][1], one["p"]) for one in ran]
        values = [100 * one["f1"] for one in ran]
        lines.append(
            f"- **The edit that dev chose helps on test in {told.count(1)} of {number_of(len(ran))}**, beyond chance; "
            f"in {told.count(-1)} it does harm ({span(min(values), max(values))} points)."
        )
    pairs = [
        (changes(parts["paper"], _of(wanted, FOUND)).max(), changes(parts["paper"], _of(wanted, RANDOM)).max())
        for parts in taggers.values() if "paper" in parts for title, wanted in GRIDS if title == "first-layers"
    ]  # fmt: skip
    if pairs:
        above = sum(found > random for found, random in pairs)
        found, random = (span(min(best), max(best)) for best in zip(*pairs, strict=True))
        lines.append(
            f"- The best of the original's 90 settings in the first layers gains {found} on the data it was picked on, "
            f"the best of 90 settings of random neurons {random}; the former is above the latter in {above} of "
            f"{number_of(len(pairs))}."
        )
    if ran and not told.count(1):
        lines.append(
            "- **For users**: none of these edits is worth baking. To neutralise neurons, sweep your own tagger and "
            "let test and random neurons confirm it (`ocr-neurons run`); what does help against much noise is noise in "
            "training ([strategies](../strategies/README.md))."
        )
    return lines


def damped(taggers: Taggers) -> list[str]:
    """Neurons of the first third damped while training."""
    rows = []
    for name, parts in taggers.items():
        for part, value in sorted(parts.items()):
            if not part.startswith("damped"):
                continue
            setting, base = value["setting"], np.array(value["baseline"])
            cells = [_paired(np.array(value[key]), base) for key in ("plain", "without", "with")]
            who = FOUND if drawn(setting, FOUND) else RANDOM
            rows.append(f"| {name} | {setting['count']:,} {who} times {setting['factor']:g} | {' | '.join(cells)} |")
    if not rows:
        return []
    return [
        "## Damped while training, as the original did", "",
        "Neurons of the first third, at the middle of the original's counts, scaled while the tagger is trained and at "
        "test. Strict F1 on dev over the plain tagger, [95 %] paired by document; one seed.", "",
        "| tagger | neurons | the plain tagger, edited | trained so, edit taken off | trained so, edit on |",
        "|---|---|---|---|---|",
        *rows, "",
    ]  # fmt: skip


def _paired(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> str:
    return said(f1(ours[:, None])[:, 0] - f1(theirs[:, None])[:, 0])


def grid_figure(taggers: Taggers, path: Path) -> None:
    """Heat maps of ``first-layers``: count by factor, found and random, a pair a tagger."""
    with styled():
        columns = 2
        lines = -(-len(taggers) // columns)
        figure = canvas(7.4, 1.75 * lines + 0.4)
        axes = figure.subplots(lines, 2 * columns, squeeze=False).ravel()
        for axis in axes:
            axis.axis("off")
        for place, (name, parts) in enumerate(taggers.items()):
            for side, who in enumerate((FOUND, RANDOM)):
                axis = axes[2 * place + side]
                axis.axis("on")
                counts, factors, table = _table(parts["paper"], who)
                image = axis.imshow(table, cmap="RdBu", vmin=-REACH, vmax=REACH, aspect="auto", origin="lower")
                axis.set_xticks([0, len(factors) - 1], [f"{factors[0]:g}", f"{factors[-1]:g}"])
                axis.set_yticks([0, len(counts) - 1], [str(counts[0]), str(counts[-1])] if not side else ["", ""])
                if not side:
                    axis.set_title(name.replace("-smollm2-default", ""), fontsize=8)
                    axis.set_ylabel("Neurons", fontsize=8)
                axis.set_xlabel(f"Factor, {who}", fontsize=8)
                axis.tick_params(labelsize=7)
        figure.colorbar(image, ax=axes.tolist(), shrink=0.5, label="Points of F1 on dev")
        to_png(figure, path)


def _table(part: Mapping[str, Any], who: str) -> tuple[list[int], list[float], Floats]:
    cells = {
        (trial["setting"]["count"], trial["setting"]["factor"]): f1_of(trial["totals"])
        for trial in part["trials"]
        if trial["setting"]["region"] == "first" and drawn(trial["setting"], who)
    }
    counts, factors = sorted({count for count, _ in cells}), sorted({factor for _, factor in cells})
    base = f1_of(part["baseline"])
    return counts, factors, np.array([[cells[count, factor] - base for factor in factors] for count in counts])


def layer_figure(taggers: Taggers, path: Path) -> None:
    """Heat maps of each layer alone: factor by layer, found above random, a strip a tagger."""
    with styled():
        figure = canvas(7.4, 1.15 * len(taggers) + 0.6)
        axes = figure.subplots(len(taggers), 1, squeeze=False, sharex=True).ravel()
        for axis, (name, parts) in zip(axes, taggers.items(), strict=True):
            labels, table = _strip(parts["run"])
            image = axis.imshow(table, cmap="RdBu", vmin=-REACH, vmax=REACH, aspect="auto")
            axis.set_yticks(range(len(labels)), labels, fontsize=6.5)
            axis.axhline(len(labels) / 2 - 0.5, color=MUTED, lw=1)
            axis.set_title(name.replace("-smollm2-default", ""), fontsize=8)
            axis.tick_params(labelsize=7)
        axes[-1].set_xlabel("Layer (0 is nearest the input)")
        figure.colorbar(image, ax=axes.tolist(), shrink=0.4, label="Points of F1 on dev")
        to_png(figure, path)


def _strip(part: Mapping[str, Any]) -> tuple[list[str], Floats]:
    base = f1_of(part["baseline"])
    cells: dict[tuple[str, float, int], float] = {}
    for trial in part["trials"]:
        setting = trial["setting"]
        if setting["region"].startswith("layer-"):
            who = FOUND if drawn(setting, FOUND) else RANDOM
            layer = int(setting["region"].removeprefix("layer-"))
            cells[who, setting["factor"], layer] = f1_of(trial["totals"]) - base
    factors, layers = sorted({key[1] for key in cells}), sorted({key[2] for key in cells})
    rows = [(who, factor) for who in (FOUND, RANDOM) for factor in factors]
    table = np.array([[cells[who, factor, layer] for layer in layers] for who, factor in rows])
    return [f"{who} × {factor:g}" for who, factor in rows], table
