"""What a gain on some neurons does to the loss: the hook that applies it, the effect it predicts, the effect it has.

A gain multiplies the activation of a neuron; 1 changes nothing. Four predictions of what another gain does, from
gradients, stand beside the measured change, because they fail in ways worth seeing: at factor f the loss is no longer
a straight line, and neurons scaled together add up to more than each alone. **Negative: the loss falls.** Losses are
of one document, the mean over its tokens, in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.neurons import NeuronSet, mask
from ocr_neurons.lm.sites import neuron_maps, neuron_width
from ocr_neurons.rank.scored import Array
from ocr_neurons.text.document import Document

KINDS = ("first", "diagonal", "joint", "path", "measured")


class Piece(Protocol):
    """Windows of one document that are run together; ``ner.loss`` makes them."""

    @property
    def rows(self) -> int:
        """How many windows."""

    @property
    def tokens(self) -> int:
        """How many tokens the loss is summed over."""

    @property
    def words(self) -> Mapping[int, tuple[int, int, int]]:
        """Where each token's sub-words lie: ``{token: (row, first, last)}``."""

    def run(self, rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor | None]:
        """Run the model: the loss of each window ``[rows]``, summed, and with ``rng`` that of drawn labels."""


Pieces = Callable[[Document], Sequence[Piece]]
"""A loss, as a ranking takes it."""
Listener = Callable[[int, Tensor, Tensor], None]
"""Called with a layer, its activations and their gradients, both shaped as the layer has them, neurons last."""


class _Tap(torch.autograd.Function):
    """Multiply by a gain; in the backward pass show activation (before the gain) and gradient (after it).

    ``root`` ties every layer to one leaf, so that differentiating by it alone reaches all of them and no weight.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, root: Tensor, gain: Tensor | None, show: Callable[..., None]) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x)
        ctx.gain, ctx.show = gain, show
        return x.view_as(x) if gain is None else x * gain

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None, None]:  # noqa: ANN401
        (grad,) = grads
        (x,) = ctx.saved_tensors
        ctx.show(x, grad)
        back = None
        if ctx.needs_input_grad[0]:
            back = grad if ctx.gain is None else grad * ctx.gain
        return back, grad.new_zeros(()), None, None


class Taps:
    """Inside :func:`tapped`: differentiates a loss by the activations of all layers."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.root = torch.zeros((), device=device, dtype=dtype, requires_grad=True)
        self.listener: Listener | None = None

    def backward(self, loss: Tensor, listener: Listener, *, keep: bool = False) -> None:
        """Call ``listener`` for every layer, last first. ``keep``: another loss of the same run comes after."""
        self.listener = listener
        try:
            torch.autograd.grad(loss, self.root, retain_graph=keep)
        finally:
            self.listener = None


@contextmanager
def tapped(
    model: nn.Module, gains: Mapping[int, Tensor] | None = None, watch: Callable[[int, Tensor], None] | None = None
) -> Iterator[Taps]:
    """Tap the neurons of every layer, dropout off; ``gains[layer]`` ``[width]`` scale them at the same time.

    ``watch(layer, activations)`` is called in the forward pass, with what they are before the gain.

    Weights get no gradient, hooks and modes are as before after the block, also after an error.

    Raises:
        UserError: the model's neurons cannot be found.
    """
    maps = neuron_maps(model)
    first = next(model.parameters())
    modes = [(module, module.training) for module in model.modules()]
    handles = []
    with torch.inference_mode(False), torch.enable_grad():
        taps = Taps(first.device, first.dtype)
        try:
            model.eval()
            for layer, module in enumerate(maps):
                hook = _tap(taps, layer, None if gains is None else gains.get(layer), watch)
                handles.append(module.register_forward_pre_hook(hook))
            yield taps
        finally:
            for handle in handles:
                handle.remove()
            for module, mode in modes:
                module.training = mode


def _tap(
    taps: Taps, layer: int, gain: Tensor | None, watch: Callable[[int, Tensor], None] | None
) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Any, ...]]:
    def show(x: Tensor, grad: Tensor) -> None:
        if taps.listener is not None:
            taps.listener(layer, x, grad)

    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Any, ...]:
        x = inputs[0]
        if watch is not None:
            watch(layer, x.detach())
        scale = None if gain is None else gain.to(device=x.device, dtype=x.dtype)
        return (_Tap.apply(x, taps.root.to(x.device, x.dtype), scale, show), *inputs[1:])  # type: ignore[no-untyped-call]

    return hook


