"""Repair or suffer: what silencing costs where there is OCR noise, and where there is none; a part of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError
from ocr_neurons.report.phrase import bounds, signed
from ocr_neurons.report.style import LEVELS, MUTED, STRONG, WEAK
from ocr_neurons.score.intervals import percentile_interval, resamples
from ocr_neurons.sweep.grid import CHOSEN

Floats = NDArray[np.float64]
SENSITIVE, RANDOM = WHO = "sensitive", "random"
DRAWS = 10_000
SERIES = (
    ("sensitive", "ocr", "sensitive neurons, OCR text", STRONG, "o", "-"),
    ("sensitive", "clean", "sensitive neurons, clean twins", LEVELS[1], "s", "-"),
    ("random", "ocr", "random neurons, OCR text", MUTED, "o", "--"),
    ("random", "clean", "random neurons, clean twins", WEAK, "s", "--"),
)


@dataclass(frozen=True)
class Costs:
    """Points of strict F1 that silencing costs, ``[1 + draws, layers]`` each: the first row as it is, then bootstrap.

    Documents are drawn alike for all, so rows may be subtracted. Positive: the tagger is worse without the neurons.
    """

    name: str
    scope: str
    baseline: dict[str, float]
    cost: dict[tuple[str, str], Floats]
    layers: list[int]
    draws: int
    ranking: dict[str, Any]

    @property
    def step(self) -> int:
        """Each so-many-th layer was measured."""
        return self.layers[1] - self.layers[0] if len(self.layers) > 1 else 1

    def excess(self, who: str) -> Floats:
        """The cost on OCR text over that on clean twins."""
        return self.cost[who, "ocr"] - self.cost[who, "clean"]


def costs(name: str, value: dict[str, Any], ranking: dict[str, Any]) -> Costs:
    """The costs in a ``repair.json``; ``ranking`` says how the neurons were ranked.

    Raises:
        UserError: it has no clean twins.
    """
    if "clean" not in value:
        raise UserError(f"{name}: measured on data without clean twins; wanted data that have them")
    found, base = {}, {}
    for text in ("ocr", "clean"):
        part = value[text]
        rows: dict[tuple[str, int], list[list[list[int]]]] = {}
        for trial in part["trials"]:
            setting = trial["setting"]
            rows.setdefault((who_of(setting), int(setting["region"].removeprefix("layer-"))), []).append(
                trial["totals"]
            )
        plain = f1(np.array(part["baseline"])[:, None])
        base[text] = float(plain[0, 0])
        for who in ("sensitive", "random"):
            layers = [(plain - f1(np.moveaxis(np.array(rows[who, layer]), 0, 1))).mean(1) for layer in value["layers"]]
            found[who, text] = np.stack(layers, 1)
    draws = len(rows["random", value["layers"][0]])
    return Costs(name, value["scope"], base, found, value["layers"], draws, ranking)


def who_of(setting: Mapping[str, Any]) -> str:
    """Whose a trial is: the ranked neurons', or random ones'."""
    return SENSITIVE if setting["draw"] == CHOSEN else RANDOM


def f1(counts: NDArray[np.int64]) -> Floats:
    """Micro F1 of ``[documents, kinds, 3]`` in points, ``[1 + draws, kinds]``: as they are, then of drawn documents."""
    documents = counts.shape[0]
    weights = np.concatenate([np.ones((1, documents)), *resamples(documents, DRAWS, 1)])
    sums = np.einsum("bd,dkc->bkc", weights, counts.astype(np.float64), optimize=True)
    value: Floats = 100 * 2 * sums[..., 0] / np.maximum(1, 2 * sums[..., 0] + sums[..., 1] + sums[..., 2])
    return value


def said(values: Floats) -> str:
    """The first value and the interval of the others."""
    low, high = percentile_interval(values[1:], 0.95)
    return f"{signed(values[0] / 100)} {bounds((low / 100, high / 100))}"


def file_name(one: Costs) -> str:
    """Of its figure."""
    return one.name.replace(", ", "-")


def entry(one: Costs) -> dict[str, Any]:
    """The values behind the page."""
    values: dict[str, Any] = {
        "tagger": one.name,
        "layers": one.layers,
        "random_draws": one.draws,
        "ranking": one.ranking,
        "clean": one.scope,
        "baseline": one.baseline,
    }
    for who, text, *_ in SERIES:
        rows = one.cost[who, text]
        low, high = np.quantile(rows[1:], [0.025, 0.975], axis=0)
        values[f"{who}_{text}"] = [[round(float(v), 3) for v in row] for row in zip(rows[0], low, high, strict=True)]
    return values


def page(found: Sequence[Costs]) -> str:
    """The page of all layers of all taggers, in Markdown."""
    lines = [
        "# Repair or suffer, layer by layer", "",
        "Points of strict F1 on dev that silencing a tenth of one layer costs, 95 % intervals over documents; "
        "[what it means](README.md).", "",
    ]  # fmt: skip
    for one in found:
        lines += section(one)
    return "\n".join(lines)


def summary(found: Sequence[Costs], untwinned: Sequence[str]) -> list[str]:
    """The part of the main page: a row a tagger."""
    lines = [
        "## Do they repair OCR noise, or suffer from it?", "",
        "In each layer alone a tenth of the neurons is silenced: those most sensitive to learned OCR noise beyond the "
        "placebo, or as many random ones. Dev is tagged as OCR read it and as the page says. Points of strict F1 that "
        "this costs, mean over layers; positive: the tagger is worse without them. *Repair*: neurons that undo the "
        "damage are worth more where there is noise. *Suffer*: silencing neurons that only carry noise on helps there, "
        "beyond random ones. Where what silencing costs differs between the two texts, and that on OCR text is that of "
        "random neurons, the difference is named alone.",
        "",
        "| tagger | layer 0, OCR | layer 0, random | other layers, OCR | other layers, random | OCR − clean, sensitive "
        "| OCR − clean, beyond random | |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for one in [*found, *seeds_together(found)]:
        excess = one.excess("sensitive").mean(1)
        cells = [
            said(one.cost[who, "ocr"][:, places].mean(1))
            for places in (slice(0, 1), slice(1, None)) for who in ("sensitive", "random")
        ]  # fmt: skip
        lines.append(f"| {one.name} | {' | '.join([*cells, said(excess), said(_beyond(one)), _word(one)])} |")
    lines += [
        "", f"Of {number_of(len(found))} {_told(found)}, each by itself: one in twenty would be luck. Seeds together: "
        "the mean of the taggers, so the interval speaks of other documents, and less of the luck of one training. "
        "[Layer by layer](repair.md).",
    ]  # fmt: skip
    lines += [f"Not asked of {', '.join(untwinned)}: no clean twins."] if untwinned else []
    return [*lines, ""]


def repair_in_short(found: Sequence[Costs]) -> list[str]:
    """What it comes to, over all taggers."""
    first = {
        text: [(one.cost["sensitive", text] - one.cost["random", text])[:, 0] for one in found]
        for text in ("ocr", "clean")
    }
    sure = sum(
        all(percentile_interval(drawn[1:], 0.95)[0] > 0 for drawn in both) for both in zip(*first.values(), strict=True)
    )
    least, highest = (end(float(drawn[0]) for drawn in first["ocr"]) for end in (min, max))
    bounds_of = [percentile_interval(_beyond(one)[1:], 0.95) for one in found]
    most = max(abs(bound) for pair in bounds_of for bound in pair)
    return [
        f"- **Layer 0 is needed, noise or not, in {sure} of {number_of(len(found))}** (beyond chance on either text): "
        f"on OCR text silencing the tenth of it that reacts most costs {span(least, highest)} points more than "
        "silencing random neurons there.",
        f"- **Do they repair OCR noise, or suffer from it?** Of {number_of(len(found))} {_told(found)}. What they are "
        "worth on OCR text beyond clean twins, over random neurons, lies between "
        f"−{most:.1f} and +{most:.1f} points in the mean of the layers (95 %, each tagger by itself)."
        + "".join(
            f" {one.name}: {said(_beyond(one))}, {_word(one).lower()}; beyond random neurons they are worth "
            f"{said(_own(one, 'ocr'))} points on OCR text and {said(_own(one, 'clean'))} on clean twins."
            for one in seeds_together(found)
        ),
    ]


def seeds_together(found: Sequence[Costs]) -> list[Costs]:
    """The means of the taggers that differ in their seed alone, of each kind that has several."""
    kinds: dict[str, list[Costs]] = {}
    for one in found:
        kinds.setdefault(one.name.partition(", seed")[0], []).append(one)
    return [
        replace(
            members[0], name=f"{kind}, {len(members)} seeds together",
            cost={key: np.mean([one.cost[key] for one in members], axis=0) for key in members[0].cost},
        )
        for kind, members in kinds.items()
        if len(members) > 1 and all(one.layers == members[0].layers for one in members)
    ]  # fmt: skip


def _word(one: Costs) -> str:
    """What one tagger shows, in a word."""
    return verdict(one).split("**")[1]


def _told(found: Sequence[Costs]) -> str:
    """How many taggers show what."""
    told = [_word(one) for one in found]
    return ", ".join(f"{name.lower()}: {told.count(name)}" for name in WORDS if name in told or name in WORDS[:2])


def number_of(count: int) -> str:
    """So many taggers."""
    return f"{count} tagger{'s' if count != 1 else ''}"


def span(low: float, high: float) -> str:
    """From one number of points to another, or one where they are the same."""
    ends = [signed(end / 100) for end in (low, high)]
    return " to ".join(dict.fromkeys(ends))


WORDS = ("Repair", "Suffer", "Worth less on clean text", "Worth more on clean text", "Neither can be told")


def _beyond(one: Costs) -> Floats:
    value: Floats = one.excess("sensitive").mean(1) - one.excess("random").mean(1)
    return value


def _own(one: Costs, text: str) -> Floats:
    """What the sensitive neurons are worth on a text beyond random ones, in the mean of the layers."""
    value: Floats = (one.cost["sensitive", text] - one.cost["random", text]).mean(1)
    return value


def section(one: Costs) -> list[str]:
    """A tagger: what it says, the figure, the table."""
    mean = {(who, text): one.cost[who, text].mean(1) for who, text, *_ in SERIES}
    excess = {who: one.excess(who) for who in ("sensitive", "random")}
    low, high = np.quantile(excess["sensitive"][1:], [0.025, 0.975], axis=0)
    up = [str(one.layers[place]) for place in np.flatnonzero(low > 0)]
    down = [str(one.layers[place]) for place in np.flatnonzero(high < 0)]
    most = np.quantile(one.cost["sensitive", "ocr"][1:], 0.975, axis=0)
    gains = [str(one.layers[place]) for place in np.flatnonzero(most < 0)]
    lines = [
        f"## {one.name}", "",
        f"`--seeds {one.name.rpartition(' ')[2]} --every {one.step} --draws {one.draws}`. Clean twins: {one.scope}. "
        f"Without an edit {one.baseline['ocr']:.1f} on OCR text, {one.baseline['clean']:.1f} on clean twins (dev). "
        f"Ranked by {ranked(one)}", "",
        "| mean over layers | OCR text | clean twins | OCR − clean |", "|---|---|---|---|",
        *(
            f"| {who} neurons | {said(mean[who, 'ocr'])} | {said(mean[who, 'clean'])} | {said(excess[who].mean(1))} |"
            for who in ("sensitive", "random")
        ),
        f"| sensitive − random | {said(_own(one, 'ocr'))} | {said(_own(one, 'clean'))} | {said(_beyond(one))} |", "",
        f"- {verdict(one)}",
        *needed(one),
        f"- Layers in which sensitive neurons are worth more on OCR text than on clean text, each by itself: "
        f"{', '.join(up) or 'none'}; less: {', '.join(down) or 'none'} (of {len(one.layers)}; one in forty either "
        "way would be luck).",
        f"- Layers in which silencing them gains on OCR text, each by itself: {', '.join(gains) or 'none'}.", "",
        f"![Cost of silencing, layer by layer]({file_name(one)}.png)", "",
        "| layer | sensitive, OCR | sensitive, clean | random, OCR | random, clean | sensitive, OCR − clean |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for place, layer in enumerate(one.layers):
        cells = [said(one.cost[who, text][:, place]) for who, text, *_ in SERIES]
        lines.append(f"| {layer} | {' | '.join(cells)} | {said(excess['sensitive'][:, place])} |")
    return [*lines, ""]


def ranked(one: Costs) -> str:
    """By what the neurons were ranked, and a warning where other words would not name the same."""
    said = f"“{one.ranking['name']}” over {one.ranking.get('words', '?')} words."
    if one.ranking["name"] != "specific size":
        return said
    return (
        f"{said} **By this ranking other words would name other neurons** ([again](../again/README.md)): what is "
        "called sensitive here is little more than a random draw: that it costs what random neurons cost says little."
    )


def needed(one: Costs) -> list[str]:
    """Whether the tagger needs them more than random neurons, whatever the text; and where most."""
    excess = {text: one.cost["sensitive", text] - one.cost["random", text] for text in ("ocr", "clean")}
    if min(percentile_interval(rows[1:].mean(1), 0.95)[0] for rows in excess.values()) <= 0:
        return []
    place = int(excess["ocr"][0].argmax())
    rest = [i for i in range(len(one.layers)) if i != place]
    return [
        "- **Needed, noise or not**: silencing them costs more than silencing random neurons, on OCR text and on clean "
        f"twins. Most in layer {one.layers[place]}: {said(excess['ocr'][:, place])} beyond random ones on OCR text, "
        f"{said(excess['clean'][:, place])} on clean twins; in the mean of the other layers "
        f"{said(excess['ocr'][:, rest].mean(1))} and {said(excess['clean'][:, rest].mean(1))}."
    ]


def verdict(one: Costs) -> str:
    """What the mean over layers says, beyond random neurons."""
    low, high = percentile_interval(_beyond(one)[1:], 0.95)
    least, most = percentile_interval(_own(one, "ocr")[1:], 0.95)
    helps = percentile_interval(one.cost["sensitive", "ocr"][1:].mean(1), 0.95)[1] < 0
    there = _beside_random(least, most)
    if low > 0 and least > 0:
        return "**Repair**: they are worth more where there is noise, and more than random neurons are there."
    if low > 0:
        return f"**Worth less on clean text**, beyond random neurons; on OCR text they are worth {there}."
    if high < 0 and most < 0 and helps:
        return (
            "**Suffer**: where there is noise silencing them helps, beyond random neurons, and more than on clean text."
        )
    if high < 0:
        return f"**Worth more on clean text**, beyond random neurons; on OCR text they are worth {there}."
    return (
        "**Neither can be told**: what they are worth does not differ between noisy and clean text by more than it "
        "does for random neurons."
    )


def _beside_random(least: float, most: float) -> str:
    """What neurons are worth whose worth beyond random ones lies between two bounds."""
    if least > 0 or most < 0:
        return f"{'more' if least > 0 else 'less'} than random neurons are"
    return "what random neurons are, as far as can be told"
