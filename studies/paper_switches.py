"""Part 3: what each legacy switch does to the result, on a trained tagger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.rank.controls import random_like
from ocr_neurons.rank.legacy import (
    chosen_on_test,
    compounded_factor,
    kept_by_truncation,
    random_neurons,
    same_in_every_layer,
)
from ocr_neurons.rank.regions import region
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.intervals import compare, compare_to_mean
from ocr_neurons.sweep.grid import CHOSEN, Setting
from ocr_neurons.text.document import Document
from paper_tagging import Bench, Job

TOP, FACTOR = 300, 0.5
EVERY = 5
"""Random draws of the set of all layers."""
GRID = [(region, share, factor) for region in ("last", "middle") for share in (0.05, 0.2) for factor in (0.1, 0.5, 0.9)]
"""Settings chosen among: region, share of its neurons, factor."""
SETTINGS = 300
"""About how many settings the original chose among."""
HALVES = 2000
SPLITS = ("dev", "test")
LENGTHS = (128, 256, 512)
"""Sub-words at which documents are cut; what the original's limit was is not known here."""

Array = np.ndarray[Any, np.dtype[Any]]


def switches(bench: Bench, words: int, draws: int) -> dict[str, Any]:
    """All that part 3 tells, as JSON values. F1 is strict, differences are shares of 1."""
    ranking = bench.ranking(words)
    found = ranking.top(TOP)
    base = bench.baseline("dev")
    edits = edit_jobs(found, draws, bench.seed)
    scores = bench.run(edits)
    return {
        "data": bench.data.name,
        "base": str(bench.tagger.info.get("base", "")),
        "dev": {"documents": len(base.ids), "f1": base.total().f1},
        "test": {"documents": len(bench.data.test), "f1": bench.baseline("test").total().f1},
        "top": TOP,
        "factor": FACTOR,
        "layers": {str(layer): n for layer, n in found.counts().items()},
        "named": _fullest(found),
        "edits": _edit_rows(scores, base, bench.seed),
        "selection": _selection(bench, ranking),
        "truncation": [_truncation(bench, "dev", length) for length in LENGTHS],
    }


def edit_jobs(found: NeuronSet, draws: int, seed: int) -> list[Job]:
    """The edits whose dev scores are compared."""
    named = _fullest(found)
    one, two = found.within(named[:1]), found.within(named)
    every = same_in_every_layer(found, named[0])
    sets = {
        "found": (found, FACTOR),
        "one layer": (one, FACTOR),
        "every layer": (every, FACTOR),
        "two layers": (two, FACTOR),
        "compounded": (two, compounded_factor(FACTOR, named)),
    }
    sets |= {f"random {draw}": (random_neurons(found, seed, draw), FACTOR) for draw in range(draws)}
    sets |= {f"every random {draw}": (random_like(every, seed, draw), FACTOR) for draw in range(EVERY)}
    return [Job(name, "dev", Edit(neurons, factor)) for name, (neurons, factor) in sets.items()]


def _fullest(found: NeuronSet) -> list[int]:
    """The two layers with the most neurons, the fullest first."""
    return sorted(found.counts(), key=lambda layer: (-found.counts()[layer], layer))[:2]


def _edit_rows(scores: dict[str, Scores], base: Scores, seed: int) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name in ("found", "one layer", "every layer", "two layers", "compounded"):
        gain = compare(scores[name], base, seed=seed)
        rows[name] = {"f1": gain.f1, "ci95": [gain.low, gain.high], "p": gain.p}
    for name, meant in (("every layer", "one layer"), ("compounded", "two layers")):
        more = compare(scores[name], scores[meant], seed=seed)
        rows[name]["minus_meant"] = {"f1": more.f1, "ci95": [more.low, more.high], "p": more.p}
    for name, beside in (("random", "found"), ("every random", "every layer")):
        drawn = [table for key, table in scores.items() if key.rpartition(" ")[0] == name]
        gains = [table.total().f1 - base.total().f1 for table in drawn]
        over = compare_to_mean(scores[beside], drawn, seed=seed)
        rows[name] = {
            "draws": len(gains),
            "f1": float(np.mean(gains)),
            "deviation": float(np.std(gains, ddof=1)),
            "range": [min(gains), max(gains)],
            "chosen_minus_these": {"f1": over.f1, "ci95": [over.low, over.high], "p": over.p},
            "best_of_many": float(np.mean(gains) + np.std(gains, ddof=1) * expected_largest(SETTINGS)),
        }
    return rows


def expected_largest(count: int) -> float:
    """About the mean of the largest of ``count`` standard normal numbers (Blom 1958)."""
    from scipy.stats import norm

    return float(norm.ppf((count - 0.375) / (count + 0.25)))


