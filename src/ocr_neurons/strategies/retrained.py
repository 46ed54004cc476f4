"""Strategies that train a tagger: without noise (once, or twice as long), with learned noise, with a stability term."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.strategy import NOTHING, Made, Strategy


def make_plain(bench: Bench, folder: Path) -> Made:
    """The plain tagger: the one given, or one trained by the base recipe."""
    if bench.given:
        what = f"the tagger as given ({bench.given.folder})"
    else:
        bench.reporter.say(f"{NOTHING}: a tagger on {len(bench.data.train)} documents of {bench.data.name} …")
        bench.train(bench.recipe, folder)
        what = f"the base recipe, {bench.recipe.epochs} epochs"
    return Made(what, NOTHING, bench.dev_f1(NOTHING))


def make_noisy(bench: Bench, folder: Path, *, stable: bool) -> Made:
    """A tagger by the base recipe with noise on a share of the documents of each epoch."""
    options = bench.config.strategies
    stability = options.stability if stable else 0.0
    recipe = replace(bench.recipe, noise_share=options.noise_share, stability=stability)
    bench.reporter.say(
        f"{folder.name}: a tagger on {len(bench.data.train)} documents, {recipe.noise_share:.0%} noisy …"
    )
    bench.train(recipe, folder)
    beside = f", noisy beside given text, stability {stability:g}" if stable else ""
    what = f"the base recipe, learned noise on {recipe.noise_share:.0%} of the documents in each epoch{beside}"
    return Made(what, folder.name, bench.dev_f1(folder.name))


def make_longer(bench: Bench, folder: Path) -> Made:
    """A tagger by the base recipe in twice the epochs: what the computing of ``stable`` buys without noise."""
    recipe = replace(bench.recipe, epochs=2 * bench.recipe.epochs)
    bench.reporter.say(f"{folder.name}: a tagger on {len(bench.data.train)} documents, {recipe.epochs} epochs …")
    bench.train(recipe, folder)
    return Made(f"the base recipe, {recipe.epochs} epochs, no noise", folder.name, bench.dev_f1(folder.name))


PLAIN = Strategy(NOTHING, "nothing (the plain tagger)", make_plain, needs=())
LONGER = Strategy("longer", "twice the training, without noise", make_longer, trains=True, needs=())
NOISE = Strategy(
    "noise",
    "noise-augmented training",
    lambda bench, folder: make_noisy(bench, folder, stable=False),
    lambda options: options.noise_share,
    noise=True,
    trains=True,
    needs=(),
)
STABLE = Strategy(
    "stable",
    "augmentation with stability term",
    lambda bench, folder: make_noisy(bench, folder, stable=True),
    lambda options: (options.noise_share, options.stability),
    noise=True,
    trains=True,
    needs=(),
    rival="longer",
    rival_said="twice the training without noise",
    rival_means="the gain may come of more training alone",
)
