"""Attribution patching: what the loss would be if a neuron did on noisy words what it does on the clean ones.

Nanda 2023 ("Attribution patching: activation patching at industrial scale"), with documents and their clean twins in
the place of prompts, and words aligned by character in the place of positions. For every noisy word that has a clean
one: (mean activation over the clean word's sub-words - mean over the noisy word's) x (gradient of the loss summed over
the noisy word's sub-words), summed over words, divided by the tokens of the document. It is the first-order change of
the loss, in nats a token, when each noisy word's activation is shifted so that its mean is the clean one's.
**Negative: restoring the neuron would help.**

A straight line at the noisy text: for large changes it may be far off. Words that OCR lost or made up have no partner
and are not restored; they are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.lm.sites import neuron_maps, neuron_width
from ocr_neurons.rank.effect import Piece, Pieces, prepared, tapped, widened
from ocr_neurons.rank.gains import Moments, check_twins, model_facts, t_scored
from ocr_neurons.rank.scored import Array, Scored
from ocr_neurons.text.align import align
from ocr_neurons.text.document import Document
from ocr_neurons.text.token_map import token_map


@dataclass(frozen=True)
class Patching:
    """Statistics over documents; every document counts the same.

    Attributes:
        documents: how many.
        mean, variance: ``[layers, width]`` of the first-order change of the loss; negative: restoring helps.
        words, alone: noisy words with and without a clean partner, in all documents.
        about: ``fingerprint``, ``site`` and ``depth`` of the model.
    """

    documents: int
    mean: Array
    variance: Array
    words: int
    alone: int
    about: dict[str, Any]

    def scored(self) -> Scored:
        """Score: minus the t of the change over documents, so that higher hurts more on noisy text.

        Raises:
            UserError: fewer than two documents.
        """
        if self.documents < 2:
            raise UserError(f"attribution patching: {self.documents} document given; wanted at least 2")
        about = {**self.about, "words": self.words, "alone": self.alone}
        return t_scored("patching", -self.mean, np.sqrt(self.variance / self.documents), self.documents, about)


def attribution_patching(
    model: nn.Module,
    pieces: Pieces,
    noisy: Sequence[Document],
    clean: Sequence[Document],
    *,
    reporter: Reporter = QUIET,
) -> Patching:
    """First-order restoring effects of all neurons; ``clean[i]`` is the twin of ``noisy[i]``.

    Holds the word means of one clean document at a time: layers x width x tokens numbers (55 MB for SmolLM2 and 300
    tokens).

    Raises:
        UserError: no document, twins that are not one a document, a document without tokens, or gradients that are
            not finite.
    """
    check_twins(noisy, clean)
    moments, words, alone = Moments((len(neuron_maps(model)), neuron_width(model))), 0, 0
    for document, twin in reporter.track(list(zip(noisy, clean, strict=True)), "attribution patching"):
        partners = aligned_words(document, twin)
        moments.update(patched(model, pieces, document, twin, partners))
        words += len(partners)
        alone += len(document.tokens) - len(partners)
    return Patching(moments.count, moments.mean, moments.variance(), words, alone, model_facts(model))


def aligned_words(noisy: Document, clean: Document) -> dict[int, tuple[int, ...]]:
    """For each noisy token that has any, the clean tokens it shares aligned characters with."""
    left, right = clean.running_text(), noisy.running_text()
    spans = [list(zip(text.starts, text.ends, strict=True)) for text in (left, right)]
    partners: dict[int, list[int]] = defaultdict(list)
    for i, j in token_map(align(left.text, right.text), *spans):
        partners[j].append(i)
    return {j: tuple(own) for j, own in sorted(partners.items())}


def patched(
    model: nn.Module, pieces: Pieces, noisy: Document, clean: Document, partners: Mapping[int, Sequence[int]]
) -> Array:
    """One document: ``[layers, width]``, the first-order change of its mean loss.

    Raises:
        UserError: a document has no token, or a gradient is not finite.
    """
    ((_, clean_pieces),) = prepared(pieces, [clean])
    ((tokens, noisy_pieces),) = prepared(pieces, [noisy])
    wanted = {j: tuple(own) for j, own in partners.items() if own}
    targets = _word_means(model, clean_pieces, list(wanted.values()))
    place = {j: number for number, j in enumerate(wanted)}
    change = np.zeros((len(neuron_maps(model)), neuron_width(model)))
    for piece in noisy_pieces:
        here = [j for j in piece.words if j in place]
        order = [place[j] for j in here]
        if not here:
            continue
        own = _Pool(piece, [(j,) for j in here])

        def restore(layer: int, x: Tensor, grad: Tensor, pool: _Pool = own, order: Sequence[int] = order) -> None:
            difference = targets[layer][order] - pool.sums(x) / pool.counts.to(x.device)
            change[layer] += (difference * pool.sums(grad)).sum(0).double().cpu().numpy()

        with tapped(model) as taps:
            taps.backward(piece.run()[0].sum(), restore)
    if not np.isfinite(change).all():
        raise UserError(f"{noisy.id}: gradients are not finite; use float32 or bfloat16 weights")
    return change / tokens


def _word_means(model: nn.Module, pieces: Sequence[Piece], groups: Sequence[Sequence[int]]) -> list[Tensor]:
    """For each layer ``[groups, width]``: the mean over all sub-words of the tokens in each group."""
    sums: dict[int, Tensor] = {}
    counts = torch.zeros(len(groups), 1, dtype=torch.long)
    for piece in pieces:
        own = _Pool(piece, groups)
        counts += own.counts

        def add(layer: int, x: Tensor, pool: _Pool = own) -> None:
            more = pool.sums(x)
            sums[layer] = sums[layer] + more if layer in sums else more

        with tapped(model, watch=add), torch.no_grad():
            piece.run()
    return [sums[layer] / counts.to(sums[layer].device) for layer in sorted(sums)]


class _Pool:
    """Sums over the sub-words of groups of tokens, as far as they lie in one piece."""

    def __init__(self, piece: Piece, groups: Sequence[Sequence[int]]) -> None:
        places = [
            (row, position, number)
            for number, group in enumerate(groups)
            for row, first, last in (piece.words[token] for token in group if token in piece.words)
            for position in range(first, last)
        ]
        self.rows, self.groups = piece.rows, len(groups)
        self.row, self.position, self.group = torch.tensor(places, dtype=torch.long).reshape(-1, 3).T
        self.counts = torch.bincount(self.group, minlength=self.groups)[:, None]

    def sums(self, x: Tensor) -> Tensor:
        """``[groups, width]``, of values shaped like the activations."""
        flat = x.reshape(-1, x.shape[-1])
        places = self.row * (len(flat) // self.rows) + self.position
        chosen = widened(flat[places.to(x.device)])
        return chosen.new_zeros(self.groups, x.shape[-1]).index_add_(0, self.group.to(x.device), chosen)
