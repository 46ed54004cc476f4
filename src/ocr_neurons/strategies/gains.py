"""Strategies of learned gains: on sensitive neurons, on as many random ones, on all, and on top of noisy training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import SITE, neuron_maps, neuron_width
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.rank.controls import random_like
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.learning import learn_gains
from ocr_neurons.strategies.strategy import EDIT, NOTHING, OTHERS, Made, Strategy

DRAW = 0
"""The draw of the random neurons."""


def sensitive(bench: Bench) -> NeuronSet:
    """The most sensitive share of the plain tagger's neurons."""
    ranking, _ = bench.ranked
    return ranking.top(max(1, round(bench.config.strategies.gain_share * ranking.count)))


def at_random(bench: Bench) -> NeuronSet:
    """As many neurons of the same layers as :func:`sensitive` gives, drawn at random."""
    return random_like(sensitive(bench), bench.config.seed, DRAW)


def every_neuron(tagger: Tagger) -> NeuronSet:
    """All neurons of a tagger."""
    layers, width = len(neuron_maps(tagger.model)), neuron_width(tagger.model)
    return NeuronSet(
        fingerprint(tagger.trunk), SITE, layers, width, {layer: tuple(range(width)) for layer in range(layers)}
    )


def make_gains(bench: Bench, folder: Path, which: str, *, base: str = NOTHING, noisy: bool = False) -> Made:
    """Learn gains for ``which`` neurons (``sensitive``, ``random`` or ``all``) of the tagger of strategy ``base``."""
    options = bench.config.strategies
    chosen = {"sensitive": sensitive, "random": at_random}
    neurons = chosen[which](bench) if which in chosen else every_neuron(bench.tagger(base))
    share = options.noise_share if noisy else 0.0
    bench.reporter.say(f"{folder.name}: gains of {neurons.count} neurons, {options.gain_epochs} epochs …")
    learnt = learn_gains(
        bench.tagger(base),
        neurons,
        bench.data.train,
        bench.data.dev,
        replace(bench.recipe, epochs=options.gain_epochs, noise_share=share, stability=0.0),
        rate=options.gain_rate,
        seed=bench.config.seed,
        corrupt=bench.noise() if noisy else None,
        reporter=bench.reporter,
    )
    learnt.edit.save(folder / EDIT)
    what = f"{learnt.edit.describe()} (epoch {learnt.epoch} of {options.gain_epochs}, the best on dev)"
    return Made(what, base, max(learnt.dev_f1s), edited=True, dev_f1s=learnt.dev_f1s)


def gains_strategy(which: str, title: str) -> Strategy:
    """The row of gains on one kind of neurons of the plain tagger."""
    ranked = which != "all"
    return Strategy(
        f"gains-{which}",
        title,
        lambda bench, folder: make_gains(bench, folder, which),
        lambda options: (options.gain_share if ranked else 1.0, options.gain_epochs, options.gain_rate),
        probes=ranked,
        rival="gains-random" if which == "sensitive" else "",
        rival_said="as many random neurons, drawn once",
        rival_means=OTHERS,
    )


GAINS_SENSITIVE = gains_strategy("sensitive", "learned gains, sensitive neurons")
GAINS_RANDOM = gains_strategy("random", "learned gains, as many random neurons")
GAINS_ALL = gains_strategy("all", "learned gains, all neurons")
NOISE_GAINS = Strategy(
    "noise-gains",
    "augmentation, then learned gains",
    lambda bench, folder: make_gains(bench, folder, "all", base="noise", noisy=True),
    lambda options: (options.gain_epochs, options.gain_rate, options.noise_share),
    noise=True,
    needs=("noise",),
)