def _selection(bench: Bench, ranking: NeuronSet) -> dict[str, Any]:
    """Choosing among a small grid on dev and on test, with the found neurons and with random ones in their place."""
    rows = {}
    for name in ("found", "random"):
        jobs = [_grid_job(bench, ranking, name, number, split) for number in range(len(GRID)) for split in SPLITS]
        scores = bench.run(jobs)
        kept = {split: [scores[f"{name} {number} {split}"] for number in range(len(GRID))] for split in SPLITS}
        bases = {split: bench.baseline(split) for split in SPLITS}
        gains = {split: [table.total().f1 - bases[split].total().f1 for table in kept[split]] for split in SPLITS}
        choice = chosen_on_test(gains["dev"], gains["test"])
        totals = np.concatenate([[table.document_totals() for table in kept[split]] for split in SPLITS], axis=1)
        plain = np.concatenate([bases[split].document_totals() for split in SPLITS])
        rows[name] = {
            "gains": gains,
            "honest": choice.honest,
            "on_test": choice.on_test,
            "optimism": choice.optimism,
            "halves": halves(totals, plain, bench.seed),
        }
    return {"settings": [list(setting) for setting in GRID], **rows}


def _grid_job(bench: Bench, ranking: NeuronSet, name: str, number: int, split: str) -> Job:
    where, share, factor = GRID[number]
    count = round(share * len(region(where, ranking.layers)) * ranking.width)
    setting = Setting(where, count, factor, CHOSEN if name == "found" else number)
    return Job(f"{name} {number} {split}", split, setting.edit(ranking, bench.seed))


def halves(totals: Array, plain: Array, seed: int) -> dict[str, Any]:
    """Optimism of choosing among settings on the documents that the gain is reported on, over random halves.

    ``totals`` is ``[settings, documents, 3]`` (tp, fp, fn), ``plain`` ``[documents, 3]`` without an edit. In each draw
    one half of the documents is test, the other dev.
    """
    rng = generator(seed, "halves")
    size = len(plain)
    found = []
    for _ in range(HALVES):
        test = np.zeros(size, dtype=bool)
        test[rng.permutation(size)[: size // 2]] = True
        dev, own = (_f1(totals[:, part].sum(1)) - _f1(plain[part].sum(0)) for part in (~test, test))
        choice = chosen_on_test(dev.tolist(), own.tolist())
        found.append((choice.honest, choice.on_test, choice.optimism))
    honest, on_test, optimism = np.array(found).T
    low, high = np.quantile(optimism, [0.025, 0.975])
    return {
        "honest": float(honest.mean()),
        "on_test": float(on_test.mean()),
        "optimism": float(optimism.mean()),
        "middle95": [float(low), float(high)],
        "gain_on_test": float((on_test > 0).mean()),
    }


def _f1(sums: Array) -> Array:
    """Micro F1 of ``[..., 3]``."""
    f1: Array = 2 * sums[..., 0] / np.maximum(2 * sums[..., 0] + sums[..., 1] + sums[..., 2], 1)
    return f1


def _truncation(bench: Bench, split: str, length: int) -> dict[str, Any]:
    """F1 whole, F1 of what a cut at ``length`` leaves, and F1 where what it drops counts as missed."""
    gold, guess = list(bench.data.split(split)), bench.plain(split)
    kept = [kept_by_truncation(document, bench.tagger.tokenizer, length) for document in gold]
    silent = [
        document.with_labels([*document.labels()[:n], *["O"] * (len(document.tokens) - n)])
        for document, n in zip(guess, kept, strict=True)
    ]
    left = evaluate(_cut(gold, kept), _cut(guess, kept))
    return {
        "length": length,
        "f1": evaluate(gold, guess).total().f1,
        "reported": left.total().f1,
        "honest": evaluate(gold, silent).total().f1,
    } | lost(gold, kept)


def lost(documents: Sequence[Document], kept: Sequence[int]) -> dict[str, float]:
    """Shares of words and of entities that a cut after ``kept`` tokens drops, and of documents that are cut."""
    words = sum(len(document.tokens) for document in documents)
    entities = [(entity.end > n) for document, n in zip(documents, kept, strict=True) for entity in document.entities()]
    return {
        "words_lost": 1 - sum(kept) / words,
        "entities_lost": float(np.mean(entities)),
        "documents_cut": float(np.mean([n < len(d.tokens) for d, n in zip(documents, kept, strict=True)])),
    }


def _cut(documents: Sequence[Document], kept: Sequence[int]) -> list[Document]:
    return [replace(document, tokens=document.tokens[:n]) for document, n in zip(documents, kept, strict=True)]
