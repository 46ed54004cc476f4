"""Where a transformer is read, in every layer: its neurons, the maps that make them, and its residual stream.

A map is found by its widths, not by its name: the feed-forward's last map is the one linear map of a block that reads
``intermediate_size`` numbers and writes ``hidden_size``. In a gated network its input is ``act(gate(x)) * up(x)``, the
neuron proper; a hook on the activation function alone would miss the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.gates import Entrances
from ocr_neurons.lm.widths import has_experts, maps_of

SITE, UP = "neuron", "up"
SITES = (SITE, UP, "gate", "residual")
WIDTH_NAMES = ("intermediate_size", "ffn_dim", "d_ff", "n_inner", "hidden_dim", "ffn_hidden_size", "encoder_ffn_dim")


@dataclass(frozen=True, slots=True)
class Reading:
    """One place to read: the input or the output of ``module``, in layer ``layer`` (from 0).

    ``part`` says which columns (the last axis) are meant; None: all of them. What is read is
    ``[texts, positions, width]`` or, in architectures that put all positions in one row, ``[positions, width]``. An
    output may be a tuple (the blocks of GPT-2, Bloom, Falcon, T5 …): its first element is meant.
    """

    layer: int
    module: nn.Module
    where: Literal["input", "output"]
    part: slice | None = None


def readings(model: nn.Module, site: str = SITE, layers: Sequence[int] | None = None) -> list[Reading]:
    """Where to read ``site`` in each of ``layers`` (all, if None), each once and in the order in which they run.

    Sites:
        neuron: what enters the feed-forward's last linear map, ``act(gate) * up``, or ``act(up)`` without a gate.
        up: what leaves the first map before the activation; in a gated feed-forward, the map that the activated gate
            is multiplied with (the original study reads it: ``up_proj``).
        gate: what leaves the gate's map, before the activation.
        residual: what leaves the block; a final norm after the last block is not in it.

    A map that PEFT has wrapped is read with its adapter. ``up`` and ``gate`` of a gated feed-forward are told apart by
    running one layer's feed-forward on one position.

    Raises:
        UserError: unknown site or layer, no gate, a mixture of experts (but for ``residual``), or widths that do not
            tell where its neurons are.
    """
    width, stack = site_width(model, site), blocks(model)
    chosen = _chosen(model, len(stack), layers)
    if site == "residual":
        return [Reading(layer, stack[layer], "output") for layer in chosen]
    hidden = _hidden(model)
    entrances = Entrances(hidden, width)
    found: list[Reading] = []
    for layer in chosen:
        where = f"{_name(model)}, layer {layer}"
        name, module = _last_map(model, stack[layer], where, width, hidden)
        if site == SITE:
            found.append(Reading(layer, module, "input"))
            continue
        up, gate = entrances.of(stack[layer], name, where)
        entrance = up if site == "up" else gate
        if entrance is None:
            raise UserError(f"{where}: site gate given, but its feed-forward has no gate; use site up or neuron")
        found.append(Reading(layer, entrance.module, "output", entrance.part))
    return found


def site_width(model: nn.Module, site: str = SITE) -> int:
    """Numbers a position at ``site``: ``hidden_size`` for ``residual``, else the neurons of a layer.

    Raises UserError for an unknown site.
    """
    if site not in SITES:
        raise UserError(f"site {site!r}: unknown; wanted one of {', '.join(SITES)}")
    return _hidden(model) if site == "residual" else neuron_width(model)


def blocks(model: nn.Module) -> nn.ModuleList:
    """The transformer blocks of ``model`` in order: the module list whose length is the configured depth.

    Raises:
        UserError: the model has no such list, or two stacks (encoder and decoder).
    """
    config = _config(model)
    depth = config.num_hidden_layers
    if getattr(config, "is_encoder_decoder", False):
        raise UserError(f"{_name(model)}: encoder and decoder given; wanted one stack; take its encoder")
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module
    raise UserError(f"{_name(model)}: no list of {depth} transformer blocks found in it; this architecture is unknown")


def neuron_maps(model: nn.Module) -> list[nn.Module]:
    """The last linear map of the feed-forward of each layer, in layer order.

    A PEFT wrapper around the map is returned in its place, so that a hook on its input reaches base and adapter alike.

    Raises:
        UserError: a layer has none or several, or is a mixture of experts: their maps are slices of one 3-D parameter,
            and the shared expert that stands beside them in some models is only a part of the layer's neurons.
    """
    return [reading.module for reading in readings(model, SITE)]


def neuron_width(model: nn.Module) -> int:
    """Neurons a layer: ``intermediate_size``, or the name the architecture gives it."""
    config = _config(model)
    for name in WIDTH_NAMES:
        value = getattr(config, name, None)
        if isinstance(value, int):
            return value
    return 4 * _hidden(model)


def _chosen(model: nn.Module, depth: int, layers: Sequence[int] | None) -> list[int]:
    if layers is None:
        return list(range(depth))
    unknown = sorted({layer for layer in layers if layer not in range(depth)})
    if unknown or not len(layers):
        given = f"layer {', '.join(map(str, unknown))}" if unknown else "no layer"
        raise UserError(f"{given} given; {_name(model)} has {depth} layers; wanted some of 0 to {depth - 1}")
    return sorted({int(layer) for layer in layers})


def _last_map(model: nn.Module, block: nn.Module, where: str, width: int, hidden: int) -> tuple[str, nn.Module]:
    """The name in ``block`` of its feed-forward's last linear map, and the map."""
    if has_experts(block):
        raise UserError(
            f"{where}: a mixture of experts, whose neurons cannot be read; use a model without experts, "
            "or site residual to probe"
        )
    config = _config(model)
    if getattr(config, "slow_but_exact", False) and getattr(config, "pretraining_tp", 1) > 1:  # Bloom
        raise UserError(
            f"{where}: slow_but_exact given, which passes its linear maps by; set it to false in config.json"
        )
    found = maps_of(block, {(width, hidden)})
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise UserError(
            f"{where}: wanted one linear map from {width} (intermediate_size) to {hidden} (hidden_size), "
            f"found {names}; its neurons cannot be told by width; use another model"
        )
    return next(iter(found.items()))


def _hidden(model: nn.Module) -> int:
    return int(_config(model).hidden_size)


def _config(model: nn.Module) -> Any:  # noqa: ANN401 - transformers is untyped here
    config: Any = model.config
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _name(model: nn.Module) -> str:
    return str(getattr(_config(model), "model_type", type(model).__name__))
