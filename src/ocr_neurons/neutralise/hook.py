"""Changing what enters the feed-forward's last linear map, for as long as a ``with`` block lasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import SITE, UP, neuron_maps, neuron_width, readings


class EditHook(ABC):
    """A forward pre-hook that makes the first input ``gain * x + offset``, ``[…, width]``, at all positions.

    Computed in float32 (float64 for a float64 model) and rounded once to the type of ``x``; where the gain is 1 and
    the offset 0 the values stay as they are, in every type. Gradients flow through it. Subclasses say what the
    coefficients are.
    """

    @abstractmethod
    def coefficients(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Gain and offset ``[width]`` on ``device``; None for no offset."""

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The inputs, the first one changed."""
        x = inputs[0]
        gain, offset = self.coefficients(x.device)
        changed = x * gain  # in float32 where x is narrower, as the gain is
        return ((changed if offset is None else changed + offset).to(x.dtype), *inputs[1:])


class FixedHook(EditHook):
    """Coefficients that do not change, kept once for every device."""

    def __init__(self, gain: Tensor, offset: Tensor | None) -> None:
        self.fixed = (gain, offset)
        self.placed: dict[torch.device, tuple[Tensor, Tensor | None]] = {}

    def coefficients(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Those given."""
        if device not in self.placed:
            # a tensor made in inference mode could not be used for training later in the same block
            with torch.inference_mode(False):
                gain, offset = self.fixed
                self.placed[device] = (gain.clone().to(device), None if offset is None else offset.clone().to(device))
        return self.placed[device]


@contextmanager
def hooked(model: nn.Module, neurons: NeuronSet, hooks: Mapping[int, EditHook]) -> Iterator[None]:
    """Hang a hook on each of the layers inside the block; every one is gone after it, also after an error.

    Raises:
        UserError: see :func:`matching_maps`.
    """
    maps = matching_maps(model, neurons)
    handles = []
    try:
        for layer, hook in hooks.items():
            handles.append(maps[layer].register_forward_pre_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


def matching_maps(model: nn.Module, neurons: NeuronSet) -> list[nn.Module]:
    """The last linear map of each layer, if ``neurons`` can be neurons of ``model``.

    A set found at ``up`` may be edited there in a gated feed-forward, whose neurons are ``act(gate) * up``: multiplied
    before or after the product, it is the same.

    Raises:
        UserError: the model has another depth or width than the set, or the set is of another site.
    """
    if neurons.site != SITE and not (neurons.site == UP and _gated(model)):
        also = f", and {UP!r} where there is a gate" if neurons.site == UP else ""
        raise UserError(f"edit: neurons of site {neurons.site!r} given; only {SITE!r} can be edited{also}")
    maps, width = neuron_maps(model), neuron_width(model)
    if (len(maps), width) != (neurons.layers, neurons.width):
        raise UserError(
            f"edit: neurons of a model of {neurons.layers} layers x {neurons.width} given, this model has "
            f"{len(maps)} x {width}; rank neurons in the model that is edited"
        )
    return maps


def _gated(model: nn.Module) -> bool:
    try:
        return bool(readings(model, "gate", [0]))
    except UserError:
        return False


def is_edited(model: nn.Module) -> bool:
    """Whether an edit hangs on the model right now."""
    return any(isinstance(hook, EditHook) for part in model.modules() for hook in part._forward_pre_hooks.values())
