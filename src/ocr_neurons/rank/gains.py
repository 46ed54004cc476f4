"""Gain gradients: what a little more of each neuron would do to the loss, document by document.

Every neuron gets a gain g = 1 that multiplies its activation. One backward pass gives d loss / d g of all neurons at
once: the sum over positions of activation x gradient. **Positive: a larger gain raises the loss, so damping helps.**
The loss of a document is its mean over tokens, in nats.

A large mean gradient marks load-bearing neurons as well as harmful ones, and a change of the gain by a half is no
small step. So the scores here ask how steady the gradient is over documents (:func:`signal_to_noise`), whether it
differs between a noisy document and its clean twin (:func:`contrast`), and what it predicts once the loss is taken to
be curved (:func:`predicted`). All are first looks at one neuron at a time; :mod:`ocr_neurons.rank.effect` says what
happens to sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from scipy.special import stdtr
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.sites import SITE, neuron_maps, neuron_width
from ocr_neurons.rank.effect import Pieces, by_window, prepared, tapped
from ocr_neurons.rank.scored import Array, Scored
from ocr_neurons.text.document import Document

SIDES = ("noisy", "clean", "difference")
"""Gradients on noisy documents, on their clean twins, and noisy - clean by document."""
CURVATURES = ("noisy curvature", "clean curvature")
KIND = "gain gradients"


@dataclass(frozen=True)
class DocumentGains:
    """One document. ``gradient`` and ``curvature`` are ``[layers, width]``, float64, of the mean loss a token.

    ``curvature`` estimates the diagonal of d2 loss / d g2 by the Fisher information: for each window the gradient of
    its summed loss against labels drawn from the model's own probabilities, squared, summed over the windows, divided
    by the tokens of the document. Unbiased for the Gauss-Newton matrix, of which it leaves out that the logits bend.
    """

    loss: float
    tokens: int
    gradient: Array
    curvature: Array


def gain_gradients(model: nn.Module, pieces: Pieces, document: Document, seed: int = 0) -> DocumentGains:
    """One forward and two backward passes. ``seed`` and the document's id decide the labels that are drawn.

    Raises:
        UserError: the document has no token, or a gradient is not finite.
    """
    shape = (len(neuron_maps(model)), neuron_width(model))
    gradient, curvature, loss = np.zeros(shape), np.zeros(shape), 0.0
    ((tokens, cut),) = prepared(pieces, [document])
    rng = generator(seed, "labels", document.id)
    for piece in cut:

        def first(layer: int, x: Tensor, grad: Tensor, rows: int = piece.rows) -> None:
            gradient[layer] += by_window(x, grad, rows).sum(0).double().cpu().numpy()

        def second(layer: int, x: Tensor, grad: Tensor, rows: int = piece.rows) -> None:
            curvature[layer] += by_window(x, grad, rows).double().square().sum(0).cpu().numpy()

        with tapped(model) as taps:
            given, drawn = piece.run(rng)
            if drawn is None:
                raise TypeError("run(rng) gave no loss of drawn labels")
            taps.backward(given.sum(), first, keep=True)
            taps.backward(drawn.sum(), second)
            loss += float(given.detach().double().sum())
    if not (np.isfinite(gradient).all() and np.isfinite(curvature).all()):
        raise UserError(f"{document.id}: gradients are not finite; use float32 or bfloat16 weights")
    return DocumentGains(loss / tokens, tokens, gradient / tokens, curvature / tokens)


class Moments:
    """Count, mean and sum of squared deviations of arrays (Welford; merged as by Chan, Golub and LeVeque 1983)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)

    def update(self, values: Array) -> None:
        """Add one array."""
        self.count += 1
        step = values - self.mean
        self.mean = self.mean + step / self.count
        self.squares = self.squares + step * (values - self.mean)

    def merge(self, other: Moments) -> None:
        """Add what ``other`` has seen."""
        total = self.count + other.count
        if other.count:
            step = other.mean - self.mean
            self.squares = self.squares + other.squares + step**2 * (self.count * other.count / total)
            self.mean, self.count = self.mean + step * (other.count / total), total

    def variance(self) -> Array:
        """Divided by count - 1; NaN for fewer than two."""
        return self.squares / (self.count - 1) if self.count > 1 else np.full_like(self.squares, np.nan)


