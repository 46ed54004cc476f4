"""Several graphics cards, played: what the Trainer is told to use. No card is at hand where tests run."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import TrainingArguments

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.ner import train as room
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.train import train
from ocr_neurons.ner.trainer import arguments
from ocr_neurons.sweep.workers import own_card
from planted import LEARN


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


def test_workers_of_a_sweep_take_the_cards_in_turn(cards) -> None:
    assert [own_card("auto", n) for n in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert [own_card(name, 1) for name in ("cuda", "cuda:0", "cpu")] == ["cuda:1", "cuda:0", "cpu"]


def test_workers_without_cards_stay_where_they_are() -> None:
    assert own_card("auto", 1) == "auto"


def test_a_launcher_of_several_processes_is_refused(tiny_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="started as 2 processes by a launcher; wanted one process"):
        train(planted.planted(2, seed=0), str(tiny_folder("llama")), tmp_path / "out", recipe=LEARN)
    assert list(tmp_path.iterdir()) == []


def test_packed_weights_are_refused_before_training(tiny_folder, tmp_path) -> None:
    packed = shutil.copytree(tiny_folder("llama"), tmp_path / "packed")
    config = json.loads((packed / "config.json").read_text())
    (packed / "config.json").write_text(
        json.dumps(config | {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}})
    )
    with pytest.raises(UserError, match="packed: its weights are packed in fewer bits; wanted the model unpacked"):
        train(planted.planted(2, seed=0), str(packed), tmp_path / "out", recipe=LEARN)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("method", "kept"), [("full", torch.float32), ("lora", torch.bfloat16)])
def test_what_is_trained_whole_is_kept_in_float32_and_gone_afterwards(
    tiny_folder, tmp_path, monkeypatch, method: str, kept: torch.dtype
) -> None:
    """Small steps are lost in weights of bfloat16. A model that stayed would stand beside the next one."""
    made = []
    build = room.build

    def watched(*args, **more):
        made.append((weakref.ref(model := build(*args, **more)), next(model.parameters()).dtype))
        return model

    monkeypatch.setattr(room, "build", watched)
    recipe = Recipe(method=method, epochs=1, batch=8, max_length=64, context=8)
    gc.collect()
    train(planted.planted(4, seed=0), str(tiny_folder("llama")), tmp_path / "out", recipe=recipe, dtype=torch.bfloat16)
    ((model, dtype),) = made
    assert dtype == kept
    assert model() is None
