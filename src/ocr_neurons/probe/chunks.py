"""The order in which pairs are read: chunks of units, fixed by the seed, whatever the batch size and the machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import derive, generator
from ocr_neurons.probe.aligned import CHANGED, UNCHANGED, aligned_units
from ocr_neurons.probe.units import Unit
from ocr_neurons.probe.words import cluster, encode, encode_as_paper
from ocr_neurons.text.pairs import TextPair

CHUNK = 96
"""Pairs that are pooled, and then counted, together. Those of one level form one mini-batch of the CKA."""
MOST = 4 * CHUNK
"""A chunk of words is never larger."""
PROTOCOLS = {
    "context": "the word inside its context, or alone where the pair has none",
    "words": "the word alone, whatever its context",
    "paper": "the word alone at the beginning of 64 positions, the mean over all of them, padding included",
    "aligned": "every word of a text against the same word of its noisy form",
}

Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Chunk:
    """Units that are read together, and how many pairs of it were left out, by reason."""

    number: int
    units: list[Unit]
    skipped: dict[str, int] = field(default_factory=dict)


class Chunks:
    """Chunks of the pairs under one protocol; ``len`` is known for words, an estimate for texts.

    Pairs are looked up as they are needed, so that a file of any length can be read (see ``PairFile``).
    """

    def __init__(
        self,
        pairs: Sequence[TextPair],
        tokenizer: PreTrainedTokenizerBase,
        protocol: str = "context",
        seed: int = 1,
        language: str = "",
        longest: int | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise UserError(f"protocol {protocol!r} given; wanted one of {', '.join(PROTOCOLS)}")
        self.pairs, self.tokenizer, self.protocol, self.seed = pairs, tokenizer, protocol, seed
        self.language, self.longest = language, longest
        self.levels: tuple[str, ...] = (CHANGED, UNCHANGED)
        self.characters = 0
        self._hash = hashlib.sha256()
        self._groups = self._by_word() if protocol != "aligned" else self._by_text()

    def __len__(self) -> int:
        if self.protocol != "aligned":
            return len(self._groups)
        return max(1, self.characters // (CHUNK * 7))  # a word and its space

    def name(self, number: int) -> str:
        """What a chunk is called: the same in every shard, another one for other pairs."""
        return f"{self.digest}/{number}"

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name the pairs, in their order."""
        return self._hash.hexdigest()[:16]

    def __iter__(self) -> Iterator[Chunk]:
        return self.take()

    def take(self, shard: int = 0, shards: int = 1, start: int = 0) -> Iterator[Chunk]:
        """Every ``shards``-th chunk from number ``shard`` on, those before ``start`` left out."""
        made = self._texts(shard, shards, start) if self.protocol == "aligned" else self._words(shard, shards, start)
        yield from made

    def _given(self, pair: TextPair) -> TextPair:
        """The pair as it is fed: alone, where the protocol has it so."""
        return replace(pair, left="", right="") if self.protocol in ("words", "paper") else pair

    def _note(self, pair: TextPair) -> None:
        self.characters += len(pair.left) + len(pair.clean) + len(pair.right)
        texts = (pair.level, pair.left, pair.clean, pair.noisy, pair.right)
        self._hash.update(("\x1f".join(texts) + "\x1e").encode("utf-8", "surrogatepass"))

    def _by_word(self) -> list[Numbers]:
        levels: dict[str, int] = {}
        words = np.empty(len(self.pairs), dtype=np.int64)
        for number, pair in enumerate(map(self._given, self.pairs)):
            levels.setdefault(pair.level, len(levels))
            self._note(pair)
            words[number] = derive(self.seed, "order", cluster(pair))  # a name, and an order at random, in one
        self.levels = tuple(levels)
        order = np.argsort(words, kind="stable")
        begins = np.flatnonzero(np.diff(words[order], prepend=-1))  # of each word
        cuts: list[int] = []
        last = 0
        for begin in [*begins[1:], len(order)]:
            if last < begin - MOST:  # a word that comes more often than fits into memory counts once in each chunk
                cuts += range(last + CHUNK, begin, CHUNK)
                last = cuts[-1]
            if begin - last >= CHUNK and begin < len(order):
                cuts.append(begin)
                last = begin
        groups = np.split(order, cuts)
        if len(groups) > 1 and len(groups[-1]) < CHUNK // 4:  # too small for a CKA of its own
            rest = groups.pop()
            groups[-1] = np.concatenate([groups[-1], rest])
        return groups

    def _by_text(self) -> list[Numbers]:
        seen: Counter[str] = Counter()
        self._again = np.zeros(len(self.pairs), dtype=np.int64)  # texts of this source before: windows need names
        for number, pair in enumerate(self.pairs):
            self._note(pair)
            self._again[number] = seen[pair.source]
            seen[pair.source] += 1
        return [np.array([i]) for i in generator(self.seed, "order").permutation(len(self.pairs))]

    def _words(self, shard: int, shards: int, start: int) -> Iterator[Chunk]:
        read = encode_as_paper if self.protocol == "paper" else encode
        for number in range(shard, len(self._groups), shards):
            if number < start:
                continue
            units = read([self._given(self.pairs[int(i)]) for i in self._groups[number]], self.tokenizer)
            kept = [unit for unit in units if unit.clean.last > unit.clean.first and unit.noisy.last > unit.noisy.first]
            lost = {"no sub-word": len(units) - len(kept)}
            if self.longest is not None:
                fitting = [u for u in kept if max(len(u.clean.ids), len(u.noisy.ids)) <= self.longest]
                lost["in a text longer than the model takes"] = len(kept) - len(fitting)
                kept = fitting
            yield Chunk(number, kept, {why: count for why, count in lost.items() if count})

    def _texts(self, shard: int, shards: int, start: int) -> Iterator[Chunk]:
        number = 0
        for group in self._groups:
            pair = self.pairs[int(group[0])]
            if again := int(self._again[group[0]]):
                pair = replace(pair, source=f"{pair.source}\x1f{again}")
            found = aligned_units(pair, self.tokenizer, language=self.language)
            counts = {
                "no counterpart": found.lost,
                "first of a text": found.at_edge,
                "part of a block that one side lacks": found.in_blocks,
                "too long for a window": found.too_long,
                "no sub-word": found.unseen,
            }
            skipped = {why: count for why, count in counts.items() if count}
            for units in list(_cut(found.units)) or [[]]:  # a text without a word that can be read is counted too
                if number % shards == shard and number >= start:
                    yield Chunk(number, units, skipped)
                skipped = {}
                number += 1


def _cut(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Whole clusters, until there are ``CHUNK``; all of a text are consecutive."""
    held: list[Unit] = []
    for number, unit in enumerate(units):
        if len(held) >= CHUNK and units[number - 1].cluster != unit.cluster:
            yield held
            held = []
        held.append(unit)
    if held:
        yield held
