"""What is asked to be done to neurons, made into an edit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.ranges import numbers
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.neutralise.operations import operation

KINDS = ("none", "run", "ranking", "neurons")
LARGEST = 10.0
"""Factors go up to this, and down to as much below 0."""
PICKED = 200
"""Neurons picked by hand, at most."""


@dataclass(frozen=True)
class Wanted:
    """An edit as a person asks for it.

    Attributes:
        kind: ``none``; ``run``, what the run chose on dev; ``ranking``, the ``count`` best of the run's ranking within
            ``layers`` (such as ``0-9,12``; empty: all); ``neurons``, those of ``picked``, ``(layer, index)`` each.
        factor: what to multiply by; for the run's edit its number (factor or strength), None: its own.
    """

    kind: str = "none"
    count: int = 100
    layers: str = ""
    picked: tuple[tuple[int, int], ...] = ()
    factor: float | None = None


def make_edit(wanted: Wanted, ranking: NeuronSet, chosen: Edits | None) -> Edits:
    """The edit that is asked for.

    Raises:
        UserError: unknown kind, factor out of range, layers or neurons that the model does not have, none chosen.
    """
    if wanted.kind not in KINDS:
        raise UserError(f"Edit {wanted.kind!r} is unknown; wanted one of {', '.join(KINDS)}.")
    if wanted.factor is not None and not abs(wanted.factor) <= LARGEST:
        raise UserError(f"A factor of {wanted.factor:g} was given; wanted a number from -{LARGEST:g} to {LARGEST:g}.")
    if wanted.kind == "none":
        return Edits([])
    if wanted.kind == "run":
        return _of_run(wanted.factor, chosen)
    neurons = _best(wanted, ranking) if wanted.kind == "ranking" else pick(wanted.picked, ranking)
    return Edits([Edit.scale(neurons, 0.5 if wanted.factor is None else wanted.factor)])


def number_of(chosen: Edits | None) -> tuple[str, float] | None:
    """What the number of the run's edit is called, and what it is; None where there is none to change."""
    if chosen is None or len(chosen.edits) != 1:
        return None
    (edit,) = chosen.edits
    name = operation(edit.operation).number
    return (name, edit.factor) if name else None


def pick(picked: tuple[tuple[int, int], ...], ranking: NeuronSet) -> NeuronSet:
    """The neurons ``(layer, index)`` as a set of the ranking's model."""
    if not picked:
        raise UserError("No neuron is picked. Add one as layer.neuron, such as 3.17, or click one in a table.")
    if len(picked) > PICKED:
        raise UserError(f"{len(picked)} neurons are picked; wanted {PICKED} at most. Use the ranking for more.")
    indices: dict[int, tuple[int, ...]] = {}
    for layer, index in dict.fromkeys(picked):
        check_neuron(layer, index, ranking)
        indices[layer] = (*indices.get(layer, ()), index)
    return NeuronSet(ranking.model, ranking.site, ranking.layers, ranking.width, indices)


def check_neuron(layer: int, index: int, ranking: NeuronSet) -> None:
    """Raise a UserError for a neuron that the model does not have."""
    if not (0 <= layer < ranking.layers and 0 <= index < ranking.width):
        raise UserError(
            f"Neuron {layer}.{index} does not exist: this model has layers 0 to {ranking.layers - 1} of neurons 0 to "
            f"{ranking.width - 1}."
        )


def places(ranking: NeuronSet) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """``[layers, width]``: the place of each neuron in the ranking, from 1; 0 for those that are not in it."""
    found = np.zeros((ranking.layers, ranking.width), np.int64)
    rows = [
        (-score, layer, neuron)
        for layer, members in ranking.indices.items()
        for neuron, score in zip(members, ranking.scores.get(layer, ()), strict=False)
    ]
    for place, (_, layer, neuron) in enumerate(sorted(rows), 1):
        found[layer, neuron] = place
    return found


def _of_run(factor: float | None, chosen: Edits | None) -> Edits:
    if chosen is None:
        raise UserError("The run has not chosen an edit yet (no edit.json in its folder). Take neurons of the ranking.")
    if factor is None:
        return chosen
    if number_of(chosen) is None:
        raise UserError(f"The run's edit has no single number to change ({chosen.describe()}). Switch it on as it is.")
    return Edits([replace(chosen.edits[0], factor=factor)])


def _best(wanted: Wanted, ranking: NeuronSet) -> NeuronSet:
    within = ranking.within(_layers(wanted.layers, ranking.layers) if wanted.layers.strip() else range(ranking.layers))
    if not 1 <= wanted.count <= within.count:
        raise UserError(
            f"The best {wanted.count:,} neurons were asked for; wanted 1 to {within.count:,}, which are ranked there."
        )
    return within.top(wanted.count)


def _layers(given: str, depth: int) -> Sequence[int]:
    wanted = f"this model has 0 to {depth - 1}. Write such as 0-9,12."
    if any(int(number) >= depth for number in re.findall(r"[0-9]+", given[:1000])):  # before a range is written out
        raise UserError(f"Layers {given[:60]!r} were given; {wanted}")
    try:
        return numbers(given[:1000], "layers")
    except UserError:
        raise UserError(f"Layers {given[:60]!r} were given; {wanted}") from None
