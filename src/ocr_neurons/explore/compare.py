"""A clean text and its noisy form: aligned, word by word in every layer, and in entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ocr_neurons.explore.reading import Found, Read
from ocr_neurons.probe.aligned import LONGEST, components
from ocr_neurons.text.align import Alignment
from ocr_neurons.text.token_map import token_map

SKIPPED = {
    "lost": "clean words without a counterpart in the noisy text",
    "blocks": f"words of more than {LONGEST} characters on a side, which are misaligned or missing text",
    "edge": "words at the first position of an input, where activations are very large whatever stands there",
}


@dataclass(frozen=True)
class Word:
    """One word on both sides: tokens and characters ``[start, end)``; split or merged words are one."""

    clean_tokens: tuple[int, int]
    noisy_tokens: tuple[int, int]
    clean: tuple[int, int]
    noisy: tuple[int, int]
    changed: bool


@dataclass(frozen=True)
class Words:
    """The words that are compared, and how many are not, by reason (see ``SKIPPED``)."""

    words: tuple[Word, ...]
    skipped: dict[str, int] = field(default_factory=dict)


def words(alignment: Alignment, clean: Read, noisy: Read) -> Words:
    """The words of two readings that correspond, in order, by the rules of probing whole texts.

    Tokens that share characters belong together. What has no letter or digit on the clean side is context alone.
    """
    left, right = clean.text.spans, noisy.text.spans
    counted = [any(map(str.isalnum, clean.text.text[start:end])) for start, end in left]
    found: list[Word] = []
    skipped = dict.fromkeys(SKIPPED, 0)
    seen = 0
    for i, j, k, m in components(token_map(alignment, left, right)):
        if not any(counted[i:j]):
            continue
        seen += sum(counted[i:j])
        a, b = (left[i][0], left[j - 1][1]), (right[k][0], right[m - 1][1])
        if max(a[1] - a[0], b[1] - b[0]) > LONGEST:
            skipped["blocks"] += 1
        elif any(clean.at_edge[i:j]) or any(noisy.at_edge[k:m]):
            skipped["edge"] += 1
        else:
            changed = clean.text.text[slice(*a)] != noisy.text.text[slice(*b)]
            found.append(Word((i, j), (k, m), a, b, changed))
    skipped["lost"] = sum(counted) - seen
    return Words(tuple(found), {reason: count for reason, count in skipped.items() if count})


def pooled(reading: Read, spans: Sequence[tuple[int, int]]) -> Tensor:
    """The mean of every neuron over the sub-words of each run of tokens: ``[layers, spans, neurons]``."""
    weights = torch.zeros(len(spans), len(reading.sizes))
    for row, (first, last) in enumerate(spans):
        sizes = reading.sizes[first:last].float()
        weights[row, first:last] = sizes / sizes.sum()
    return torch.einsum("st,ltn->lsn", weights, reading.activations)


def differences(found: Words, clean: Read, noisy: Read) -> tuple[Tensor, Tensor]:
    """Noisy minus clean (positive: fires more on the noisy word), and clean: ``[layers, words, neurons]`` each."""
    before = pooled(clean, [word.clean_tokens for word in found.words])
    return pooled(noisy, [word.noisy_tokens for word in found.words]) - before, before


def heat(found: Words, clean: Read, noisy: Read) -> Tensor:
    """How far each word moves in each layer, ``[layers, words]``: length of (noisy - clean) over that of clean.

    0: nothing moved; 1: it moved as far as the clean word's activations are long. The ``distance`` of a profile.
    """
    change, before = differences(found, clean, noisy)
    moved: Tensor = change.square().sum(2).sqrt()
    return moved / before.square().sum(2).sqrt().clamp_min(1e-12)


@dataclass(frozen=True)
class Marked:
    """An entity of a second text beside those of the clean one: ``kept`` there too, or ``new``."""

    entity: Found
    mark: str


def marked(
    clean: Sequence[Found], other: Sequence[Found], alignment: Alignment | None
) -> tuple[list[Marked], list[Found]]:
    """The entities of another text, each kept or new, and those of the clean text that are lost in it.

    Kept: an entity of the same type touches the same place; each answers for one. ``alignment`` is that of the clean
    with the other text; None where they are the same text.
    """
    free = list(range(len(clean)))
    result: list[Marked] = []
    for entity in other:
        start, end = alignment.to_clean(entity.start, entity.end) if alignment else (entity.start, entity.end)
        partner = next(
            (
                i
                for i in free
                if clean[i].type == entity.type and clean[i].start < max(end, start + 1) and clean[i].end > start
            ),
            None,
        )
        if partner is not None:
            free.remove(partner)
        result.append(Marked(entity, "new" if partner is None else "kept"))
    return result, [clean[i] for i in free]
