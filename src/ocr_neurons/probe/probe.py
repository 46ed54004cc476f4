"""Probing: pairs through a model's trunk, statistics out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.sites import SITE, neuron_maps, neuron_width
from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.capture import pool
from ocr_neurons.probe.cka import SMALLEST
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.probe.words import encode
from ocr_neurons.text.pairs import TextPair

GROUP = 32
"""Pairs that go through the model together and form one mini-batch of the CKA."""
TOKEN_BUDGET = 2048
"""Sub-words a batch, padding counted."""


def probe(
    trunk: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[TextPair],
    *,
    seed: int = 1,
    budget: int = TOKEN_BUDGET,
    about: dict[str, Any] | None = None,
    reporter: Reporter = QUIET,
) -> Profile:
    """What the neurons of every layer do on both sides of each pair, as a Profile.

    Pairs of one noise level are shuffled by ``seed`` and run in groups of ``GROUP``; memory holds the pooled
    activations of one group, whatever the number of pairs. The result does not depend on ``budget``.

    Args:
        trunk: a transformer without head (or one whose head costs little), in evaluation or training mode.
        tokenizer: its tokenizer, with offsets.
        pairs: clean and noisy words, in context or alone.
        seed: decides the grouping, and so the CKA; nothing else depends on it.
        budget: sub-words a batch, padding counted.
        about: what to write into the Profile besides fingerprint, site and seed.
        reporter: hears of progress.

    Raises:
        UserError: no pair can be read. Pairs whose word has no sub-word on one side are counted as ``skipped``.
    """
    levels = list(dict.fromkeys(pair.level for pair in pairs))
    accumulator = Accumulator(len(neuron_maps(trunk)), neuron_width(trunk), levels)
    sides = encode(pairs, tokenizer)
    pad_id = int(tokenizer.pad_token_id or 0)
    groups: list[tuple[str, list[int]]] = []
    for level in levels:
        usable = [i for i, pair in enumerate(pairs) if pair.level == level and all(s.last > s.first for s in sides[i])]
        accumulator.skipped += sum(pair.level == level for pair in pairs) - len(usable)
        order = [usable[i] for i in generator(seed, "probe", level).permutation(len(usable))]
        groups += [(level, group) for group in _grouped(order)]
    if not groups:
        raise UserError(f"{len(pairs)} pairs given, none has a word that the tokenizer sees; wanted at least one")
    for level, group in reporter.track(groups, "probing"):
        both = [sides[i][side] for side in (0, 1) for i in group]
        values = pool(trunk, both, budget, pad_id)
        accumulator.update(level, values[:, : len(group)], values[:, len(group) :])
    known = {"fingerprint": fingerprint(trunk), "site": SITE, "seed": seed}
    return freeze(accumulator, known | (about or {}))


def _grouped(order: Sequence[int]) -> list[list[int]]:
    """Groups of ``GROUP``; a last one too small for the CKA joins the one before it."""
    groups = [list(order[i : i + GROUP]) for i in range(0, len(order), GROUP)]
    if len(groups) > 1 and len(groups[-1]) < SMALLEST:
        small = groups.pop()  # apart: `groups[-2] += groups.pop()` would write to the wrong place
        groups[-1] += small
    return groups
