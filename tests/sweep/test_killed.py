"""Workers killed at any moment: no setting is lost, none is done twice, scores are those of full evaluation."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from killed_worker import EDITS, RANKED, SETTINGS, made, store, work
from postgres_server import server, why_not

from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.queue import Queue

KILLS = 20


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield file_url(tmp_path / "s.db")
    elif reason := why_not():
        pytest.skip(reason)
    else:
        with server() as found:
            yield found


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_twenty_kills_with_two_workers(url, tiny_folder, tmp_path, monkeypatch):
    model, log, rng = tiny_folder("mistral"), tmp_path / "log", np.random.default_rng(7)
    log.touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # Python 3.11 preloads nothing that lies elsewhere
    context = multiprocessing.get_context("forkserver")  # a worker begins at once, without importing everything anew
    context.set_forkserver_preload(["killed_worker"])

    def start() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=work, args=(model, url, log))
        process.start()
        return process

    def claims() -> list[tuple[int, int, int]]:
        return [tuple(map(int, line.split())) for line in log.read_text().splitlines()]

    queue = Queue(store(url), SETTINGS, RANKED.layers)
    queue.refill()
    workers, killed = [start(), start()], []
    deadline = time.monotonic() + 240
    while len(killed) < KILLS:
        begun = {pid for pid, *_ in claims()}
        victims = [number for number, worker in enumerate(workers) if worker.pid in begun]
        if not victims:
            assert time.monotonic() < deadline, "the workers do not begin"
            time.sleep(0.02)
            continue
        time.sleep(rng.uniform(0, 0.1))
        assert queue.done() < len(SETTINGS), "all is done before the kills are"
        victim = int(rng.choice(victims))
        workers[victim].kill()
        workers[victim].join()
        killed.append(workers[victim].pid)
        workers[victim] = start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0

    # nothing lost, nothing done twice
    trials = store(url).trials()
    assert [trial.setting for trial in trials] == sorted(SETTINGS)
    states = Counter(trial.state for trial in store(url).study.get_trials(deepcopy=False))
    assert states[optuna.trial.TrialState.COMPLETE] == len(SETTINGS)
    assert set(states) <= {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL}
    # a kill costs at most the trial in hand, and only the dead one's is done again
    found = claims()
    assert len({key for _, key, _ in found}) == len(found), "two workers had the same trial"
    assert len(SETTINGS) + KILLS // 4 <= len(found) <= len(SETTINGS) + KILLS
    holders: dict[int, list[int]] = {}
    for pid, _, setting in found:
        holders.setdefault(setting, []).append(pid)
    assert sorted(holders) == list(range(len(SETTINGS)))
    assert all(pid in killed for pids in holders.values() for pid in pids[:-1]), "taken from a worker that was alive"
    # and every score is the one of full evaluation
    tagger, dev = made(model)
    for trial in trials[::4]:
        with EDITS.of(trial.setting).on(tagger.model):
            assert trial.scores == evaluate(dev, tagger.tag(dev))
    assert len({str(trial.scores) for trial in trials}) > 10, "edits change nothing, so this shows nothing"
