"""Batches of token sequences by token budget: sequences of like length together, so that little is padding."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ocr_neurons.common.errors import UserError

BATCH_VARIABLE = "OCR_NEURONS_BATCH"
"""The environment variable that sets the sub-words of a batch, for all that reads; workers inherit it."""
TOKEN_BUDGET = {"cpu": 2048, "cuda": 16_384, "mps": 8192}
"""Sub-words a batch, padding counted, by kind of device: two cores like small ones best, a card waits for the launches
of small ones."""


def token_budget(device: torch.device) -> int:
    """Sub-words a batch on ``device``, or as many as ``OCR_NEURONS_BATCH`` says.

    Raises:
        UserError: it says no positive whole number.
    """
    given = os.environ.get(BATCH_VARIABLE, "").strip()
    if not given:
        return TOKEN_BUDGET.get(device.type, TOKEN_BUDGET["cpu"])
    if not (given.isascii() and given.isdigit() and int(given) > 0):
        raise UserError(f"{BATCH_VARIABLE}={given}: wanted the sub-words of a batch, a whole number such as 4096")
    return int(given)


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
