"""The page of ``studies/again.py``."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]


PLACEBOS = {
    "letters": "random letters",
    "cased-letters": "random letters in the case of those they replace",
    "signs": "the signs that the noise puts in, at random places",
}

WAYS = ("further under noise", "less far")


def page(cases: list[Case]) -> str:
    """All cases, one under the other, in Markdown."""
    lines = [
        "# Would other words name the same neurons?", "",
        "    python studies/again.py ../shared/data --model MODEL --data DATA --out results/again --work WORK", "",
        "Words made noisy, and beside each a placebo of the same size. The words are parted into two sets, neurons are "
        "ranked by each, and the two rankings are compared: the mean of four partings. *r*: rank correlation within "
        "layers. *Best 5 %*: how many of the best by one set are among the best by the other; in brackets, if the two "
        "agreed on nothing but the layers.", "",
    ]  # fmt: skip
    for case in cases:
        lines += [*_head(case), *_short(case), *_agreement(case), *_counts(case)]
    lines += [
        "*Apart*: two profiles are compared, as earlier versions did. *Word by word*: the same word under noise and "
        "under the placebo. *Further*: noise moves the neuron farther than the placebo does. Words of one document are "
        "not independent, which these counts do not know; the agreement of sets without a common document does.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _short(case: Case) -> list[str]:
    """The smallest set by the old way of a run, the largest by the present one; and what word by word sees."""
    few, many, found = case["agreement"][1], case["agreement"][-1], case["counts"][-1]
    more, less = ([found[f"{which}, {how}"] for how in ("word by word", "apart")] for which in WAYS)
    old, new = few["size beyond the placebo"], many["effect beyond the placebo, word by word"]
    return [
        f"- By size beyond the placebo two sets of {few['words']} words share {old['overlap']:.0%} of their best 5 % "
        f"(chance {old['expected']:.0%}); by effect word by word two of {many['words']} share {new['overlap']:.0%} "
        f"({new['expected']:.0%}).",
        f"- Of {found['noise']:,} neurons that move steadily under noise {found['both, same direction']:,} move under "
        f"the placebo in the same direction. Word by word {more[0]:,} go further under noise and {less[0]:,} less far; "
        f"two profiles compared show {more[1]:,} and {less[1]:,}.",
        "",
    ]


def _head(case: Case) -> list[str]:
    lengths = " / ".join(f"{value:.2f}" for value in case["sub_words"])
    documents = f" of {case['documents']} documents, which are never in both sets" if case["documents"] else ""
    what = f"{case['words']:,} words{documents}, {case['pairs']:,} pairs ({', '.join(case['levels'])})"
    return [
        f"## {case['data']}, {_model(case)}: {PLACEBOS[case['placebo']]}", "",
        f"`--seed {case['seed']}`. {what}. Sub-words of the word, clean / noisy / placebo: {lengths}; dose "
        f"{case['dose'][0]:.2f} under noise, {case['dose'][1]:.2f} under the placebo. Noise moves a word "
        f"{case['distance']:.2f} times as far as the placebo (geometric mean over layers).", "",
    ]  # fmt: skip


def _model(case: Case) -> str:
    given = str(case["model"])
    return f"tagger {'/'.join(given.split('/')[-2:])}" if "/" in given else given


def _agreement(case: Case) -> list[str]:
    sizes = [row["words"] for row in case["agreement"]]
    names = [name for name in case["agreement"][0] if name != "words"]
    header = [*(f"{n} r" for n in sizes), *(f"{n} best 5 %" for n in sizes)]
    lines = [f"| ranking, words a set | {' | '.join(header)} |", f"|---|{'---|' * len(header)}"]
    for name in names:
        rows = [row[name] for row in case["agreement"]]
        cells = [f"{row['within']:.2f}" for row in rows]
        cells += [f"{row['overlap']:.0%} ({row['expected']:.0%})" for row in rows]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _counts(case: Case) -> list[str]:
    names = [name for name in case["counts"][0] if name != "words"]
    lines = [
        f"Of {case['neurons']:,} neurons, found at a false-discovery rate of 5 %:", "",
        f"| words | {' | '.join(names)} |", f"|---|{'---|' * len(names)}",
    ]  # fmt: skip
    for row in case["counts"]:
        lines.append(f"| {row['words']:,} | {' | '.join(f'{row[name]:,}' for name in names)} |")
    return [*lines, ""]