class GainAccumulator:
    """Sums documents up; every document counts the same."""

    def __init__(self, layers: int, width: int) -> None:
        self.moments = {name: Moments((layers, width)) for name in (*SIDES, *CURVATURES)}

    def update(self, noisy: DocumentGains, clean: DocumentGains | None = None) -> None:
        """Add a noisy document, and its clean twin where there is one."""
        self.moments["noisy"].update(noisy.gradient)
        self.moments["noisy curvature"].update(noisy.curvature)
        if clean is not None:
            self.moments["clean"].update(clean.gradient)
            self.moments["clean curvature"].update(clean.curvature)
            self.moments["difference"].update(noisy.gradient - clean.gradient)

    def merge(self, other: GainAccumulator) -> None:
        """Add what ``other`` has seen."""
        for name, moments in self.moments.items():
            moments.merge(other.moments[name])

    def freeze(self, about: Mapping[str, Any]) -> Gains:
        """The statistics so far."""
        return Gains(
            {name: moments.count for name, moments in self.moments.items()},
            {name: moments.mean.copy() for name, moments in self.moments.items()},
            {name: moments.variance() for name, moments in self.moments.items()},
            dict(about),
        )


def collect(
    model: nn.Module,
    pieces: Pieces,
    noisy: Sequence[Document],
    clean: Sequence[Document] | None = None,
    *,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
    reporter: Reporter = QUIET,
) -> Gains:
    """Gain gradients of documents and of their clean twins (``clean[i]`` is the twin of ``noisy[i]``).

    Raises:
        UserError: no document, twins that are not one a document, or what :func:`gain_gradients` refuses.
    """
    check_twins(noisy, clean)
    accumulator = GainAccumulator(len(neuron_maps(model)), neuron_width(model))
    for number, document in enumerate(reporter.track(list(noisy), "gain gradients")):
        own = gain_gradients(model, pieces, document, seed)
        accumulator.update(own, None if clean is None else gain_gradients(model, pieces, clean[number], seed))
    return accumulator.freeze({**model_facts(model), "seed": seed, **(about or {})})


def model_facts(model: nn.Module) -> dict[str, Any]:
    """What a set of neurons must know of its model: ``fingerprint``, ``site`` and ``depth`` (layers)."""
    return {"fingerprint": fingerprint(model), "site": SITE, "depth": len(neuron_maps(model))}


def check_twins(noisy: Sequence[Document], clean: Sequence[Document] | None) -> None:
    """Refuse no documents, and twins that are not one a document."""
    if not noisy:
        raise UserError("no document to take a loss of; wanted documents with labels")
    if clean is not None and len(clean) != len(noisy):
        raise UserError(f"{len(noisy)} documents and {len(clean)} clean twins given; wanted a twin for each, in order")


