"""Oracles: neurons from a bare model's weights, statistics of a whole sample, one thing at a time in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.fields import EDGES
from ocr_neurons.probe.profile import Profile
from ocr_neurons.text.pairs import TextPair

Array = np.ndarray[Any, np.dtype[np.float64]]
LEVELS = ("low", "high")
WORDS = ["harbour", "Liverpool", "court", "ministre", "lettres", "ship", "assizes", "présent", "Derby", "mars", "of"]
BINS = {"poor": (-np.inf, 0.6), "average": (0.6, 0.8), "good": (0.8, np.inf)}


# --- pairs of words


def pairs(count: int, changes: Sequence[int] = (1, 4), seed: int = 0) -> list[TextPair]:
    """Words with as many characters replaced at each level, in context of unequal length (every fifth alone).

    No two begin with the same sub-words: in a decoder they would have the same activations but for rounding.
    """
    rng = np.random.default_rng([seed, *changes])
    made = []
    for number in range(count):
        alone = number % 5 == 0
        clean = WORDS[int(rng.integers(len(WORDS)))] + (f"{number}" if alone else "")
        left = "" if alone else f"{number} " + "The ship arrived at the "[int(rng.integers(20)) :]
        right = "" if alone else " on Monday, le navire arriva."[int(rng.integers(24)) :]
        for level, many in zip(LEVELS, changes, strict=False):
            letters = list(clean)
            for _ in range(many):
                letters[int(rng.integers(len(letters)))] = "0lI&§"[int(rng.integers(5))]
            made.append(TextPair(clean, "".join(letters), level, "test", left, right))
    return made


def distance(one: str, other: str) -> int:
    """Levenshtein's, as the recursion has it, a row at a time."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


# --- neurons


def neurons(trunk: Any, ids: Sequence[int], padding: int = 0, pad_id: int = 0, site: str = "neuron") -> Array:
    """``[layers, sub-words + padding, width]``: act(gate(x)) * up(x), or act(dense(x)) for BERT, x recorded on the way.

    ``padding`` positions follow the text, masked as keys. Site ``up``: up(x) alone.
    """
    bert = trunk.config.model_type == "bert"
    modules = [b.intermediate for b in trunk.encoder.layer] if bert else [b.mlp for b in trunk.layers]
    inputs: dict[int, torch.Tensor] = {}

    def recorder(layer: int) -> Any:
        return lambda _module, given: inputs.__setitem__(layer, given[0][0].double())

    handles = [module.register_forward_pre_hook(recorder(layer)) for layer, module in enumerate(modules)]
    padded = torch.tensor([[*ids, *[pad_id] * padding]])
    mask = torch.tensor([[1] * len(ids) + [0] * padding])
    with torch.no_grad():
        trunk(input_ids=padded, **({"attention_mask": mask} if padding else {}))
    for handle in handles:
        handle.remove()
    found = []
    for layer, module in enumerate(modules):
        x = inputs[layer].numpy()
        if bert:
            z = x @ weights(module.dense.weight).T + weights(module.dense.bias)
            found.append(z * 0.5 * (1 + torch.erf(torch.from_numpy(z / np.sqrt(2))).numpy()))
        else:
            gate, up = x @ weights(module.gate_proj.weight).T, x @ weights(module.up_proj.weight).T
            found.append(up if site == "up" else gate / (1 + np.exp(-gate)) * up)
    return np.stack(found)


def pooled(trunk: Any, ids: Sequence[int], first: int, last: int, how: str = "mean", **more: Any) -> Array:
    """``[layers, width]``: pooled over positions first … last - 1."""
    own = neurons(trunk, ids, **more)[:, first:last]
    found: Array = {"mean": own.mean(1), "max": own.max(1), "last": own[:, -1]}[how]
    return found


def weights(parameter: torch.Tensor) -> Array:
    """A parameter in float64."""
    values: Array = parameter.detach().double().numpy()
    return values


# --- a sample of pairs, and which of them a group is


