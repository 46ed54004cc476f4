"""Where trials are kept: an Optuna study, so that a sweep can stop and go on, and other tools can read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.regions import PAPER_DEPTH, regions
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.grid import Setting


@dataclass(frozen=True)
class Trial:
    """A setting and its scores on dev, per document."""

    setting: Setting
    scores: Scores


def file_url(path: Path) -> str:
    """The storage URL of a SQLite file; the signs that SQLAlchemy would read otherwise are escaped."""
    return "sqlite:///" + str(path.resolve()).replace("%", "%25").replace("?", "%3F")


class Store:
    """Trials of one sweep. ``identity`` names what they rest on (model, neurons, data, seed).

    A study made for anything else is refused: its scores would be compared with the wrong baseline.
    """

    def __init__(self, url: str, name: str, identity: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self.study = optuna.create_study(storage=url, study_name=name, direction="maximize", load_if_exists=True)
        except Exception as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(
                f"store {url}: cannot be opened ({first}); wanted a URL such as sqlite:///sweep.db"
            ) from None
        known = self.study.user_attrs.get("identity")
        if known is None:
            self.study.set_user_attr("identity", identity)
        elif known != identity:
            raise UserError(
                f"store {url}: study {name!r} holds trials of another model, neuron set, data set or seed; "
                "choose another store"
            )

    def trials(self) -> list[Trial]:
        """All finished trials, in order of settings, each setting once."""
        found: dict[Setting, Trial] = {}
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state.is_finished() and "scores" in trial.user_attrs:
                setting = Setting(**trial.params)
                found[setting] = Trial(setting, Scores.from_json(json.loads(trial.user_attrs["scores"])))
        return [found[setting] for setting in sorted(found)]

    def add(self, setting: Setting, scores: Scores) -> None:
        """Keep a finished trial."""
        import optuna

        params = setting.params()
        choices: dict[str, Any] = {
            # Optuna wants the same choices in every trial of a study: all names there are, in a fixed order
            "region": optuna.distributions.CategoricalDistribution(list(regions(PAPER_DEPTH))),
            "count": optuna.distributions.IntDistribution(1, 10**9),
            "factor": optuna.distributions.FloatDistribution(0.0, 1e6),
            "draw": optuna.distributions.IntDistribution(-1, 10**6),
        }
        self.study.add_trial(
            optuna.trial.create_trial(
                params=params,
                distributions=choices,
                value=scores.total("strict").f1,
                user_attrs={"scores": json.dumps(scores.to_json())},
            )
        )

    def baseline(self) -> Scores | None:
        """The scores without an edit, if they are kept."""
        kept = self.study.user_attrs.get("baseline")
        return Scores.from_json(json.loads(kept)) if kept else None

    def set_baseline(self, scores: Scores) -> None:
        """Keep the scores without an edit."""
        self.study.set_user_attr("baseline", json.dumps(scores.to_json()))
