"""Documents with a planted pattern, and taggers without training, for the tests of tagging, sweeping and running."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import load_tokenizer
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import build
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import write_hipe

LABELS = ["O", "B-loc", "I-loc", "B-pers", "I-pers"]
FILLER = re.findall(
    r"\w+",
    "the ship arrived in harbour with letters court judge market cotton price rose fell yesterday morning evening "
    "steamer captain telegram minister college garden broken double circle orders bridge road house soldier",
)


def one_thread() -> Iterator[None]:
    """Tiny models are several times faster on one thread than on threads that wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
    """A tagger on a tiny model, its head drawn wide enough for every label to be given somewhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(str(folder), LABELS, attention=attention, dtype=torch.float32, device=torch.device("cpu"))
        head = getattr(model, "score", None) or model.classifier
        torch.nn.init.normal_(head.weight, std=3.0)  # type: ignore[union-attr,arg-type]
    model.eval()
    return Tagger(model, load_tokenizer(str(folder)), list(LABELS), max_length, {"attention": attention})


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
