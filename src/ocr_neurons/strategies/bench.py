"""The bench on which strategies are made: data, settings, the plain tagger, its neurons; each step is done once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch

from ocr_neurons.common.manifest import Manifest, digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Config
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.examples import Corrupt
from ocr_neurons.ner.given import Given
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.noise.training import training_noise
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.steps import (
    base_key,
    load_profiles,
    probe_files,
    probe_key,
    probe_tagger,
    probing_pairs,
    ranking_of,
    recipe_key,
    train_tagger,
)
from ocr_neurons.strategies.strategy import EDIT, MADE, NOTHING, Made, Strategy
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.pairs import TextPair

TAGGER = "tagger"


class Bench:
    """What strategies are made from. ``given`` is the tagger that was given in place of a model, if one was."""

    def __init__(
        self, config: Config, data: Dataset, out: Path, given: Given | None,
        machine: tuple[torch.device, torch.dtype], reporter: Reporter,
    ) -> None:  # fmt: skip
        self.config, self.data, self.out, self.given, self.reporter = config, data, out, given, reporter
        self.device, self.dtype = machine
        self.manifest = Manifest(out)
        self._held: tuple[str, Tagger] | None = None

    @cached_property
    def pairs(self) -> list[TextPair]:
        """The words to probe with; a UserError if train has too few."""
        return probing_pairs(self.config, self.data)

    @property
    def recipe(self) -> Recipe:
        """The base recipe of all that is trained, with its number of epochs."""
        return (self.given.recipe if self.given else self.config.train).settled(self.data.train)

    def folder(self, name: str) -> Path:
        """The folder of a strategy."""
        return self.out / name

    # --- keys: for each step a hash of all that it depends on, the steps before it included ---

    @cached_property
    def plain_key(self) -> str:
        """Of the plain tagger."""
        return digest(base_key(self.config, self.data, self.dtype), NOTHING, recipe_key(self.recipe))

    @cached_property
    def probing_key(self) -> str:
        """Of the profiles of the plain tagger."""
        return probe_key(self.plain_key, self.config, self.pairs)

    @cached_property
    def rank_key(self) -> str:
        """Of the ranking of its neurons."""
        return digest(self.probing_key, "rank", asdict(self.config.rank))

    def key(self, strategy: Strategy, before: Sequence[str]) -> str:
        """Of making a strategy; ``before`` are the keys of those that it needs."""
        if strategy.name == NOTHING:
            return self.plain_key
        ranked = self.rank_key if strategy.probes else ""
        return digest(self.plain_key, ranked, *before, strategy.name, strategy.settings(self.config.strategies))

    # --- what strategies start from ---

    def step(self, name: str, key: str, files: Sequence[Path], work: Callable[[], None]) -> None:
        """Do a step unless it is done."""
        if self.manifest.done(name, key, files):
            self.reporter.say(f"{name}: done before")
            return
        with self.doing(name, key):
            work()

    def doing(self, name: str, key: str) -> AbstractContextManager[None]:
        """The block in which a step is done; says so where it was done otherwise before."""
        if self.manifest.otherwise(name, key):
            self.reporter.say(f"{name}: done before with other data, settings, weights or another version; done anew")
        return self.manifest.step(name, key)

    def tagger(self, name: str = NOTHING) -> Tagger:
        """The tagger in a strategy's folder; one is held at a time."""
        if self._held is None or self._held[0] != name:
            self._held = None
            place = self.given.folder if self.given and name == NOTHING else self.folder(name) / TAGGER
            self._held = (name, load_tagger(place, dtype=self.dtype, device=self.device))
        return self._held[1]

    def release(self) -> None:
        """Hold no tagger, to make room for one that is trained."""
        self._held = None

    def profiles(self) -> Profiles:
        """The profiles of the plain tagger; probed where it was not."""
        files = [self.out / name for name in probe_files(self.config)]
        self.step(
            "probe", self.probing_key, files,
            lambda: probe_tagger(self.tagger(), self.pairs, self.config, self.out, self.reporter),
        )  # fmt: skip
        return load_profiles(self.config, self.out)

    @cached_property
    def ranked(self) -> tuple[NeuronSet, Profile]:
        """All neurons of the plain tagger, the most sensitive to noise first, and its profile."""
        profiles = self.profiles()
        ranking = ranking_of(profiles, self.config.rank)
        ranking.save(self.out / "ranking.json")
        return ranking, profiles.noise

    def noise(self) -> Corrupt:
        """The learned noise of the base recipe, at the rates of the data.

        Raises:
            UserError: there is no model for the data's language.
        """
        return training_noise(self.recipe.noise, self.data)

    def train(self, recipe: Recipe, folder: Path) -> None:
        """Train a tagger from the base model, with the seed of the plain one, into a strategy's folder."""
        config, labels = self.config, tuple(self.given.labels) if self.given else ()
        if self.given:
            config = replace(config, model=self.given.base, seed=self.given.seed)
        train_tagger(config, self.data, recipe, folder / TAGGER, self.dtype, self.device, self.reporter, labels)

    # --- what was made ---

    def made(self, strategy: Strategy, key: str) -> Made | None:
        """What a strategy made, if it is done with this key."""
        if not self.manifest.done(strategy.name, key, [self.folder(strategy.name) / MADE]):
            return None
        return Made.load(self.folder(strategy.name))

    def applied(self, name: str, made: Made) -> tuple[Tagger, AbstractContextManager[None]]:
        """A strategy's tagger, and the block in which its edit acts."""
        tagger = self.tagger(made.tagger)
        return tagger, Edits.load(self.folder(name) / EDIT).on(tagger.model) if made.edited else nullcontext()

    def dev_f1(self, name: str, edit: Edit | None = None) -> float:
        """Strict F1 on dev of a strategy's own tagger, with an edit or without."""
        tagger = self.tagger(name)
        with edit.on(tagger.model) if edit else nullcontext():
            return evaluate(self.data.dev, tagger.tag(self.data.dev)).total("strict").f1
