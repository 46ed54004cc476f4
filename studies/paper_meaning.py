"""What the numbers mean, sentence by sentence, each chosen by a rule from the results."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from ocr_neurons.rank.published import DEPTH, PEAKS, Counts, depth
from ocr_neurons.report.phrase import signed
from paper_cka import BINS, LEVELS, shape

NEAR = 0.05
"""Relative depth within which two places count as the same."""
MOST = 0.8
"""Placebos that reach this part of the overlap that noise itself reaches find the same neurons."""


def meaning(found: dict[str, Any], models: Sequence[Counts]) -> list[str]:
    """The findings as a list, then how a result like the paper's can come about."""
    ours = found["models"]
    points = [_number(models), *map(_choices, ours), *map(_placebo, ours), *map(_length, ours), _curves(ours)]
    if found["switches"]:
        points += _switches(found["switches"], ours)
    lines = [f"- {point}" for point in points]
    return [*lines, "", "How a result like the paper's can come about:", "", *_story(found)]


def _number(models: Sequence[Counts]) -> str:
    texts = [f"{m.model}{' (its authors)' if m.reported else ''} {m.total} ({m.rate:.1f})" for m in models]
    return "Neurons common to 90 % of the pairs (in 10,000 neurons): " + "; ".join(texts) + "."


def _choices(model: dict[str, Any]) -> str:
    rows = {row["name"]: row for row in model["choices"]}
    yardstick = rows["next"]["overlap"]
    varied = [rows[name] for name in ("neuron", "own", "context", "any", "english", "learned", "ours")]
    least = min(varied, key=lambda row: row["overlap"])
    numbers = [row["common"] for row in varied]
    return (
        f"{model['model']}: other words of the same text keep {100 * yardstick:.0f} % of the best 300; "
        f"the choice that changes most is “{least['says']}”, which keeps {100 * least['overlap']:.0f} %. "
        f"Over the choices the number of common neurons goes from {min(numbers)} to {max(numbers)}: it is a number "
        "of the protocol as much as of the model."
    )


def _placebo(model: dict[str, Any]) -> str:
    rows = {row["name"]: row for row in model["choices"]}
    again, other, letters, words = (rows[name] for name in ("again", "next", "letters", "words"))
    text = (
        f"{model['model']}: on the same words, presets drawn again keep {100 * again['overlap']:.0f} % of the best 300 "
        f"and random letters {100 * letters['overlap']:.0f} % ({letters['common']} common neurons); another clean word "
        f"in the place of the noisy one keeps {100 * words['overlap']:.0f} % ({words['common']} common), OCR noise on "
        f"other words {100 * other['overlap']:.0f} %. "
    )
    if letters["overlap"] >= MOST * again["overlap"]:
        return text + "The rule does not tell OCR noise from random letters: it finds what reacts to a changed word."
    if words["overlap"] >= MOST * other["overlap"]:
        return text + (
            "The rule tells the presets from random letters in part, but a clean word in the place of another moves as "
            "many of these neurons as noise on other words does: most of what it finds reacts to any other word."
        )
    return text + "The rule tells OCR noise from other changes in part."


def _length(model: dict[str, Any]) -> str:
    rows = {row["name"]: row for row in model["choices"]}
    base, same = rows["paper"], rows["same-length"]
    share = 100 * same["pairs"] / base["pairs"]
    return (
        f"{model['model']}: {share:.0f} % of the pairs have as many sub-words on both sides; on these alone "
        f"{same['common']} neurons are common (all pairs: {base['common']}) and {100 * same['overlap']:.0f} % of the "
        "best "
        "300 stay. What noise does to the number of sub-words, and so to how many of the 64 positions are padding, "
        "is in "
        "every other pair (and fewer pairs make it easier to pass in 90 % of them)."
    )


def _curves(models: Sequence[dict[str, Any]]) -> str:
    total = with_peak = 0
    for model in models:
        for group in (*LEVELS, *BINS):
            if group in model["cka"]:
                places = shape(model["cka"][group])["peak_depths"]
                total += 1
                with_peak += any(_in_claim(place) for place in places)
    values = [mean(v for v in m["cka"]["high"]["debiased"] if v is not None) for m in models if "high" in m["cka"]]
    named = ", ".join(f"{m['model']} {v:.2f}" for m, v in zip(models, values, strict=False))
    return (
        f"Debiased CKA under high noise is {named} on average over layers. A peak above two standard errors lies where "
        f"the paper has one in {with_peak} of {total} curves (within {NEAR:g} of its relative depth)."
    )


def _in_claim(place: float) -> bool:
    return any(depth(first, DEPTH) - NEAR <= place <= depth(last, DEPTH) + NEAR for first, last in PEAKS)


def _switches(found: dict[str, Any], models: Sequence[dict[str, Any]]) -> list[str]:
    edits, selection = found["edits"], found["selection"]
    over = edits["random"]["chosen_minus_these"]
    sure = over["ci95"][0] > 0 or over["ci95"][1] < 0
    verdict = ("helps more" if over["f1"] > 0 else "costs more") if sure else "differs by no more than chance"
    swapped, right = (mean(mean(m["cka"]["high"][kind]) for m in models) for kind in ("swapped", "debiased"))
    random = selection["random"]["halves"]
    longest = next((row for row in found["truncation"] if row["entities_lost"] > 0), None)
    lines = [
        f"Tagging: damping the found neurons changes dev F1 by {signed(edits['found']['f1'])} points, random ones by "
        f"{signed(edits['random']['f1'])} on average; damping the found ones {verdict} than damping random ones.",
        f"Choosing on test among {len(selection['settings'])} settings of random neurons reports "
        f"{signed(random['on_test'])} points on average over halves of the documents, and a gain in "
        f"{100 * random['gain_on_test']:.0f} % of them; chosen on the other half the same settings gain "
        f"{signed(random['honest'])}. The rest, {signed(random['optimism'])}, comes from nothing but the choice.",
        f"CKA with its axes swapped is {swapped:.2f} on average where the right one is {right:.2f}, on the same "
        "activations: it shows that loud neurons stay loud, not that noise does nothing.",
    ]
    if longest:
        lines.append(
            f"Cutting at {longest['length']} sub-words drops {100 * longest['entities_lost']:.0f} % of the entities "
            "from "
            f"the count: {100 * longest['reported']:.1f} is reported where {100 * longest['honest']:.1f} was earned."
        )
    return lines


def _story(found: dict[str, Any]) -> list[str]:
    lines = [
        "1. The rule takes what stands out from its layer in each pair. Some neurons always do, whatever the "
        "change, since "
        "they are louder than the others: that neurons are found says nothing about noise until a placebo finds fewer.",
        "2. A word alone, averaged over 64 positions most of which are padding, measures how the whole sequence "
        "reacts to "
        "another word at its beginning. Which choice is taken (site, mean, context) decides how many are found and "
        "where.",
        "3. There are no intervals and no second sample of words in the protocol, so counts by layer look exact.",
    ]
    if found["switches"]:
        many = found["switches"]["edits"]["random"]["best_of_many"]
        lines += [
            "4. When the edited neurons are random ones and the best of some 300 settings is chosen on test, a gain is "
            f"reported whatever the neurons are. The spread of our draws is in the table; the best of 300 of them "
            f"would show about {signed(many)} points (normal extrapolation, one shape and factor), the mean draw "
            f"{signed(found['switches']['edits']['random']['f1'])}.",
            "5. Truncated documents and compounded factors change the figure without a trace in the report: two "
            "settings "
            "that read alike are not.",
        ]
    return lines
