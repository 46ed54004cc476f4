"""An Edit: a set of neurons and what is done to them, applied for a while by hook or baked into a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.lm.layers import describe
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import SITE
from ocr_neurons.neutralise.bake import bake
from ocr_neurons.neutralise.hook import FixedHook, hooked
from ocr_neurons.neutralise.operations import Array, operation

Values = Mapping[int, Sequence[float]]
WANTED = "an edit, as `ocr-neurons edit` and `ocr-neurons run` write it"
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Edit:
    """Change the activation of each neuron of ``neurons``, at every position, by one of ``OPERATIONS``.

    Attributes:
        factor: the number of the operation: of ``scale`` the factor (the paper, arXiv 2409.16934, uses 0.1 to 0.9),
            of ``mean``, ``shift`` and ``gains`` the strength, which is 1 as a rule.
        values: for each layer one number a neuron, in the order of the set: the clean mean (``mean``), the clean mean
            minus the noisy mean (``shift``), the gain (``gains``). Empty for the others.
    """

    neurons: NeuronSet
    factor: float = 1.0
    operation: str = "scale"
    values: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = {int(layer): tuple(float(v) for v in row) for layer, row in self.values.items() if len(row)}
        object.__setattr__(self, "values", values)
        row = operation(self.operation)
        if not row.number and self.factor != 1:
            raise UserError(f"edit: {self.operation} takes no number, {self.factor:g} given")
        if not abs(self.factor) <= LARGEST:
            raise UserError(f"edit: {row.number} {self.factor} given; wanted a finite float32 number")
        if row.value and self.neurons.site != SITE:
            raise UserError(
                f"edit: {self.operation} given for neurons of site {self.neurons.site!r}, whose values are not the "
                f"neurons'; wanted scale or zero, or neurons of site {SITE!r}"
            )
        wanted = self.neurons.counts() if row.value else {}
        given = {layer: len(found) for layer, found in sorted(values.items())}
        if given != wanted:
            each = f"{row.value} for each neuron" if row.value else "no values"
            raise UserError(f"edit: {self.operation} wants {each}; values by layer {given} given, wanted {wanted}")
        for layer, (gain, offset) in self._coefficients.items():
            if not (np.abs(gain) <= LARGEST).all() or not (np.abs(offset) <= LARGEST).all():
                raise UserError(
                    f"edit, layer {layer}: wanted finite float32 values; a value given is not, or too large"
                )

    @staticmethod
    def scale(neurons: NeuronSet, factor: float) -> Edit:
        """Multiply by ``factor``."""
        return Edit(neurons, factor)

    @staticmethod
    def zero(neurons: NeuronSet) -> Edit:
        """Set to 0."""
        return Edit(neurons, operation="zero")

    @staticmethod
    def mean(neurons: NeuronSet, means: Values, strength: float = 1.0) -> Edit:
        """Replace by the clean mean, or go part of the way."""
        return Edit(neurons, strength, "mean", means)

    @staticmethod
    def shift(neurons: NeuronSet, differences: Values, strength: float = 1.0) -> Edit:
        """Add ``strength`` times the clean mean minus the noisy mean."""
        return Edit(neurons, strength, "shift", differences)

    @staticmethod
    def of_gains(neurons: NeuronSet, gains: Values, strength: float = 1.0) -> Edit:
        """Multiply each neuron by a gain of its own."""
        return Edit(neurons, strength, "gains", gains)

    def flipped(self) -> Edit:
        """The edit that changes every activation by as much in the other direction: ``2 x - edit(x)``.

        ``scale`` f becomes 2 - f (0.5: 1.5), ``zero`` becomes ``scale`` 2, the others change the sign of their
        strength: steering away from the clean mean, gains above 1 for those below. Flipped twice is the edit itself,
        ``zero`` then being called ``scale`` 0.
        """
        name, number = operation(self.operation).flipped(self.factor)
        return replace(self, operation=name, factor=number)

    @cached_property
    def _coefficients(self) -> dict[int, tuple[Array, Array]]:
        """Gain and offset ``[neurons]`` of each layer touched."""
        row = operation(self.operation)
        return {
            layer: row.coefficients(self.factor, np.asarray(self.values.get(layer, np.zeros(count)), np.float64))
            for layer, count in self.neurons.counts().items()
        }

    def gains(self, device: torch.device, dtype: torch.dtype) -> dict[int, Tensor]:
        """For each layer touched, the vector ``[width]`` that its activations are multiplied by."""
        return {layer: self._wide(layer, 0).to(device, dtype) for layer in self._coefficients}

    def offsets(self, device: torch.device, dtype: torch.dtype) -> dict[int, Tensor]:
        """For each layer to which something is added after multiplying, the vector ``[width]`` that is added."""
        layers = [layer for layer, (_, offset) in self._coefficients.items() if offset.any()]
        return {layer: self._wide(layer, 1).to(device, dtype) for layer in layers}

    def _wide(self, layer: int, which: int) -> Tensor:
        wide = torch.zeros(self.neurons.width) if which else torch.ones(self.neurons.width)
        wide[list(self.neurons.indices[layer])] = torch.from_numpy(self._coefficients[layer][which]).float()
        return wide

    def first_layer(self) -> int:
        """The first layer touched; the number of layers when none is."""
        return min(self.neurons.counts(), default=self.neurons.layers)

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """Apply the edit to ``model`` inside the ``with`` block; every hook is gone after it, also after an error.

        Works on bare, PEFT-wrapped and quantised models, since only the input of the last linear map is changed. It
        acts on all positions, those of padding too, and in training as in evaluation: a block around training trains
        under the edit. Blocks inside one another add up, the outer one first.

        Raises:
            UserError: the model has another depth or width than the set of neurons.
        """
        cpu = torch.device("cpu")
        gains, offsets = self.gains(cpu, torch.float32), self.offsets(cpu, torch.float32)
        hooks = {layer: FixedHook(gain, offsets.get(layer)) for layer, gain in gains.items()}
        with hooked(model, self.neurons, hooks):
            yield

    def bake(self, model: nn.Module) -> nn.Module:
        """A copy of ``model`` with the edit folded into the weights; see :func:`ocr_neurons.neutralise.bake.bake`."""
        return bake(model, [self])

    def describe(self) -> str:
        """One line for people: how many neurons, where, and what is done to them."""
        counts = self.neurons.counts()
        where = f"layer{'s' if len(counts) > 1 else ''} {describe(counts)}" if counts else "no layer"
        values = np.concatenate([np.asarray(v, np.float64) for v in self.values.values()] or [np.zeros(0)])
        what = operation(self.operation).describe(self.factor, values)
        return f"{self.neurons.count} neuron{'s' if self.neurons.count != 1 else ''} of {where} {what}"

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON values."""
        number, shown = operation(self.operation).number, {"operation": self.operation}
        values = {str(layer): [float(v) for v in row] for layer, row in sorted(self.values.items())}
        return (
            shown
            | ({number: self.factor} if number else {})
            | ({"values": values} if values else {})
            | {"neurons": self.neurons.to_json()}
        )

    @staticmethod
    def from_json(value: Mapping[str, Any], where: str = "edit") -> Edit:
        """Read what :meth:`to_json` made."""
        try:
            name = str(value["operation"])
            number = operation(name).number
            return Edit(
                NeuronSet.from_json(value["neurons"], where),
                float(value[number]) if number else 1.0,
                name,
                value.get("values", {}),
            )
        except UserError as error:
            raise UserError(str(error) if where in str(error) else f"{where}: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f"{where}: not an edit ({error!r}); wanted operation, factor and neurons") from None

    def save(self, path: Path) -> None:
        """Write the edit as JSON."""
        write_json(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Edit:
        """Read an edit from JSON."""
        return Edit.from_json(read_json(path, WANTED), str(path))