def widened(x: Tensor) -> Tensor:
    """Half precision as float32: its own sums would be too coarse."""
    return x if x.dtype == torch.float64 else x.float()


def by_window(x: Tensor, grad: Tensor, rows: int) -> Tensor:
    """Activation x gradient summed over positions, ``[rows, width]``: the gain gradient of each window."""
    product = widened(x) * widened(grad)
    return product.reshape(rows, -1, product.shape[-1]).sum(1)


def prepared(pieces: Pieces, documents: Sequence[Document]) -> list[tuple[int, Sequence[Piece]]]:
    """Tokens and pieces of every document.

    Raises:
        UserError: there is no document, or one without a token.
    """
    if not documents:
        raise UserError("no document to take a loss of; wanted documents with labels")
    with torch.inference_mode(False):
        cut = [pieces(document) for document in documents]
    counts = [sum(piece.tokens for piece in own) for own in cut]
    if 0 in counts:
        name = documents[counts.index(0)].id
        raise UserError(f"{name}: no token to take a loss of; leave the document out")
    return list(zip(counts, cut, strict=True))


@dataclass(frozen=True)
class Effect:
    """A set of neurons at one factor. Arrays are ``[documents]``: the change of each document's loss.

    Attributes:
        first: (f - 1) x slope, the straight line at gain 1.
        diagonal: first + (f - 1)^2 / 2 x the curvatures of the neurons, each alone.
        joint: first + (f - 1)^2 / 2 x the curvature along the set as a whole, cross terms and all. Both curvatures
            are Fisher information at gain 1, from drawn labels.
        path: the slope along the set integrated from 1 to f (Gauss and Legendre); right up to the rule's own error.
            NaN for documents it was not taken of.
        measured: the loss at f minus the loss at 1.
    """

    name: str
    neurons: int
    factor: float
    first: Array
    diagonal: Array
    joint: Array
    path: Array
    measured: Array

    def summary(self) -> dict[str, tuple[float, float]]:
        """For each of ``KINDS`` the mean over documents that have it, and its (paired) standard error; or NaN."""
        rows: dict[str, tuple[float, float]] = {}
        for kind in KINDS:
            values: Array = getattr(self, kind)
            values = values[~np.isnan(values)]
            count = len(values)
            error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
            rows[kind] = (float(values.mean()) if count else math.nan, error)
        return rows


def effects(
    model: nn.Module,
    pieces: Pieces,
    documents: Sequence[Document],
    sets: Mapping[str, NeuronSet],
    factors: Sequence[float],
    *,
    nodes: int = 2,
    paths: int | None = None,
    seed: int = 0,
    reporter: Reporter = QUIET,
) -> list[Effect]:
    """Predicted and measured effect of each set at each factor (one that differs from 1).

    Costs one backward pass a document for all slopes and one for all curvatures, then for each set and factor a
    forward pass and ``nodes`` passes forward and back: the integral runs from factor to factor, outwards from 1. It is
    taken of the first ``paths`` documents; None: of all.

    Raises:
        UserError: no document, a document without tokens, a set of another model's shape, or a factor of no use.
    """
    for factor in factors:
        if not math.isfinite(factor) or factor == 1:
            raise UserError(f"factor {factor} given; wanted finite numbers other than 1, where nothing changes")
    if nodes < 1 or (paths is not None and paths < 0):
        raise UserError(f"{nodes} nodes for {paths} documents given; wanted at least 1 node, 0 documents or more")
    cut = prepared(pieces, documents)
    masks = torch.stack([_mask(model, neurons) for neurons in sets.values()]) if sets else torch.zeros(0)
    losses, slope, diagonal, joint = _slopes(model, cut, masks, [generator(seed, "labels", d.id) for d in documents])
    found: list[Effect] = []
    for number, (name, neurons) in enumerate(reporter.track(list(sets.items()), "effects")):
        chosen = masks[number]
        path = _path(model, cut[:paths], chosen, factors, nodes)
        for factor in dict.fromkeys(factors):
            step = factor - 1
            with_cross = step * slope[number] + step**2 / 2 * joint[number]
            alone = step * slope[number] + step**2 / 2 * diagonal[number]
            change = measured(model, cut, chosen, factor) - losses
            integral = np.full(len(cut), np.nan)
            integral[:paths] = path[factor]
            found.append(Effect(name, neurons.count, factor, step * slope[number], alone, with_cross, integral, change))
    return found


