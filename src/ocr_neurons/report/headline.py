"""What a run says of its edit in a few numbers: what a model card states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.report.fields import Field
from ocr_neurons.report.inputs import Difference, Edit, Scores, difference, read_edit, read_scores, read_trial
from ocr_neurons.report.phrase import bounds, signed
from ocr_neurons.report.weak import headed


@dataclass(frozen=True, slots=True)
class OnDev:
    """Strict F1 on dev without an edit and with it; ``change``: the difference in words."""

    without: float
    edited: float
    change: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What a run, or a comparison of strategies, says of an edit on test, and on dev where that is known."""

    data: str
    seed: int
    dev: OnDev | None
    baseline: Scores
    chosen: Scores
    gain: Difference
    gain_over_control: Difference | None
    verdict: str


def read_headline(folder: Path) -> Headline:
    """The scores of a run folder; ``details.json``, which holds those on dev, may be absent.

    Raises:
        UserError: as :func:`read_run`.
    """
    summary = Field.of(folder / "summary.json", "a run's summary (JSON)")
    details, edit = folder / "details.json", summary["chosen"].nullable("edit")
    against = summary["difference"].nullable("chosen_minus_random_control")
    baseline = read_scores(summary["baseline"])
    return Headline(
        data=summary["data"].text(),
        seed=summary["seed"].whole(),
        dev=_on_dev(Field.of(details, "a run's details (JSON)"), read_edit(edit))
        if details.exists() and edit
        else None,
        baseline=baseline,
        chosen=read_scores(summary["chosen"]),
        gain=difference(summary["difference"]["chosen_minus_baseline"]),
        gain_over_control=difference(against) if against else None,
        verdict=headed(summary["verdict"].text(), baseline.strict.f1),
    )


def _on_dev(details: Field, edit: Edit) -> OnDev | None:
    what = (edit.region, edit.count, edit.operation, edit.factor)
    for trial in map(read_trial, details["trials"].items()):
        if (trial.region, trial.count, trial.operation, trial.factor) == what:
            change = f"{signed(trial.difference)} {bounds(trial.interval)}"
            return OnDev(details["dev_baseline_f1"].number(), trial.f1, change)
    return None
