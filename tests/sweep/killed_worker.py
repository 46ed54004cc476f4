"""A worker to be killed: the real sweep on a tiny tagger, which writes down what it claims."""

from __future__ import annotations

import os
from pathlib import Path

import alembic.command
import optuna.storages
import sqlalchemy.orm
import torch
from transformers import AutoModelForTokenClassification, MistralForTokenClassification, PreTrainedTokenizerFast

import planted
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.sweep.grid import EditMaker, Setting, grid
from ocr_neurons.sweep.queue import Claim, Queue
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep
from ocr_neurons.text.document import Document

HEARTBEAT, GRACE = 1, 6
PRELOADED = (
    alembic.command, optuna.storages.RDBStorage, sqlalchemy.orm, AutoModelForTokenClassification,
    MistralForTokenClassification, PreTrainedTokenizerFast,
)  # fmt: skip
"""What is imported late otherwise: a worker that is forked has it at once."""
RANKED = planted.everything_ranked()
EDITS = EditMaker(RANKED, 1)
SETTINGS: list[Setting] = grid(
    RANKED, [*(f"layer-{n}" for n in range(4)), "first", "last"], [0.1, 0.3, 0.6], [0.0, 0.5, 2.0, 9.0], draws=1
)


def made(model: Path) -> tuple[Tagger, list[Document]]:
    """The tagger and the documents, the same in every process."""
    return planted.untrained(model), planted.planted(3, 1)


def store(url: str) -> Store:
    return Store(url, "sweep", "x", heartbeat=HEARTBEAT, grace=GRACE)


def work(model: Path, url: str, log: Path) -> None:
    torch.set_num_threads(1)
    claim = Queue.claim

    def noted(self: Queue, order) -> Claim | None:
        found = claim(self, order)
        if found:
            with log.open("a") as stream:  # one short write: lines of several processes do not mix
                stream.write(f"{os.getpid()} {found.key} {SETTINGS.index(found.setting)}\n")
        return found

    Queue.claim = noted
    tagger, dev = made(model)
    sweep(tagger, dev, EDITS, SETTINGS, store(url))