def measured(model: nn.Module, cut: Sequence[tuple[int, Sequence[Piece]]], chosen: Tensor, factor: float) -> Array:
    """The loss of every document ``[documents]`` with the neurons of ``chosen`` ``[layers, width]`` at ``factor``."""
    with tapped(model, _gains(chosen, factor)), torch.no_grad():
        return np.array([sum(float(p.run()[0].double().sum()) for p in own) / tokens for tokens, own in cut])


def _slopes(
    model: nn.Module,
    cut: Sequence[tuple[int, Sequence[Piece]]],
    masks: Tensor,
    rngs: Sequence[np.random.Generator],
) -> tuple[Array, Array, Array, Array]:
    """At gain 1: losses ``[documents]``; slopes, diagonal and joint curvatures ``[sets, documents]``."""
    losses = np.zeros(len(cut))
    slope, diagonal, joint = (np.zeros((len(masks), len(cut))) for _ in range(3))
    for number, ((tokens, own), rng) in enumerate(zip(cut, rngs, strict=True)):
        for piece in own:
            given, drawn = np.zeros((piece.rows, len(masks))), np.zeros((piece.rows, len(masks)))
            square = np.zeros(len(masks))

            def first(layer: int, x: Tensor, grad: Tensor, into: Array = given) -> None:
                into += _within(by_window(x, grad, len(into)), masks[:, layer])

            def second(layer: int, x: Tensor, grad: Tensor, into: Array = drawn, squares: Array = square) -> None:
                windows = by_window(x, grad, len(into))
                into += _within(windows, masks[:, layer])
                squares += _within(windows.square(), masks[:, layer]).sum(0)

            with tapped(model) as taps:
                loss, sampled = piece.run(rng if len(masks) else None)
                losses[number] += float(loss.detach().double().sum()) / tokens
                if sampled is not None:
                    taps.backward(loss.sum(), first, keep=True)
                    taps.backward(sampled.sum(), second)
            slope[:, number] += given.sum(0) / tokens
            joint[:, number] += (drawn**2).sum(0) / tokens
            diagonal[:, number] += square / tokens
    return losses, slope, diagonal, joint


def _path(
    model: nn.Module, cut: Sequence[tuple[int, Sequence[Piece]]], chosen: Tensor, factors: Sequence[float], nodes: int
) -> dict[float, Array]:
    """The slope along ``chosen`` integrated from gain 1 to every factor: ``{factor: [documents]}``."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    total: dict[float, Array] = {}
    for side in (sorted({f for f in factors if f < 1}, reverse=True), sorted({f for f in factors if f > 1})):
        change = np.zeros(len(cut))
        for start, end in pairwise([1.0, *side]):
            for point, weight in zip(points, weights, strict=True):
                at = (start + end) / 2 + point * (end - start) / 2
                change = change + weight * (end - start) / 2 * _slope_at(model, cut, chosen, at)
            total[end] = change
    return total


def _slope_at(model: nn.Module, cut: Sequence[tuple[int, Sequence[Piece]]], chosen: Tensor, factor: float) -> Array:
    slopes = np.zeros(len(cut))
    with tapped(model, _gains(chosen, factor)) as taps:
        for number, (tokens, own) in enumerate(cut):
            for piece in own:

                def add(layer: int, x: Tensor, grad: Tensor, rows: int = piece.rows, into: int = number) -> None:
                    slopes[into] += _within(by_window(x, grad, rows), chosen[None, layer]).sum()

                taps.backward(piece.run()[0].sum(), add)
            slopes[number] /= tokens
    return slopes


def _within(values: Tensor, masks: Tensor) -> Array:
    """Sums over the neurons of each set: ``[rows, width]`` and ``[sets, width]`` to ``[rows, sets]``, float64."""
    summed: Array = (values.double() @ masks.to(values.device, torch.float64).T).cpu().numpy()
    return summed


def _gains(chosen: Tensor, factor: float) -> dict[int, Tensor]:
    return {layer: 1 + (factor - 1) * row.double() for layer, row in enumerate(chosen) if row.any()}


def _mask(model: nn.Module, neurons: NeuronSet) -> Tensor:
    shape = (len(neuron_maps(model)), neuron_width(model))
    if neurons.site != "neuron" or (neurons.layers, neurons.width) != shape:
        raise UserError(
            f"neurons of site {neurons.site!r} in a model of {neurons.layers} layers x {neurons.width} given, this "
            f"model has {shape[0]} x {shape[1]}; rank neurons of site 'neuron' in the model whose loss is taken"
        )
    return torch.from_numpy(mask(neurons))