@dataclass(frozen=True)
class Gains:
    """Statistics of gain gradients over documents, by name in ``SIDES`` and ``CURVATURES``.

    Attributes:
        counts: documents.
        means, variances: ``[layers, width]`` float64; nats a token (curvatures too) and their square.
        about: ``fingerprint``, ``site`` and ``depth`` of the model, the seed of the drawn labels, and what the caller
            wants kept; JSON values.
    """

    counts: dict[str, int]
    means: dict[str, Array]
    variances: dict[str, Array]
    about: dict[str, Any]

    def error(self, side: str) -> Array:
        """Standard error of the mean over documents.

        Raises:
            UserError: fewer than two documents of that side.
        """
        count = self.counts[side]
        if count < 2:
            raise UserError(
                f"gain gradients, {side}: {count} documents given; wanted at least 2"
                + ("" if side.startswith("noisy") else ", each with its clean twin; choose a data set with twins")
            )
        error: Array = np.sqrt(self.variances[side] / count)
        return error

    def save(self, path: Path) -> None:
        """Write safetensors, whole or not at all; counts and ``about`` are in the header."""
        arrays = {f"{name}.mean": np.ascontiguousarray(value) for name, value in self.means.items()}
        arrays |= {f"{name}.variance": np.ascontiguousarray(value) for name, value in self.variances.items()}
        header = {"kind": KIND, "counts": json.dumps(self.counts), "about": json.dumps(self.about)}
        with replacing(path) as temporary:
            temporary.write_bytes(save(arrays, header))

    @staticmethod
    def load(path: Path) -> Gains:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: there is no such file, or it holds something else.
        """
        try:
            with safe_open(str(path), framework="np") as file:
                header = file.metadata() or {}
                if header.get("kind") != KIND:
                    raise ValueError(f"kind {header.get('kind')!r}")
                counts = {str(name): int(count) for name, count in json.loads(header["counts"]).items()}
                means = {name: file.get_tensor(f"{name}.mean") for name in counts}
                variances = {name: file.get_tensor(f"{name}.variance") for name in counts}
                return Gains(counts, means, variances, dict(json.loads(header["about"])))
        except (OSError, SafetensorError, KeyError, ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{path}: not gain gradients ({error}); wanted a file that Gains.save wrote") from None


def mean_gradient(gains: Gains, side: str = "noisy") -> Scored:
    """The mean gradient as the score. It marks load-bearing neurons; kept as what the others are measured against."""
    scored = signal_to_noise(gains, side)
    return Scored("gain-mean", gains.means[side].copy(), scored.sign, gains.error(side), scored.p, scored.about)


def signal_to_noise(gains: Gains, side: str = "noisy") -> Scored:
    """Score t = mean / standard error over documents: how surely damping the neuron lowers the loss there.

    ``p`` is of Student's t with documents - 1 degrees of freedom. ``error`` is that of a t statistic for large
    samples, sqrt(1 + t^2 / (2 (documents - 1))).
    """
    return _t_of(gains, "gain-signal", side)


def contrast(gains: Gains) -> Scored:
    """The t of noisy - clean by document: the neuron hurts on noisy text and not on the same text when clean."""
    return _t_of(gains, "gain-contrast", "difference")


def predicted(
    gains: Gains, factor: float | None = None, *, side: str = "noisy", low: float = 0.0, high: float = 2.0
) -> Scored:
    """Score: by how much the loss is predicted to fall when this neuron alone is set to ``factor``.

    The change is (f - 1) mean + (f - 1)^2 / 2 curvature. Without ``factor`` each neuron gets its :func:`best_factor`
    in [low, high], and its score is never negative; ``sign`` +1 then means that damping helps, -1 amplifying, so that
    one factor for a set wants ``high=1`` (or ``low=1``).
    ``error`` takes factor and curvature as known; both make the best factor's score optimistic.

    Raises:
        UserError: the side is not one that has curvature, or a factor or range is not finite.
    """
    factors = best_factor(gains, side=side, low=low, high=high) if factor is None else np.float64(factor)
    if not np.isfinite(factors).all():
        raise UserError(f"factor {factor} given; wanted a finite number")
    signal = signal_to_noise(gains, side)
    step = factors - 1
    score = -(step * gains.means[side] + step**2 / 2 * _curvature(gains, side))
    given = {"low": low, "high": high} if factor is None else {"factor": factor}
    about = signal.about | {"parameters": {"side": side, **given}}
    return Scored("gain-predicted", score, signal.sign, np.abs(step) * gains.error(side), signal.p, about)


def best_factor(gains: Gains, *, side: str = "noisy", low: float = 0.0, high: float = 2.0) -> Array:
    """The factor in [low, high] with the lowest predicted loss, for each neuron alone: 1 - mean / curvature, clipped.

    Raises:
        UserError: the side is not one that has curvature, or 1 is not inside the range.
    """
    if not -np.inf < low <= 1 <= high < np.inf:
        raise UserError(f"factors from {low} to {high} given; wanted a finite range around 1")
    curvature, mean = _curvature(gains, side), gains.means[side]
    edge = np.where(mean > 0, low, np.where(mean < 0, high, 1.0))
    with np.errstate(over="ignore"):
        inside = 1 - np.divide(mean, curvature, out=np.zeros_like(mean), where=curvature > 0)
    best: Array = np.where(curvature > 0, np.clip(inside, low, high), edge)
    return best


def t_scored(name: str, mean: Array, error: Array, count: int, about: Mapping[str, Any]) -> Scored:
    """Scores t = mean / error over ``count`` documents; positive hurts.

    A neuron that never acts has t 0 and p 1. An error below rounding counts as rounding, so that t stays finite.
    """
    floor = np.finfo(np.float64).eps * np.abs(mean)
    t = np.divide(mean, np.maximum(error, floor), out=np.zeros_like(mean), where=mean != 0)
    p = 2 * stdtr(count - 1, -np.abs(t))
    spread = np.sqrt(1 + t**2 / (2 * (count - 1)))
    return Scored(name, t, np.sign(mean).astype(np.int8), spread, p, {**about, "documents": count})


def _t_of(gains: Gains, name: str, side: str) -> Scored:
    if side not in SIDES:
        raise UserError(f"side {side!r} given; wanted one of {', '.join(SIDES)}")
    error, about = gains.error(side), {**gains.about, "parameters": {"side": side}}
    return t_scored(name, gains.means[side], error, gains.counts[side], about)


def _curvature(gains: Gains, side: str) -> Array:
    name = f"{side} curvature"
    if name not in gains.means:
        raise UserError(f"side {side!r} given; wanted noisy or clean, which have a curvature")
    gains.error(side)  # refuses too few documents
    return gains.means[name]
