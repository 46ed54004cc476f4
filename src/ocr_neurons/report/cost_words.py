"""The noise cost as a table for the terminal, and in sentences for those who will use the text."""

from __future__ import annotations

from ocr_neurons.cost.cost import CLEAN, NoiseCost
from ocr_neurons.cost.measured import BIN_NAMES, Twin
from ocr_neurons.report.phrase import NONE, bounds, p_value, points, signed
from ocr_neurons.score.evaluate import MODES
from ocr_neurons.score.intervals import f1_interval
from ocr_neurons.score.table import RECALL_ONLY


def cost_table(cost: NoiseCost) -> str:
    """All figures, in points (hundredths of F1 or recall), with 95 % intervals over documents."""
    parts = [_scores(cost), _bins(cost), _twin(cost.measured.twin), _curve(cost)]
    return "\n".join(part for part in parts if part)


def sentence(cost: NoiseCost) -> str:
    """What is lost at the rate asked about, in one or two sentences."""
    at, start = cost.at, cost.curve.points[0].scores.total()
    more = "" if cost.base == CLEAN else " more"
    sure = f" (95 % {points(at.interval[0])} to {points(at.interval[1])})" if at.interval else ""
    said = (
        f"When {points(at.cer)}{more} of 100 characters are misread, this tagger finds about {100 * at.recall:.0f} of "
        f"100 entities exactly instead of {100 * start.recall:.0f}: it {'loses' if at.loss >= 0 else 'gains'} "
        f"{points(abs(at.loss))} points of strict F1{sure}."
    )
    if cost.asked is not None and cost.asked > at.cer + 0.005:
        said += f" You asked about {points(cost.asked)} of 100; more than {points(at.cer)} was not reached."
    if at.interval and at.interval[0] <= 0 <= at.interval[1]:
        said += " That cannot be told from no loss with these documents."
    return said


def own_ocr(cost: NoiseCost) -> str:
    """How far learned noise is like the text's own OCR at the same rate; empty where its clean twin is not known."""
    twin = cost.measured.twin
    if twin is None or twin.cer is None:
        return ""
    real = twin.differences["strict"]
    said = f"The OCR of these documents, which misread {points(twin.cer)} of 100 characters, really costs "
    said += f"{points(real.f1)} {bounds((real.low, real.high))} points"
    if twin.cer > max(point.reached for point in cost.curve.points):
        return said + "."
    return said + f"; learned noise at that rate costs {points(cost.curve.at(twin.cer).loss)}."


def caveat(cost: NoiseCost) -> str:
    """What the numbers rest on."""
    rates = "documents differing in their rates as real ones do" if cost.spread else "at the same rate in all documents"
    return (
        f"Nothing was chosen on {cost.split} here: the tagger is scored as it is. Noise is learned ({cost.noise}) and "
        f"added to {cost.base}, {rates}; other engines and pages err otherwise."
    )


def _scores(cost: NoiseCost) -> str:
    scores, seed = cost.measured.scores, cost.curve.seed
    lines = [f"{cost.data}, {cost.split}, {len(scores.ids)} documents, as they are:"]
    for mode in MODES:
        total = scores.total(mode)
        interval = bounds(f1_interval(scores, mode, seed=seed))
        lines.append(
            f"  {mode:<6}  F1 {points(total.f1)} {interval}, precision {points(total.precision)}, "
            f"recall {points(total.recall)}"
        )
    return "\n".join(lines) + "\n"


def _bins(cost: NoiseCost) -> str:
    bins = cost.measured.bins
    if not any(entry.entities for entry in bins if entry.low is not None):
        return "Recall by noise: unknown; these data do not say how much OCR damaged an entity (no LED).\n"
    lines = ["Recall by how much OCR damaged the entity:", f"  {'':<28} entities  strict               fuzzy"]
    for entry in bins:
        name = BIN_NAMES.get(entry.name, entry.name) + (f" (LED {entry.name})" if entry.low is not None else "")
        strict, fuzzy = (
            f"{points(recall)} {bounds(interval)}" if entry.entities else NONE
            for recall, interval in (
                (entry.recall_strict, entry.interval_strict),
                (entry.recall_fuzzy, entry.interval_fuzzy),
            )
        )
        lines.append(f"  {name:<28} {entry.entities:>8}  {strict:<19}  {fuzzy}".rstrip())
    return "\n".join([*lines, f"  {RECALL_ONLY}"]) + "\n"


def _twin(twin: Twin | None) -> str:
    if twin is None:
        return "Clean twins: none; what the text's own errors cost cannot be measured directly.\n"
    what = "the clean text" if twin.scope == "text" else "the text with its entities as printed"
    lines = [f"The same documents, {what}, minus as OCR read them:"]
    for mode, d in twin.differences.items():
        f1 = points(twin.scores.total(mode).f1)
        lines.append(f"  {mode:<6}  {signed(d.f1)} {bounds((d.low, d.high))} points of F1, {p_value(d.p)} (to {f1})")
    if twin.cer is not None:
        lines.append(f"  The OCR's character error rate is {points(twin.cer)} %.")
    if twin.scope != "text":
        lines.append("  Words around the entities are as noisy as before: this is the cost of errors in names alone.")
    if twin.still_noisy:
        lines.append(f"  {twin.still_noisy} entities are noisy in the twins too.")
    return "\n".join(lines) + "\n"


def _curve(cost: NoiseCost) -> str:
    curve = cost.curve
    lines = [
        f"F1 against the character error rate, learned noise ({cost.noise}) added to {cost.base}, "
        f"{curve.draws} draw{'s' * (curve.draws != 1)} at each rate:",
        "  CER %   strict F1              minus without noise         fuzzy F1  entities lost in the noise",
    ]
    for point in curve.points:
        total, fuzzy = point.scores.total(), point.scores.total("fuzzy")
        entities = max(1, total.tp + total.fn)
        change = NONE
        if point.reached:
            d = curve.difference(point)
            change = f"{signed(d.f1)} {bounds((d.low, d.high))}"
        own = f"{points(total.f1)} {bounds(f1_interval(point.scores, seed=curve.seed))}"
        lines.append(
            f"  {100 * point.reached:>5.2f}   {own:<21}  {change:<26}  {points(fuzzy.f1):>8}  "
            f"{100 * point.lost / entities:.1f} %"
        )
    lines.append(
        "  0: the same text without noise, cut into words as noisy text is; so it may differ from the scores above."
    )
    return "\n".join(lines) + "\n"
