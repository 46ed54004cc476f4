"""Tagging from a layer on: what the layers below have computed is kept and read again.

An edit in layer L changes nothing before it. The states entering L are stored once for every batch; the layers below
are then passed over, and everything else (embeddings, masks, positions, head) is computed by the model's own code.
Batches, shapes and arithmetic are those of full evaluation, so predictions are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ocr_neurons.lm.batches import Batch
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.text.document import Document


class Prefix:
    """The states entering one layer, for every batch of prepared documents.

    Memory: sub-words (padding counted) x hidden size x bytes a number, on the model's device.
    """

    def __init__(self, tagger: Tagger, prepared: Prepared, layer: int) -> None:
        self.tagger, self.prepared, self.layer = tagger, prepared, layer
        self.states: list[Tensor] = []
        self._tuples = False
        if layer:
            self._fill()

    @property
    def bytes(self) -> int:
        """Memory of the kept states."""
        return sum(state.nbytes for state in self.states)

    def tag(self) -> list[Document]:
        """The documents, tagged by the model as it stands (edits in ``layer`` and above included)."""

        def forward(number: int) -> Tensor:
            with self._skipping(self.states[number] if self.layer else None):
                return self._logits(self.prepared.batches[number])

        return self.prepared.run(self.tagger, forward)

    def _logits(self, batch: Batch) -> Tensor:
        logits: Tensor = self.tagger.model(input_ids=batch.ids, attention_mask=batch.attention).logits
        return logits

    def _fill(self) -> None:
        def keep(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self.states.append((args[0] if args else kwargs["hidden_states"]).clone())

        def look(_module: nn.Module, _args: tuple[Any, ...], output: object) -> None:
            self._tuples = isinstance(output, tuple)

        layers = blocks(self.tagger.model)
        with ExitStack() as stack, torch.inference_mode():
            stack.callback(self.tagger.model.train, self.tagger.model.training)
            self.tagger.model.eval()
            stack.callback(layers[self.layer].register_forward_pre_hook(keep, with_kwargs=True).remove)
            stack.callback(layers[0].register_forward_hook(look).remove)
            for batch in self.prepared.batches:
                self._logits(batch)

    @contextmanager
    def _skipping(self, state: Tensor | None) -> Iterator[None]:
        if state is None:
            yield
            return
        layers = blocks(self.tagger.model)

        def enter(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
            return ((state, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": state})

        with ExitStack() as stack:
            for layer in layers[: self.layer]:
                stack.enter_context(_replaced(layer, self._passing()))
            handle = layers[self.layer].register_forward_pre_hook(enter, with_kwargs=True, prepend=True)
            stack.callback(handle.remove)
            yield

    def _passing(self) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - stands in for any block
            state = args[0] if args else kwargs["hidden_states"]
            return (state,) if self._tuples else state

        return forward


@contextmanager
def _replaced(layer: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Give ``layer`` another forward for a while; an instance attribute hides the class's method."""
    own = layer.__dict__.get("forward")
    layer.forward = forward
    try:
        yield
    finally:
        if own is None:
            del layer.forward
        else:
            layer.forward = own
