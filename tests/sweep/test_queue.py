"""Claims: one worker a trial, also when many want it at once, and when the queue was filled twice."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.queue import Queue
from ocr_neurons.sweep.store import Store, setting_of

SETTINGS = [Setting("last", count, 0.5) for count in range(1, 41)]
STATES = optuna.trial.TrialState


def found(number: int) -> Scores:
    tables = ({"LOC": Counts(number, 1, 1)},)
    return Scores(("d",), tables, tables)


def opened(url: str, settings: list[Setting] = SETTINGS, **times: float) -> Queue:
    return Queue(Store(url, "sweep", "x", **times), settings, 4)


def first(setting: Setting) -> Setting:
    return setting


def states(queue: Queue) -> list[tuple[int, Any]]:
    return [(trial.params["count"], trial.state) for trial in queue.store.study.get_trials(deepcopy=False)]


def test_many_at_once_never_claim_the_same(tmp_path: Path):
    """Each thread has a connection of its own; SQLite without early locks gives some trials to two of them."""
    url, claimed, together = file_url(tmp_path / "s.db"), [], threading.Barrier(4)
    opened(url).refill()

    def worker() -> None:
        queue = opened(url)
        together.wait()
        while claim := queue.claim(first):
            claimed.append(claim.key)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == len(SETTINGS)


def test_order_decides_what_is_claimed(tmp_path: Path):
    queue = opened(file_url(tmp_path / "s.db"))
    queue.refill()
    claims = [queue.claim(lambda setting: -setting.count) for _ in range(3)]
    assert [claim and claim.setting.count for claim in claims] == [40, 39, 38]


def test_a_queue_filled_twice_is_done_once(tmp_path: Path):
    url = file_url(tmp_path / "s.db")
    one, other = opened(url, SETTINGS[:2]), opened(url, SETTINGS[:2])
    for setting in SETTINGS[:2]:  # as when two machines look, and then both write
        one._enqueue(setting)
        other._enqueue(setting)
    a = one.claim(first)
    b = other.claim(first)
    assert a
    assert b
    assert {a.setting, b.setting} == set(SETTINGS[:2])
    assert one.claim(first) is None
    assert one.complete(a, found(1))
    assert other.complete(b, found(2))
    one.refill()
    assert one.claim(first) is None
    assert one.done() == 2
    assert sorted(state for _, state in states(one)) == [STATES.COMPLETE] * 2 + [STATES.FAIL] * 2


def test_a_glance_sees_what_optuna_sees(tmp_path: Path):
    queue = opened(file_url(tmp_path / "s.db"), SETTINGS[:5])
    queue.refill()
    for step in range(3):
        claim = queue.claim(first)
        assert claim
        if step:
            queue.complete(claim, found(step))
        seen = [(entry.key, entry.number, entry.state, entry.setting) for entry in queue.store.entries()]
        trials = optuna.load_study(study_name="sweep", storage=queue.store.url).trials
        assert seen == [(t._trial_id, t.number, t.state.name, setting_of(t)) for t in trials]


def test_after_an_exception_the_setting_is_free_at_once(tmp_path: Path):
    url = file_url(tmp_path / "s.db")
    queue = opened(url, SETTINGS[:1])
    queue.refill()
    claim = queue.claim(first)
    assert claim
    with pytest.raises(KeyboardInterrupt), queue.holding(claim):
        raise KeyboardInterrupt
    other = opened(url, SETTINGS[:1])
    assert other.claim(first) is None
    other.refill()
    again = other.claim(first)
    assert again
    assert again.setting == claim.setting


def test_a_silent_worker_is_replaced_and_its_late_result_dropped(tmp_path: Path):
    url = file_url(tmp_path / "s.db")
    silent, awake = (opened(url, SETTINGS[:1], heartbeat=1, grace=1) for _ in range(2))
    silent.refill()
    late = silent.claim(first)
    awake.refill()
    assert late
    assert awake.claim(first) is None, "it has just claimed it"
    deadline = time.monotonic() + 30
    while (claim := awake.claim(first)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        awake.refill()
    assert awake.complete(claim, found(1))
    assert not silent.complete(late, found(9))
    (trial,) = silent.store.trials()
    assert trial.scores == found(1)


def test_signs_of_life_keep_a_trial(tmp_path: Path):
    url = file_url(tmp_path / "s.db")
    slow, eager = (opened(url, SETTINGS[:1], heartbeat=0.2, grace=2) for _ in range(2))
    slow.refill()
    claim = slow.claim(first)
    assert claim
    with slow.holding(claim):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            eager.refill()
            assert eager.claim(first) is None
            time.sleep(0.2)
    assert slow.complete(claim, found(1))


def test_a_trial_whose_worker_died_before_its_first_sign_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    url = file_url(tmp_path / "s.db")
    dying, other = (opened(url, SETTINGS[:1], heartbeat=1, grace=1) for _ in range(2))
    dying.refill()
    monkeypatch.setattr(Queue, "_given_way", lambda *_: (_ for _ in ()).throw(SystemExit))  # right after the claim
    with pytest.raises(SystemExit):
        dying.claim(first)
    monkeypatch.undo()
    assert [state for _, state in states(other)] == [STATES.RUNNING]
    deadline = time.monotonic() + 30
    while other.claim(first) is None:
        assert time.monotonic() < deadline, "lost"
        time.sleep(0.1)
        other.refill()


def test_stores_of_earlier_versions_are_read(tmp_path: Path):
    url = file_url(tmp_path / "s.db")
    store = Store(url, "sweep", "x")
    kinds = optuna.distributions
    store.study.add_trial(
        optuna.trial.create_trial(
            params={"region": "last", "count": 5, "factor": 0.1, "draw": -1},
            distributions={
                "region": kinds.CategoricalDistribution(["first", "middle", "last", "all"]),
                "count": kinds.IntDistribution(1, 10**9),
                "factor": kinds.FloatDistribution(0.0, 1e6),
                "draw": kinds.IntDistribution(-1, 10**6),
            },
            value=0.5,
            user_attrs={"scores": '{"ids": ["d"], "types": ["LOC"], "counts": [[0, 0, 3, 1, 1, 3, 1, 1]]}'},
        )
    )
    old = Setting("last", 5, 0.1)
    queue = opened(url, [old, *SETTINGS[:1]])
    assert queue.done() == 1
    assert store.trials()[0].setting == old
    assert store.trials()[0].scores == found(3)
    queue.refill()
    claim = queue.claim(first)
    assert claim
    assert claim.setting == SETTINGS[0]
    assert queue.complete(claim, found(1))
    assert [trial.setting for trial in store.trials()] == [SETTINGS[0], old]
