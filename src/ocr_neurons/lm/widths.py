"""Linear maps by their widths: which modules are linear maps, how wide they are, and which of a block are meant."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn


def widths(module: nn.Module) -> tuple[int, int] | None:
    """``(numbers read, numbers written)`` of a linear map, None for anything else.

    A linear map is ``nn.Linear`` and its kin (bitsandbytes' 8- and 4-bit maps among them), transformers' ``Conv1D``,
    or a packed map of a quantiser (GPTQ, AWQ, HQQ) that is no ``nn.Linear`` but says ``in_features`` and
    ``out_features``. A PEFT wrapper has the widths of the map that it wraps.
    """
    while isinstance(inner := getattr(module, "base_layer", None), nn.Module):
        module = inner
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    weight = getattr(module, "weight", None)
    if type(module).__name__ == "Conv1D" and isinstance(weight, nn.Parameter):
        return weight.shape[0], weight.shape[1]
    read, written = getattr(module, "in_features", None), getattr(module, "out_features", None)
    # the exact type: True is an int too
    if type(read) is not int or type(written) is not int:
        return None
    # what holds linear maps (a whole feed-forward) is none itself
    return None if any(widths(part) for part in module.modules() if part is not module) else (read, written)


def maps_of(root: nn.Module, wanted: Collection[tuple[int, int]]) -> dict[str, nn.Module]:
    """The linear maps under ``root`` of the ``wanted`` widths, by name.

    A PEFT wrapper stands for its map, and the adapter's own maps are passed over.
    """
    found: dict[str, nn.Module] = {}
    wrapped: tuple[str, ...] = ()
    for name, module in root.named_modules():
        if name.startswith(wrapped):
            continue
        if hasattr(module, "base_layer"):
            wrapped += (name + ".",)
        if widths(module) in wanted:
            found[name] = module
    return found


def has_experts(block: nn.Module) -> bool:
    """Whether ``block`` is a mixture of experts: modules so called, or maps kept as slices of one 3-D parameter."""
    for name, module in block.named_modules():
        if name.rpartition(".")[2] == "experts":
            return True
        # a convolution's kernel is 3-D as well, and RWKV's vectors are, by axes of length 1
        slices = any(p.ndim == 3 and min(p.shape) > 1 for p in module.parameters(recurse=False))
        if slices and "Conv" not in type(module).__name__:
            return True
    return False
