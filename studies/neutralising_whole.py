"""The best of all layers at once, halved, on OCR text and on clean twins: a part of the page of neutralising."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neutralising_repair import WHO, Floats, f1, said, who_of

Costs = dict[tuple[str, str], Floats]
"""By who and by text, ``ocr`` or ``clean``: points lost, ``[1 + bootstrap draws]``, random neurons in the mean."""


def whole(taggers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A row a tagger and number of neurons; nothing where it was not measured."""
    measured = {name: parts["whole"] for name, parts in taggers.items() if "clean" in parts.get("whole", {})}
    if not measured:
        return []
    lines = [
        "## All layers at once", "",
        "The same question of the best 1 and 5 % of all neurons, halved, beside random neurons of the same layers "
        "(mean of the draws), on dev. Points of strict F1 that it costs. A name with `-cpu`: a tagger trained and "
        "measured on a CPU in float32, that of [gazette](../gazette/README.md), with its ranking.", "",
        "| tagger | neurons | sensitive, OCR | random, OCR | sensitive, clean | random, clean | OCR − clean, "
        "beyond random |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, part in measured.items():
        for count in sorted({trial["setting"]["count"] for trial in part["ocr"]["trials"]}):
            found = costs(part, count)
            cells = [said(found[who, text]) for text in ("ocr", "clean") for who in WHO]
            excess = {who: found[who, "ocr"] - found[who, "clean"] for who in WHO}
            lines.append(f"| {name} | {count:,} | {' | '.join(cells)} | {said(excess[WHO[0]] - excess[WHO[1]])} |")
    return [*lines, ""]


def costs(part: Mapping[str, Any], count: int) -> Costs:
    """What halving ``count`` neurons costs; documents are drawn alike for all four."""
    found: Costs = {}
    for text in ("ocr", "clean"):
        plain = f1(np.array(part[text]["baseline"])[:, None])[:, 0]
        for who in WHO:
            totals = [
                trial["totals"]
                for trial in part[text]["trials"]
                if trial["setting"]["count"] == count and who_of(trial["setting"]) == who
            ]
            found[who, text] = plain - f1(np.moveaxis(np.array(totals), 0, 1)).mean(1)
    return found
