"""The main job: from a data set and a model to the answer, step by step, each with its file.

A run folder can be given again: steps whose inputs have not changed are not repeated.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in, read_json, write_json
from ocr_neurons.common.manifest import Manifest, digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.config import Config, load_config
from ocr_neurons.lm.load import load_tokenizer, pick_device, pick_dtype, resolve
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.paper import rank_paper
from ocr_neurons.report.layering import Layering
from ocr_neurons.report.page import write_report
from ocr_neurons.report.summary import Findings
from ocr_neurons.steps import (
    again_of,
    base_key,
    check_regions,
    describe,
    load_profiles,
    probe_files,
    probe_key,
    probe_tagger,
    probing_pairs,
    ranking_of,
    recipe_key,
    refuse_other_precision,
    train_tagger,
)
from ocr_neurons.sweep.choose import choose, choose_random
from ocr_neurons.sweep.confirm import confirm
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import EditMaker, grid
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep
from ocr_neurons.text.datasets import SPLITS, load_dataset
from ocr_neurons.text.hipe_tsv import write_hipe

SETTINGS, SUMMARY, BEFORE = "run.toml", "summary.json", "summary-before.json"


def run(config: Config, out: Path, reporter: Reporter = QUIET, *, accept_licence: bool = False) -> dict[str, Any]:
    """Answer the question for one data set and one model; write the run folder; return its summary.

    Raises:
        UserError: bad input, found before any long work where that is possible; another process works in ``out``.
    """
    job = _Run(config, out, reporter, accept_licence)
    with alone_in(out):
        return job.go()


def _refuse_another(out: Path, config: Config) -> None:
    """Refuse the folder of a run of another model, data set or seed: it would be lost, its tagger too."""
    if not (out / SETTINGS).is_file():
        return
    there = load_config(out / SETTINGS)
    known, wanted = ([os.path.realpath(one.model), os.path.realpath(one.data), one.seed] for one in (there, config))
    if known != wanted:
        raise UserError(
            f"{out}: holds a run of {there.model} on {there.data}, seed {there.seed}, which would be lost; choose "
            "another folder with --out, or remove it"
        )


def _standing(summary: Mapping[str, Any]) -> str:
    """How good the tagger is as it stands, and what noise costs it: without that no verdict means much."""
    said = f"on test: {100 * summary['baseline']['strict']['f1']:.1f} points of strict F1"
    twin = summary["noise_cost"].get("clean_twin")
    if not twin:
        return said
    what = "without OCR errors" if twin["scope"] == "text" else "with the entities as printed"
    return f"{said}; {what} {100 * twin['strict']['f1']:.1f}"


class _Run:
    def __init__(self, config: Config, out: Path, reporter: Reporter, accept_licence: bool) -> None:
        self.config, self.out, self.reporter = config, out, reporter
        self.data = load_dataset(config.data)
        for split in SPLITS:
            self.data.require(split)
        self.device = pick_device(config.device, float64=True)
        self.dtype = pick_dtype(config.dtype, self.device)
        if out.exists() and any(out.iterdir()) and not (out / "manifest.json").exists():
            raise UserError(f"{out}: holds files that are not a run's; choose another folder with --out")
        _refuse_another(out, config)
        refuse_other_precision(out, self.dtype)
        self.given = Path(config.model) if (Path(config.model) / CARD).is_file() else None
        fetched = 0.0
        if self.given is None:
            start = time.monotonic()
            source = resolve(config.model, accept_licence=accept_licence, say=reporter.say)
            fetched = time.monotonic() - start
            load_tokenizer(source)  # shows an unknown Hub id before anything is written
        check_regions(config.sweep.regions, config.model)
        self.pairs = probing_pairs(config, self.data)
        out.mkdir(parents=True, exist_ok=True)
        self.manifest = Manifest(out)
        if fetched > 1:  # otherwise it was in the cache
            self.manifest.record("model", config.model, fetched)
        self.keys = self._keys()

    def _keys(self) -> dict[str, str]:
        """For each step a hash of all that it depends on, the steps before it included."""
        config = self.config
        base = base_key(config, self.data, self.dtype)
        keys = {"train": digest(base, "train", None if self.given else recipe_key(config.train))}
        keys["probe"] = probe_key(keys["train"], config, self.pairs)
        keys["rank"] = digest(keys["probe"], "rank", asdict(config.rank))
        keys["sweep"] = digest(keys["rank"], "sweep", asdict(config.sweep))
        keys["confirm"] = digest(keys["sweep"], "confirm", self.data.digest())
        return keys

    def go(self) -> dict[str, Any]:
        config = self.config
        config.save(self.out / SETTINGS)
        describe(self.manifest, config, self.data, self.device, self.dtype)
        results = (SUMMARY, "details.json", "predictions-baseline.tsv", "predictions-chosen.tsv")
        if self.manifest.done("confirm", self.keys["confirm"], [self.out / name for name in results]):
            self.reporter.say("every step was done before with these settings; test is scored once")
            return self._report()
        if (self.out / SUMMARY).exists():  # a run that is stopped must not look like a finished one of other settings
            (self.out / SUMMARY).replace(self.out / BEFORE)
            self.reporter.say(f"the results of before are in {BEFORE} until this run is finished")
        if self.given is None:
            self._step("train", ["tagger"], self._train)
        tagger = load_tagger(self.given or self.out / "tagger", dtype=self.dtype, device=self.device)
        card = {"epochs": (tagger.info.get("recipe") or {}).get("epochs"), "seed": tagger.info.get("seed")}
        self.manifest.note(tagger=card | {"given": self.given is not None})  # settings may leave that open
        for split in ("dev", "test"):
            tagger.check(self.data.split(split), f"{self.data.name}, {split}")
        self._step(
            "probe", probe_files(config), lambda: probe_tagger(tagger, self.pairs, config, self.out, self.reporter)
        )
        profiles = load_profiles(config, self.out)
        common, ranking = self._rank(profiles)
        self._answer(tagger, profiles, common, ranking)
        return self._report()

    def _step(self, name: str, files: Sequence[str], work: Callable[[], None]) -> None:
        if self.manifest.done(name, self.keys[name], [self.out / file for file in files]):
            self.reporter.say(f"{name}: done before")
            return
        if self.manifest.otherwise(name, self.keys[name]):
            self.reporter.say(f"{name}: done before with other data, settings, weights or another version; done anew")
        with self.manifest.step(name, self.keys[name]):
            work()

    def _train(self) -> None:
        self.reporter.say(f"train: a tagger on {len(self.data.train)} documents of {self.data.name} …")
        train_tagger(
            self.config, self.data, self.config.train, self.out / "tagger", self.dtype, self.device, self.reporter
        )

    def _rank(self, profiles: Profiles) -> tuple[NeuronSet, NeuronSet]:
        """The paper's common neurons, and all neurons in the order of the method."""
        rule = self.config.rank
        common = rank_paper(profiles.noise, threshold=rule.threshold, share=rule.share)
        ranking = ranking_of(profiles, rule)
        common.save(self.out / "neurons.json")
        ranking.save(self.out / "ranking.json")
        self.reporter.say(
            f"rank: {common.count} neurons pass the paper's threshold in at least {rule.share:.0%} of the pairs"
        )
        return common, ranking

    def _answer(self, tagger: Tagger, profiles: Profiles, common: NeuronSet, ranking: NeuronSet) -> None:
        config, seed = self.config, self.config.seed
        options = config.sweep
        settings = grid(ranking, options.regions, options.shares, options.factors, options.draws, options.operations)
        store, edits = (
            Store(file_url(self.out / "sweep.db"), self.keys["rank"], self.keys["rank"]),
            EditMaker(ranking, seed, profiles.noise),
        )

        def search() -> None:
            self.reporter.say(f"sweep: {len(settings)} settings on {len(self.data.dev)} dev documents …")
            sweep(tagger, self.data.dev, edits, settings, store, reporter=self.reporter)

        self._step("sweep", ["sweep.db"], search)
        dev_baseline = sweep(tagger, self.data.dev, edits, settings, store)  # kept: nothing is run again
        trials = store.trials(settings)
        best, dev_gain = choose(trials, dev_baseline, seed)
        luck = choose_random(trials, dev_baseline, seed)
        edits.of(best.setting).save(self.out / "edit.json")
        self.reporter.say(f"confirm: {best.setting.describe(ranking.layers)}, once on test …")
        with self.manifest.step("confirm", self.keys["confirm"]):
            confirmation = confirm(
                tagger, self.data.test, edits, best.setting, draws=options.test_draws,
                random_setting=luck.setting if luck else None, reporter=self.reporter,
            )  # fmt: skip
            twin = self.data.clean_twins.get("test")
            findings = Findings(
                config.model,
                self.data,
                Layering(profiles, common, config.rank.control, config.rank.rate),
                again_of(profiles, config.rank, max(options.shares)),
                tuple(trials),
                dev_baseline,
                dev_gain,
                luck,
                confirmation,
                tuple(tagger.tag(twin)) if twin else (),
                seed,
            )
            write_hipe(self.out / "predictions-baseline.tsv", confirmation.baseline_documents)
            write_hipe(self.out / "predictions-chosen.tsv", confirmation.chosen_documents)
            write_json(self.out / "details.json", findings.details())
            write_json(self.out / SUMMARY, findings.summary())
            (self.out / BEFORE).unlink(missing_ok=True)

    def _report(self) -> dict[str, Any]:
        path = self.out / SUMMARY
        summary: dict[str, Any] = read_json(path, "a run's summary")
        summary["timings"] = self.manifest.timings()
        write_json(path, summary)
        with self.manifest.step("report", ""):
            page = write_report(self.out)
        self.reporter.say(_standing(summary))
        self.reporter.say(summary["verdict"])
        self.reporter.say(f"report: {page}")
        return summary
