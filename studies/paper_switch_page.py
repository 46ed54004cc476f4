"""The part of the page about the legacy switches."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from ocr_neurons.rank.legacy import LEGACY
from ocr_neurons.report.phrase import bounds, p_value, points, signed


def switch_page(found: dict[str, Any], models: Sequence[dict[str, Any]]) -> list[str]:
    """Section on part 3: one table of edits, one of the evaluation."""
    return [
        "## The legacy switches",
        "",
        f"A tagger trained on {found['data']} (base {found['base']}), strict F1 in points; without an edit "
        f"{points(found['dev']['f1'])} on dev ({found['dev']['documents']} documents) and "
        f"{points(found['test']['f1'])} on test ({found['test']['documents']}). Its trunk is probed by the paper's "
        f"protocol with words of the training text; the best {found['top']} neurons are multiplied by "
        f"{found['factor']:g}. Differences are paired by document, with 95 % intervals. Probing the tagger and the "
        "text it is trained on is ours; each switch is turned alone.",
        "",
        *_table(found, models),
        "",
        *_selection(found["selection"]),
        "",
        *_truncation(found),
        "",
        "![CKA by three formulas on the same activations](swapped.png)",
        "",
    ]


def _gain(row: dict[str, Any]) -> str:
    return f"{signed(row['f1'])} {bounds(tuple(row['ci95']))}, {p_value(row['p'])}"


def _spread(row: dict[str, Any]) -> str:
    low, high = (signed(value) for value in row["range"])
    return f"{signed(row['f1'])} (deviation {points(row['deviation'])}, {low} to {high}; {row['draws']} draws)"


def _table(found: dict[str, Any], models: Sequence[dict[str, Any]]) -> list[str]:
    edits, selection = found["edits"], found["selection"]
    named = found["named"]
    sizes = [found["layers"][str(layer)] for layer in named]
    both = " and ".join(f"{layer} ({size} neurons)" for layer, size in zip(named, sizes, strict=True))
    cut = found["truncation"][0]
    squared = found["factor"] ** len(named)
    rows = [
        ("random-neurons", f"found: {_gain(edits['found'])}", _spread(edits["random"])),
        (
            "every-layer",
            f"layer {named[0]} ({sizes[0]} neurons): {_gain(edits['one layer'])}",
            f"{_gain(edits['every layer'])}; random numbers in every layer: {_spread(edits['every random'])}",
        ),
        ("compounded-factor", f"layers {both} × {found['factor']:g}: {_gain(edits['two layers'])}",
         f"× {squared:g}: {_gain(edits['compounded'])}"),
        ("chosen-on-test", f"test gain when chosen on dev: {signed(selection['found']['honest'])}",
         f"{signed(selection['found']['on_test'])}; with random neurons {signed(selection['random']['on_test'])}"),
        ("truncated", f"F1 {points(cut['f1'])}", f"cut at {cut['length']} sub-words: {points(cut['reported'])}, "
         f"of {points(cut['honest'])} if what is dropped counts as missed"),
        ("cka-swapped", "mean over layers, high noise: " + _means(models, "debiased"), _means(models, "swapped")),
    ]  # fmt: skip
    return [
        "| switch | what it changes | as the paper has it | with the switch |",
        "|---|---|---|---|",
        *(f"| `{name}` | {LEGACY[name]} | {off} | {on} |" for name, off, on in rows),
        "",
        f"Found against random neurons: {_gain(edits['random']['chosen_minus_these'])} (one-sided, from the rank among "
        f"the draws). Every layer against the one layer: {_gain(edits['every layer']['minus_meant'])}. Compounded "
        "against "
        f"meant: {_gain(edits['compounded']['minus_meant'])}.",
    ]


def _means(models: Sequence[dict[str, Any]], kind: str) -> str:
    return ", ".join(f"{m['model']} {mean(v for v in m['cka']['high'][kind] if v is not None):.2f}" for m in models)


def _selection(found: dict[str, Any]) -> list[str]:
    count = len(found["settings"])
    lines = [
        f"Choosing on test, over {count} settings (last and middle third; 5 and 20 % of its neurons; × 0.1, 0.5, "
        "0.9), on "
        "the data set's own dev and test, and over random halves of the two together, one half dev and one half test:",
        "",
        "| neurons | chosen on dev: test gain | chosen on test: test gain | optimism | over halves: chosen on dev "
        "| on test | optimism (middle 95 %) | halves with a gain to report, chosen on test |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ("found", "random"):
        row, half = found[name], found[name]["halves"]
        low, high = (signed(value) for value in half["middle95"])
        lines.append(
            f"| {name} | {signed(row['honest'])} | {signed(row['on_test'])} | {signed(row['optimism'])} | "
            f"{signed(half['honest'])} | {signed(half['on_test'])} | {signed(half['optimism'])} ({low} to {high}) | "
            f"{100 * half['gain_on_test']:.0f} % |"
        )
    return lines


def _truncation(found: dict[str, Any]) -> list[str]:
    french = found["french"]
    lines = [
        "Cutting documents, if a document is one example (dev of the tagger's data; beside it what a cut drops of "
        f"{french['data']}, {french['documents'][0]['documents']} documents, by the same tokenizer). Predictions are "
        "those "
        "of the whole text, so only the counting differs:",
        "",
        "| sub-words | F1 of what is left | F1, dropped counts as missed | words dropped | entities dropped | "
        "documents cut "
        "| French press: words dropped | entities dropped |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row, other in zip(found["truncation"], french["documents"], strict=True):
        dropped = [row["words_lost"], row["entities_lost"], row["documents_cut"]]
        dropped += [other["words_lost"], other["entities_lost"]]
        shares = " | ".join(f"{100 * share:.0f} %" for share in dropped)
        lines.append(f"| {row['length']} | {points(row['reported'])} | {points(row['honest'])} | {shares} |")
    return lines
