"""Layers: how far noise moves a layer, against its placebo; likeness of the two sides; change points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ocr_neurons.probe.aligned import CHANGED, UNCHANGED
from ocr_neurons.probe.fields import BINS
from ocr_neurons.rank.changepoints import stability
from ocr_neurons.rank.regions import regions
from where_conditions import EVERYWHERE, INSIDE, INSIDE_PLACEBO, LEARNED, LETTERS, PLACEBO, REAL
from where_probes import Array, Curve, Reading, percentiles

COMPARED = ((REAL, PLACEBO), (INSIDE, INSIDE_PLACEBO), (EVERYWHERE, PLACEBO), (LEARNED, LETTERS))
"""Noise and what it is held against."""
SHOWN = (
    (REAL, CHANGED),
    (PLACEBO, CHANGED),
    (INSIDE, CHANGED),
    (INSIDE_PLACEBO, CHANGED),
    (EVERYWHERE, CHANGED),
    (REAL, UNCHANGED),
    (PLACEBO, UNCHANGED),
    (LEARNED, CHANGED),
    (LETTERS, CHANGED),
)
"""Curves in the results: condition and words."""
CUT = (REAL, PLACEBO, INSIDE, INSIDE_PLACEBO, EVERYWHERE, LEARNED, LETTERS)
"""Conditions whose curve is searched for change points."""
RISK = 0.05
"""Chance that one layer or more is called different where none is (Bonferroni over layers)."""
MIN_LENGTH, TOLERANCE = 2, 1
"""Of the regions between change points, in layers; and how near a replicate's boundary must be."""

Json = dict[str, Any]


def layer_numbers(readings: Mapping[str, Reading]) -> Json:
    """All that is said of layers, as JSON values; NaN is None."""
    return {
        "curves": [_curves(readings[name], words) for name, words in SHOWN],
        "ratios": [_ratio(readings[noise], readings[placebo]) for noise, placebo in COMPARED],
        "against unchanged": _against_unchanged(readings[REAL]),
        "change points": {name: _changes(readings[name]) for name in CUT},
        "regions": _regions(readings),
    }


def _curves(reading: Reading, words: str) -> Json:
    distance, cka = (reading.curves[name, words] for name in ("distance", "cka"))
    return {
        "condition": reading.condition.name,
        "words": words,
        "distance": band(distance),
        "cka": band(cka),
        "pairs": distance.pairs,
        "cka pairs": cka.pairs,
    }


def band(curve: Curve) -> Json:
    """Values and their 95 % interval."""
    low, high = curve.interval()
    return {"values": plain(curve.values), "low": plain(low), "high": plain(high)}


def _ratio(noise: Reading, placebo: Reading) -> Json:
    """Distance under noise / under the placebo, by layer; and the same over its geometric mean over layers.

    The second says *where* noise shows more than a placebo does, whatever it does everywhere. Replicates of the two are
    taken as independent, though both rest on the same clean text: intervals are on the wide side.
    """
    one, other = (reading.curves["distance", CHANGED] for reading in (noise, placebo))
    logs, drawn = np.log(one.values / other.values), np.log(one.replicates / other.replicates)
    shape, shapes = logs - logs.mean(), drawn - drawn.mean(1, keepdims=True)
    overall = percentiles(drawn.mean(1, keepdims=True))
    return {
        "noise": noise.condition.name,
        "placebo": placebo.condition.name,
        "ratio": plain(np.exp(logs)),
        "low": plain(np.exp(percentiles(drawn)[0])),
        "high": plain(np.exp(percentiles(drawn)[1])),
        "overall": plain(np.exp([logs.mean(), overall[0][0], overall[1][0]])),
        "doses": [noise.dose, placebo.dose],
        "bins": [_factor(noise, placebo, name) for name in BINS],
        "more": _beyond(logs, drawn, +1),
        "less": _beyond(logs, drawn, -1),
        "shape": plain(np.exp(shape)),
        "shape more": _beyond(shape, shapes, +1),
        "shape less": _beyond(shape, shapes, -1),
        "correlation": float(np.corrcoef(one.values, other.values)[0, 1]),
    }


def _factor(noise: Reading, placebo: Reading, group: str) -> Json:
    """The mean factor over layers, among words of about the same similarity; None where a side has none."""
    one, other = (reading.curves["distance", group] for reading in (noise, placebo))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.log(one.values / other.values).mean()
        drawn = np.log(one.replicates / other.replicates).mean(1, keepdims=True)
    low, high = percentiles(drawn)
    return {"group": group, "factor": plain(np.exp([value, low[0], high[0]])), "pairs": [one.pairs, other.pairs]}


def _beyond(values: Array, replicates: Array, sign: int) -> list[int]:
    """Layers whose value is above 0 (``sign`` -1: below) by a normal test on the replicates' spread, at ``RISK``."""
    from scipy.special import ndtri

    whole = replicates[np.isfinite(replicates).all(1)]
    if len(whole) < 2:
        return []
    spread = whole.std(0, ddof=1)
    needed = -ndtri(RISK / 2 / len(values)) * spread
    return [int(layer) for layer in np.flatnonzero(sign * values > needed)]


def _against_unchanged(reading: Reading) -> Json:
    changed, unchanged = (reading.curves["distance", words] for words in (CHANGED, UNCHANGED))
    low, high = percentiles(changed.replicates / unchanged.replicates)
    return {"ratio": plain(changed.values / unchanged.values), "low": plain(low), "high": plain(high)}


def _changes(reading: Reading) -> Json | None:
    """Change points of the distance of changed words; None for too few layers or replicates."""
    curve = reading.curves["distance", CHANGED]
    whole = np.isfinite(curve.replicates).all(1)
    if reading.layers < 2 * MIN_LENGTH or not whole.any():
        return None
    found = stability(curve.replicates[:, None], curve.values[None], min_length=MIN_LENGTH, tolerance=TOLERANCE)
    return {
        "boundaries": list(found.consensus.boundaries),
        "support": list(found.support),
        "share": list(found.share),
        "replicates": found.replicates,
    }


def _regions(readings: Mapping[str, Reading]) -> list[Json]:
    """Mean distance in the thirds, the paper's bands and the regions between the change points of real OCR."""
    curves = {name: readings[name].curves["distance", CHANGED] for name in (REAL, PLACEBO)}
    known = {name: members for name, members in regions(readings[REAL].layers).items() if name != "all"}
    found = _changes(readings[REAL])
    if found:
        cuts = [0, *found["boundaries"], readings[REAL].layers]
        known |= {f"found-{i + 1}": list(range(cuts[i], cuts[i + 1])) for i in range(len(cuts) - 1)}
    rows = []
    for name, members in known.items():
        means = {key: float(curve.values[members].mean()) for key, curve in curves.items()}
        drawn = curves[REAL].replicates[:, members].mean(1) / curves[PLACEBO].replicates[:, members].mean(1)
        low, high = percentiles(drawn[:, None])
        ratio = [means[REAL] / means[PLACEBO], float(low[0]), float(high[0])]
        rows.append({"region": name, "layers": members, "means": means, "ratio": plain(np.array(ratio))})
    return rows


def plain(values: Any) -> list[float | None]:  # noqa: ANN401 - whatever NumPy takes
    """Numbers for JSON: NaN and infinity are None."""
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values, dtype=float)]
