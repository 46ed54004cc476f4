"""Reading neurons inside the forward pass: pooled over the sub-words of a word, reduced in the hook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.batches import Batch
from ocr_neurons.lm.sites import Reading
from ocr_neurons.probe.units import Side

POOLS = {
    "mean": "the mean over the word's sub-words",
    "max": "the largest value among the word's sub-words",
    "last": "the word's last sub-word",
}


class Pooled:
    """Activations pooled over each span, for every reading, filled by the hooks of :func:`capture`.

    ``values`` is ``[readings, spans, width]`` in float32 on the model's device. Before each forward pass :meth:`aim`
    tells which positions of which rows to pool; nothing else of the activations is ever kept.
    """

    def __init__(self, readings: int, spans: int, width: int, device: torch.device, how: str = "mean") -> None:
        if how not in POOLS:
            raise ValueError(f"pooling {how!r} given; wanted one of {', '.join(POOLS)}")
        self.how = how
        self.values = torch.full((readings, spans, width), float("-inf") if how == "max" else 0.0, device=device)
        self._flat = self._targets = torch.zeros(0, dtype=torch.long, device=device)
        self._weights = torch.zeros(0, 1, device=device)
        self._positions = 0

    def aim(self, lines: Sequence[tuple[int, int, Side]], lines_of_batch: int, width: int) -> None:
        """Pool ``side.first … last`` of each ``(line, span, side)`` of the next batch, ``[lines_of_batch, width]``."""
        flat: list[int] = []
        targets: list[int] = []
        weights: list[float] = []
        for line, span, side in lines:
            if side.last <= side.first:
                raise ValueError(f"span {side.first} to {side.last} given; wanted at least one sub-word")
            first = side.last - 1 if self.how == "last" else side.first
            flat.extend(range(line * width + first, line * width + side.last))
            targets.extend([span] * (side.last - first))
            weights.extend([1 / (side.last - first)] * (side.last - first))
        device = self.values.device
        self._positions = lines_of_batch * width
        self._flat = torch.tensor(flat, dtype=torch.long, device=device)
        self._targets = torch.tensor(targets, dtype=torch.long, device=device)
        self._weights = torch.tensor(weights, device=device)[:, None]

    def take(self, number: int, activations: Tensor, part: slice | None) -> None:
        """Pool the aimed positions of ``activations`` ``[lines, sub-words, width]``."""
        rows = activations.flatten(0, 1)
        if len(rows) != self._positions:
            raise UserError(
                f"the model computes {len(rows)} positions where {self._positions} were given, so a word's own cannot "
                "be told; use a model that does not pad inside (not Longformer)"
            )
        picked = rows.index_select(0, self._flat)
        if part is not None:
            picked = picked[:, part]
        if self.how == "max":
            into = self._targets[:, None].expand_as(picked)
            self.values[number].scatter_reduce_(0, into, picked.float(), "amax")
        else:
            self.values[number].index_add_(0, self._targets, picked.float() * self._weights)


class _Stop(Exception):  # noqa: N818 - not an error
    """Ends a forward pass after the last layer that is read."""


@contextmanager
def capture(readings: Sequence[Reading], pooled: Pooled, *, stop: bool = True) -> Iterator[None]:
    """Hooks on every reading that fill ``pooled``; all are gone after the ``with`` block.

    With ``stop`` a forward pass is ended after the last reading (:func:`run` expects it); without, it goes on to the
    model's output.
    """
    handles = []
    try:
        for number, reading in enumerate(readings):
            hook = _Hook(pooled, number, reading.part, stop=stop and number == len(readings) - 1)
            if reading.where == "input":
                handles.append(reading.module.register_forward_pre_hook(hook.before))
            else:
                handles.append(reading.module.register_forward_hook(hook.after))
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Hook:
    def __init__(self, pooled: Pooled, number: int, part: slice | None, stop: bool) -> None:
        self.pooled, self.number, self.part, self.stop = pooled, number, part, stop

    def before(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._take(inputs[0])

    def after(self, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Any) -> None:  # noqa: ANN401 - torch's
        self._take(output[0] if isinstance(output, tuple) else output)

    def _take(self, activations: Tensor) -> None:
        # some feed-forwards see their positions in one row (OPT), some drop the batch
        self.pooled.take(self.number, activations if activations.ndim == 3 else activations[None], self.part)
        if self.stop:
            raise _Stop


def run(model: nn.Module, batch: Batch) -> None:
    """One forward pass of a trunk under :func:`capture`, ended after the last layer that is read."""
    with suppress(_Stop):
        model(input_ids=batch.ids, attention_mask=batch.attention)


@contextmanager
def reading_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation and inference mode; every module's own mode is restored."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in modes:
            module.training = training
