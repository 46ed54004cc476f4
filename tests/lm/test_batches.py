"""Batches by token budget."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.batches import BATCH_VARIABLE, TOKEN_BUDGET, batches, plan, token_budget

CPU = torch.device("cpu")


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 120))
def test_every_sequence_once_within_the_budget_longest_first(lengths: list[int], budget: int) -> None:
    groups = plan(lengths, budget)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    for group in groups:
        assert group
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= budget
    order = [lengths[i] for group in groups for i in group]
    assert order == sorted(order, reverse=True)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 120))
def test_no_batch_is_closed_before_it_is_full(lengths: list[int], budget: int) -> None:
    groups = plan(lengths, budget)
    for group in groups[:-1]:
        assert (len(group) + 1) * lengths[group[0]] > budget


@given(st.lists(st.lists(st.integers(2, 99), min_size=1, max_size=12), min_size=1, max_size=20), st.integers(1, 50))
def test_padding_is_on_the_right_and_masked(sequences: list[list[int]], budget: int) -> None:
    seen: dict[int, list[int]] = {}
    for batch in batches(sequences, budget, 0, CPU):
        assert batch.ids.shape == batch.attention.shape == (len(batch.rows), max(len(sequences[r]) for r in batch.rows))
        for row, ids, attention in zip(batch.rows, batch.ids.tolist(), batch.attention.tolist(), strict=True):
            length = len(sequences[row])
            assert attention == [1] * length + [0] * (len(ids) - length)
            assert set(ids[length:]) <= {0}
            seen[row] = ids[:length]
    assert [seen[row] for row in range(len(sequences))] == sequences


def test_nothing_gives_no_batch() -> None:
    assert plan([], 10) == []
    assert batches([], 10, 0, CPU) == []


def test_the_environment_sets_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BATCH_VARIABLE, raising=False)
    assert token_budget(CPU) == TOKEN_BUDGET["cpu"]
    assert token_budget(torch.device("cuda")) == TOKEN_BUDGET["cuda"]
    monkeypatch.setenv(BATCH_VARIABLE, "300")
    assert token_budget(CPU) == token_budget(torch.device("cuda")) == 300
    monkeypatch.setenv(BATCH_VARIABLE, "")
    assert token_budget(CPU) == TOKEN_BUDGET["cpu"]
    for wrong in ("0", "-5", "4k", "1e3", "²"):
        monkeypatch.setenv(BATCH_VARIABLE, wrong)
        with pytest.raises(UserError, match=f"OCR_NEURONS_BATCH={wrong}: wanted the sub-words of a batch"):
            token_budget(CPU)
