"""An Edit: a set of neurons and what is done to them, applied for a while by hook or baked into a copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import SITE, neuron_maps, neuron_width


@dataclass(frozen=True)
class Edit:
    """Multiply the activation of each neuron of ``neurons`` by ``factor``.

    ``factor`` 0 silences, between 0 and 1 dampens, 1 changes nothing, above 1 amplifies. The paper (arXiv 2409.16934)
    uses 0.1 to 0.9.
    """

    neurons: NeuronSet
    factor: float
    operation: str = "scale"

    def __post_init__(self) -> None:
        if self.operation != "scale":
            raise UserError(f"edit: operation {self.operation!r} given; wanted 'scale'")
        if not 0 <= self.factor <= torch.finfo(torch.float32).max:
            raise UserError(f"edit: factor {self.factor} given; wanted a finite float32 number of at least 0")

    def gains(self, device: torch.device, dtype: torch.dtype) -> dict[int, Tensor]:
        """For each layer touched, the vector ``[width]`` that its activations are multiplied by."""
        gains: dict[int, Tensor] = {}
        for layer, members in self.neurons.indices.items():
            if members:
                gain = torch.ones(self.neurons.width, device=device, dtype=dtype)
                gain[list(members)] = self.factor
                gains[layer] = gain
        return gains

    def first_layer(self) -> int:
        """The first layer touched; the number of layers when none is."""
        return min(self.neurons.counts(), default=self.neurons.layers)

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """Apply the edit to ``model`` inside the ``with`` block; every hook is gone after it, also after an error.

        Works on bare, PEFT-wrapped and quantised models, since only the input of the last linear map is changed.

        Raises:
            UserError: the model has another depth or width than the set of neurons.
        """
        maps = _matching_maps(model, self.neurons)
        handles = []
        try:
            for layer, gain in self.gains(torch.device("cpu"), torch.float32).items():
                handles.append(maps[layer].register_forward_pre_hook(_Scaler(gain)))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def bake(self, model: nn.Module) -> nn.Module:
        """A copy of ``model`` with the edit folded into the weights: columns of the last linear maps are scaled.

        Scaling a neuron and scaling the weights that read it are the same product in another order, so the copy
        equals the hook up to rounding.

        Raises:
            UserError: an adapter is not merged yet, an edit is applied to ``model`` right now (its hooks would be
                copied too), or the result is not finite.
        """
        if any(isinstance(hook, _Scaler) for part in model.modules() for hook in part._forward_pre_hooks.values()):
            raise UserError("bake: an edit is applied to the model right now; leave its with block first")
        baked = copy.deepcopy(model)
        maps = _matching_maps(baked, self.neurons)
        for layer, gain in self.gains(torch.device("cpu"), torch.float32).items():
            module = maps[layer]
            weight = getattr(module, "weight", None)
            if hasattr(module, "base_layer") or not isinstance(weight, nn.Parameter):
                raise UserError(
                    f"layer {layer}: the last linear map is wrapped ({type(module).__name__}); merge it first"
                )
            if not weight.is_floating_point():
                raise UserError(f"layer {layer}: weights are quantised ({weight.dtype}); dequantise before baking")
            with torch.no_grad():
                # nn.Linear keeps [out, in], Conv1D [in, out]
                line = (
                    gain.to(weight.device)[None, :]
                    if isinstance(module, nn.Linear)
                    else gain.to(weight.device)[:, None]
                )
                weight.copy_((weight.float() * line).to(weight.dtype))
            if not torch.isfinite(weight).all():
                raise UserError(f"layer {layer}: weights are not finite after factor {self.factor}; use a smaller one")
        return baked

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON values."""
        return {"operation": self.operation, "factor": self.factor, "neurons": self.neurons.to_json()}

    @staticmethod
    def from_json(value: Mapping[str, Any], where: str = "edit") -> Edit:
        """Read what :meth:`to_json` made."""
        try:
            return Edit(NeuronSet.from_json(value["neurons"], where), float(value["factor"]), str(value["operation"]))
        except UserError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{where}: not an edit ({error!r}); wanted operation, factor and neurons") from None

    def save(self, path: Path) -> None:
        """Write the edit as JSON."""
        write_json(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Edit:
        """Read an edit from JSON."""
        return Edit.from_json(read_json(path, "an edit, as `ocr-neurons run` writes it"), str(path))


class _Scaler:
    """A hook that multiplies the first input by ``gain``, kept once for every device and type it meets."""

    def __init__(self, gain: Tensor) -> None:
        self.gain = gain
        self.placed: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = inputs[0]
        key = (x.device, x.dtype)
        if key not in self.placed:
            # a tensor made in inference mode could not be used for training later in the same block
            with torch.inference_mode(False):
                self.placed[key] = self.gain.clone().to(device=x.device, dtype=x.dtype)
        return (x * self.placed[key], *inputs[1:])


def _matching_maps(model: nn.Module, neurons: NeuronSet) -> list[nn.Module]:
    if neurons.site != SITE:
        raise UserError(f"edit: neurons of site {neurons.site!r} given; only {SITE!r} can be edited")
    maps, width = neuron_maps(model), neuron_width(model)
    if (len(maps), width) != (neurons.layers, neurons.width):
        raise UserError(
            f"edit: neurons of a model of {neurons.layers} layers x {neurons.width} given, this model has "
            f"{len(maps)} x {width}; rank neurons in the model that is edited"
        )
    return maps
