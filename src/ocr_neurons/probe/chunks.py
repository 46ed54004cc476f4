"""The order in which pairs are read: chunks of units, fixed by the seed, whatever the batch size and the machine."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import derive, generator
from ocr_neurons.probe.aligned import CHANGED, UNCHANGED, aligned_units
from ocr_neurons.probe.fields import GROUPS
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

    Pairs are looked up as they are needed, so that a file of any length can be read (see ``PairFile``). With
    ``control``, placebos of the same words (:func:`ocr_neurons.noise.controls.control_pairs`), each unit has its
    placebo beside it, and pairs without one are left out.

    Raises:
        UserError: an unknown protocol, a control of whole texts, whose changes stand at other words, or a level that
            is called as one of :data:`ocr_neurons.probe.fields.GROUPS`.
    """

    def __init__(
        self,
        pairs: Sequence[TextPair],
        tokenizer: PreTrainedTokenizerBase,
        protocol: str = "context",
        seed: int = 1,
        language: str = "",
        longest: int | None = None,
        control: Sequence[TextPair] | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise UserError(f"protocol {protocol!r} given; wanted one of {', '.join(PROTOCOLS)}")
        if control is not None and protocol == "aligned":
            raise UserError(
                "a control given with protocol 'aligned': random letters stand at other words of a text than the "
                "noise; probe the control by itself"
            )
        self.pairs, self.tokenizer, self.protocol, self.seed = pairs, tokenizer, protocol, seed
        self.language, self.longest = language, longest
        self.levels: tuple[str, ...] = (CHANGED, UNCHANGED)
        self.characters = 0
        self._hash = hashlib.sha256()
        self._groups = self._by_word() if protocol != "aligned" else self._by_text()
        self.control = None if control is None else Placebos(pairs, control)

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
        if taken := [level for level in levels if level in GROUPS]:
            raise UserError(
                f"level {taken[0]!r} given, which is the name of a group that every profile has ({', '.join(GROUPS)}); "
                "call it otherwise in the pairs"
            )
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
        for number in range(shard, len(self._groups), shards):
            if number < start:
                continue
            members = [int(i) for i in self._groups[number]]
            given = [self.pairs[i] for i in members]
            units = self._beside(given, [self.control.of(i) for i in members]) if self.control else self._encoded(given)
            kept = [unit for unit in units if all(side.last > side.first for side in unit.sides)]
            lost = {"no placebo": len(members) - len(units), "no sub-word": len(units) - len(kept)}
            if self.longest is not None:
                fitting = [u for u in kept if max(len(side.ids) for side in u.sides) <= self.longest]
                lost["in a text longer than the model takes"] = len(kept) - len(fitting)
                kept = fitting
            yield Chunk(number, kept, {why: count for why, count in lost.items() if count})

    def _encoded(self, pairs: Sequence[TextPair]) -> list[Unit]:
        read = encode_as_paper if self.protocol == "paper" else encode
        return read([self._given(pair) for pair in pairs], self.tokenizer)

    def _beside(self, pairs: Sequence[TextPair], placebos: Sequence[TextPair | None]) -> list[Unit]:
        """Units of the pairs that have a placebo, each with it."""
        found = [(pair, other) for pair, other in zip(pairs, placebos, strict=True) if other is not None]
        units = self._encoded([pair for pair, _ in found])
        others = self._encoded([other for _, other in found])
        return [
            replace(unit, control=other.noisy, control_dose=other.dose)
            for unit, other in zip(units, others, strict=True)
        ]

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


class Placebos:
    """The placebo of each pair, by its number: the first of the same word, place and level that no pair before took.

    Raises:
        UserError: none is the placebo of any pair.
    """

    def __init__(self, pairs: Sequence[TextPair], control: Sequence[TextPair]) -> None:
        self.control = control
        self._hash = hashlib.sha256()
        waiting: dict[str, deque[int]] = {}
        for number, pair in enumerate(control):
            waiting.setdefault(_key(pair), deque()).append(number)
            self._hash.update((pair.noisy + "\x1e").encode("utf-8", "surrogatepass"))
        self._numbers = np.full(len(pairs), -1, dtype=np.int64)
        for number, pair in enumerate(pairs):
            if left := waiting.get(_key(pair)):
                self._numbers[number] = left.popleft()
        if not (self._numbers >= 0).any():
            raise UserError(
                f"{len(control)} control pairs given, none is of the {len(pairs)} pairs; make them of these pairs with "
                "`ocr-neurons control`"
            )

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name the placebos, in their order."""
        return self._hash.hexdigest()[:16]

    def of(self, number: int) -> TextPair | None:
        """The placebo of the pair with this number, or None."""
        found = int(self._numbers[number])
        return None if found < 0 else self.control[found]


def _key(pair: TextPair) -> str:
    return f"{pair.level}\x1f{cluster(pair)}"


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
