"""The maps into a feed-forward: ``up``, and where there is one the ``gate`` that is activated and multiplied with it.

Which of two maps, or which half of a fused one, is activated is not told by its name: some architectures put the gate
first, some last, and one calls it ``input``. It is told by what it does. A gated feed-forward is ``act(gate) * up``, so
turning the sign of ``up`` turns the sign of every neuron, and turning the sign of ``gate`` does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.widths import maps_of

CLEAR = 0.1
"""How much less the one map must deviate from a turned sign than the other: rounding is far below, gates far above."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """A map into a feed-forward; ``part``: the columns of its output that are meant, None for all of them."""

    module: nn.Module
    part: slice | None = None


class Entrances:
    """Finds ``up`` and ``gate`` of blocks, trying out each kind of feed-forward once."""

    def __init__(self, hidden: int, width: int) -> None:
        self.hidden, self.width = hidden, width
        self._second_is_up: dict[tuple[type, tuple[str, ...]], bool] = {}

    def of(self, block: nn.Module, last: str, where: str) -> tuple[Entrance, Entrance | None]:
        """``(up, gate)`` of the feed-forward whose last map is called ``last`` in ``block``; no gate: None.

        ``where`` begins the errors.

        Raises:
            UserError: no such maps, too many, or two that cannot be told apart.
        """
        root, parent = block, last
        single: dict[str, nn.Module] = {}
        double: dict[str, nn.Module] = {}
        while parent and not (single or double):  # the smallest module around the last map that holds first maps too
            parent = parent.rpartition(".")[0]
            root = block.get_submodule(parent)
            single = maps_of(root, {(self.hidden, self.width)})
            double = {} if single else maps_of(root, {(self.hidden, 2 * self.width)})
        if len(single) == 1:
            return Entrance(next(iter(single.values()))), None
        if len(single) == 2:
            one, other = (Entrance(module) for module in single.values())
        elif len(double) == 1:
            fused = next(iter(double.values()))
            one, other = Entrance(fused, slice(0, self.width)), Entrance(fused, slice(self.width, 2 * self.width))
        else:
            raise UserError(
                f"{where}: wanted one or two linear maps from {self.hidden} (hidden_size) to {self.width} "
                f"(intermediate_size), or one to twice that, found {', '.join(single | double) or 'none'}; "
                "use site neuron"
            )
        key = (type(root), tuple(single | double))
        if key not in self._second_is_up:
            self._second_is_up[key] = self._tried(block, root, block.get_submodule(last), (one, other), where)
        return (other, one) if self._second_is_up[key] else (one, other)

    def _tried(self, block: nn.Module, root: nn.Module, last: nn.Module, pair: Sequence[Entrance], where: str) -> bool:
        """Whether the second of ``pair`` is ``up``: run the feed-forward with the sign of each turned."""
        x = torch.arange(self.hidden, dtype=torch.float32).cos()[None, None]
        for parameter in block.parameters():  # of the block: its norms are in the model's type where maps are packed
            if parameter.is_floating_point() and parameter.element_size() > 1:
                # weights that accelerate keeps elsewhere look as if on "meta"; it moves what they read
                x = x.to("cpu" if parameter.is_meta else parameter.device, parameter.dtype)
                break
        try:
            plain = _entering(root, last, x)
            first, second = (float((_entering(root, last, x, turned) + plain).norm()) for turned in pair)
        except (TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise UserError(
                f"{where}: its feed-forward cannot be run by itself ({type(error).__name__}), so its gate cannot be "
                "told from its up; use site neuron"
            ) from error
        if not min(first, second) < CLEAR * max(first, second):
            raise UserError(f"{where}: which of its two first maps is the gate cannot be told; use site neuron")
        return second < first


class _Seen(Exception):  # noqa: N818 - a signal, not an error
    """Ends the feed-forward before its last map."""


def _entering(root: nn.Module, last: nn.Module, x: Tensor, turned: Entrance | None = None) -> Tensor:
    """What enters ``last`` when ``root`` reads ``x``, in float32, with the sign of one entrance ``turned``."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].float())
        raise _Seen

    def turn(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        output = output.clone()
        output[..., turned.part if turned and turned.part else slice(None)] *= -1
        return output

    with ExitStack() as stack, torch.no_grad():
        for module in root.modules():
            stack.callback(setattr, module, "training", module.training)
        root.eval()
        stack.callback(last.register_forward_pre_hook(keep).remove)
        if turned is not None:
            stack.callback(turned.module.register_forward_hook(turn).remove)
        try:
            root(x)
        except _Seen:
            return seen[0]
    raise RuntimeError("the last map was not reached")
