"""Reading in batches: the same batches and the same statistics for every library that is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer

from common import Arguments, Meter, Pair, Text, Work, encode, report, touch

CHUNK = 96
"""Pairs that are sorted by length together, as in our probe."""

Read = Callable[[Tensor, Tensor], Sequence[Tensor]]
"""Of ids and attention mask ``[texts, positions]``, the neurons of each layer: ``[texts, positions, width]``."""


@dataclass(frozen=True)
class Peer:
    """A loaded model, and the library's way of reading its neurons."""

    model: nn.Module
    read: Read


@dataclass(frozen=True)
class Batch:
    """``ids`` and ``mask`` ``[texts, positions]``, padded on the right; ``spans`` as (line, text); pairs of spans."""

    ids: Tensor
    mask: Tensor
    spans: list[tuple[int, Text]]
    pairs: list[tuple[int, int]]


def batches(pairs: Sequence[Pair], budget: int, pad_id: int) -> Iterator[Batch]:
    """Batches of texts of like length; every distinct text of a word once, all its levels in one batch.

    Both sides of a pair are thus at hand together, and nothing is kept from batch to batch.
    """
    clusters: dict[tuple[str, str, str], list[Pair]] = {}
    for pair in pairs:
        clusters.setdefault(pair.cluster, []).append(pair)
    held: list[Pair] = []
    longest = 0
    for cluster in sorted(clusters.values(), key=lambda c: -_longest(c)):
        longest = longest or _longest(cluster)
        if held and len(_texts([*held, *cluster])) * longest > budget:
            yield _batch(held, pad_id)
            held, longest = [], _longest(cluster)
        held.extend(cluster)
    if held:
        yield _batch(held, pad_id)


def _longest(pairs: Sequence[Pair]) -> int:
    return max(len(side.ids) for pair in pairs for side in (pair.clean, pair.noisy))


def _texts(pairs: Sequence[Pair]) -> dict[tuple[int, ...], int]:
    lines: dict[tuple[int, ...], int] = {}
    for pair in pairs:
        for side in (pair.clean, pair.noisy):
            lines.setdefault(side.ids, len(lines))
    return lines


def _batch(pairs: Sequence[Pair], pad_id: int) -> Batch:
    lines = _texts(pairs)
    spans: dict[Text, int] = {}
    for pair in pairs:
        for side in (pair.clean, pair.noisy):
            spans.setdefault(side, len(spans))
    ids = torch.full((len(lines), max(map(len, lines))), pad_id)
    mask = torch.zeros_like(ids)
    for text, line in lines.items():
        ids[line, : len(text)] = torch.tensor(text)
        mask[line, : len(text)] = 1
    where = [(lines[side.ids], side) for side in spans]
    return Batch(ids, mask, where, [(spans[pair.clean], spans[pair.noisy]) for pair in pairs])


class Sums:
    """Sums over pairs of the difference noisy - clean and of its absolute value: ``[2, layers, width]``, float64.

    A neuron's value on a side is its mean over the word's own sub-words, in float32.
    """

    total: Tensor | None = None

    def add(self, batch: Batch, layers: Sequence[Tensor]) -> None:
        """Add the pairs of a batch, whose neurons are ``layers``, each ``[texts, positions, width]``."""
        width = batch.ids.shape[1]
        flat = torch.tensor([line * width + i for line, s in batch.spans for i in range(s.first, s.last)])
        number = torch.tensor([n for n, (_, s) in enumerate(batch.spans) for _ in range(s.first, s.last)])
        share = torch.tensor([1 / (s.last - s.first) for _, s in batch.spans for _ in range(s.first, s.last)])[:, None]
        clean, noisy = (torch.tensor(side) for side in zip(*batch.pairs, strict=True))
        if self.total is None:
            self.total = torch.zeros(2, len(layers), layers[0].shape[-1], dtype=torch.float64)
        for layer, values in enumerate(layers):
            picked = values.flatten(0, 1).index_select(0, flat).float() * share
            words = torch.zeros(len(batch.spans), picked.shape[1]).index_add_(0, number, picked)
            difference = words.index_select(0, noisy) - words.index_select(0, clean)
            self.total[0, layer] += difference.sum(0, dtype=torch.float64)
            self.total[1, layer] += difference.abs().sum(0, dtype=torch.float64)


def run(name: str, packages: Sequence[str], args: Arguments, peer: Peer) -> None:
    """Read all pairs with a peer, from text to statistics, and report."""
    # a library may change the tokenizer it loads: TransformerLens makes it put a begin token before every text
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    pad_id = int(tokenizer.pad_token_id or 0)
    touch(peer.model)
    for batch in batches(encode(args.rows[:1], tokenizer), args.budget, pad_id):
        peer.read(batch.ids, batch.mask)  # what a library does only once is not timed
    sums, work, meter = Sums(), Work(), Meter()
    meter.start()
    rows = iter(args.rows)
    while chunk := list(islice(rows, CHUNK)):
        for batch in batches(encode(chunk, tokenizer), args.budget, pad_id):
            sums.add(batch, peer.read(batch.ids, batch.mask))
            work.pairs += len(batch.pairs)
            work.texts += len(batch.ids)
            work.sub_words += int(batch.mask.sum())
            work.positions += batch.ids.numel()
    meter.stop()
    total = np.zeros((2, 0, 0)) if sums.total is None else sums.total.numpy()
    report(name, packages, args, work, meter, total, "input of down_proj, mean over the word's sub-words")
