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
from ocr_neurons.lm.sites import blocks, site_width
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.sweep.states import MEMORY, keep
from ocr_neurons.text.document import Document


class Prefix:
    """The states entering one layer, for every batch of prepared documents; it can be moved to another layer.

    Where a block hands on more than states (a position bias, say), nothing is passed over and ``skips`` is false:
    every layer is then computed for every setting.
    """

    def __init__(self, tagger: Tagger, prepared: Prepared, layer: int = 0, *, memory: int = MEMORY) -> None:
        self.tagger, self.prepared, self.memory = tagger, prepared, memory
        self.layer = 0
        self.states: list[Tensor] = []
        self.skips, self._nones = _passes_states_alone(tagger, prepared)
        self.move(layer)

    @property
    def bytes(self) -> int:
        """Memory or disk that the kept states take now."""
        return sum(state.nbytes for state in self.states)

    def move(self, layer: int) -> None:
        """Go to ``layer``, whatever is kept: upwards only the layers between run, downwards all below.

        No edit may be applied to the model meanwhile: its effect would be kept too.
        """
        if layer == self.layer or not self.skips:
            return
        if layer < self.layer or not self.layer:
            self._forget()
        if not layer:
            return
        if not self.states:
            dtype = next(self.tagger.model.parameters()).dtype
            self.states = keep(shapes(self.tagger, self.prepared), dtype, self.tagger.device, self.memory)
        try:
            self._advance(layer)
        except BaseException:
            self._forget()  # some batches are at one layer, some at another
            raise
        self.layer = layer

    def tag(self) -> list[Document]:
        """The documents, tagged by the model as it stands (edits in ``layer`` and above included)."""
        return self.prepared.run(self.tagger, self.forward)

    def forward(self, number: int) -> Tensor:
        """The logits ``[rows, sub-words, labels]`` of a batch, from ``layer`` on."""
        with self._passed_over(range(self.layer)), self._entering(number):
            return self._logits(self.prepared.batches[number])

    def _forget(self) -> None:
        self.layer, self.states = 0, []

    def _logits(self, batch: Batch) -> Tensor:
        logits: Tensor = self.tagger.model(input_ids=batch.ids, attention_mask=batch.attention).logits
        return logits

    def _advance(self, layer: int) -> None:
        """Run the layers from where the states are up to ``layer``, batch by batch, in place."""
        layers = blocks(self.tagger.model)
        idle = [*range(self.layer), *range(layer, len(layers))]
        with ExitStack() as stack, torch.inference_mode():
            stack.callback(self.tagger.model.train, self.tagger.model.training)
            self.tagger.model.eval()
            stack.enter_context(self._passed_over(idle))
            for number, batch in enumerate(self.prepared.batches):

                def keep_states(_module: nn.Module, args: Any, kwargs: Any, number: int = number) -> None:  # noqa: ANN401
                    self.states[number].copy_(_entered(args, kwargs))

                # a block that is passed over still calls its hooks, in order: what entered it is what left the last
                with self._entering(number), _hooked(layers[layer], keep_states):
                    self._logits(batch)

    @contextmanager
    def _passed_over(self, numbers: Any) -> Iterator[None]:  # noqa: ANN401 - any numbers of layers
        layers = blocks(self.tagger.model)
        with ExitStack() as stack:
            for number in numbers:
                stack.enter_context(_replaced(layers[number], self._passing))
            yield

    @contextmanager
    def _entering(self, number: int) -> Iterator[None]:
        """Let the states kept for one batch enter the layer they belong to."""
        if not self.layer:
            yield
            return
        kept = self.states[number].to(self.prepared.batches[number].ids.device)

        def enter(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
            return ((kept, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": kept})

        with _hooked(blocks(self.tagger.model)[self.layer], enter):
            yield

    def _passing(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - stands in for any block
        state = _entered(args, kwargs)
        return state if self._nones is None else (state, *[None] * self._nones)


def shapes(tagger: Tagger, prepared: Prepared) -> list[tuple[int, ...]]:
    """The shapes of the states of every batch: rows x width (padding counted) x hidden size."""
    hidden = site_width(tagger.model, "residual")
    return [(*batch.ids.shape, hidden) for batch in prepared.batches]


def size_of(tagger: Tagger, prepared: Prepared) -> int:
    """Bytes that the states of these documents will take: sub-words x hidden size x bytes a number."""
    numbers = sum(torch.Size(shape).numel() for shape in shapes(tagger, prepared))
    return numbers * next(tagger.model.parameters()).dtype.itemsize


def _passes_states_alone(tagger: Tagger, prepared: Prepared) -> tuple[bool, int | None]:
    """Whether a block hands on its states and nothing else, by a look at one; and the Nones that follow in its tuple.

    The number is None where the states come without a tuple.
    """
    seen: list[object] = []

    def look(_module: nn.Module, _args: tuple[Any, ...], output: object) -> None:
        seen.append(output)

    ids = prepared.batches[0].ids[:1, :2] if prepared.batches else torch.zeros((1, 2), dtype=torch.long)
    ids = ids.to(tagger.device)
    with ExitStack() as stack, torch.inference_mode():
        stack.callback(tagger.model.train, tagger.model.training)
        tagger.model.eval()
        stack.callback(blocks(tagger.model)[0].register_forward_hook(look).remove)
        tagger.model(input_ids=ids, attention_mask=torch.ones_like(ids))
    (output,) = seen
    if isinstance(output, tuple):
        return all(item is None for item in output[1:]), len(output) - 1
    return isinstance(output, Tensor), None


def _entered(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The states that a block was called with."""
    state: Tensor = args[0] if args else kwargs["hidden_states"]
    return state


@contextmanager
def _hooked(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """See, or change, what ``module`` is called with; before hooks that were there already."""
    handle = module.register_forward_pre_hook(hook, with_kwargs=True, prepend=True)
    try:
        yield
    finally:
        handle.remove()


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
