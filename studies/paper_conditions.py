"""The paper's protocol and what it is varied in: pairs and how they are read, one condition each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_neurons.common.seeds import derive
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.probe import Probing
from ocr_neurons.text.datasets import Dataset, load_dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs

FRENCH, ENGLISH = "hipe2022:newseye-fr", "gazette"
FIRST = 12
"""Documents that words are taken from: the first so many hold more than enough."""
BASE = "paper"
SAME_LENGTH = "same-length"
PAPER: dict[str, Any] = {"site": "up", "protocol": "paper"}

Pairs = dict[str, list[TextPair]]


@dataclass(frozen=True)
class Condition:
    """One way to ask the question: ``pairs`` names the pairs, ``how`` the reading."""

    name: str
    says: str
    pairs: str
    how: dict[str, Any]

    def probing(self, seed: int) -> Probing:
        """How the model is read."""
        return Probing(seed=seed, **self.how)


CONDITIONS = (
    Condition(BASE, "the paper's way", "paper", PAPER),
    Condition("next", "the next words of the same text", "next", PAPER),
    Condition("again", "the same words, the presets drawn again", "again", PAPER),
    Condition("neuron", "read at the neuron, act(gate) × up, not at up alone", "paper", PAPER | {"site": "neuron"}),
    Condition("own", "mean over the word's own sub-words, behind a begin token, not 64 positions", "paper",
              PAPER | {"protocol": "words"}),
    Condition("context", "the same words inside their sentences, mean over their own sub-words", "context",
              PAPER | {"protocol": "context"}),
    Condition("any", "any French word, not nouns and verbs alone", "any", PAPER),
    Condition("english", "any English word (gazette), not French", "english", PAPER),
    Condition("learned", "noise learned from real French OCR, not the presets", "learned", PAPER),
    Condition("ours", "all at once: neuron, own sub-words, in context, learned noise", "ours",
              {"site": "neuron", "protocol": "context"}),
    Condition("earlier", "English, neuron, own sub-words: what an earlier page of ours showed", "english",
              {"site": "neuron", "protocol": "words"}),
    Condition(SAME_LENGTH, "only the pairs with as many sub-words on both sides", SAME_LENGTH, PAPER),
    Condition("letters", "placebo: random letters in the place of OCR's", "letters", PAPER),
    Condition("words", "placebo: another clean word in the place of the noisy one", "words", PAPER),
)  # fmt: skip
"""One row each of the table of choices, the paper's way first."""


def make_pairs(work: Path, words: int, seed: int) -> Pairs:
    """The pairs of every condition but those that depend on a tokenizer; from ``work`` where they were made before."""
    names = sorted({condition.pairs for condition in CONDITIONS} - {SAME_LENGTH})
    files = {name: work / f"pairs-{name}-{words}-{seed}.jsonl" for name in names}
    if not all(file.exists() for file in files.values()):
        for name, pairs in _make(words, seed).items():
            write_pairs(files[name], pairs)
    return {name: read_pairs(file) for name, file in files.items()}


def _make(words: int, seed: int) -> Pairs:
    french = first_documents(load_dataset(FRENCH))
    noise = NoiseMaker(load_noise("fr"))
    asked: dict[str, Any] = {"seed": seed}
    nouns = asked | {"parts": "auto"}
    both = word_pairs(french, protocol="paper", words=2 * words, **nouns)
    base, following = both[: len(both) // 2], both[len(both) // 2 :]
    learned = word_pairs(french, protocol="paper", words=words, noise=noise, **nouns)
    english = first_documents(load_dataset(ENGLISH), clean=True)
    return {
        "paper": base,
        "next": following,
        "again": word_pairs(french, protocol="paper", words=words, **nouns | {"seed": derive(seed, "again")}),
        # noise derives from word and level, so these are the same pairs with their sentences around them
        "context": _of(base, word_pairs(french, protocol="context", words=None, **nouns)),
        "any": word_pairs(french, protocol="paper", words=words, **asked),
        "english": word_pairs(english, protocol="paper", words=words, **asked),
        "learned": learned,
        "ours": _of(
            learned, word_pairs(_sources(learned, french), protocol="context", words=None, noise=noise, **nouns)
        ),
        "letters": control_pairs(base, "letters", seed),
        "words": control_pairs(base, "words", seed),
    }


def first_documents(data: Dataset, clean: bool = False, most: int | None = FIRST) -> tuple[Document, ...]:
    """The first documents (None: all) of the first split that has any; newseye-fr has no train."""
    for split in ("train", "dev", "test"):
        found = data.clean_text(split) if clean else data.split(split)
        if found:
            return found[:most]
    return ()


def same_length(pairs: Sequence[TextPair], tokenizer: Any) -> list[TextPair]:  # noqa: ANN401 - transformers' own
    """The pairs whose two words, alone, are as many sub-words."""
    sides = [tokenizer([getattr(pair, side) for pair in pairs])["input_ids"] for side in ("clean", "noisy")]
    return [pair for pair, one, other in zip(pairs, *sides, strict=True) if len(one) == len(other)]


def _of(wanted: Sequence[TextPair], pairs: Sequence[TextPair]) -> list[TextPair]:
    """Those of ``pairs`` that have the words of ``wanted``."""
    words = {pair.clean for pair in wanted}
    return [pair for pair in pairs if pair.clean in words]


def _sources(pairs: Sequence[TextPair], documents: Sequence[Document]) -> list[Document]:
    """The documents that the pairs are from."""
    ids = {pair.source.partition(" (")[0] for pair in pairs}
    return [document for document in documents if document.id in ids]
