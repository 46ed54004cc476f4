"""One chunk of units through the model: each distinct text once, all sides of a word in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ocr_neurons.lm.batches import Batch, pad
from ocr_neurons.lm.sites import Reading
from ocr_neurons.probe.capture import Pooled, capture, reading_mode, run
from ocr_neurons.probe.units import Side, Unit


@dataclass(frozen=True)
class Bundle:
    """Texts that go into one batch, and the spans to pool of each: ``(text among these, number of the span, side)``."""

    texts: list[tuple[int, ...]]
    spans: list[tuple[int, int, Side]]

    @property
    def longest(self) -> int:
        """Positions that a batch must have for these texts; a span may reach into the padding (the paper's does)."""
        return max(max(map(len, self.texts)), max(side.last for _, _, side in self.spans))


def bundles(units: Sequence[Unit]) -> tuple[list[Bundle], list[tuple[int, ...]]]:
    """Texts that belong together, each once, and for each unit the numbers of its spans: clean, noisy, placebo.

    The texts of a unit belong together, and so do those of all units that share a text.
    """
    root: dict[tuple[int, ...], tuple[int, ...]] = {}

    def find(text: tuple[int, ...]) -> tuple[int, ...]:
        text = root.setdefault(text, text)
        while root[text] != text:
            text = root[text]
        return text

    for unit in units:
        for side in unit.sides[1:]:
            root[find(side.ids)] = find(unit.clean.ids)
    numbers: dict[Side, int] = {}
    made: dict[tuple[int, ...], tuple[dict[tuple[int, ...], int], list[tuple[int, int, Side]]]] = {}
    for unit in units:
        texts, spans = made.setdefault(find(unit.clean.ids), ({}, []))
        for side in unit.sides:
            if side not in numbers:
                numbers[side] = len(numbers)
                spans.append((texts.setdefault(side.ids, len(texts)), numbers[side], side))
    found = [Bundle(list(texts), spans) for texts, spans in made.values()]
    return found, [tuple(numbers[side] for side in unit.sides) for unit in units]


def batches(found: Sequence[Bundle], budget: int) -> list[list[Bundle]]:
    """Bundles grouped so that texts x longest stays within ``budget``; a larger bundle makes a batch of its own."""
    groups: list[list[Bundle]] = []
    rows = 0
    for bundle in sorted(found, key=lambda bundle: -bundle.longest):
        if groups and (rows + len(bundle.texts)) * groups[-1][0].longest <= budget:
            groups[-1].append(bundle)
            rows += len(bundle.texts)
        else:
            groups.append([bundle])
            rows = len(bundle.texts)
    return groups


def pool(
    model: nn.Module, readings: Sequence[Reading], width: int, units: Sequence[Unit], *, budget: int, pad_id: int,
    how: str = "mean",
) -> tuple[Tensor, ...]:  # fmt: skip
    """The activation of every neuron over each unit's word, ``[readings, units, width]`` each in float32: clean, noisy,
    and under the placebo where units have one.

    ``model`` is a trunk without head. Batches hold at most ``budget`` sub-words, padding counted, unless texts that
    belong together are more.
    """
    device = next(model.parameters()).device
    found, numbers = bundles(units)
    pooled = Pooled(len(readings), sum(len(bundle.spans) for bundle in found), width, device, how)
    with reading_mode(model), capture(readings, pooled):
        for group in batches(found, budget):
            batch, lines = laid_out(group, pad_id, device)
            pooled.aim(lines, *batch.ids.shape)
            run(model, batch)
        return tuple(
            pooled.values.index_select(1, torch.tensor(side, device=device)) for side in zip(*numbers, strict=True)
        )


def laid_out(group: Sequence[Bundle], pad_id: int, device: torch.device) -> tuple[Batch, list[tuple[int, int, Side]]]:
    """The batch of these bundles, padded on the right, and its spans as ``(line, number, side)``."""
    texts: list[tuple[int, ...]] = []
    lines: list[tuple[int, int, Side]] = []
    for bundle in group:
        lines += [(len(texts) + text, number, side) for text, number, side in bundle.spans]
        texts += bundle.texts
    longest = max(bundle.longest for bundle in group)
    return pad(texts, range(len(texts)), pad_id, device, longest), lines
