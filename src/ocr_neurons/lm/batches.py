"""Batches of token sequences by token budget: sequences of like length together, so that little is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TOKEN_BUDGET = {"cpu": 2048, "cuda": 16_384, "mps": 8192}
"""Sub-words a batch, padding counted, by kind of device: two cores like small ones best, a card waits for the launches
of small ones."""


def token_budget(device: torch.device) -> int:
    """Sub-words a batch on ``device``."""
    return TOKEN_BUDGET.get(device.type, TOKEN_BUDGET["cpu"])


@dataclass(frozen=True, slots=True)
class Batch:
    """A padded batch. ``ids`` and ``attention`` are ``[rows, width]``; ``rows[i]`` is the position in the input."""

    rows: tuple[int, ...]
    ids: Tensor
    attention: Tensor


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions grouped so that rows x longest stays within ``budget`` tokens; longest first, each exactly once.

    A sequence longer than the budget makes a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    groups: list[list[int]] = []
    for index in order:
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def pad(
    sequences: Sequence[Sequence[int]], rows: Sequence[int], pad_id: int, device: torch.device, least: int = 0
) -> Batch:
    """The sequences at ``rows``, padded on the right to the longest of them, and to ``least`` at least."""
    longest = max(least, max(len(sequences[row]) for row in rows))
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    attention = torch.zeros((len(rows), longest), dtype=torch.long)
    for line, row in enumerate(rows):
        length = len(sequences[row])
        ids[line, :length] = torch.tensor(sequences[row], dtype=torch.long)
        attention[line, :length] = 1
    return Batch(tuple(rows), ids.to(device), attention.to(device))


def batches(sequences: Sequence[Sequence[int]], budget: int, pad_id: int, device: torch.device) -> list[Batch]:
    """All sequences in batches of at most ``budget`` tokens, padding counted."""
    return [pad(sequences, rows, pad_id, device) for rows in plan([len(s) for s in sequences], budget)]
