"""The page of the study, every number of it from the results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ocr_neurons.rank.published import CITATION, DEPTH, FALLS_AFTER, PEAKS, Counts, depth
from ocr_neurons.rank.regions import region
from paper_cka import BINS, LEVELS, shape
from paper_meaning import meaning
from paper_switch_page import switch_page

PARTS = 8
"""Equal parts of the depth in which two models' neurons are compared."""
EARLIER = 77
"""Common neurons of smollm2 on the page that this study replaces (results/paper-words, see its history)."""


def readme(found: dict[str, Any], models: Sequence[Counts]) -> str:
    """The page."""
    lines = ["# The paper's protocol, and what its code does otherwise", "", f"    {found['command']}", ""]
    lines += _about(found)
    lines += ["## In short", "", *meaning(found, models), ""]
    lines += ["## Common neurons", "", *_common(models), ""]
    lines += ["## CKA", "", *_cka(found["models"]), ""]
    lines += ["## What each choice changes", "", *_choices(found["models"]), ""]
    if found["switches"]:
        lines += switch_page(found["switches"], found["models"])
    lines += ["## What cannot be compared", "", *_limits(), ""]
    lines += ["## What this page replaces", "", *_replaced(found["models"]), ""]
    return "\n".join(lines)


def _about(found: dict[str, Any]) -> list[str]:
    bins = "; ".join(
        f"{model['model']}: " + ", ".join(f"{n} {name}" for name, n in model["by_bin"].items())
        for model in found["models"][:1]
    )
    return [
        f"The protocol: {CITATION}. {found['words']} nouns and verbs of French press text (newseye-fr), the first "
        f"distinct ones, each under three levels of preset noise and fed alone, padded to 64 positions; the output of "
        "`up_proj` averaged over all 64. A neuron passes in a pair when its |noisy − clean| exceeds the layer's mean "
        "plus one standard deviation; it is common when it passes in 90 % of the pairs. Pairs by similarity bin: "
        f"{bins.partition(': ')[2]}. Seed {found['seed']}, {found['dtype']}. All numbers are in `numbers.json`.",
        "",
    ]


def _common(models: Sequence[Counts]) -> list[str]:
    lines = [
        "| model | layers | common to 90 % | in 10,000 | to 50 % | in first / middle / last third (%) | fullest layers "
        "(relative depth) |",
        "|---|---|---|---|---|---|---|",
    ]
    for model in models:
        half = "not reported" if model.half is None else f"{sum(model.half.values()):,}"
        reported = ", its authors" if model.reported else ""
        lines.append(
            f"| {model.model}{reported} | {model.layers} | {model.total} | {model.rate:.1f} | {half} | "
            f"{_thirds(model)} | {_fullest(model)} |"
        )
    pairs = ", ".join(f"{a.model} and {b.model} {_likeness(a, b):.2f}" for a, b in combinations(models, 2))
    return [
        *lines,
        "",
        "![Common neurons by relative depth](common.png)",
        "",
        f"How alike the places are (overlap of the histograms over {PARTS} equal parts of the depth, 1: the same): "
        f"{pairs}. Counts as small as these make the overlap a rough figure.",
        "",
        "By layer, ours: "
        + "; ".join(
            f"{model.model}: "
            + (", ".join(f"layer {layer}: {n}" for layer, n in sorted(model.common.items())) or "none")
            for model in models
            if not model.reported
        )
        + ".",
    ]


def _thirds(model: Counts) -> str:
    if not model.total:
        return "–"
    sums = [
        sum(model.common.get(layer, 0) for layer in region(name, model.layers)) for name in ("first", "middle", "last")
    ]
    return " / ".join(f"{100 * n / model.total:.0f}" for n in sums)


def _fullest(model: Counts) -> str:
    best = sorted(model.common.items(), key=lambda item: (-item[1], item[0]))[:3]
    return "; ".join(f"{layer}: {n} ({depth(layer, model.layers):.2f})" for layer, n in best) or "–"


def _likeness(a: Counts, b: Counts) -> float:
    rows = []
    for model in (a, b):
        row = [0.0] * PARTS
        for layer, n in model.common.items():
            row[min(PARTS - 1, int(PARTS * depth(layer, model.layers)))] += n / model.total
        rows.append(row)
    return float(sum(min(one, other) for one, other in zip(*rows, strict=True)))


