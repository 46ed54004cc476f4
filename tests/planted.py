"""Documents with a planted pattern, and taggers without training, for the tests of tagging, sweeping and running."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ocr_neurons.cli import main
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import load_tokenizer
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.model import build
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import write_hipe

SETTINGS = """
dtype = "float32"
[train]
epochs = 8
rank = 8
alpha = 16
learning_rate = 5e-3
batch = 4
max_length = 64
context = 8
[pairs]
words = 12
[sweep]
regions = ["last"]
shares = [0.2]
factors = [0.0, 4.0]
draws = 1
test_draws = 3
"""

LEARN = Recipe(epochs=12, rank=8, alpha=16, learning_rate=5e-3, batch=4, max_length=64, context=8)
"""Enough for a tiny model to learn the pattern."""
SHORT = replace(LEARN, epochs=1)

LABELS = ["O", "B-loc", "I-loc", "B-pers", "I-pers"]
FILLER = re.findall(
    r"\w+",
    "the ship arrived in harbour with letters court judge market cotton price rose fell yesterday morning evening "
    "steamer captain telegram minister college garden broken double circle orders bridge road house soldier",
)


def planted(count: int, seed: int, words: int = 14) -> list[Document]:
    """Documents in which ``Liverpool`` is always a place and ``John Thornton`` always a person; half carry LED."""
    documents = []
    for number in range(count):
        rng = generator(seed, "planted", number)
        tokens = [Token(str(word)) for word in rng.choice(FILLER, size=words + number % 5)]
        led = (None, 0.0, 0.05, 0.25)[number % 4]
        tokens[2:2] = [Token("Liverpool", label="B-loc", led=led), Token(",", space_after=True)]
        tokens[7:7] = [Token("John", label="B-pers", led=led), Token("Thornton", label="I-pers", led=led)]
        tokens.append(Token("Liverpool", space_after=False, label="B-loc", led=led))
        tokens.append(Token(".", sentence_end=True))
        documents.append(Document(f"{seed}-{number}", tuple(tokens), "en", f"18{number % 90 + 10}-01-01"))
    return documents


def write_planted(folder: Path, train: int = 12, dev: int = 5, test: int = 5) -> Path:
    """A data set folder of planted documents; a split of 0 documents is left out. Returns ``folder``."""
    for seed, (split, count) in enumerate({"train": train, "dev": dev, "test": test}.items()):
        if count:
            write_hipe(folder / f"planted-{split}-en.tsv", planted(count, seed))
    return folder


def untrained(folder: Path, attention: str = "bidirectional", max_length: int = 48, seed: int = 5) -> Tagger:
    """A tagger on a tiny model, its weights drawn wide enough for every label to be given and every edit to show."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(str(folder), LABELS, attention=attention, dtype=torch.float32, device=torch.device("cpu"))
        head = getattr(model, "score", None) or model.classifier
        for block in blocks(model):
            for module in block.modules():
                if isinstance(module, torch.nn.Linear):  # large enough for edits of neurons to show
                    torch.nn.init.normal_(module.weight, std=0.3)
        torch.nn.init.normal_(head.weight, std=3.0)  # type: ignore[union-attr,arg-type]
    model.eval()
    return Tagger(model, load_tokenizer(str(folder)), list(LABELS), Encoding(max_length), {"attention": attention})


def everything_ranked(layers: int = 4, width: int = 48, seed: int = 0) -> NeuronSet:
    """All neurons of a tiny model in a random order, so that sweeps of any share are possible."""
    rng = generator(seed, "ranking")
    indices = {layer: tuple(int(i) for i in rng.permutation(width)) for layer in range(layers)}
    scores = {
        layer: tuple(1 - (place * layers + layer) / (width * layers) for place in range(width)) for layer in indices
    }
    return NeuronSet(
        "tiny", "neuron", layers, width, indices, scores, {"name": "paper", "threshold": 1.0, "count": 192}
    )


def hooks(model: torch.nn.Module) -> Sequence[str]:
    """Everything that hangs on a model's modules: hooks, and forwards that hide their class's."""
    found = []
    for name, module in model.named_modules():
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            found += [f"{name}.{kind}"] * len(getattr(module, kind))
        found += [f"{name}.forward"] if "forward" in module.__dict__ else []
    return found


def workplace(root: Path, model: Path) -> Path:
    """A folder with data, settings, a trained tagger and what the commands make on the way to a sweep."""
    write_planted(root / "data", train=16, dev=4, test=5)
    (root / "c.toml").write_text(SETTINGS)
    shutil.copytree(model, root / "model")
    for line in (
        "pairs {0}/data --words 12 --out {0}/p.jsonl",
        "train {0}/data --model {0}/model --config {0}/c.toml --dtype float32 --out {0}/tagger",
        "probe {0}/p.jsonl --model {0}/tagger --dtype float32 --out {0}/p.safetensors",
        "rank {0}/p.safetensors --count 192 --out {0}/n.json",
    ):
        assert main([*line.format(root).split(), "--quiet"]) == 0
    Edit(NeuronSet.load(root / "n.json").top(100), 100.0).save(root / "edit.json")
    return root
