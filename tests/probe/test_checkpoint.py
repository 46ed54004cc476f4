"""An interrupted probe goes on from its checkpoint, to the very numbers of one that was not; others are ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from naive_neurons import pairs
from transformers import AutoModel, PreTrainedTokenizerFast

from ocr_neurons.common.progress import Reporter
from ocr_neurons.probe import probe as probing
from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.checkpoint import SECONDS, Checkpoint, remove
from ocr_neurons.probe.probe import Probing, probe
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.text.pairs import TextPair

Folder = Callable[[str], Path]
GIVEN = [*pairs(150), TextPair("", "x", "low", "s")]
"""Three chunks."""


@pytest.fixture
def llama(tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder("llama")).eval()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every chunk."""
    monkeypatch.setattr(probing, "Checkpoint", partial(Checkpoint, every=0.0))


@contextmanager
def counted(model: Any, most: float = float("inf")) -> Iterator[list[int]]:
    """Forward passes that begin; the one after ``most`` is interrupted."""
    begun: list[int] = []

    def note(*_: object) -> None:
        if len(begun) >= most:
            raise KeyboardInterrupt
        begun.append(1)

    handle = model.register_forward_pre_hook(note)
    try:
        yield begun
    finally:
        handle.remove()


def interrupted(model: Any, path: Path, tokenizer: PreTrainedTokenizerFast, passes: int, **more: Any) -> None:
    with pytest.raises(KeyboardInterrupt), counted(model, passes):
        probe(model, tokenizer, more.pop("given", GIVEN), checkpoint=path, budget=600, **more)


def check_same(one: Profile, two: Profile) -> None:
    assert (one.levels, one.about) == (two.levels, two.about)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name], err_msg=name)
    np.testing.assert_array_equal(one.edges, two.edges)
    np.testing.assert_array_equal(one.shift, two.shift)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.95])
def test_going_on_equals_not_having_stopped(
    llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, at_once: None, share: float
) -> None:
    with counted(llama) as all_passes:
        whole = probe(llama, tiny_tokenizer, GIVEN, budget=600)
    path = tmp_path / "p.part"
    interrupted(llama, path, tiny_tokenizer, int(share * len(all_passes)))
    assert path.exists() == (share > 0.4)  # after the first of three chunks
    said = StringIO()
    with counted(llama) as passes:
        found = probe(llama, tiny_tokenizer, GIVEN, budget=600, checkpoint=path, reporter=Reporter(stream=said))
    check_same(found, whole)
    assert ("going on at chunk" in said.getvalue()) == (len(passes) < len(all_passes)) == (share > 0.4)
    assert found.about["skipped"] == {"no sub-word": 1}


def test_twice_interrupted_and_by_shards(
    llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, at_once: None
) -> None:
    how = Probing(shard=(1, 2), seed=3)
    given = pairs(250)
    with counted(llama) as all_passes:
        whole = probe(llama, tiny_tokenizer, given, how, budget=600)
    for _ in range(2):
        interrupted(llama, tmp_path / "p", tiny_tokenizer, len(all_passes) // 2, given=given, how=how)
    check_same(probe(llama, tiny_tokenizer, given, how, budget=600, checkpoint=tmp_path / "p"), whole)


def test_checkpoints_of_something_else_are_ignored(
    llama: Any, tiny_folder: Folder, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, at_once: None
) -> None:
    path = tmp_path / "p"
    given = pairs(20)
    probe(llama, tiny_tokenizer, given, checkpoint=path)
    left = path.read_bytes()
    changed = AutoModel.from_pretrained(tiny_folder("llama")).eval()
    with torch.no_grad():
        changed.layers[1].mlp.up_proj.weight[0, 0] += 1
    coarser, both_ways = (AutoModel.from_pretrained(tiny_folder("llama")).eval() for _ in range(2))
    coarser.to(torch.bfloat16)
    both_ways.config.is_causal = False
    first = probe(llama, tiny_tokenizer, given[::-1])
    others: list[dict[str, Any]] = [
        {"pairs": [*given[:-1], replace(given[-1], noisy="x")]},
        {"trunk": changed},
        {"trunk": coarser},
        {"trunk": both_ways},
        {"trunk": AutoModel.from_pretrained(tiny_folder("mistral")).eval()},
        *({"how": how} for how in (Probing(seed=2), Probing(pool="last"), Probing(layers=(1,)), Probing(site="up"))),
        {"how": Probing(shard=(0, 2))},
        {"like": first},
    ]
    for other in others:
        path.write_bytes(left)
        arguments = {"trunk": llama, "tokenizer": tiny_tokenizer, "pairs": given} | other
        with counted(arguments["trunk"]) as passes:
            found = probe(**arguments, checkpoint=path)
        assert passes, other
        check_same(found, probe(**arguments))
    # the same again goes on at its end, and has nothing left to read
    path.write_bytes(left)
    expected = probe(llama, tiny_tokenizer, given)
    with counted(llama) as passes:
        check_same(probe(llama, tiny_tokenizer, given, checkpoint=path), expected)
    assert not passes


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 64])
def test_a_damaged_checkpoint_is_begun_anew(
    llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, at_once: None, content: bytes
) -> None:
    path = tmp_path / "p"
    path.write_bytes(content)
    check_same(probe(llama, tiny_tokenizer, pairs(10), checkpoint=path), probe(llama, tiny_tokenizer, pairs(10)))
    assert load_profile(path).pairs.tolist() == [10, 10]


# --- when it is written


def test_it_is_written_when_it_is_time_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("ocr_neurons.probe.checkpoint.time.monotonic", lambda: now[0])
    kept = Checkpoint(tmp_path / "p", "me", seed=1)
    accumulator = Accumulator(1, 2, ["low"])
    for passed, written in (
        (0, False),
        (SECONDS - 1, False),
        (SECONDS, True),
        (SECONDS + 5, False),
        (2 * SECONDS, True),
    ):
        now[0] = 100.0 + passed
        kept.keep([accumulator], int(passed))
        assert (tmp_path / "p").exists() == written
        (tmp_path / "p").unlink(missing_ok=True)


def test_without_a_path_there_is_none(tmp_path: Path) -> None:
    kept = Checkpoint(None, "me", seed=1, every=0.0)
    kept.keep([Accumulator(1, 2, ["low"])], 3)
    assert kept.resume(torch.device("cpu")) is None
    assert list(tmp_path.iterdir()) == []


def test_removing_takes_those_of_all_processes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("p[1].part", "p[1].part.0", "p[1].part.1", "p1.part.0", "p[1]", "q"):
        (tmp_path / name).touch()
    remove(tmp_path / "p[1].part")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p1.part.0", "p[1]", "q"]
    remove(tmp_path / "absent")