@dataclass(frozen=True)
class Sample:
    """Pairs: ``clean`` and ``noisy`` are ``[pairs, layers, width]``, the others ``[pairs]``."""

    clean: Array
    noisy: Array
    level: np.ndarray[Any, np.dtype[np.int64]]
    word: np.ndarray[Any, np.dtype[np.str_]]
    dose: Array

    def part(self, chosen: Any) -> Sample:
        """Some of the pairs, by mask or number."""
        return Sample(*(value[chosen] for value in vars(self).values()))

    @property
    def words(self) -> list[str]:
        """The words in the order in which they come."""
        return list(dict.fromkeys(self.word.tolist()))

    def of(self, words: Sequence[str]) -> Sample:
        """The pairs of these words."""
        return self.part(np.isin(self.word, list(words)))


def sample(seed: int, words: int, levels: int = 2, layers: int = 3, width: int = 7, offset: float = 0.0) -> Sample:
    """Words at one to three pairs of any level; every neuron around its own mean, plus ``offset``; some doses are 0."""
    rng = np.random.default_rng(seed)
    word = np.repeat([f"{seed} w{number}" for number in range(words)], rng.integers(1, 4, words))
    n = len(word)
    clean = offset + rng.normal(0, 3, (1, layers, width)) + rng.normal(0, 1, (n, layers, width))
    noisy = clean + rng.normal(0.2, 0.5, (1, layers, width)) + rng.standard_t(4, (n, layers, width))
    dose = 1 - rng.choice([1.0, 0.9, 0.8, 0.75, 0.6, 0.5, 0.0], n)
    return Sample(clean, noisy, rng.integers(levels, size=n), word, dose)


def units(given: Sample, group: str | None, levels: Sequence[str], words: Sequence[str] | None = None) -> Sample:
    """The units of a level or a bin (pairs), or of all words or of some (None): each the mean of its noisy pairs."""
    if group in BINS:
        low, high = BINS[group]
        return given.part((1 - given.dose > low) & (1 - given.dose <= high) & (given.dose > 0))
    if group is not None:
        return given.part(given.level == list(levels).index(group))
    noisy = given.part(given.dose > 0)
    names = noisy.words if words is None else list(words)
    parts = [noisy.of([name]) for name in names]
    if not parts:
        return noisy
    clean, changed, dose = (np.array([getattr(p, side).mean(0) for p in parts]) for side in ("clean", "noisy", "dose"))
    return Sample(clean, changed, np.zeros(len(dose), int), np.array(names), dose)


# --- feeding it to what is tested


def chunked(whole: Sample, sizes: Sequence[int], seed: int = 0) -> list[Sample]:
    """Words in a random order, ``sizes`` of them a chunk, the pairs of a chunk in any order."""
    rng = np.random.default_rng(seed)
    words = rng.permutation(whole.words)
    cuts = np.cumsum(sizes)[:-1]
    parts = [whole.of(part.tolist()) for part in np.split(words, cuts)]
    return [part.part(rng.permutation(len(part.word))) for part in parts if len(part.word)]


def fed(
    chunks: Sequence[Sample],
    dtype: torch.dtype = torch.float64,
    first: int = 0,
    levels: Sequence[str] = LEVELS,
    **how: Any,
) -> Accumulator:
    """An accumulator that saw these chunks, the first of them named ``first``."""
    layers, width = chunks[0].clean.shape[1:]
    accumulator = Accumulator(layers, width, levels, **how)
    for number, part in enumerate(chunks, first):
        sides = (torch.from_numpy(side).to(dtype).transpose(0, 1) for side in (part.clean, part.noisy))
        rows = Rows(part.level.tolist(), part.word.tolist(), part.dose.tolist(), str(number))
        accumulator.update(*sides, rows)
    return accumulator


def grid(whole: Sample) -> torch.Tensor:
    """Edges taken from the values themselves, so that some values lie on one."""
    clean = np.sort(whole.clean, axis=0)
    return torch.from_numpy(clean[np.linspace(0, len(clean) - 1, EDGES).astype(int)])


# --- figures


def asked(profile: Profile, group: str | None) -> dict[str, Any]:
    names = (
        "mean", "mean_absolute", "variance", "deviation", "size_deviation", "clean_mean", "clean_deviation",
        "noisy_mean", "noisy_deviation", "effect", "dose",
    )  # fmt: skip
    found = {name: getattr(profile, name)(group) for name in names}
    return found | {of: profile.dose_covariance(of, group) for of in ("size", "d")}


