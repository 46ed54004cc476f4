"""Which examples make which step of training: all epochs laid out beforehand, so that nothing depends on the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ocr_neurons.common.seeds import generator
from ocr_neurons.ner.examples import Example

POOL = 16
"""Batches whose windows are sorted by length together; windows of more batches would always meet the same others."""


@dataclass(frozen=True)
class Schedule:
    """All examples of all epochs in one list, the batches as positions in it, and after how many steps epochs end."""

    examples: list[Example]
    batches: list[list[int]]
    ends: tuple[int, ...]

    @property
    def padding(self) -> float:
        """The share of all positions that is padding."""
        used = sum(len(e.ids) + (len(e.noisy.ids) if e.noisy else 0) for e in self.examples)
        laid = sum(
            max(self.examples[i].length for i in batch) * sum(self.examples[i].readings for i in batch)
            for batch in self.batches
        )
        return 1 - used / laid


def schedule(epochs: Sequence[list[Example]], budget: int, size: int, seed: int) -> Schedule:
    """Batches of windows of like length, in an order drawn anew for each epoch from ``seed``.

    A batch holds at most ``budget`` positions, padding counted, or ``size`` examples where that is not 0.
    """
    examples: list[Example] = []
    batches: list[list[int]] = []
    counts = []
    for number, epoch in enumerate(epochs):
        rng = generator(seed, "batches", number)
        made = _batches(epoch, budget, size, rng)
        batches += [[position + len(examples) for position in batch] for batch in made]
        examples += epoch
        counts.append(len(made))
    return Schedule(examples, batches, tuple(accumulate(counts)))


def _batches(epoch: Sequence[Example], budget: int, size: int, rng: np.random.Generator) -> list[list[int]]:
    order = [int(i) for i in rng.permutation(len(epoch))]
    if size:
        return [order[start : start + size] for start in range(0, len(order), size)]
    found: list[list[int]] = []
    pool: list[int] = []
    held = 0
    for index in order:
        pool.append(index)
        held += epoch[index].length * epoch[index].readings
        if held >= POOL * budget:
            found += _packed(epoch, pool, budget)
            pool, held = [], 0
    found += _packed(epoch, pool, budget)
    return [found[int(i)] for i in rng.permutation(len(found))]


def _packed(epoch: Sequence[Example], pool: Sequence[int], budget: int) -> list[list[int]]:
    found: list[list[int]] = []
    rows = longest = 0
    for index in sorted(pool, key=lambda i: -epoch[i].length):
        rows += epoch[index].readings
        if not found or rows * longest > budget:
            found.append([])
            rows, longest = epoch[index].readings, epoch[index].length
        found[-1].append(index)
    return found
