"""Where the neurons of a transformer are: the input of the feed-forward's last linear map, in every layer.

A map is found by its widths, not by its name: it is the one linear map of a block that reads ``intermediate_size``
numbers and writes ``hidden_size``. In a gated network its input is ``act(gate(x)) * up(x)``, the neuron proper; a hook
on the activation function alone would miss the product.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from ocr_neurons.common.errors import UserError

SITE = "neuron"


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
    width, hidden = neuron_width(model), _config(model).hidden_size
    maps: list[nn.Module] = []
    for index, block in enumerate(blocks(model)):
        where = f"{_name(model)}, layer {index}"
        if _has_experts(block):
            raise UserError(f"{where}: a mixture of experts, whose neurons cannot be read; use a model without experts")
        found = _maps_of(block, width, hidden)
        if len(found) != 1:
            names = ", ".join(found) or "none"
            raise UserError(
                f"{where}: wanted one linear map from {width} (intermediate_size) to {hidden} (hidden_size), "
                f"found {names}; its neurons cannot be told by width; use another model"
            )
        maps.extend(found.values())
    return maps


def neuron_width(model: nn.Module) -> int:
    """Neurons a layer: ``intermediate_size``, or the name the architecture gives it."""
    config = _config(model)
    for name in ("intermediate_size", "ffn_dim", "d_ff", "n_inner", "hidden_dim"):
        value = getattr(config, name, None)
        if isinstance(value, int):
            return value
    return 4 * int(config.hidden_size)


def _maps_of(block: nn.Module, width: int, hidden: int) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}
    wrapped: tuple[str, ...] = ()
    for name, module in block.named_modules():
        if any(name.startswith(prefix) for prefix in wrapped):
            continue
        if hasattr(module, "base_layer"):
            wrapped += (name + ".",)
        if _widths(getattr(module, "base_layer", module)) == (width, hidden):
            found[name] = module
    return found


def _has_experts(block: nn.Module) -> bool:
    for name, module in block.named_modules():
        if name.rpartition(".")[2] == "experts":
            return True
        # a convolution's kernel is 3-D as well
        if "Conv" not in type(module).__name__ and any(p.ndim == 3 for p in module.parameters(recurse=False)):
            return True
    return False


def _widths(module: nn.Module) -> tuple[int, int] | None:
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    weight = getattr(module, "weight", None)
    if type(module).__name__ == "Conv1D" and isinstance(weight, nn.Parameter):
        return weight.shape[0], weight.shape[1]
    return None


def _config(model: nn.Module) -> Any:  # noqa: ANN401 - transformers is untyped here
    config: Any = model.config
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _name(model: nn.Module) -> str:
    return str(getattr(_config(model), "model_type", type(model).__name__))