def moments(units: Sample) -> dict[str, Any]:
    d = units.noisy - units.clean
    size, x = np.abs(d), units.dose
    covariances = [((x - x.mean())[:, None, None] * (y - y.mean(0))).sum(0) / (len(x) - 1) for y in (size, d)]
    return {
        "mean": d.mean(0), "mean_absolute": size.mean(0), "variance": d.var(0, ddof=1), "deviation": d.std(0, ddof=1),
        "size_deviation": size.std(0, ddof=1), "clean_mean": units.clean.mean(0), "noisy_mean": units.noisy.mean(0),
        "clean_deviation": units.clean.std(0, ddof=1), "noisy_deviation": units.noisy.std(0, ddof=1),
        "effect": d.mean(0) / d.std(0, ddof=1), "dose": (x.mean(), x.var(ddof=1)),
        "size": covariances[0], "d": covariances[1],
    }  # fmt: skip


def passes(clean: Array, noisy: Array, k: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The paper's rule, one pair and one layer at a time; ``[pairs, layers, width]`` in, ``[layers, width]`` out."""
    count = np.zeros(clean.shape[1:], dtype=np.int64)
    for pair in range(clean.shape[0]):
        for layer in range(clean.shape[1]):
            size = [abs(float(b) - float(a)) for a, b in zip(clean[pair, layer], noisy[pair, layer], strict=True)]
            mean = sum(size) / len(size)
            deviation = (sum((s - mean) ** 2 for s in size) / len(size)) ** 0.5
            for neuron, value in enumerate(size):
                if value > mean + k * deviation:
                    count[layer, neuron] += 1
    return count


def above(edges: Array, values: Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many edges ``[edges, layers, width]`` lie below each of ``[pairs, layers, width]``: the number of its bin."""
    found = np.zeros(values.shape, dtype=np.int64)
    for place in np.ndindex(*values.shape):
        found[place] = sum(edge < values[place] for edge in edges[:, place[1], place[2]])
    return found


def auroc(clean: Array, noisy: Array) -> Array:
    """P(noisy > clean) + P(equal) / 2 over all pairs of values, ``[layers, width]``."""
    larger = (noisy[:, None] > clean[None]).mean((0, 1)) + (noisy[:, None] == clean[None]).mean((0, 1)) / 2
    found: Array = larger
    return found


def curves(clean: Array, noisy: Array) -> dict[str, Array]:
    """``[pairs, layers]`` each: |d| / |clean|, and 1 - cosine."""
    lengths = [np.linalg.norm(side, axis=2) for side in (clean, noisy)]
    cosine = (clean * noisy).sum(2) / (lengths[0] * lengths[1])
    return {"distance": np.linalg.norm(noisy - clean, axis=2) / lengths[0], "angle": 1 - cosine}


# --- CKA


def hsic(k: Array, m: Array) -> float:
    """Song et al. (2012), eq. 5, written out: ``k`` and ``m`` are Gram matrices ``[n, n]``."""
    n = len(k)
    k, m = k.copy(), m.copy()
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    trace = np.trace(k @ m)
    total = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (one @ k @ m @ one)
    return float((trace + total - cross) / (n * (n - 3)))


def hsics(x: Array, y: Array) -> Array:
    """``[3]``: HSIC of both sides, of the first with itself, of the second; sides ``[n, width]``."""
    k, m = x @ x.T, y @ y.T
    return np.array([hsic(k, m), hsic(k, k), hsic(m, m)])


def debiased_cka(x: Array, y: Array) -> float:
    """Debiased linear CKA of ``[n, width]`` each, from one batch."""
    both, left, right = hsics(x, y)
    return float(both / np.sqrt(left * right))


def plain_cka(x: Array, y: Array) -> float:
    """Linear CKA as first published: biased, near 1 for few examples and many neurons."""
    x, y = x - x.mean(0), y - y.mean(0)
    cross = np.linalg.norm(x.T @ y) ** 2
    return float(cross / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
