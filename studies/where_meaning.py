"""What the numbers mean: sentences chosen by rules from the results, failures included."""

from __future__ import annotations

from typing import Any

from ocr_neurons.rank.agreement import spearman_brown
from ocr_neurons.report.phrase import runs
from where_agreement import between
from where_conditions import EVERYWHERE, INSIDE, INSIDE_PLACEBO, LEARNED, LETTERS, PLACEBO, REAL

MOST, HALF = 0.8, 0.5
"""Shares (of neurons, of the reachable agreement) that count as most of it, and as half of it."""
NEAR = 0.1
"""Shares of the reachable agreement that differ by less are called the same."""
STEADY = 0.5
"""A ranking whose halves, brought to full size, agree less than this is called unsteady."""
TIMES = 1.5
"""So many times the number expected by chance, or seen in the reverse direction, counts as more."""
OCR = ((REAL, PLACEBO), (INSIDE, INSIDE_PLACEBO))
STANDINS = ("preset alone", "learned alone", "preset", LEARNED, EVERYWHERE)
"""What may stand in for real OCR."""
THRESHOLDS = (
    f"“most” is {MOST:.0%} or more, “half” {HALF:.0%} or more; shares of the reachable agreement within {NEAR:g} "
    f"count as the same; a ranking "
    f"is unsteady below {STEADY:g}; “more” than chance, or than the reverse, is {TIMES:g} times as many"
)

Json = dict[str, Any]


def meaning(found: Json) -> list[str]:
    """One sentence or a few for each question, as a list."""
    points = [_layers(found), _places(found), _shared(found), *map(_specific, [found] * 2, OCR)]
    points += [*map(_again, [found] * 2, OCR), _both(found), _standins(found), _placebo_ranking(found)]
    points += [_paper(found), _paper_ranking(found), _verdict(found)]
    return [f"- {point}" for point in points]


def compared(found: Json, noise: str, control: str) -> Json:
    """The numbers of neurons under a noise and its control."""
    rows: list[Json] = found["neurons"]["compared"]
    return next(row for row in rows if (row["noise"], row["control"]) == (noise, control))


def _ratio(found: Json, noise: str) -> Json:
    rows: list[Json] = found["layers"]["ratios"]
    return next(row for row in rows if row["noise"] == noise)


def _layers(found: Json) -> str:
    layers = found["model"]["layers"]
    parts, any_more = [], False
    for noise, control in OCR:
        row = _ratio(found, noise)
        value, low, high = row["overall"]
        more, less = len(row["more"]), len(row["less"])
        any_more |= more > 0
        parts.append(
            f"“{noise}” moves a changed word {value:.2f} times as far as “{control}” does (geometric mean over layers; "
            f"95 % interval {_span(low, high)}; mean doses {row['doses'][0]:.2f} and {row['doses'][1]:.2f}), farther "
            f"in "
            f"{more} of {layers} layers and less far in {less}"
        )
    if any_more:
        end = "Some layers react to OCR noise more than to random letters."
    else:
        end = "No layer is seen to react to OCR noise more than to random letters."
    return f"**Layers, how far.** {'; '.join(parts)}. {end}"


def _places(found: Json) -> str:
    row = _ratio(found, INSIDE)
    text = f"**Layers, where** (“{INSIDE}”). "
    if not row["shape more"] and not row["shape less"]:
        return text + (
            "After the overall factor is taken out, no layer stands out: OCR noise shows at the same depth as random "
            f"letters do (correlation of the two curves {row['correlation']:.2f})."
        )
    parts = []
    for key, word in (("shape more", "more"), ("shape less", "less")):
        if row[key]:
            parts.append(f"layers {runs(row[key])} {word}")
    shape = [value for value in row["shape"] if value is not None]
    return text + (
        f"After the overall factor is taken out, OCR noise moves {' and '.join(parts)} than random letters do, by "
        f"factors from {min(shape):.2f} to {max(shape):.2f}; the two curves still correlate at "
        f"{row['correlation']:.2f}."
    )


def _shared(found: Json) -> str:
    text = "**Neurons that any change finds.** "
    parts = []
    for noise, control in (*OCR, (LEARNED, LETTERS)):
        row = compared(found, noise, control)
        if not row["found"]:
            parts.append(f"“{noise}” finds no neuron at all")
            continue
        share = row["both"] / row["found"]
        parts.append(
            f"of the {row['found']:,} found by “{noise}”, {row['both']:,} ({share:.0%}) are found by its random "
            f"letters "
            f"too ({row['both expected']:,.0f} expected by chance), {row['both, same direction']:,} in the same "
            "direction"
        )
    return f"{text}In numbers: {'; '.join(parts)}. {_yardstick(found)}"


