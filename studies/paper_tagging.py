"""A tagger under edits, every score kept in a file, so that a second call goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.load import fingerprint, pick_device, pick_dtype
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.probe import Probing, probe
from ocr_neurons.probe.profile_file import load_profile, save_profile
from ocr_neurons.rank.legacy import scaled_at_up
from ocr_neurons.rank.paper import rank_paper
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.prefix import Prefix
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document


@dataclass(frozen=True)
class Job:
    """Documents of ``split`` tagged under ``edit``."""

    name: str
    split: str
    edit: Edit


class Bench:
    """A tagger and its data. ``data_digest`` and the weights are part of every file's name."""

    def __init__(
        self, folder: Path, data: Dataset, work: Path, *, device: str, dtype: str, seed: int, reporter: Reporter
    ) -> None:
        where = pick_device(device)
        self.tagger: Tagger = load_tagger(folder, dtype=pick_dtype(dtype, where), device=where)
        for split in ("dev", "test"):
            self.tagger.check(data.require(split), f"{data.name}, {split}")
        self.data, self.work, self.seed, self.reporter = data, work / "tagger", seed, reporter
        self.key = digest(fingerprint(self.tagger.trunk), data.digest(), str(pick_dtype(dtype, where)), seed)
        self._prepared: dict[str, Prepared] = {}
        self._prefix: tuple[tuple[str, int], Prefix] | None = None

    def ranking(self, words: int) -> NeuronSet:
        """All neurons in the paper's order, probed at ``up`` under its protocol with words of the training text."""
        file = self._file("profile", words, ending="safetensors")
        if not file.exists():
            pairs = word_pairs(self.data.clean_text("train"), protocol="paper", words=words, seed=self.seed)
            self.reporter.say(f"tagger: probing {len(pairs)} pairs …")
            how = Probing(site="up", protocol="paper", seed=self.seed)
            save_profile(probe(self.tagger.trunk, self.tagger.tokenizer, pairs, how, reporter=self.reporter), file)
        profile = load_profile(file)
        return scaled_at_up(rank_paper(profile, count=profile.layers * profile.width))

    def plain(self, split: str) -> list[Document]:
        """The documents of a split as the tagger labels them without an edit."""
        file = self._file("labels", split)
        documents = self.data.split(split)
        if not file.exists():
            tagged = self._prepare(split).tag(self.tagger, self.reporter)
            write_json(file, [document.labels() for document in tagged])
        labels = read_json(file, "labels")
        return [document.with_labels(row) for document, row in zip(documents, labels, strict=True)]

    def baseline(self, split: str) -> Scores:
        """The scores without an edit."""
        return evaluate(self.data.split(split), self.plain(split))

    def run(self, jobs: list[Job]) -> dict[str, Scores]:
        """The scores of all jobs, by name; those that are known are not computed again."""
        if len({job.name for job in jobs}) < len(jobs):
            raise UserError("two jobs of one name given; wanted each once")
        # jobs that begin in the same layer share the states below it
        order = sorted(jobs, key=lambda job: (job.split, job.edit.first_layer(), job.name))
        todo = [job for job in order if not self._of(job).exists()]
        for job in self.reporter.track(todo, "tagging under edits", every=60):
            write_json(self._of(job), self._score(job).to_json())
        return {job.name: Scores.from_json(read_json(self._of(job), "scores")) for job in jobs}

    def _score(self, job: Job) -> Scores:
        key = (job.split, min(job.edit.first_layer(), job.edit.neurons.layers - 1))
        if self._prefix is None or self._prefix[0] != key:
            self._prefix = None  # frees the states before the next ones are made
            self._prefix = key, Prefix(self.tagger, self._prepare(job.split), key[1])
        with job.edit.on(self.tagger.model):
            return evaluate(self.data.split(job.split), self._prefix[1].tag())

    def _prepare(self, split: str) -> Prepared:
        if split not in self._prepared:
            self._prepared[split] = self.tagger.prepare(self.data.split(split))
        return self._prepared[split]

    def _of(self, job: Job) -> Path:
        neurons = {str(layer): list(members) for layer, members in sorted(job.edit.neurons.indices.items())}
        return self._file("scores", job.split, job.edit.factor, neurons)

    def _file(self, kind: str, *parts: Any, ending: str = "json") -> Path:  # noqa: ANN401 - JSON values
        return self.work / f"{kind}-{digest(self.key, kind, *parts)}.{ending}"
