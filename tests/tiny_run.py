"""The folder of a run on a tiny random tagger, made in a second: what the explorer reads of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

import planted
from ocr_neurons.common.progress import QUIET
from ocr_neurons.config import Config, Pairing
from ocr_neurons.explore.folder import open_run
from ocr_neurons.explore.session import Session, open_session
from ocr_neurons.ner.model import save_whole
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.steps import load_profiles, probe_tagger, probing_pairs, ranking_of
from ocr_neurons.text.datasets import load_dataset

TEXT = "The ship arrived in Liverpool on Monday. Mr. John Thornton wrote letters to the Earl of Derby about cotton."


def make_run(folder: Path, model: Path, *, data: str = "", max_length: int = 256) -> Path:
    """A run's folder on the tiny model in ``model``; its tagger is untrained, but gives every label."""
    name = data or str(planted.write_planted(folder / "data", train=12, dev=3, test=4))
    config = Config(data=name, model=str(model), dtype="float32", device="cpu", pairs=Pairing(words=12))
    tagger = planted.untrained(model, max_length=max_length)
    card = {
        "base": str(model), "labels": tagger.labels, "attention": "bidirectional",
        "encoding": tagger.encoding.to_json(),
    }  # fmt: skip
    out = folder / "run"
    save_whole(replace(tagger, info={}), out / "tagger", card)
    probe_tagger(tagger, probing_pairs(config, load_dataset(name)), config, out, QUIET)
    ranking = ranking_of(load_profiles(config, out), config.rank)
    ranking.save(out / "ranking.json")
    Edit.scale(ranking.within([1, 2]).top(20), 0.5).save(out / "edit.json")
    config.save(out / "run.toml")
    return out


def explore(run: Path, cache: Path) -> Session:
    return open_session(open_run(run), cache, torch.device("cpu"), torch.float32)
