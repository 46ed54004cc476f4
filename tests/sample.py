"""A run folder as the main job leaves it, with invented but plausible numbers; tests change what they need."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

LAYERS, LEVELS = 30, ("low", "medium", "high")
SENSITIVE = [19, 7, 3, 2, 0, 1, 0, 3, 0, 2, 0, 0, 2, 3, 5, 0, 3, 0, 3, 4, 6, 2, 9, 12, 12, 19, 23, 30, 44, 61]
REGIONS = {
    "first": list(range(10)),
    "middle": list(range(10, 20)),
    "last": list(range(20, 30)),
    "band-early": [0, 1, 2],
    "all": list(range(30)),
}
SENTENCE = ["The", "steamer", "Lady", "Gwenllian", "left", "the", "Merfey", "on", "Wednesday", ",", "writes", "Mr."]
SENTENCE += ["Thornton", "."]


def score(f1: float, half: float = 0.035, *, interval: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = {"precision": f1 + 0.012, "recall": f1 - 0.011, "f1": f1, "tp": 411, "fp": 132, "fn": 144}
    return made | ({"ci95": [f1 - half, f1 + half]} if interval else {})


def scores(f1: float, *, interval: bool = True) -> dict[str, Any]:
    return {"strict": score(f1, interval=interval), "fuzzy": score(f1 + 0.09, interval=interval)}


def summary() -> dict[str, Any]:
    f1s = np.random.default_rng(7).normal(0.7493, 0.0028, 20).round(4).tolist()
    layers = list(range(20, 30))
    description = "154 most sensitive neurons of layers 20-29 (last) times 0.5"
    edit = {"region": "last", "layers": layers, "count": 154, "operation": "scale", "factor": 0.5}
    return {
        "model": "smollm2",
        "data": "gazette",
        "seed": 1,
        "baseline": scores(0.7486),
        "chosen": {"edit": edit | {"description": description}, **scores(0.7529)},
        "random_control": {"draws": 20, "f1s": f1s, **scores(0.7493, interval=False)},
        "random_best": {
            "edit": edit | {"description": "154 random neurons of layers 20-29 (last) times 2"},
            "among": 30,
            "on_dev": {"f1": 0.0151, "ci95": [-0.0021, 0.0332], "p": 0.1204},
            "chosen_on_dev": {"f1": 0.0122, "ci95": [0.0012, 0.0241], "p": 0.0512},
            "minus_baseline": {"f1": -0.0034, "ci95": [-0.0111, 0.0052], "p": 0.4312},
            **scores(0.7452),
        },
        "opposite": {"factor": 1.5, **scores(0.7401)},
        "difference": {
            "opposite_minus_baseline": {"f1": -0.0085, "ci95": [-0.0181, 0.0012], "p": 0.0911},
            "chosen_minus_baseline": {"f1": 0.0043, "ci95": [-0.0061, 0.0132], "p": 0.4187},
            "chosen_minus_random_control": {"f1": 0.0036, "ci95": [-0.0052, 0.0121], "p": 0.1429},
        },
        "noise_cost": {
            "recall_by_bin": [
                bin_("clean", 0.0, 0.0, 402, 0.801, 0.883, [0.761, 0.838]),
                bin_("light", 0.001, 0.1, 58, 0.724, 0.845, [0.603, 0.833]),
                bin_("medium", 0.1, 0.3, 71, 0.606, 0.775, [0.486, 0.719]),
                bin_("heavy", 0.3, 1.1, 24, 0.375, 0.5, [0.182, 0.571]),
            ],
            "clean_twin": {**scores(0.7794), "difference": {"f1": 0.0308, "ci95": [0.0121, 0.0497], "p": 0.0012}},
        },
        "verdict": "OCR errors cost this tagger 3.1 F1 points; damping its OCR-sensitive neurons gave back 0.4, "
        "which is within chance and no more than random neurons give.",
        "timings": {"pairs": 0.8, "probe": 14.2, "rank": 0.3, "train": 120.3, "sweep": 97.6, "test": 31.0},
    }


def bin_(label: str, low: float, high: float, n: int, strict: float, fuzzy: float, ci: list[float]) -> dict[str, Any]:
    return {
        "low": low, "high": high, "label": label, "entities": n,
        "recall_strict": strict, "recall_fuzzy": fuzzy, "ci95": ci,
    }  # fmt: skip


def details() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    cka, shift = {}, {}
    for depth, level in enumerate(LEVELS, start=1):
        cka[level] = [
            round(0.97 - 0.13 * depth * (1 - math.exp(-i / 3)) + 0.05 * math.sin(i / 3) + rng.normal(0, 0.01), 4)
            for i in range(LAYERS)
        ]
        shift[level] = [round(0.12 * depth + 0.004 * i + 0.03 * math.cos(i / 4), 4) for i in range(LAYERS)]
    trials = [
        trial(region, count, factor, rng)
        for region in ("last", "middle", "first")
        for count in (154, 768)
        for factor in (0.0, 0.5, 0.9, 1.5, 2.0)
    ]
    return {
        "layers": {
            "site": "neuron", "width": 1536, "count": LAYERS, "pairs": 300, "levels": list(LEVELS), "cka": cka,
            "mean_difference": shift,
            "sensitive": SENSITIVE,
            "sensitive_rule": "mean + 1 sd of its layer in 90 % of pairs",
            "regions": REGIONS,
            "placebo": placebo(),
            "bands": bands(cka),
            "found": found(),
        },
        "data": {"name": "gazette", "languages": ["en"], "splits": {
            name: {"documents": n, "sentences": 6 * n, "tokens": 131 * n,
                   "entities": {"loc": 4 * n, "org": n, "pers": 3 * n, "prod": n, "time": 2 * n},
                   "noisy_entities": 0.276, "clean_twins": True}
            for name, n in (("train", 48), ("dev", 16), ("test", 16))}},
        "dev_baseline_f1": 0.731,
        "trials": trials,
        "examples": [example()],
    }  # fmt: skip


def placebo() -> dict[str, Any]:
    rising = [round(0.9 + 0.01 * i, 3) for i in range(LAYERS)]
    band = {"mean": rising, "low": [v - 0.05 for v in rising], "high": [v + 0.05 for v in rising]}
    lower = {part: [v - 0.2 for v in curve] for part, curve in band.items()}
    found = [10 + i for i in range(LAYERS)]
    return {
        "kind": "letters", "rate": 0.05, "words": 100, "distance": band, "placebo_distance": lower,
        "noise_found": found, "placebo_found": [n - 2 for n in found], "both_found": [n - 5 for n in found],
        "specific_found": [2] * LAYERS, "correlation": 0.81,
        "sensitive": [n // 2 for n in SENSITIVE], "sensitive_both": [n // 3 for n in SENSITIVE],
    }  # fmt: skip


def bands(cka: dict[str, list[float]]) -> dict[str, Any]:
    """Curves with intervals, by level and by bin; ``cka`` as in the curves without."""

    def group(curve: list[float], depth: float, pairs: int) -> dict[str, Any]:
        distance = [round(0.2 * depth + 0.25 * (i >= 8) + 0.3 * (i >= 22), 4) for i in range(LAYERS)]
        return {
            "pairs": pairs,
            "cka": {"mean": curve, "low": [v - 0.04 for v in curve], "high": [min(1.0, v + 0.03) for v in curve]},
            "distance": {"mean": distance, "low": [v - 0.03 for v in distance], "high": [v + 0.03 for v in distance]},
        }

    bins = {"poor": ("high", 3.2, 61), "average": ("medium", 2.2, 108), "good": ("low", 1.1, 131)}
    return {
        "levels": {level: group(cka[level], depth, 100) for depth, level in enumerate(LEVELS, start=1)},
        "bins": {name: group(cka[level], depth, pairs) for name, (level, depth, pairs) in bins.items()},
    }


def found() -> dict[str, Any]:
    """Three regions, which begin at layers 0, 8 and 22."""
    share = [0.0] * LAYERS
    share[7:10], share[21:24] = [0.41, 0.93, 0.38], [0.22, 0.78, 0.3]
    return {"boundaries": [8, 22], "support": [0.93, 0.78], "share": share, "replicates": 200, "tolerance": 1}


def trial(region: str, count: int, factor: float, rng: np.random.Generator) -> dict[str, Any]:
    harm = -0.05 * (1 - factor) ** 2 * (count / 768) * {"first": 1.6, "middle": 0.7, "last": 0.25}[region]
    gain = round(harm + rng.normal(0.001, 0.003) + (0.007 if (region, count, factor) == ("last", 154, 0.5) else 0), 4)
    return {
        "region": region, "layers": REGIONS[region], "count": count, "operation": "scale", "factor": factor,
        "f1": round(0.731 + gain, 4), "difference": gain, "ci95": [gain - 0.009, gain + 0.009],
        "random_differences": rng.normal(harm / 3, 0.002, 2).round(4).tolist(),
    }  # fmt: skip


def example() -> dict[str, Any]:
    gold = {2: "B-prod", 3: "I-prod", 6: "B-loc", 8: "B-time", 11: "B-pers", 12: "I-pers"}
    baseline = {2: "B-prod", 3: "I-prod", 8: "B-time", 12: "B-pers"}
    chosen = {2: "B-pers", 3: "I-pers", 6: "B-loc", 8: "B-time", 12: "B-pers"}
    return {
        "document": "accidents-1831-08-27",
        "tokens": [
            {
                "text": word, "space_after": word != "Wednesday" and word != "Thornton",
                "gold": gold.get(i, "O"), "baseline": baseline.get(i, "O"), "chosen": chosen.get(i, "O"),
            }
            for i, word in enumerate(SENTENCE)
        ],
        "clean": [
            {
                "text": "Mersey" if word == "Merfey" else word, "gold": gold.get(i, "O"),
                "space_after": word != "Wednesday" and word != "Thornton",
                "baseline": gold.get(i, "O") if i < 11 else baseline.get(i, "O"),
            }
            for i, word in enumerate(SENTENCE)
        ],
    }  # fmt: skip


def manifest() -> dict[str, Any]:
    return {
        "command": "ocr-neurons run --data gazette --seed 1",
        "started": "2025-03-01T09:12:44+00:00",
        "versions": {"python": "3.11.2", "torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.0"},
        "hardware": {"machine": "x86_64", "cores": 2, "memory_gib": 7.6},
        "seed": 1,
        "config": {"model": "smollm2", "train": {"epochs": 3, "rank": 16}, "sweep": {"factors": [0.0, 0.5, 2.0]}},
        "hashes": {"model": "9f2c"},
        "steps": {"train": {"key": "ab12", "seconds": 120.3}},
    }


def write_run(
    folder: Path, summary: dict[str, Any], details: dict[str, Any], manifest: dict[str, Any] | None = None
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (("summary", summary), ("details", details), ("manifest", manifest)):
        if value is not None:
            (folder / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return folder
