"""A set of neurons of one model, and its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json


@dataclass(frozen=True)
class NeuronSet:
    """Neurons of one model, best first in each layer.

    ``model`` is the fingerprint of the weights they were found in; ``layers`` x ``width`` is the shape of the model.
    ``indices[layer]`` are neuron numbers, ``scores[layer]`` their scores (higher: more sensitive), both in the same
    order. ``method`` says how they were chosen.
    """

    model: str
    site: str
    layers: int
    width: int
    indices: Mapping[int, tuple[int, ...]]
    scores: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    method: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for layer, members in self.indices.items():
            if not 0 <= layer < self.layers:
                raise UserError(f"neuron set: layer {layer} given, the model has layers 0 to {self.layers - 1}")
            if len(set(members)) != len(members) or any(not 0 <= i < self.width for i in members):
                raise UserError(f"neuron set, layer {layer}: wanted distinct neurons from 0 to {self.width - 1}")
        for layer, scores in self.scores.items():
            if len(scores) != len(self.indices.get(layer, ())):
                raise UserError(
                    f"neuron set, layer {layer}: {len(scores)} scores for {len(self.indices.get(layer, ()))} neurons "
                    "given; wanted one a neuron"
                )

    @property
    def count(self) -> int:
        """How many neurons there are in all layers."""
        return sum(map(len, self.indices.values()))

    def counts(self) -> dict[int, int]:
        """How many neurons there are in each layer that has any."""
        return {layer: len(members) for layer, members in sorted(self.indices.items()) if members}

    def within(self, layers: Iterable[int]) -> NeuronSet:
        """Only the neurons of ``layers``."""
        wanted = set(layers)
        return self._with({layer: members for layer, members in self.indices.items() if layer in wanted})

    def top(self, count: int) -> NeuronSet:
        """The ``count`` neurons with the highest scores over all layers; ties go to the lower layer and neuron.

        Raises:
            UserError: there are fewer than ``count``, or the set has no scores (random ones have none).
        """
        if count < 0:
            raise UserError(f"{count} neurons asked for; wanted 0 or more")
        if count > self.count:
            raise UserError(f"{count} neurons asked for, the set holds {self.count}; rank with a larger count")
        if any(members and layer not in self.scores for layer, members in self.indices.items()):
            raise UserError(f"the top {count} neurons asked for, the set has no scores; rank neurons to get some")
        rows = [
            (-score, layer, neuron)
            for layer, members in self.indices.items()
            for neuron, score in zip(members, self.scores.get(layer, ()), strict=True)
        ]
        chosen: dict[int, list[int]] = {}
        for _, layer, neuron in sorted(rows)[:count]:
            chosen.setdefault(layer, []).append(neuron)
        return self._with({layer: tuple(members) for layer, members in chosen.items()})

    def _with(self, indices: Mapping[int, tuple[int, ...]]) -> NeuronSet:
        scores: dict[int, tuple[float, ...]] = {}
        for layer, members in indices.items():
            if layer in self.scores:
                known = dict(zip(self.indices[layer], self.scores[layer], strict=True))
                scores[layer] = tuple(known[i] for i in members)
        return NeuronSet(self.model, self.site, self.layers, self.width, dict(indices), scores, self.method)

    def to_json(self) -> dict[str, Any]:
        """The set as JSON values; :meth:`from_json` reads it back."""
        return {
            "model": self.model,
            "site": self.site,
            "layers": self.layers,
            "width": self.width,
            "method": dict(self.method),
            "indices": {str(layer): list(members) for layer, members in sorted(self.indices.items())},
            "scores": {str(layer): [float(s) for s in scores] for layer, scores in sorted(self.scores.items())},
        }

    @staticmethod
    def from_json(value: Mapping[str, Any], where: str = "neuron set") -> NeuronSet:
        """Read what :meth:`to_json` made.

        Raises:
            UserError: a key is missing or of the wrong kind; ``where`` names the file in the message.
        """
        try:
            return NeuronSet(
                model=str(value["model"]),
                site=str(value["site"]),
                layers=int(value["layers"]),
                width=int(value["width"]),
                indices={int(k): tuple(int(i) for i in v) for k, v in value["indices"].items()},
                scores={int(k): tuple(float(i) for i in v) for k, v in value.get("scores", {}).items()},
                method=dict(value.get("method", {})),
            )
        except UserError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{where}: not a set of neurons ({error!r}); wanted what `ocr-neurons rank` writes"
            ) from None

    def save(self, path: Path) -> None:
        """Write the set as JSON."""
        write_json(path, self.to_json())

    @staticmethod
    def load(path: Path) -> NeuronSet:
        """Read a set from JSON."""
        return NeuronSet.from_json(read_json(path, "a set of neurons, as `ocr-neurons rank` writes it"), str(path))


def mask(neurons: NeuronSet) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The set as booleans ``[layers, width]``."""
    chosen = np.zeros((neurons.layers, neurons.width), dtype=bool)
    for layer, members in neurons.indices.items():
        chosen[layer, list(members)] = True
    return chosen
