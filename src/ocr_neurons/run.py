"""The main job: from a data set and a model to the answer, step by step, each with its file.

A run folder can be given again: steps whose inputs have not changed are not repeated.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ocr_neurons import __version__
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.common.manifest import Manifest, digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.config import Config
from ocr_neurons.lm.load import pick_device, pick_dtype, resolve
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.labels import inventory
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import train
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.probe import probe
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.paper import rank_paper
from ocr_neurons.report import summary as tables
from ocr_neurons.report.page import write_report
from ocr_neurons.score.bins import recall_by_led
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.table import difference_to_dict
from ocr_neurons.sweep.grid import grid
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import choose, confirm, sweep
from ocr_neurons.text.datasets import SPLITS, describe, load_dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import write_hipe
from ocr_neurons.text.pairs import read_pairs, write_pairs


def run(config: Config, out: Path, reporter: Reporter = QUIET, *, accept_licence: bool = False) -> dict[str, Any]:
    """Answer the question for one data set and one model; write the run folder; return its summary.

    Raises:
        UserError: bad input, found before any long work where that is possible.
    """
    return _Run(config, out, reporter, accept_licence).go()


class _Run:
    def __init__(self, config: Config, out: Path, reporter: Reporter, accept_licence: bool) -> None:
        self.config, self.out, self.reporter = config, out, reporter
        self.data = load_dataset(config.data)
        for split in SPLITS:
            self.data.require(split)
        self.device = pick_device(config.device)
        self.dtype = pick_dtype(config.dtype, self.device)
        self.given = Path(config.model) if (Path(config.model) / CARD).is_file() else None
        start = time.monotonic()
        if self.given is None:
            resolve(config.model, accept_licence=accept_licence, say=reporter.say)
        if out.exists() and any(out.iterdir()) and not (out / "manifest.json").exists():
            raise UserError(f"{out}: holds files that are not a run's; choose another folder with --out")
        out.mkdir(parents=True, exist_ok=True)
        self.manifest = Manifest(out)
        if (fetched := time.monotonic() - start) > 1:  # otherwise it was in the cache
            self.manifest.record("model", config.model, fetched)
        self.base_key = digest(__version__, self.data.digest(), config.model, config.seed, str(self.dtype))

    def go(self) -> dict[str, Any]:
        config = self.config
        config.save(self.out / "run.toml")
        self.manifest.describe(
            seed=config.seed,
            config=asdict(config),
            device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            hashes={"data": self.data.digest()},
        )
        train_key = self._train()
        tagger = load_tagger(self.given or self.out / "tagger", dtype=self.dtype, device=self.device)
        for split in ("dev", "test"):
            tagger.check(self.data.split(split), f"{self.data.name}, {split}")
        rank_key, profile, ranking, common = self._find(tagger, train_key)
        return self._answer(tagger, profile, ranking, common, rank_key)

    def _train(self) -> str:
        config, folder = self.config, self.out / "tagger"
        if self.given is not None:
            return digest(self.base_key, "given")
        key = digest(self.base_key, "train", asdict(config.train))
        if self.manifest.done("train", key, [folder / CARD]):
            self.reporter.say("train: done before")
            return key
        self.reporter.say(f"train: a tagger on {len(self.data.train)} documents of {self.data.name} …")
        with self.manifest.step("train", key):
            train(
                self.data.train,
                config.model,
                folder,
                recipe=config.train,
                labels=inventory([d for split in SPLITS for d in self.data.split(split)]),
                seed=config.seed,
                dtype=self.dtype,
                device=self.device,
                data=config.data,
                reporter=self.reporter,
            )
        return key

    def _find(self, tagger: Tagger, train_key: str) -> tuple[str, Profile, NeuronSet, NeuronSet]:
        """Pairs, profile, ranking: each is read again when it is there."""
        config = self.config
        paths = {name: self.out / file for name, file in _FILES.items()}
        key = digest(train_key, "probe", asdict(config.pairs))
        if not self.manifest.done("probe", key, [paths["pairs"], paths["profile"]]):
            documents = self.data.clean_twins.get("train") or self.data.train
            pairs = word_pairs(
                documents,
                protocol=config.pairs.protocol,
                words=config.pairs.words,
                levels=config.pairs.levels,
                seed=config.seed,
            )
            write_pairs(paths["pairs"], pairs)
            self.reporter.say(f"probe: {len(pairs)} pairs of clean and noisy words …")
            with self.manifest.step("probe", key):
                about = {"model": config.model, "protocol": config.pairs.protocol, "data": config.data}
                profile = probe(
                    tagger.trunk,
                    tagger.tokenizer,
                    read_pairs(paths["pairs"]),
                    seed=config.seed,
                    about=about,
                    reporter=self.reporter,
                )
                profile.save(paths["profile"])
        profile = Profile.load(paths["profile"])
        common = rank_paper(profile, threshold=config.rank.threshold, share=config.rank.share)
        ranking = rank_paper(profile, threshold=config.rank.threshold, count=profile.layers * profile.width)
        common.save(paths["neurons"])
        ranking.save(paths["ranking"])
        self.reporter.say(
            f"rank: {common.count} neurons pass the paper's threshold in at least {config.rank.share:.0%} of the pairs"
        )
        return digest(key, asdict(config.rank)), profile, ranking, common

    def _answer(
        self, tagger: Tagger, profile: Profile, ranking: NeuronSet, common: NeuronSet, rank_key: str
    ) -> dict[str, Any]:
        config, seed = self.config, self.config.seed
        settings = grid(ranking, config.sweep.regions, config.sweep.shares, config.sweep.factors, config.sweep.draws)
        store = Store(f"sqlite:///{(self.out / 'sweep.db').resolve()}", f"sweep-{rank_key}", rank_key)
        sweep_key = digest(rank_key, "sweep", asdict(config.sweep))
        self.reporter.say(f"sweep: {len(settings)} settings on {len(self.data.dev)} dev documents …")
        again = self.manifest.done("sweep", sweep_key, [self.out / "sweep.db"])
        with nullcontext() if again else self.manifest.step("sweep", sweep_key):
            dev_baseline = sweep(tagger, self.data.dev, ranking, settings, store, seed=seed, reporter=self.reporter)
        wanted = set(settings)
        trials = [trial for trial in store.trials() if trial.setting in wanted]
        best, dev_gain = choose(trials, dev_baseline, seed)
        best.setting.edit(ranking, seed).save(self.out / "edit.json")
        if self.manifest.done("confirm", sweep_key, [self.out / name for name in _RESULTS]):
            self.reporter.say("confirm: done before; test is scored once")
        else:
            self.reporter.say(f"confirm: {best.setting.describe(ranking.layers)}, once on test …")
            with self.manifest.step("confirm", sweep_key):
                confirmation = confirm(
                    tagger,
                    self.data.test,
                    ranking,
                    best.setting,
                    draws=config.sweep.test_draws,
                    seed=seed,
                    reporter=self.reporter,
                )
                twin = self._clean_twin(tagger)
                gain = confirmation.gain(seed)
                over = confirmation.over_controls(seed) if confirmation.controls else None
                description = best.setting.describe(ranking.layers)
                bins = recall_by_led(self.data.test, confirmation.baseline_documents, seed=seed)
                summary = {
                    "model": config.model,
                    "data": self.data.name,
                    "seed": seed,
                    "baseline": tables.scores_entry(confirmation.baseline, seed),
                    "chosen": {"edit": tables.edit_entry(confirmation, ranking.layers)}
                    | tables.scores_entry(confirmation.chosen, seed),
                    "random_control": tables.control_entry(confirmation.controls),
                    "difference": {
                        "chosen_minus_baseline": difference_to_dict(gain),
                        "chosen_minus_random_control": difference_to_dict(over) if over else None,
                    },
                    "noise_cost": tables.noise_cost_entry(bins, twin, confirmation.baseline, seed),
                    "verdict": tables.verdict(dev_gain, gain, over, description),
                }
                rule = (
                    f"|noisy - clean| above its layer's mean + {config.rank.threshold:g} sd in at least "
                    f"{config.rank.share:.0%} of the pairs"
                )
                details = {
                    "layers": tables.layers_entry(profile, common, rule),
                    "data": describe(self.data),
                    "dev_baseline_f1": dev_baseline.total("strict").f1,
                    "trials": tables.trials_entry(trials, dev_baseline, ranking.layers, seed),
                    "examples": tables.examples_entry(
                        self.data.test, confirmation.baseline_documents, confirmation.chosen_documents
                    ),
                }
                write_hipe(self.out / "predictions-baseline.tsv", list(confirmation.baseline_documents))
                write_hipe(self.out / "predictions-chosen.tsv", list(confirmation.chosen_documents))
                write_json(self.out / "details.json", details)
                write_json(self.out / "summary.json", summary)
        return self._report()

    def _report(self) -> dict[str, Any]:
        path = self.out / "summary.json"
        summary: dict[str, Any] = read_json(path, "a run's summary")
        summary["timings"] = self.manifest.timings()
        write_json(path, summary)
        with self.manifest.step("report", ""):
            page = write_report(self.out)
        summary["timings"] = self.manifest.timings()
        write_json(path, summary)
        self.reporter.say(summary["verdict"])
        self.reporter.say(f"report: {page}")
        return summary

    def _clean_twin(self, tagger: Tagger) -> Scores | None:
        twin: tuple[Document, ...] | None = self.data.clean_twins.get("test")
        return evaluate(twin, tagger.tag(twin)) if twin else None


_FILES = {
    "pairs": "pairs.jsonl",
    "profile": "profile.safetensors",
    "neurons": "neurons.json",
    "ranking": "ranking.json",
}
_RESULTS = ("summary.json", "details.json", "predictions-baseline.tsv", "predictions-chosen.tsv")
