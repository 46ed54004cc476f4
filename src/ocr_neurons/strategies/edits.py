"""Strategies that change sensitive neurons of the plain tagger: a small grid each, the setting chosen on dev."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ocr_neurons.config import Comparing
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.strategy import EDIT, NOTHING, Made, Strategy
from ocr_neurons.sweep.choose import choose
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import EditMaker, grid
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep

Numbers = Callable[[Comparing], tuple[float, ...]]
"""From the settings to the factors or strengths of a grid."""


def edit_maker(bench: Bench) -> EditMaker:
    """The edits of the plain tagger's neurons."""
    ranking, profile = bench.ranked
    return EditMaker(ranking, bench.config.seed, profile)


def make_edit(bench: Bench, folder: Path, operation: str, numbers: Numbers) -> Made:
    """Sweep regions x shares x numbers on dev and keep the edit that :func:`ocr_neurons.sweep.choose.choose` takes."""
    options, seed = bench.config.strategies, bench.config.seed
    edits = edit_maker(bench)
    ranking = edits.rankings[""]
    settings = grid(ranking, options.regions, options.shares, numbers(options), 0, (operation,))
    bench.reporter.say(f"{folder.name}: {len(settings)} settings on {len(bench.data.dev)} dev documents …")
    store = Store(file_url(bench.out / "sweep.db"), bench.rank_key, bench.rank_key)
    baseline = sweep(bench.tagger(), bench.data.dev, edits, settings, store, reporter=bench.reporter)
    best, gain = choose(store.trials(settings), baseline, seed)
    edits.of(best.setting).save(folder / EDIT)
    tried = f"best of {len(settings)} on dev" if gain.f1 > 0 else f"none of {len(settings)} gained on dev; lost least"
    return Made(
        f"{best.setting.describe(ranking.layers)} ({tried})",
        NOTHING,
        best.scores.total("strict").f1,
        edited=True,
        setting=best.setting.to_json(),
    )


def edit_strategy(name: str, title: str, operation: str, numbers: Numbers) -> Strategy:
    """The row of one operation."""
    return Strategy(
        name,
        title,
        lambda bench, folder: make_edit(bench, folder, operation, numbers),
        lambda options: (operation, options.regions, options.shares, numbers(options)),
        probes=True,
    )


DAMP = edit_strategy("damp", "damp sensitive neurons", "scale", lambda options: options.damp)
AMPLIFY = edit_strategy("amplify", "amplify sensitive neurons", "scale", lambda options: options.amplify)
MEAN = edit_strategy("mean", "sensitive neurons towards their clean mean", "mean", lambda options: options.strengths)
SHIFT = edit_strategy("shift", "sensitive neurons less their shift", "shift", lambda options: options.strengths)
