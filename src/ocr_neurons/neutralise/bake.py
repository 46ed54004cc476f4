"""Folding edits into the weights of a copy, which then needs no hook and no code of ours."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import neuron_maps
from ocr_neurons.neutralise.biases import give_biases
from ocr_neurons.neutralise.hook import is_edited, matching_maps


class Change(Protocol):
    """What baking asks of an edit."""

    @property
    def neurons(self) -> NeuronSet:
        """The neurons changed."""

    def gains(self, device: torch.device, dtype: torch.dtype) -> dict[int, Tensor]:
        """For each layer touched, what activations are multiplied by, ``[width]``."""

    def offsets(self, device: torch.device, dtype: torch.dtype) -> dict[int, Tensor]:
        """For each layer to which something is added afterwards, what is added, ``[width]``."""


def bake(model: nn.Module, edits: Sequence[Change], *, keep: bool = True) -> nn.Module:
    """A copy of ``model`` whose last linear maps do what edits do, in order, to their input; ``model`` stays as it is.

    ``W (gain * x + offset) + b`` is ``(W * gain) x + (b + W offset)``: columns are scaled, and what is added goes into
    the bias. The copy equals the hook up to rounding of the model's type. Adapters are merged first. Where the maps
    have no bias and the architecture has a setting for one, all maps of that setting get one, of zeros.

    Args:
        model: a transformers model, with or without PEFT around it.
        edits: neurons that several of them name are changed by the first, then by the second.
        keep: leave ``model`` as it is. Without, its memory is used for the result, and it is spoilt.

    Raises:
        UserError: the model has another depth or width than a set of neurons, an edit is applied to it right now (its
            hooks would be copied too), weights are quantised, an adapter cannot be merged, there can be no bias where
            one is needed, or the result is not finite.
    """
    if is_edited(model):
        raise UserError("bake: an edit is applied to the model right now; leave its with block first")
    for edit in edits:
        maps = matching_maps(model, edit.neurons)
        for layer in edit.neurons.counts():
            _check_floating(_innermost(maps[layer]), layer)
    changes = combined(edits)
    baked = _merged(copy.deepcopy(model) if keep else model)
    moved = [layer for layer, (_, offset) in changes.items() if offset.any()]
    if any(_bias(neuron_maps(baked)[layer]) is None for layer in moved):
        give_biases(baked)
    maps = neuron_maps(baked)
    for layer, (gain, offset) in changes.items():
        _fold_into(maps[layer], gain, offset)
        for parameter in maps[layer].parameters():
            if not torch.isfinite(parameter).all():
                raise UserError(f"layer {layer}: weights are not finite after the edit; use a smaller factor")
    return baked


def combined(edits: Sequence[Change]) -> dict[int, tuple[Tensor, Tensor]]:
    """Gain and offset ``[width]`` in float64 of each layer touched: what all edits in order come to."""
    together: dict[int, tuple[Tensor, Tensor]] = {}
    cpu = torch.device("cpu")
    for edit in edits:
        offsets = edit.offsets(cpu, torch.float64)
        for layer, gain in edit.gains(cpu, torch.float64).items():
            offset = offsets.get(layer, torch.zeros_like(gain))
            before, added = together.get(layer, (torch.ones_like(gain), torch.zeros_like(gain)))
            together[layer] = (gain * before, gain * added + offset)
    return together


@torch.no_grad()
def _fold_into(module: nn.Module, gain: Tensor, offset: Tensor) -> None:
    """In float64, of the columns that change; rounded once."""
    weight: Any = module.weight
    # [out, in], however it is kept: nn.Linear keeps that, Conv1D [in, out]
    columns = weight if isinstance(module, nn.Linear) else weight.T
    changed = ((gain != 1) | (offset != 0)).nonzero()[:, 0].to(weight.device)
    old = columns[:, changed].double()
    added = offset.to(weight.device)[changed]
    bias: Any = _bias(module)
    if bias is not None and added.any():
        bias.copy_((bias.double() + old @ added).to(bias.dtype))
    columns[:, changed] = (old * gain.to(weight.device)[changed]).to(weight.dtype)


def _innermost(module: nn.Module) -> nn.Module:
    while isinstance(inner := getattr(module, "base_layer", None), nn.Module):
        module = inner
    return module


def _bias(module: nn.Module) -> Tensor | None:
    bias: Tensor | None = getattr(module, "bias", None)
    return bias


def _check_floating(module: nn.Module, layer: int) -> None:
    weight = getattr(module, "weight", None)
    if not isinstance(weight, nn.Parameter) or not weight.is_floating_point():
        kind = getattr(weight, "dtype", type(module).__name__)
        raise UserError(f"layer {layer}: weights are quantised ({kind}); load the model unquantised to bake")


def _merged(model: nn.Module) -> nn.Module:
    """Without its PEFT wrapper, the adapters in the weights."""
    if hasattr(model, "get_base_model"):
        kind = next(iter(getattr(model, "peft_config", {}).values()), None)
        merge = getattr(model, "merge_and_unload", None)
        if merge is None:
            raise UserError(f"bake: an adapter of type {getattr(kind, 'peft_type', '?')} cannot be merged into weights")
        try:
            model = merge(safe_merge=True)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise UserError(f"bake: the adapter cannot be merged ({' '.join(str(error).split())})") from None
    left = next((name for name, part in model.named_modules() if hasattr(part, "base_layer")), None)
    if left is not None:
        raise UserError(f"bake: {left} is wrapped by an adapter without its PEFT model; merge it first")
    return model
