"""The main job: from a data set and a model to the answer, step by step, each with its file.

A run folder can be given again: steps whose inputs have not changed are not repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ocr_neurons import __version__
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, sha256, write_json
from ocr_neurons.common.manifest import Manifest, digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.config import Config
from ocr_neurons.lm.load import load_tokenizer, pick_device, pick_dtype, resolve
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.labels import inventory
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import train
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.noise.training import training_noise
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.checkpoint import remove
from ocr_neurons.probe.probe import Probing, probe
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profile_file import load_profile, save_profile
from ocr_neurons.rank.choose import choose as choose_neurons
from ocr_neurons.rank.methods import score
from ocr_neurons.rank.paper import rank_paper
from ocr_neurons.rank.specific import specific
from ocr_neurons.report.layering import Layering
from ocr_neurons.report.page import write_report
from ocr_neurons.report.summary import Findings
from ocr_neurons.sweep.choose import choose
from ocr_neurons.sweep.confirm import confirm
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import EditMaker, grid
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep
from ocr_neurons.text.datasets import SPLITS, load_dataset
from ocr_neurons.text.hipe_tsv import write_hipe
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs


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
        if out.exists() and any(out.iterdir()) and not (out / "manifest.json").exists():
            raise UserError(f"{out}: holds files that are not a run's; choose another folder with --out")
        self.given = Path(config.model) if (Path(config.model) / CARD).is_file() else None
        fetched = 0.0
        if self.given is None:
            start = time.monotonic()
            source = resolve(config.model, accept_licence=accept_licence, say=reporter.say)
            fetched = time.monotonic() - start
            load_tokenizer(source)  # shows an unknown Hub id before anything is written
        self.pairs = self._pairs()
        out.mkdir(parents=True, exist_ok=True)
        self.manifest = Manifest(out)
        if fetched > 1:  # otherwise it was in the cache
            self.manifest.record("model", config.model, fetched)
        self.keys = self._keys()

    def _keys(self) -> dict[str, str]:
        """For each step a hash of all that it depends on, the steps before it included."""
        config = self.config
        weights = [sha256(path) for path in sorted(Path(config.model).glob("*.safetensors"))]  # of a local folder
        documents = self.data.digest(twins=False)
        base = digest(__version__, documents, config.model, weights, config.seed, str(self.dtype))
        keys = {"train": digest(base, "train", None if self.given else asdict(config.train))}
        pairs = [(pair.clean, pair.noisy, pair.left, pair.right, pair.level) for pair in self.pairs]
        keys["probe"] = digest(keys["train"], "probe", asdict(config.pairs), pairs, config.rank.control)
        keys["rank"] = digest(keys["probe"], "rank", asdict(config.rank))
        keys["sweep"] = digest(keys["rank"], "sweep", asdict(config.sweep))
        keys["confirm"] = digest(keys["sweep"], "confirm", self.data.digest())
        return keys

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
        results = ("summary.json", "details.json", "predictions-baseline.tsv", "predictions-chosen.tsv")
        if self.manifest.done("confirm", self.keys["confirm"], [self.out / name for name in results]):
            self.reporter.say("every step was done before with these settings; test is scored once")
            return self._report()
        if self.given is None:
            self._step("train", ["tagger"], self._train)
        tagger = load_tagger(self.given or self.out / "tagger", dtype=self.dtype, device=self.device)
        for split in ("dev", "test"):
            tagger.check(self.data.split(split), f"{self.data.name}, {split}")
        placebo = ["control.jsonl", "profile-control.safetensors"] if config.rank.control else []
        self._step("probe", ["pairs.jsonl", "profile.safetensors", *placebo], lambda: self._probe(tagger))
        profile = load_profile(self.out / "profile.safetensors")
        control = load_profile(self.out / placebo[1]) if placebo else None
        common, ranking = self._rank(profile, control)
        self._answer(tagger, (profile, control), common, ranking)
        return self._report()

    def _step(self, name: str, files: Sequence[str], work: Callable[[], None]) -> None:
        if self.manifest.done(name, self.keys[name], [self.out / file for file in files]):
            self.reporter.say(f"{name}: done before")
            return
        with self.manifest.step(name, self.keys[name]):
            work()

    def _train(self) -> None:
        self.reporter.say(f"train: a tagger on {len(self.data.train)} documents of {self.data.name} …")
        recipe = self.config.train
        train(
            self.data.train,
            self.config.model,
            self.out / "tagger",
            dev=self.data.dev,
            recipe=recipe,
            corrupt=training_noise(recipe.noise, self.data) if recipe.noise_share else None,
            labels=inventory([document for split in SPLITS for document in self.data.split(split)]),
            seed=self.config.seed,
            dtype=self.dtype,
            device=self.device,
            data=self.config.data,
            reporter=self.reporter,
        )

    def _pairs(self) -> list[TextPair]:
        """The words to probe with; made first, because there may be too few of them."""
        options, seed = self.config.pairs, self.config.seed
        documents = self.data.clean_text("train")
        return word_pairs(
            documents,
            protocol=options.protocol,
            words=options.words,
            levels=options.levels,
            seed=seed,
            parts=options.parts or None,
            noise=None if options.noise == "paper" else NoiseMaker(load_noise(options.noise)),
        )

    def _probe(self, tagger: Tagger) -> None:
        kind = self.config.rank.control
        self.reporter.say(f"probe: {len(self.pairs)} pairs of clean and noisy words …")
        self._read(tagger, self.pairs, "pairs.jsonl", "profile.safetensors")
        if kind:
            self.reporter.say(f"probe: as many pairs with another change of the same size ({kind}) …")
            placebo = control_pairs(self.pairs, kind, self.config.seed)
            self._read(tagger, placebo, "control.jsonl", "profile-control.safetensors")

    def _read(self, tagger: Tagger, pairs: Sequence[TextPair], name: str, profile: str) -> None:
        write_pairs(self.out / name, pairs)
        part = self.out / f"{profile}.part"
        found = probe(
            tagger.trunk,
            tagger.tokenizer,
            read_pairs(self.out / name),
            Probing(seed=self.config.seed),
            about={"model": self.config.model, "pairs": self.config.pairs.protocol, "data": self.config.data},
            checkpoint=part,
            reporter=self.reporter,
        )
        save_profile(found, self.out / profile)
        remove(part)

    def _rank(self, profile: Profile, control: Profile | None) -> tuple[NeuronSet, NeuronSet]:
        """The paper's common neurons, and all neurons in the order of the method."""
        rule = self.config.rank
        common = rank_paper(profile, threshold=rule.threshold, share=rule.share)
        parameters: dict[str, Any] = {"threshold": rule.threshold} if rule.method == "paper" else {}
        scored = score(rule.method, profile, **parameters)
        if rule.specific and control is not None:
            scored = specific(scored, score(rule.method, control, **parameters))
        ranking = choose_neurons(scored, count=profile.layers * profile.width)
        common.save(self.out / "neurons.json")
        ranking.save(self.out / "ranking.json")
        self.reporter.say(
            f"rank: {common.count} neurons pass the paper's threshold in at least {rule.share:.0%} of the pairs"
        )
        return common, ranking

    def _answer(
        self, tagger: Tagger, profiles: tuple[Profile, Profile | None], common: NeuronSet, ranking: NeuronSet
    ) -> None:
        config, seed = self.config, self.config.seed
        options = config.sweep
        settings = grid(ranking, options.regions, options.shares, options.factors, options.draws, options.operations)
        store, edits = (
            Store(file_url(self.out / "sweep.db"), self.keys["rank"], self.keys["rank"]),
            EditMaker(ranking, seed),
        )

        def search() -> None:
            self.reporter.say(f"sweep: {len(settings)} settings on {len(self.data.dev)} dev documents …")
            sweep(tagger, self.data.dev, edits, settings, store, reporter=self.reporter)

        self._step("sweep", ["sweep.db"], search)
        dev_baseline = sweep(tagger, self.data.dev, edits, settings, store)  # kept: nothing is run again
        trials = store.trials(settings)
        best, dev_gain = choose(trials, dev_baseline, seed)
        edits.of(best.setting).save(self.out / "edit.json")
        self.reporter.say(f"confirm: {best.setting.describe(ranking.layers)}, once on test …")
        with self.manifest.step("confirm", self.keys["confirm"]):
            confirmation = confirm(
                tagger, self.data.test, edits, best.setting, draws=options.test_draws, reporter=self.reporter
            )
            twin = self.data.clean_twins.get("test")
            findings = Findings(
                config.model,
                self.data,
                Layering(*profiles, common, config.rank.control, config.rank.rate),
                tuple(trials),
                dev_baseline,
                dev_gain,
                confirmation,
                tuple(tagger.tag(twin)) if twin else (),
                seed,
            )
            write_hipe(self.out / "predictions-baseline.tsv", confirmation.baseline_documents)
            write_hipe(self.out / "predictions-chosen.tsv", confirmation.chosen_documents)
            write_json(self.out / "details.json", findings.details())
            write_json(self.out / "summary.json", findings.summary())

    def _report(self) -> dict[str, Any]:
        path = self.out / "summary.json"
        summary: dict[str, Any] = read_json(path, "a run's summary")
        summary["timings"] = self.manifest.timings()
        write_json(path, summary)
        with self.manifest.step("report", ""):
            page = write_report(self.out)
        self.reporter.say(summary["verdict"])
        self.reporter.say(f"report: {page}")
        return summary
