"""Planted truth: a tagger some of whose neurons fire on digits and write what makes the head see a place there.

The network is that of ``tests/rank/planted_neurons.py``: digits differ from their twins, letters that no word has, in
one number of the hidden state that planted neurons alone read. Here they write too, the direction of ``B-loc``, so
that a word that OCR began with a digit becomes a place. Silent, they leave a tagger that finds nearly everything: the
head is fitted by least squares to the hidden states of noisy documents in which they wrote nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

import planted
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.model import build, save_whole
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.led import with_zero_distances

sys.path.insert(0, str(Path(__file__).parents[1] / "rank"))
import planted_neurons

CPU = torch.device("cpu")
COUNT, STRENGTH = 4, 1.5
"""Planted neurons, and the weight with which they read the spot: some 8 on digits, 0.4 on all else."""
HARM = 0.3
"""Size of what a planted neuron writes for each unit of its activation; the hidden state has some 6 in all."""
LITTLE = 0.2
"""What all other neurons write is multiplied by this, so that silencing a few of them beside costs little."""
NAMES = ("Liverpool", "John", "Thornton")
CONFUSED = {"o": "0", "l": "1", "s": "5", "e": "3", "a": "4", "b": "6", "t": "7", "i": "1", "g": "9"}


def misread(document: Document, seed: int) -> Document:
    """A third of the common words with a digit in the place of their first letter; names stay as they are."""
    rng = generator(seed, "misread", document.id)
    tokens = []
    for token in document.tokens:
        first = token.text[0]
        hit = token.text not in NAMES and first in CONFUSED and rng.random() < 0.6
        tokens.append(replace(token, text=CONFUSED[first] + token.text[1:]) if hit else token)
    return replace(document, tokens=tuple(tokens))


def dataset(train: int = 30, dev: int = 12, test: int = 24) -> Dataset:
    """Planted documents as OCR read them, and their clean twins."""
    clean = {
        split: tuple(with_zero_distances(document) for document in planted.planted(count, seed))
        for seed, (split, count) in enumerate({"train": train, "dev": dev, "test": test}.items())
    }
    noisy = {split: tuple(misread(document, 1) for document in documents) for split, documents in clean.items()}
    return Dataset("harmful", **noisy, clean_twins=clean)


def tagger(folder: Path, data: Dataset, *, harm: float) -> Path:
    """The folder of a tagger whose planted neurons write ``harm`` times the direction of ``B-loc``; 0: nothing."""
    base = folder / "base"
    planted_trunk = planted_neurons.build(3, count=COUNT, strength=STRENGTH)
    planted_trunk.trunk.save_pretrained(base)
    planted_trunk.tokenizer.save_pretrained(base)
    model = build(str(base), planted.LABELS, attention="bidirectional", dtype=torch.float32, device=CPU)
    encoding = Encoding(60, 4)
    made = Tagger(model, planted_trunk.tokenizer, list(planted.LABELS), encoding, {})
    with torch.no_grad():
        for block in blocks(model):
            block.mlp.down_proj.weight.mul_(LITTLE)
    places = _fit(made, [*data.train, *data.clean_twins["train"]])
    with torch.no_grad():
        for layer, number in planted_trunk.neurons:
            blocks(model)[layer].mlp.down_proj.weight[:, number] = harm * places
    made.info |= {
        "base": str(base), "labels": made.labels, "attention": "bidirectional", "encoding": encoding.to_json(),
        "recipe": asdict(Recipe(batch_tokens=256, max_length=60, context=4)), "seed": 1,
    }  # fmt: skip
    save_whole(made, folder / "tagger", {})
    return folder / "tagger"


def _fit(made: Tagger, documents: Sequence[Document]) -> torch.Tensor:
    """Fit the head by ridge regression; return the unit direction of ``B-loc``, ``[hidden]``, without the spot."""
    states, targets = [], []
    prepared = made.prepare(documents)
    with torch.inference_mode():
        for batch in prepared.batches:
            hidden = made.trunk(input_ids=batch.ids, attention_mask=batch.attention).last_hidden_state
            for line, row in enumerate(batch.rows):
                window = prepared.windows[row]
                for position, token in window.heads:
                    states.append(hidden[line, position].numpy())
                    targets.append(made.labels.index(documents[window.document].tokens[token].label))
    x = np.array(states, np.float64)
    x[:, 0] = 1.0  # the spot gives way to a constant
    y = np.eye(len(made.labels))[targets]
    weight = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ y).T
    head = made.model.score
    with torch.no_grad():
        head.weight[:] = torch.from_numpy(10 * weight)
        head.bias[:] = torch.from_numpy(10 * weight[:, 0])
        head.weight[:, 0] = 0
    direction = torch.from_numpy(weight[1] - weight[0]).float()
    direction[0] = 0
    return direction / direction.norm()
