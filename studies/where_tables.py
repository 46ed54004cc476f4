"""The tables of the page: layers, neurons, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocr_neurons.rank.regions import describe
from ocr_neurons.report.phrase import runs
from where_agreement import LEAST, between
from where_conditions import EVERYWHERE, INSIDE, INSIDE_PLACEBO, LEARNED, LETTERS, PLACEBO, REAL
from where_layers import RISK
from where_meaning import compared
from where_probes import METHODS

Json = dict[str, Any]


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share in percent, or a dash for None."""
    return "–" if value is None else f"{value:.0%}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """``[low, high]``."""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def layers(found: Json) -> list[str]:
    """Figure, factors, change points, regions, CKA."""
    return [
        "![Layer curves](layers.png)",
        "",
        *_ratio_table(found),
        "",
        *_change_points(found),
        "",
        *_region_table(found),
        "",
        *_cka(found),
    ]


def _ratio_table(found: Json) -> list[str]:
    lines = [
        "Distance |noisy − clean| / |clean| of changed words, under noise over that under random letters. A layer "
        "counts "
        f"as different by a normal test on 200 bootstrap replicates, {RISK:.0%} for all layers together (Bonferroni). "
        "“Where”: after the mean factor over layers is taken out.",
        "",
        "| noise / placebo | mean factor [95 %] | similarity up to 0.6 | up to 0.8 | above | layers farther | layers "
        "less far | where: more | where: less | "
        "correlation of the curves |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["layers"]["ratios"]:
        overall = f"{number(row['overall'][0])} {interval(*row['overall'][1:])}"
        cells = [f"{number(value)} {interval(low, high)}" for value, low, high in (b["factor"] for b in row["bins"])]
        cells += [runs(row[key]) or "none" for key in ("more", "less", "shape more", "shape less")]
        lines.append(
            f"| {row['noise']} / {row['placebo']} | {overall} | {' | '.join(cells)} | {number(row['correlation'])} |"
        )
    ratios = [value for value in found["layers"]["against unchanged"]["ratio"] if value is not None]
    words = (
        f"Changed words are moved {min(ratios):.1f} to {max(ratios):.1f} times as far as unchanged words between them, "
        "by layer: what noisy surroundings alone do."
        if ratios
        else "There is no unchanged word to compare with."
    )
    return [*lines, "", words]


def _change_points(found: Json) -> list[str]:
    lines = [
        "Change points of the distance of changed words (support: bootstrap draws with one at most a layer away):",
        "",
    ]
    for name, row in found["layers"]["change points"].items():
        if row is None:
            lines.append(f"- {name}: too few draws")
            continue
        points = ", ".join(f"{b} ({s:.0%})" for b, s in zip(row["boundaries"], row["support"], strict=True))
        lines.append(f"- {name}: {points or 'none'}")
    return lines


def _region_table(found: Json) -> list[str]:
    lines = [
        "| region | layers | distance, real | distance, placebo | ratio [95 %] |",
        "|---|---|---|---|---|",
    ]
    for row in found["layers"]["regions"]:
        value, low, high = row["ratio"]
        lines.append(
            f"| {row['region']} | {describe(row['layers'])} | {number(row['means'][REAL], 3)} | "
            f"{number(row['means'][PLACEBO], 3)} | {number(value)} {interval(low, high)} |"
        )
    return [
        *lines,
        "",
        "“first”, “middle”, “last” are thirds, “band” the layers of interest in the paper at the same relative depth, "
        "“found” lies between the change points of real OCR.",
    ]


def _cka(found: Json) -> list[str]:
    lines = [
        "| debiased CKA | words | n | first layer | lowest (layer) | last layer | widest 95 % interval |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["layers"]["curves"]:
        cka = row["cka"]
        known = [(value, layer) for layer, value in enumerate(cka["values"]) if value is not None]
        if not known:
            lines.append(f"| {row['condition']} | {row['words']} | {row['cka pairs']:,} | – | – | – | – |")
            continue
        low, layer = min(known)
        widths = [
            (high - below, below, high)
            for below, high in zip(cka["low"], cka["high"], strict=True)
            if below is not None and high is not None
        ]
        widest = interval(*max(widths)[1:]) if widths else "–"
        lines.append(
            f"| {row['condition']} | {row['words']} | {row['cka pairs']:,} | {number(cka['values'][0])} | "
            f"{number(low)} ({layer}) | {number(cka['values'][-1])} | {widest} |"
        )
    return [
        *lines,
        "",
        "n: distinct clean words that the CKA rests on. On pages a mini-batch holds the changed ones of some 96 "
        "words, so "
        "few: without bias, but rough. The intervals draw mini-batches.",
    ]


def neurons(found: Json) -> list[str]:
    """Figure, counts, the paper's rule, the surest neurons."""
    lines = [
        "![Neurons by layer](specific.png)",
        "",
        "Found: the paired effect size is a discovery at q = 0.05 (Benjamini & Hochberg over all neurons). Reacts "
        "more: "
        "so is its excess over the control's.",
        "",
        "| noise / control | found | by control | both (chance) | same direction | share of found that control finds | "
        "found again on other text, by noise (chance) | by control (chance) | "
        "react more to noise | react more to control | halves agree on the difference |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["neurons"]["compared"]:
        share = f"{row['both'] / row['found']:.0%}" if row["found"] else "–"
        again = row["found again"]
        shares = [f"{percent(again['share'][k])} ({percent(again['chance'][k])})" for k in ("noise", "control")]
        lines.append(
            f"| {row['noise']} / {row['control']} | {row['found']:,} | {row['found by control']:,} | {row['both']:,} "
            f"({row['both expected']:,.0f}) | {row['both, same direction']:,} | {share} | {' | '.join(shares)} | "
            f"{row['specific']:,} | "
            f"{row['reverse']:,} | {number(row['again']['within'])} |"
        )
    more = compared(found, REAL, PLACEBO)["layers"]["specific"]
    where = ", ".join(f"layer {layer}: {n}" for layer, n in enumerate(more) if n) or "none"
    return [
        *lines,
        "",
        f"React more to learned noise than to each of its three controls: "
        f"{found['neurons']['against all controls']:,}. "
        f"React more to real OCR than to random letters, by layer: {where}.",
        "",
        *_paper_rule(found),
        "",
        *_top(found, REAL, PLACEBO),
        "",
        *_top(found, INSIDE, INSIDE_PLACEBO),
        "",
        *_top(found, LEARNED, LETTERS),
    ]


def _paper_rule(found: Json) -> list[str]:
    lines = [
        "The paper's rule (|d| above the layer's mean + 1 standard deviation), here at the neuron and in context:",
        "",
        "| noise / control | share of pairs | found | by control | both | of the found, react more (chance) |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["neurons"]["compared"]:
        for rule in row["paper"]:
            lines.append(
                f"| {row['noise']} / {row['control']} | {rule['share']:.0%} | {rule['found']:,} | "
                f"{rule['by control']:,} | "
                f"{rule['both']:,} | {rule['specific']:,} ({rule['expected specific']:.1f}) |"
            )
    return lines


def _top(found: Json, noise: str, control: str) -> list[str]:
    row = compared(found, noise, control)
    lines = [
        f"The {len(row['top'])} neurons whose excess of “{noise}” over “{control}” is surest (difference / its error): "
        "effect sizes d_z with their direction (positive: fires more on the changed word) and 95 % intervals. Chosen "
        "as "
        "the largest of all, so flattered; q above 0.05 is no discovery.",
        "",
        f"| layer | neuron | d_z, {noise} | d_z, {control} | |difference| of sizes | q |".replace(
            "|difference|", "difference"
        ),
        "|---|---|---|---|---|---|",
    ]
    for top in row["top"]:
        cells = [
            f"{number(v)} {interval(low, high)}"
            for v, low, high in (top[k] for k in ("noise", "control", "difference"))
        ]
        lines.append(f"| {top['layer']} | {top['neuron']} | {' | '.join(cells)} | {top['q']:.2g} |")
    return lines


def agreement(found: Json) -> list[str]:
    """Figure, halves, every ranking against real OCR, and some against each other."""
    agreed = found["agreement"]
    return [
        "![Agreement of rankings](agreement.png)",
        "",
        "Spearman correlation within layers (mean over layers), and overlap of the best "
        f"{agreed['count']} and the best {agreed['share']:.0%} ({agreed['share count']}), in brackets what chance "
        f"gives for "
        f"as many in each layer; chance over all neurons is {agreed['count'] / agreed['neurons']:.3f} and "
        f"{agreed['share']:.2f}. The documents are halved once, for all conditions alike. The diagonal, and the first "
        "table, is a ranking from one half against the same ranking from the other: the ceiling. “Other text” is one "
        "ranking from one half against the other ranking from the other half, so that no word or sentence in common "
        "makes "
        f"them agree; “of ceiling” is that over √(r r′) of the two halves' own agreement (given from r = {LEAST:g} "
        f"on). "
        "“Same text” is all of the text for both.",
        "",
        *_halves(agreed),
        "",
        *_with_real(agreed),
        "",
        *_within_words(agreed),
    ]


def _halves(agreed: Json) -> list[str]:
    methods = list(agreed["methods"])
    heads = " | ".join(f"{name} [95 %] | best {agreed['share']:.0%}" for name in methods)
    lines = [f"| halves of | {heads} |", "|---|" + "---|---|" * len(methods)]
    for condition in agreed["conditions"]:
        cells = []
        for name in methods:
            row = agreed["methods"][name]["halves"][condition]
            cells.append(f"{number(row['within'])} {interval(*row['within ci95'])} | {_overlap(row['at share'])}")
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return lines


def _with_real(agreed: Json) -> list[str]:
    lines = ["Against the ranking by real OCR:", ""]
    lines += _rows(agreed, [(name, REAL) for name in agreed["conditions"] if name != REAL])
    return lines


def _within_words(agreed: Json) -> list[str]:
    chosen = [
        ("preset alone", "preset"),
        ("learned alone", LEARNED),
        ("preset", LEARNED),
        ("preset alone", "learned alone"),
        (LETTERS, LEARNED),
        ("case", LEARNED),
        ("words", LEARNED),
        (EVERYWHERE, LEARNED),
        (EVERYWHERE, PLACEBO),
        (INSIDE_PLACEBO, INSIDE),
        (LEARNED, INSIDE),
    ]
    return [
        "Among the others, by effect size (all pairs and methods are in `numbers.json`):",
        "",
        *_rows(agreed, chosen, METHODS[:1]),
    ]


def _rows(agreed: Json, chosen: Sequence[tuple[str, str]], methods: Sequence[str] = METHODS) -> list[str]:
    best, share = f"best {agreed['count']}", f"best {agreed['share']:.0%}"
    lines = [
        f"| rankings | method | other text: within layers | of ceiling | {best} | {share} | same text: within layers "
        f"[95 %] | overall [95 %] | {best} | {share} |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one, other in chosen:
        for method in methods:
            row = between(agreed, method, one, other)
            across, same, reached = row["other text"], row["same text"], row["of ceiling"]
            cells = [
                f"{one} / {other}",
                method,
                number(across["within"]),
                percent(reached),
                _overlap(across["at count"]),
                _overlap(across["at share"]),
                f"{number(same['within'])} {interval(*same['within ci95'])}",
                f"{number(same['spearman'])} {interval(*same['spearman ci95'])}",
                _overlap(same["at count"]),
                _overlap(same["at share"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _overlap(found: Sequence[float]) -> str:
    return f"{number(found[0])} ({number(found[2])})"
