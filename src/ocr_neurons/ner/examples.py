"""What a tagger is trained on: windows with the labels of their words, beside noisy readings where they are wanted."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.seeds import generator
from ocr_neurons.ner.encode import Layout, Window, encode, windows
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.labels import IGNORED, label_ids
from ocr_neurons.text.document import Document


class Noised(Protocol):
    """A document with noise, and which of its tokens are which of the clean one's."""

    @property
    def document(self) -> Document:
        """The noisy document, with labels."""

    def token_map(self) -> Sequence[tuple[int, int]]:
        """Pairs (clean token, noisy token) that share characters, in order."""


Corrupt = Callable[[Document, np.random.Generator], Noised]
"""Puts noise on a document."""


@dataclass(frozen=True, slots=True)
class Example:
    """A window as the loss sees it: ``targets`` are label numbers, ``IGNORED`` where no word has its label.

    ``noisy`` is another reading of the same words; ``links`` are positions (here, there) of words that are one token
    on either side.
    """

    ids: tuple[int, ...]
    targets: tuple[int, ...]
    noisy: Example | None = None
    links: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> int:
        """Positions it takes; of two readings, the longer one's."""
        return max(len(self.ids), len(self.noisy.ids) if self.noisy else 0)

    @property
    def readings(self) -> int:
        """Rows of a batch that it takes."""
        return 2 if self.noisy else 1


class ExampleMaker:
    """Makes the examples of each epoch. ``longest`` is what the model can read; ``cut_short`` counts noisy readings
    that were longer and left out.
    """

    def __init__(
        self, documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase, encoding: Encoding,
        labels: Sequence[str], longest: int,
    ) -> None:  # fmt: skip
        self.documents, self.tokenizer, self.encoding, self.labels = documents, tokenizer, encoding, labels
        self.longest, self.cut_short = longest, 0
        self.plain = self.examples(documents)

    def examples(self, documents: Sequence[Document]) -> list[Example]:
        """The examples of ``documents`` as they stand."""
        numbers = [label_ids(document, self.labels) for document in documents]
        cut = windows(documents, self.tokenizer, self.encoding)
        return [_example(window, numbers[window.document]) for window in cut]

    def noisy_epoch(self, corrupt: Corrupt, share: float, beside: bool, seed: int, epoch: int) -> list[Example]:
        """The examples of an epoch in which ``share`` of the documents, drawn by lot, got noise.

        ``beside``: the noisy text is another reading of each of their examples; else it stands in their place.
        """
        found: list[Example] = []
        for number, document in enumerate(self.documents):
            rng = generator(seed, "training noise", epoch, number)
            if not document.tokens or rng.random() >= share:
                found += self.examples([document])
            elif beside:
                found += self._beside(document, corrupt(document, rng))
            else:
                found += self.examples([corrupt(document, rng).document])
        return found

    def _beside(self, document: Document, noised: Noised) -> list[Example]:
        layout = Layout(self.encoding, self.tokenizer)
        cut = windows([document], self.tokenizer, self.encoding)
        numbers, other_numbers = label_ids(document, self.labels), label_ids(noised.document, self.labels)
        pairs = noised.token_map()
        encoded = encode(noised.document, self.tokenizer)
        ranges = _parts(pairs, [window.heads[0][1] for window in cut], len(noised.document.tokens))
        single = _one_to_one(pairs)
        found = []
        for window, (first, last) in zip(cut, ranges, strict=True):
            example = _example(window, numbers)
            if first == last:
                found.append(example)
                continue
            size = encoded.size(first, last)
            other = layout.window(0, encoded, first, last, limit=size)
            if len(other.ids) > self.longest:
                self.cut_short += 1
                found.append(example)
                continue
            places = {token: position for position, token in other.heads}
            links = [(p, places[single[t]]) for p, t in window.heads if t in single and single[t] in places]
            found.append(replace(example, noisy=_example(other, other_numbers), links=tuple(links)))
        return found


def _example(window: Window, numbers: Sequence[int]) -> Example:
    targets = [IGNORED] * len(window.ids)
    # a sub-word shared by two tokens keeps the label of the first
    for position, token in reversed(window.heads):
        targets[position] = numbers[token]
    return Example(window.ids, tuple(targets))


def _parts(pairs: Sequence[tuple[int, int]], starts: Sequence[int], count: int) -> list[tuple[int, int]]:
    """The noisy tokens ``[first, last)`` of each clean window, which begins at token ``starts[i]``; together all.

    A noisy token that joins two windows belongs to the former, one that belongs to no clean token to its neighbour.
    """
    clean_of: dict[int, int] = {}
    for clean, noisy in pairs:
        clean_of.setdefault(noisy, clean)
    owners, last = [], 0
    for noisy in range(count):
        last = clean_of.get(noisy, last)
        owners.append(bisect_right(starts, last) - 1)
    bounds = [bisect_right(owners, window - 1) for window in range(len(starts))] + [count]
    bounds[0] = 0
    return list(pairwise(bounds))


def _one_to_one(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    clean, noisy = Counter(i for i, _ in pairs), Counter(j for _, j in pairs)
    return {i: j for i, j in pairs if clean[i] == noisy[j] == 1}


class Collator:
    """Examples into tensors: ``input_ids``, ``attention_mask``, ``labels``, ``[rows, positions]``, and ``links``.

    ``links`` are rows ``[words, 4]``: row and position of a word, row and position of its noisy reading. The noisy
    readings stand below all the others.
    """

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The batch of ``examples``."""
        others = [(row, example) for row, example in enumerate(examples) if example.noisy]
        rows = [*examples, *(example.noisy for _, example in others if example.noisy)]
        longest = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), longest), self.pad_id)
        attention = torch.zeros((len(rows), longest), dtype=torch.long)
        labels = torch.full((len(rows), longest), IGNORED)
        for number, row in enumerate(rows):
            ids[number, : len(row.ids)] = torch.tensor(row.ids)
            attention[number, : len(row.ids)] = 1
            labels[number, : len(row.ids)] = torch.tensor(row.targets)
        batch = {"input_ids": ids, "attention_mask": attention, "labels": labels}
        if others:
            links = [
                (row, here, len(examples) + below, there)
                for below, (row, example) in enumerate(others)
                for here, there in example.links
            ]
            batch["links"] = torch.tensor(links, dtype=torch.long).reshape(-1, 4)
        return batch
