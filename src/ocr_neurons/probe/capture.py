"""Reading neurons inside the forward pass: pooled over a span of sub-words, reduced in the hook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ocr_neurons.lm.batches import pad, plan
from ocr_neurons.lm.sites import neuron_maps, neuron_width
from ocr_neurons.probe.words import Side


class Pooled:
    """Mean activation over each row's span, for every layer, filled by the hooks of :func:`capture`.

    ``values`` is ``[layers, rows, width]`` in float32 on the model's device. Before each forward pass :meth:`aim`
    tells which positions of which rows to pool; nothing else of the activations is ever kept.
    """

    def __init__(self, layers: int, rows: int, width: int, device: torch.device) -> None:
        self.values = torch.zeros(layers, rows, width, device=device)
        self._lines = self._positions = self._targets = torch.zeros(0, dtype=torch.long, device=device)
        self._weights = torch.zeros(0, 1, device=device)

    def aim(self, rows: Sequence[int], sides: Sequence[Side]) -> None:
        """Pool ``sides[row].first … last`` of line ``i`` of the next batch into row ``rows[i]``."""
        picks = [
            (line, position, row, 1.0 / (side.last - side.first))
            for line, (row, side) in enumerate(zip(rows, (sides[row] for row in rows), strict=True))
            for position in range(side.first, side.last)
        ]
        device = self.values.device
        self._lines = torch.tensor([p[0] for p in picks], dtype=torch.long, device=device)
        self._positions = torch.tensor([p[1] for p in picks], dtype=torch.long, device=device)
        self._targets = torch.tensor([p[2] for p in picks], dtype=torch.long, device=device)
        self._weights = torch.tensor([p[3] for p in picks], device=device)[:, None]

    def take(self, layer: int, activations: Tensor) -> None:
        """Add the aimed positions of ``activations`` ``[lines, sub-words, width]``."""
        picked = activations[self._lines, self._positions].float() * self._weights
        self.values[layer].index_add_(0, self._targets, picked)


@contextmanager
def capture(model: nn.Module, rows: int) -> Iterator[Pooled]:
    """Hooks on every layer's neurons that fill a :class:`Pooled`; all are gone after the ``with`` block."""
    maps = neuron_maps(model)
    pooled = Pooled(len(maps), rows, neuron_width(model), next(model.parameters()).device)
    handles = []
    try:
        for layer, module in enumerate(maps):
            handles.append(module.register_forward_pre_hook(_reader(pooled, layer)))
        yield pooled
    finally:
        for handle in handles:
            handle.remove()


def pool(model: nn.Module, sides: Sequence[Side], budget: int, pad_id: int) -> Tensor:
    """The mean activation of every neuron over each side's word: ``[layers, sides, width]``, float32.

    ``model`` is a trunk without head. Sides run in batches of at most ``budget`` sub-words, padding counted; sides
    with the same sub-words and span run once.
    """
    distinct = list(dict.fromkeys(sides))
    device = next(model.parameters()).device
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode(), capture(model, len(distinct)) as pooled:
            for rows in plan([len(side.ids) for side in distinct], budget):
                batch = pad([side.ids for side in distinct], rows, pad_id, device)
                pooled.aim(rows, distinct)
                model(input_ids=batch.ids, attention_mask=batch.attention)
    finally:
        for module, training in modes:
            module.training = training
    if len(distinct) == len(sides):
        return pooled.values
    place = {side: row for row, side in enumerate(distinct)}
    return pooled.values[:, [place[side] for side in sides]]


def _reader(pooled: Pooled, layer: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a hook's signature is torch's
    def read(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        pooled.take(layer, inputs[0])

    return read
