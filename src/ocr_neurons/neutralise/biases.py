"""Giving a model's feed-forwards the biases that its architecture can have but this model has not."""

from __future__ import annotations

import copy
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.sites import neuron_maps

SWITCHES = ("mlp_bias", "bias", "use_bias")
"""Settings of ``config.json`` by which architectures give their feed-forward a bias (Llama, ModernBERT: the first)."""


def give_biases(model: nn.Module) -> None:
    """Turn on the setting that gives the last linear map of each feed-forward a bias; all its biases are zeros.

    What the model computes stays the same. Plain transformers reads the setting in ``config.json`` and the biases
    beside the weights. Which maps the setting concerns is seen by building the architecture without weights, with and
    without it.

    Raises:
        UserError: the architecture has no such setting; ``model`` is then unchanged.
    """
    config: Any = model.config
    text: Any = config.get_text_config()
    maps = set(neuron_maps(model))
    last = {f"{name}.bias" for name, module in model.named_modules() if module in maps}
    for switch in SWITCHES:
        if getattr(text, switch, None) is not False:
            continue
        added = _parameters(model, switch, True) - _parameters(model, switch, False)
        if last <= added and all(name.endswith(".bias") for name in added):
            setattr(text, switch, True)
            for name in added:
                _add(model.get_submodule(name.removesuffix(".bias")))
            return
    raise UserError(
        f"the last linear maps of {text.model_type} have no bias to keep what this edit adds, and its config.json has "
        "no setting for one; bake scale, zero or gains, or keep the edit in its file (`tag --edit`)"
    )


def _parameters(model: nn.Module, switch: str, value: bool) -> set[str]:
    """Names of the parameters that the architecture has with ``switch`` at ``value``; nothing is allocated.

    Empty if it may not have that: some architectures (InternLM 3) take the setting together with others only.
    """
    config: Any = copy.deepcopy(model.config)
    setattr(config.get_text_config(), switch, value)
    try:
        config = type(config).from_dict(config.to_dict())  # which checks it, as loading will
    except (ValueError, StrictDataclassError):
        return set()
    with torch.device("meta"):
        built: nn.Module = type(model)(config)
    return {name for name, _ in built.named_parameters()}


def _add(module: nn.Module) -> None:
    weight: Any = module.weight
    # of either kind of map the bias is as long as what it writes
    length = weight.shape[0] if isinstance(module, nn.Linear) else weight.shape[1]
    zeros = torch.zeros(length, device=weight.device, dtype=weight.dtype)
    module.bias = nn.Parameter(zeros, requires_grad=weight.requires_grad)