def _yardstick(found: Json) -> str:
    """Whether the placebo finds OCR's neurons on other text as often as OCR itself does."""
    again = [compared(found, *arms)["found again"] for arms in OCR]
    own, other = (again[1]["share"][name] for name in ("noise", "control"))
    if not own:
        return f"“{INSIDE}” finds nothing again on other text, so there is no yardstick and nothing to say."
    texts = [
        f"of what “{noise}” finds in one half of the documents, it finds {row['share']['noise']:.0%} again in the "
        f"other, "
        f"and “{control}” finds {row['share']['control']:.0%} of it there"
        for (noise, control), row in zip(OCR, again, strict=True)
        if row["share"]["noise"] is not None
    ]
    text = f"The yardstick: {'; '.join(texts)}. "
    if own < STEADY:
        text += "Little of what is found is found again even by the same noise: such lists need more text. "
    if other >= MOST * own:
        return (
            text + "Random letters find OCR's neurons (inside words) about as often as OCR does: it is any misspelling."
        )
    if other >= HALF * own:
        return text + "Random letters find half or more of what OCR (inside words) finds again, and not all of it."
    return text + "Random letters find less than half of what OCR (inside words) finds again."


def _specific(found: Json, arms: tuple[str, str]) -> str:
    row = compared(found, *arms)
    total = found["neurons"]["neurons"]
    text = (
        f"**Neurons that react more to “{arms[0]}”.** {row['specific']:,} of {total:,} ({row['specific'] / total:.1%}) "
        f"react more steadily to it than to “{arms[1]}”, {row['reverse']:,} the other way round. "
    )
    if not row["specific"]:
        return text + "None is specific: at this amount of text nothing speaks for neurons of OCR noise."
    if row["specific"] < TIMES * max(1, row["reverse"]):
        return text + (
            "There are not clearly more of the first than of the second: the two kinds of change differ, but OCR noise "
            "has no more neurons to itself than random letters have."
        )
    return text + "OCR noise has more of its own than the placebo has."


def _again(found: Json, arms: tuple[str, str]) -> str:
    row = compared(found, *arms)["again"]
    first, second = row["top"]
    low, high = _margin(row)
    text = (
        f"**Do they hold (“{arms[0]}”)?** The 20 most specific neurons of one half of the documents exceed the placebo "
        f"by {first:.2f} in effect size there and by {second:.2f} {_interval(low, high)} in the other half, "
        f"{row['top positive']} of 20 in the same direction; over all neurons, specificity agrees within layers "
        f"between "
        f"halves at {_number(row['within'])}. "
    )
    if low <= 0:
        return text + "The best of one half are nothing in the other: single neurons must not be believed."
    if second < HALF * first:
        return text + "Less than half of the difference holds: the list below is flattered by being chosen."
    return text + "They hold, somewhat flattered by being chosen."


def _margin(again: Json) -> tuple[float, float]:
    second, error = again["top"][1], 1.96 * again["top error"]
    return second - error, second + error


def _both(found: Json) -> str:
    row = found["neurons"]["both designs"]
    within, (low, high) = row["agreement"]["within"], row["agreement"]["within_ci95"]
    text = (
        f"**Do two designs find the same?** {row['both']:,} neurons are specific to real OCR inside words and to "
        f"learned "
        f"noise on chosen words ({row['expected']:,.0f} expected by chance); the two specificities agree within "
        f"layers at {_number(within)} {_interval(low, high)}. "
    )
    if within is None or low <= 0:
        return text + "They do not confirm each other."
    if row["both"] >= TIMES * max(1.0, row["expected"]):
        return text + "They confirm each other in part."
    return text + "They lean the same way, but do not name the same neurons."


def _standins(found: Json) -> str:
    agreed = found["agreement"]
    own = agreed["methods"]["effect"]["halves"][REAL]["within"]
    parts: list[str] = []
    good: list[str] = []
    partly: list[str] = []
    unknown: list[str] = []
    for name in STANDINS:
        reached = between(agreed, "effect", name, REAL)["of ceiling"]
        kind = unknown if reached is None else good if reached >= MOST else partly if reached >= HALF else []
        kind.append(f"“{name}”")
        parts.append(f"“{name}” {_across(found, 'effect', name, REAL)}{'' if reached is None else f' ({reached:.0%})'}")
    text = (
        "**What can stand in for real OCR?** Agreement with the ranking by real OCR on other text, effect size, within "
        f"layers (in brackets, as a share of what rankings as unsteady as these can reach): {', '.join(parts)}; real "
        f"OCR "
        f"with itself {_number(own)}. "
    )
    if len(unknown) == len(STANDINS):
        return (
            text + "Real OCR, or all others, do not agree with themselves: nothing can be said at this amount of text."
        )
    said = [f"{' and '.join(good)} may stand in for it"] if good else []
    said += [f"{' and '.join(partly)} in part"] if partly else []
    said = said or ["None may stand in for it: made noise ranks other neurons first"]
    said += [f"of {' and '.join(unknown)} it cannot be told"] if unknown else []
    text += "; ".join(said) + "."
    if spearman_brown(own or 0.0) < STEADY:
        text += " But half of the ranking by real OCR, or more, is chance even with all of this text."
    return text


