"""Where trials are kept: an Optuna study, so that a sweep can stop and go on, and other tools can read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.database import cannot_be_opened, open_storage, shown
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.pieces import pieces, whole

HEARTBEAT, GRACE = 10, 60
"""Seconds between signs of life of a worker, and after the last one until its trial is given to another."""


@dataclass(frozen=True)
class Trial:
    """A setting and its scores on dev, per document."""

    setting: Setting
    scores: Scores


@dataclass(frozen=True, slots=True)
class Entry:
    """A trial at a glance: its key in the database, its number in the study, Optuna's name of its state."""

    key: int
    number: int
    state: str
    setting: Setting


class Store:
    """Trials of one sweep. ``identity`` names what they rest on (model, neurons, data, seed).

    A study made for anything else is refused: its scores would be compared with the wrong baseline.
    """

    def __init__(
        self, url: str, name: str, identity: str, *, heartbeat: float = HEARTBEAT, grace: float = GRACE
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.url, self.name, self.identity, self.heartbeat, self.grace = url, name, identity, heartbeat, grace
        self.storage = open_storage(url, heartbeat, grace)
        try:
            self.study = optuna.create_study(
                storage=self.storage, study_name=name, direction="maximize", load_if_exists=True
            )
        except Exception as error:
            raise cannot_be_opened(url, error) from None
        self._settings: dict[int, Setting] = {}
        self.claim_fact("identity", identity, "of another model, neuron set, data set or seed")

    def claim_precision(self, model: nn.Module) -> None:
        """Write in which precision everything here is scored, or refuse another one.

        Raises:
            UserError: the store holds scores of another precision; they round otherwise.
        """
        dtype = str(next(model.parameters()).dtype)
        remedy = f"say --dtype {str(self.fact('dtype')).removeprefix('torch.')}, or choose another store"
        self.claim_fact("dtype", dtype, "of weights of another precision (dtype)", remedy)

    def claim_fact(self, name: str, value: str, otherwise: str, remedy: str = "choose another store") -> None:
        """Write a fact that all trials share, or refuse to go on when it is another.

        Raises:
            UserError: the store holds trials ``otherwise``.
        """
        known = self.study.user_attrs.get(name)
        if known is None:
            self.study.set_user_attr(name, value)
        elif known != value:
            raise UserError(f"store {shown(self.url)}: study {self.name!r} holds trials {otherwise}; {remedy}")

    def trials(self, among: Sequence[Setting] | None = None) -> list[Trial]:
        """All finished trials, or those of some settings, in order of settings, each setting once."""
        import optuna

        wanted = None if among is None else set(among)
        found: dict[Setting, Trial] = {}
        for trial in self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
            setting = setting_of(trial)
            if wanted is None or setting in wanted:
                found[setting] = Trial(setting, Scores.from_json(json.loads(whole("scores", trial.user_attrs))))
        return [found[setting] for setting in sorted(found)]

    def entries(self) -> list[Entry]:
        """All trials at a glance, in order of their numbers.

        Optuna reads every parameter and attribute of every unfinished trial each time, which takes longer than a small
        trial does; so its table is read here, and the setting of a trial, which never changes, once.
        """
        from sqlalchemy import text

        with self.storage.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT trial_id, number, state FROM trials WHERE study_id = :study ORDER BY number"),
                {"study": self.study._study_id},
            ).all()
            if any(row.trial_id not in self._settings for row in rows):
                kept = connection.execute(
                    text(
                        "SELECT a.trial_id, a.value_json FROM trial_user_attributes a JOIN trials t "
                        "ON t.trial_id = a.trial_id "
                        "WHERE a.key = 'setting' AND t.study_id = :study AND t.trial_id > :last"
                    ),
                    {"study": self.study._study_id, "last": max(self._settings, default=-1)},
                ).all()
                self._settings |= {row.trial_id: Setting.from_json(json.loads(row.value_json)) for row in kept}
        if any(row.trial_id not in self._settings for row in rows):  # of an earlier version
            trials = self.study.get_trials(deepcopy=False)
            self._settings |= {trial._trial_id: setting_of(trial) for trial in trials}
        return [Entry(row.trial_id, row.number, str(row.state), self._settings[row.trial_id]) for row in rows]

    def baseline(self) -> Scores | None:
        """The scores without an edit, if they are kept."""
        return self.kept("baseline")

    def set_baseline(self, scores: Scores) -> None:
        """Keep the scores without an edit."""
        self.keep("baseline", scores)

    def kept(self, name: str) -> Scores | None:
        """Scores that are no trial's, by name."""
        found = whole(name, self.study.user_attrs)
        return Scores.from_json(json.loads(found)) if found else None

    def keep(self, name: str, scores: Scores) -> None:
        """Keep scores by name."""
        for key, piece in pieces(name, json.dumps(scores.to_json()), self.study.user_attrs):
            self.study.set_user_attr(key, piece)

    def fact(self, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """A JSON value kept by name, or None."""
        return self.study.user_attrs.get(name)

    def set_fact(self, name: str, value: Any) -> None:  # noqa: ANN401
        """Keep a JSON value by name."""
        self.study.set_user_attr(name, value)


def setting_of(trial: Any) -> Setting:  # noqa: ANN401 - optuna is untyped here
    """The setting of one of Optuna's trials; stores of earlier versions have it in the parameters alone."""
    kept = trial.user_attrs.get("setting")
    return Setting.from_json(kept or trial.params, f"trial {trial.number}")
