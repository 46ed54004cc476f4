"""The process that started workers is killed: they end as well, and the same command goes on from what is done."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.ner.model import save_whole
from ocr_neurons.sweep.database import file_url

CHILDREN = Path("/proc", str(os.getpid()), "task", str(os.getpid()), "children")
SETTINGS = [
    {"region": f"layer-{layer}", "count": count, "factor": factor}
    for layer in range(4) for count in range(2, 42, 2) for factor in (0.0, 0.5, 2.0)
]  # fmt: skip


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not CHILDREN.exists(), reason="wants the lists of child processes in Linux's /proc")
def test_workers_end_with_the_process_that_started_them(tiny_folder, tmp_path):
    tagger = planted.untrained(tiny_folder("mistral"), seed=7)
    card = {"labels": planted.LABELS, "attention": "bidirectional", "encoding": tagger.encoding.to_json()}
    save_whole(tagger, tmp_path / "tagger", card | {"base": "tiny"})
    planted.write_planted(tmp_path / "data", train=0, dev=12, test=0)
    planted.everything_ranked().save(tmp_path / "n.json")
    (tmp_path / "list.json").write_text(json.dumps(SETTINGS))
    line = (
        f"sweep {tmp_path}/tagger {tmp_path}/data --neurons {tmp_path}/n.json --settings {tmp_path}/list.json "
        f"--store {tmp_path}/s.db --dtype float32 --quiet --json --heartbeat 0.5 --grace 2"
    ).split()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ocr_neurons.cli", *line, "--workers", "2"]
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        children: list[int] = []
        done, deadline = 0, time.monotonic() + 120
        while done < 4:
            assert parent.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline, "nothing is done"
            time.sleep(0.1)
            done = states(tmp_path / "s.db")["COMPLETE"]
        children = [
            int(pid) for pid in Path("/proc", str(parent.pid), "task", str(parent.pid), "children").read_text().split()
        ]
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert len(children) >= 2
    while any(map(alive, children)):
        assert time.monotonic() < deadline, "workers go on without whom started them"
        time.sleep(0.1)
    left = states(tmp_path / "s.db")
    assert left["COMPLETE"] < len(SETTINGS)
    assert main(line) == 0
    assert states(tmp_path / "s.db")["COMPLETE"] == len(SETTINGS)
    trials = optuna.load_study(study_name="sweep", storage=file_url(tmp_path / "s.db")).trials
    scored = Counter(str(trial.params) for trial in trials if trial.state.name == "COMPLETE")
    assert max(scored.values()) == 1, "a setting was scored twice"


def states(store: Path) -> Counter[str]:
    """How many trials are in which state; read without Optuna, which would take part in making the store."""
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            return Counter(dict(connection.execute("SELECT state, COUNT(*) FROM trials GROUP BY state")))
    except sqlite3.OperationalError:  # not there yet
        return Counter()