def _across(found: Json, method: str, one: str, other: str) -> str:
    return _number(between(found["agreement"], method, one, other)["other text"]["within"])


def _placebo_ranking(found: Json) -> str:
    agreed = found["agreement"]

    def reached(name: str) -> float:
        return between(agreed, "effect", name, REAL)["of ceiling"] or 0.0

    best = max(STANDINS, key=reached)
    made, letters = reached(best), reached(PLACEBO)
    inside = between(agreed, "effect", INSIDE_PLACEBO, INSIDE)["of ceiling"]
    text = (
        f"**Is it OCR that the rankings agree on?** Of what it can reach, the best stand-in (“{best}”) reaches "
        f"{made:.0%}, "
        f"random letters {letters:.0%}; inside words, random letters reach {_percent(inside)}, and on chosen words "
        f"{_percent(between(agreed, 'effect', LETTERS, LEARNED)['of ceiling'])} of what they can agree with learned "
        "noise. "
    )
    if not made:
        return text + "It cannot be told at this amount of text."
    if letters >= made - NEAR:
        return text + "So the agreement owes little to OCR: what it rests on is the reaction to broken words."
    if letters >= HALF * made:
        return text + "Noise like OCR's agrees better than random letters, which account for most of the agreement."
    return text + "Noise like OCR's agrees better than random letters by far: much of the ranking is OCR's own."


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _paper(found: Json) -> str:
    rows = compared(found, REAL, PLACEBO)["paper"]
    parts = [
        f"at {row['share']:.0%} of the pairs it finds {row['found']:,} neurons under real OCR, {row['both']:,} of them "
        f"under the placebo too, {row['specific']:,} specific ({row['expected specific']:,.1f} expected by chance)"
        for row in rows
    ]
    return "**The paper's rule, read at the neuron in context:** " + "; ".join(parts) + "."


def _paper_ranking(found: Json) -> str:
    agreed = found["agreement"]
    own = agreed["methods"]["paper"]["halves"][REAL]["within"]
    reached = {name: between(agreed, "paper", name, REAL)["of ceiling"] for name in (PLACEBO, "words")}
    text = (
        f"**The paper's rule as a ranking** is the steadiest (real OCR with itself {_number(own)}), "
        if _steadiest(agreed) == "paper"
        else f"**The paper's rule as a ranking** agrees with itself at {_number(own)}, "
    )
    shares = {name: "–" if value is None else f"{value:.0%}" for name, value in reached.items()}
    text += (
        f"and reaches {shares[PLACEBO]} of its ceiling under random letters and {shares['words']} under another clean "
        "word in the place of the noisy one. "
    )
    if (reached["words"] or 0) >= MOST:
        return text + "It ranks neurons by how far they move at all, whatever the change: not by noise."
    if (reached[PLACEBO] or 0) >= MOST:
        return text + "It tells a broken word from another word, and not OCR from random letters."
    return text + "Part of it is the noise's own."


def _steadiest(agreed: Json) -> str:
    methods: dict[str, Json] = agreed["methods"]
    return max(methods, key=lambda method: methods[method]["halves"][REAL]["within"] or -1)


def _verdict(found: Json) -> str:
    row = compared(found, INSIDE, INSIDE_PLACEBO)
    part = row["specific"] / found["neurons"]["neurons"]
    if not row["specific"] or _margin(row["again"])[0] <= 0:
        return (
            "**In a sentence:** no neurons of OCR noise are shown here; what looks like them reacts to any "
            "misspelling, "
            "or does not hold on other text."
        )
    more = "more than" if row["specific"] >= TIMES * max(1, row["reverse"]) else "no more than"
    own, other = (row["found again"]["share"][name] or 0.0 for name in ("noise", "control"))
    how = "most" if other >= MOST * own else "half or more" if other >= HALF * own else "less than half"
    return (
        f"**In a sentence:** random letters find {how} of the neurons that OCR noise inside words finds again on other "
        f"text; {part:.1%} of all neurons react more to OCR, {more} react more to random letters; whether any of it "
        "matters for a tagger is not asked here."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _span(low: float | None, high: float | None) -> str:
    return f"{_number(low)} to {_number(high)}"


def _interval(low: float | None, high: float | None) -> str:
    return f"[{_number(low)}, {_number(high)}]"
