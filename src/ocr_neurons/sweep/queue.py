"""Who does what: settings wait in the store, workers claim them, and those of dead workers are given out again.

Three things of Optuna's databases carry this. A trial goes from waiting to running for one worker only. A finished
trial (done, or failed) stays as it is. Numbers follow the order in which trials become visible. So a setting may stand
in the queue twice, when two machines fill it at once or one died in the middle, and is still done once: whoever claims
a trial gives way if an earlier one of the same setting has not failed, or any is done.

A worker that was thought dead and comes back finds its trial failed, and its result is dropped.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ocr_neurons.common.seeds import generator
from ocr_neurons.rank.regions import region
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.database import experimental
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.pieces import pieces
from ocr_neurons.sweep.store import Store

WAITING, RUNNING, DONE, PRUNED = "WAITING", "RUNNING", "COMPLETE", "PRUNED"
"""Optuna's names of the states of a trial."""
RELOOK = 25
"""Settings put into the queue before it is looked at again: others may be filling it too."""


@dataclass(frozen=True)
class Claim:
    """A setting that this worker, and no other, is to score; ``key`` is the trial's in the database."""

    key: int
    setting: Setting


class Queue:
    """The settings of one sweep in its store, in a model of ``layers`` layers.

    With ``prune`` a setting that was given up early is settled; without, it is scored in full.
    """

    def __init__(self, store: Store, settings: Sequence[Setting], layers: int, *, prune: bool = False) -> None:
        import optuna

        self.store, self.settings, self.layers = store, list(dict.fromkeys(settings)), layers
        self._wanted = frozenset(self.settings)
        self._settled = {DONE, PRUNED} if prune else {DONE}
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self._optuna = optuna
        self._states = optuna.trial.TrialState

    def done(self) -> int:
        """How many of the settings are scored, or given up."""
        return len({entry.setting for entry in self.store.entries() if entry.state in self._settled} & self._wanted)

    def refill(self) -> None:
        """Fail the trials of dead workers, and let every setting wait that is neither waiting, running nor done."""
        with experimental():
            self._optuna.storages.fail_stale_trials(self.store.study)
        missing = self._missing()
        if len(missing) > 1:  # machines that begin together do not begin with the same
            missing = [missing[i] for i in generator(0, "queue", self.worker).permutation(len(missing))]
        for start in range(0, len(missing), RELOOK):
            still = set(self._missing()) if start else set(missing)
            for setting in missing[start : start + RELOOK]:
                if setting in still:
                    self._enqueue(setting)

    def claim(self, order: Callable[[Setting], Any]) -> Claim | None:
        """The first waiting setting by ``order`` that no other worker takes; None when none waits."""
        waiting = [
            (order(entry.setting), entry.key, entry.setting)
            for entry in self.store.entries()
            if entry.state == WAITING and entry.setting in self._wanted
        ]
        for _, key, setting in sorted(waiting):
            # first the sign of life: a running trial that never had one is never taken for dead
            self.store.storage.record_heartbeat(key)
            if not self._to(key, self._states.RUNNING):
                continue
            if self._given_way(key, setting):
                self._to(key, self._states.FAIL)
                continue
            self.store.storage.set_trial_user_attr(key, "worker", self.worker)
            return Claim(key, setting)
        return None

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Show signs of life meanwhile; after an exception the setting is free for others at once."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(self.store.heartbeat):
                with suppress(self._optuna.exceptions.StorageInternalError):  # the next sign may get through
                    self.store.storage.record_heartbeat(claim.key)
            self.store.storage.remove_session()

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            self._to(claim.key, self._states.FAIL)
            raise
        finally:
            stop.set()
            thread.join()

    def complete(self, claim: Claim, scores: Scores) -> bool:
        """Keep the scores of a claimed setting; False when it was given to another worker meanwhile."""
        try:
            for name, piece in pieces("scores", json.dumps(scores.to_json()), {}):
                self.store.storage.set_trial_user_attr(claim.key, name, piece)
        except self._optuna.exceptions.UpdateFinishedTrialError:
            return False
        return self._to(claim.key, self._states.COMPLETE, [scores.total("strict").f1])

    def give_up(self, claim: Claim, documents: int, p: float) -> bool:
        """Settle a claimed setting without scores: it was worse on so many documents."""
        try:
            self.store.storage.set_trial_user_attr(claim.key, "given up", {"documents": documents, "p": p})
        except self._optuna.exceptions.UpdateFinishedTrialError:
            return False
        return self._to(claim.key, self._states.PRUNED)

    def _to(self, key: int, state: Any, values: list[float] | None = None) -> bool:  # noqa: ANN401
        """Change a trial's state; False when it is not ours to change."""
        try:
            return bool(self.store.storage.set_trial_state_values(key, state, values))
        except self._optuna.exceptions.UpdateFinishedTrialError:
            return False

    def _missing(self) -> list[Setting]:
        taken = {WAITING, RUNNING} | self._settled
        there = {entry.setting for entry in self.store.entries() if entry.state in taken}
        return [setting for setting in self.settings if setting not in there]

    def _given_way(self, key: int, setting: Setting) -> bool:
        """Whether another trial of the same setting goes before."""
        same = [entry for entry in self.store.entries() if entry.setting == setting]
        (number,) = (entry.number for entry in same if entry.key == key)
        others = [entry for entry in same if entry.key != key]
        return any(
            entry.state in self._settled or (entry.number < number and entry.state in (WAITING, RUNNING))
            for entry in others
        )

    def _enqueue(self, setting: Setting) -> None:
        members, kinds = region(setting.region, self.layers), self._optuna.distributions
        # numbers alone: Optuna wants the same choices of a name in every trial of a study
        params: dict[str, tuple[float, Any]] = {
            "first_layer": (members[0], kinds.IntDistribution(0, 10**6)),
            "last_layer": (members[-1], kinds.IntDistribution(0, 10**6)),
            "count": (setting.count, kinds.IntDistribution(1, 10**9)),
            "factor": (setting.factor, kinds.FloatDistribution(0.0, max(1e6, setting.factor))),
            "draw": (setting.draw, kinds.IntDistribution(-1, max(10**6, setting.draw))),
        }
        self.store.study.add_trial(
            self._optuna.trial.create_trial(
                state=self._states.WAITING,
                params={name: value for name, (value, _) in params.items()},
                distributions={name: kind for name, (_, kind) in params.items()},
                user_attrs={"setting": setting.to_json()},
            )
        )
