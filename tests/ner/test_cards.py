"""Several graphics cards, played: what the Trainer is told to use. No card is at hand where tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import TrainingArguments

from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.trainer import arguments


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.device]]:
    """Two cards; the devices that were made the current one."""
    current = [torch.device("cuda", 0)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: current[-1].index)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: current.append(torch.device(device)))
    yield current
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(("asked", "used"), [("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("cuda:1", "cuda:1")])
def test_training_keeps_to_the_card_that_was_asked_for(tmp_path: Path, cards, asked: str, used: str) -> None:
    plain = TrainingArguments(output_dir=str(tmp_path), report_to=[])
    assert (plain.n_gpu, plain.device) == (2, torch.device("cuda:0")), "the Trainer no longer spreads by itself"
    told = arguments(Recipe(), tmp_path, 1, torch.float32, torch.device(asked), judged=False, report_to="")
    assert (told.n_gpu, told.device, cards[-1]) == (1, torch.device(used), torch.device(used))
    assert told.train_batch_size == told.per_device_train_batch_size


def test_training_on_the_cpu_keeps_off_the_cards(tmp_path: Path, cards) -> None:
    told = arguments(Recipe(), tmp_path, 1, torch.float32, torch.device("cpu"), judged=False, report_to="")
    assert (told.n_gpu, told.device, len(cards)) == (0, torch.device("cpu"), 1)
