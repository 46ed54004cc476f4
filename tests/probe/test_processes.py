"""Two processes, as ``torchrun`` and ``accelerate launch`` start them, give each the profile that one process gives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from naive_neurons import pairs
from transformers import AutoModel, PreTrainedTokenizerFast

from ocr_neurons.probe import processes
from ocr_neurons.probe.probe import probe
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.text.pairs import PairFile, TextPair, write_pairs

Folder = Callable[[str], Path]
SCRIPT = """
import sys
from pathlib import Path
import torch
from transformers import AutoModel, AutoTokenizer
from ocr_neurons.probe.probe import probe
from ocr_neurons.probe.processes import place
from ocr_neurons.probe.profile_file import save_profile
from ocr_neurons.text.pairs import PairFile
torch.set_num_threads(1)
model, pairs, out = map(Path, sys.argv[1:])
trunk, tokenizer = AutoModel.from_pretrained(model).eval(), AutoTokenizer.from_pretrained(model)
profile = probe(trunk, tokenizer, PairFile(pairs), about={"place": place()})
save_profile(profile, out.with_name(f"{out.name}.{place()[0]}"))
"""
LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    # with --cpu it would start several processes through MPI only; this starts them on any machine
    "accelerate": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"],
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_equal_one(
    tiny_folder: Folder, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, launcher: str
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    given = [*pairs(130), TextPair("", "x", "low", "s"), TextPair("x", "", "high", "s")]
    write_pairs(tmp_path / "pairs.jsonl", given)
    model = AutoModel.from_pretrained(tiny_folder("llama")).eval()
    expected = probe(model, tiny_tokenizer, PairFile(tmp_path / "pairs.jsonl"))
    files = ["script.py", str(tiny_folder("llama")), "pairs.jsonl", "profile"]
    launch(LAUNCHERS[launcher], files, tmp_path)
    for rank in (0, 1):
        found = load_profile(tmp_path / f"profile.{rank}")
        assert found.about == expected.about | {"place": [rank, 2], "skipped": {"no sub-word": 2}}
        assert found.levels == expected.levels
        np.testing.assert_array_equal(found.edges, expected.edges)
        for name, array in expected.arrays.items():
            np.testing.assert_allclose(found.arrays[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


def launch(launcher: Sequence[str], files: Sequence[str], folder: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        environment.pop(name, None)
    job = subprocess.Popen(
        [sys.executable, "-m", *launcher, *files],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = job.communicate(timeout=120)
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)  # the processes that it started as well
    assert job.returncode == 0, said


def test_outside_of_a_job_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert processes.place() == (0, 1)
    monkeypatch.setenv("RANK", "3")
    assert processes.place() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert processes.place() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert processes.place() == (3, 8)
