"""The page of the study, every number of it from the results."""

from __future__ import annotations

from typing import Any

from where_conditions import CONDITIONS
from where_meaning import THRESHOLDS, meaning
from where_tables import agreement, layers, neurons, number

Json = dict[str, Any]


def readme(found: Json) -> str:
    """The page."""
    lines = ["# Where the noise shows", "", f"    {found['command']}", "", *_about(found)]
    lines += ["## What it means", "", f"Each sentence is chosen by a rule from the numbers: {THRESHOLDS}.", ""]
    lines += [*meaning(found), ""]
    lines += ["## The conditions", "", *_conditions(found), ""]
    lines += ["## Layers", "", *layers(found), ""]
    lines += ["## Neurons", "", *neurons(found), ""]
    lines += ["## How much the rankings agree", "", *agreement(found), ""]
    lines += ["## What this does not say", "", *_limits(found), ""]
    return "\n".join(lines)


def _about(found: Json) -> list[str]:
    texts, model = found["texts"], found["model"]
    left = ", ".join(f"{texts[why]} {why}" for why in ("unaligned", "too short") if texts.get(why)) or "none"
    return [
        f"Real OCR beside its ground truth ({', '.join(texts['sets'])}), read by {model['name']} ({model['layers']} "
        f"layers × {model['width']:,} neurons, {model['precision']}). {texts['pages']} pages of {texts['documents']} "
        f"documents, {texts['characters']:,} characters of clean text out of {texts['of characters']:,}; pages left "
        f"out: "
        f"{left}. Line ends, typographic quotes and the like are made the same on both sides first, so that "
        f"transcribers' conventions are not noise. Seed {found['seed']}. All numbers are in `numbers.json`.",
        "",
    ]


def _conditions(found: Json) -> list[str]:
    lines = [
        "| condition | what | pairs | independent units | mean dose | neurons found (q = 0.05) | median effect size | "
        "not read |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["neurons"]["conditions"]:
        pairs = ", ".join(f"{n:,} {level}" for level, n in row["pairs"].items())
        skipped = ", ".join(f"{n:,} {why}" for why, n in row["skipped"].items()) or "none"
        lines.append(
            f"| {row['condition']} | {row['says']} | {pairs} | {row['independent']:,} | {number(row['dose'])} | "
            f"{row['found']:,} ({row['found'] / found['neurons']['neurons']:.1%}) | {number(row['median effect'])} | "
            f"{skipped} |"
        )
    left = ", ".join(
        f"{n} pairs of “{kind}” (nothing to change, or no draw differed)" for kind, n in found["left out"].items()
    )
    return [
        *lines,
        "",
        *([f"Left out: {left}.", ""] if left else []),
        "Two designs, not one: on pages every word that the noise happens to hit is read, in noisy surroundings, and "
        "the "
        "unit is the window of text; on chosen words each of "
        f"{found['words']} distinct words is hit at three levels, in clean surroundings, and the unit is the word. "
        f"Rows "
        "of different designs differ in words, surroundings, dose and number, besides the kind of noise. The dose is "
        "1 − similarity of the two words.",
        "",
        *_pages(found),
    ]


def _pages(found: Json) -> list[str]:
    lines = [
        "| on the pages | character error rate | changed segments | with white space | without a letter |",
        "|---|---|---|---|---|",
    ]
    for name, row in found["pages"].items():
        lines.append(
            f"| {name} | {row['cer']:.1%} | {row['segments']:,} | {row['with space']:.0%} | "
            f"{row['without letter']:.0%} |"
        )
    return [
        *lines,
        "",
        "Random letters hit other words of the pages, chosen by length, and only put letters: where OCR joins and "
        "splits "
        "words or changes points, they have no counterpart. “real in words” and its placebo are there for that reason: "
        "they hold only changes that touch a letter and no white space.",
    ]


def _limits(found: Json) -> list[str]:
    names = {condition.name for condition in CONDITIONS if not condition.whole}
    return [
        "- It says what changes with noise, not what causes a wrong entity: nothing is switched off here.",
        "- The noise model was learned from sets that hold these very pages (it keeps counts of characters, no text): "
        "its "
        "agreement with real OCR is on the generous side.",
        "- Effects of two conditions are compared as if independent, though they share clean text: their difference is "
        "surer than it is said to be.",
        f"- The {len(names)} conditions on chosen words share words and sentences, and so agree more with one another "
        f"than "
        "samples of other words would.",
        "- Words on pages come in every surrounding and as often as they come; short words are among them. Chosen "
        "words "
        "have four letters or more and count once.",
        "- On pages the independent unit is a window; a unit is the mean over its changed words, of which some have "
        "many.",
        "- “Found” grows with the number of units: counts of conditions with other numbers of units cannot be "
        "compared. "
        "Effect sizes can.",
        f"- One model, one seed, one language ({found['language']}).",
    ]