def _cka(models: Sequence[dict[str, Any]]) -> list[str]:
    peaks = " and ".join(f"{first}–{last}" if last > first else f"{first}" for first, last in PEAKS)
    depths = " and ".join(
        f"{depth(first, DEPTH):.2f}–{depth(last, DEPTH):.2f}" if last > first else f"{depth(first, DEPTH):.2f}"
        for first, last in PEAKS
    )
    lines = [
        f"The paper: CKA falls after layer {FALLS_AFTER} of {DEPTH} (relative depth {depth(FALLS_AFTER, DEPTH):.2f}) "
        "and "
        f"peaks near layers {peaks} ({depths}). Ours, debiased, one pair a word in each group, error by the jackknife "
        "over words:",
        "",
        "| model | group | words | first layer | lowest (depth) | last layer | median error | falls most after "
        "(depth), by "
        "| peaks above two errors (depth) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for model in models:
        for group in (*LEVELS, *BINS):
            if group in model["cka"]:
                lines.append(_cka_row(model["model"], group, model["cka"][group]))
    return [*lines, "", "![CKA by level and similarity](cka.png)"]


def _cka_row(model: str, group: str, curve: dict[str, Any]) -> str:
    about, values = shape(curve), curve["debiased"]
    peaks = ", ".join(f"{p} ({d:.2f})" for p, d in zip(about["peaks"], about["peak_depths"], strict=True)) or "none"
    error = sorted(curve["error"])[len(values) // 2]
    return (
        f"| {model} | {group} | {curve['n']} | {values[0]:.2f} | {about['lowest_value']:.2f} "
        f"({depth(about['lowest'], len(values)):.2f}) | {values[-1]:.2f} | {error:.2f} | {about['fall']} "
        f"({about['fall_depth']:.2f}), {about['fall_size']:.2f} | {peaks} |"
    )


def _choices(models: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "One choice at a time, but for the row that says otherwise. Overlap: how much of the best 300 neurons is also "
        "among the best 300 of the first row, in brackets what chance gives for as many in each layer. The second "
        "and the third row are the yardsticks: nothing differs but the words, and nothing but the luck of the presets.",
    ]
    for model in models:
        lines += [
            "",
            f"**{model['model']}** ({model['layers']} layers × {model['width']:,})",
            "",
            "| what differs | pairs | common to 90 % | to 50 % | overlap at 300 (chance) |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {row['says']} | {row['pairs']} | {row['common']} | {row['half']:,} | "
            + ("1 |" if number == 0 else f"{row['overlap']:.2f} ({row['chance']:.2f}) |")
            for number, row in enumerate(model["choices"])
        ]
    return lines


def _limits() -> list[str]:
    return [
        "- Other models: of 0.1 and 0.3 billion parameters, not 7; one of them trained on English mostly.",
        "- Other words: the same kind of text, not the authors' own list, and another tagger of parts of speech.",
        "- The presets are redone from their description and the table of nlpaug; each draw differs from theirs.",
        "- Padding is assumed to be masked as a key, behind the word, and to count in the mean. The end-of-text "
        "token, or "
        "what the tokenizer has for padding, stands there.",
        "- French press text is itself read by OCR: a few of the clean words are not.",
        "- The switches are shown on one tagger, one data set and one seed. The choice of the best checkpoint on "
        "test is "
        "not shown: it takes training again.",
        "- How the original's input was cut, and at how many sub-words, is not known here; several lengths are shown.",
        "- No F1 of the paper is at hand, so none stands beside ours.",
    ]


def _replaced(models: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "`results/paper-words`, which held one run of smollm2 on English words of the gazette in reading order, fed "
        "alone, "
        f"read at the neuron with the mean over the word's own sub-words: {EARLIER} common neurons, most in the last "
        "layer. It differed from the protocol in language, site and mean, and warned that a word fed alone begins "
        "at the "
        "first position, where decoders keep very large activations. Both are met now: the first row above is the "
        "protocol itself, and outside it a word no longer holds the first position.",
    ]
    for model in models:
        row = next(row for row in model["choices"] if row["name"] == "earlier")
        lines.append(
            f"The earlier way, with that first position taken out, now gives {row['common']} on {model['model']}."
        )
    return lines
