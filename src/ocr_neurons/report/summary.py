"""From the results of a run to the values of ``summary.json`` and ``details.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ocr_neurons.cost.measured import measure_cost
from ocr_neurons.rank.beyond import Again
from ocr_neurons.rank.regions import region
from ocr_neurons.report.changed import examples_entry
from ocr_neurons.report.layering import Layering
from ocr_neurons.report.weak import headed
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference
from ocr_neurons.score.table import difference_to_dict, to_dict
from ocr_neurons.sweep.choose import Choice
from ocr_neurons.sweep.confirm import Confirmation
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.store import Trial
from ocr_neurons.sweep.table import rows
from ocr_neurons.sweep.verdict import verdict
from ocr_neurons.text.datasets import Dataset, describe
from ocr_neurons.text.document import Document


@dataclass(frozen=True)
class Findings:
    """All results of a run. ``twin_documents`` are the clean twins of test as the baseline tagged them, or none.

    ``again`` says whether other words would name the same neurons, where that is known. ``dev_gain`` is that of the
    chosen setting, ``luck`` what dev would have chosen among random neurons.
    """

    model: str
    data: Dataset
    where: Layering
    again: Again | None
    trials: tuple[Trial, ...]
    dev_baseline: Scores
    dev_gain: Difference
    luck: Choice | None
    confirmation: Confirmation
    twin_documents: tuple[Document, ...]
    seed: int

    def summary(self) -> dict[str, Any]:
        """The values of ``summary.json``, timings left out."""
        found, seed, layers = self.confirmation, self.seed, self.where.layers
        gain = found.gain(seed)
        over = found.over_controls(seed) if found.controls else None
        cost = measure_cost(self.data, "test", found.baseline_documents, self.twin_documents, seed)
        return {
            "model": self.model,
            "data": self.data.name,
            "seed": seed,
            "baseline": to_dict(found.baseline, seed=seed),
            "chosen": {"edit": edit_entry(found.setting, layers)} | to_dict(found.chosen, seed=seed),
            "random_control": control_entry(found.controls),
            "random_best": self._luck(),
            "opposite": {"factor": found.opposite.factor} | to_dict(found.flipped, seed=seed),
            "difference": {
                "chosen_minus_baseline": difference_to_dict(gain),
                "chosen_minus_random_control": difference_to_dict(over) if over else None,
                "opposite_minus_baseline": difference_to_dict(found.flipped_gain(seed)),
            },
            "noise_cost": cost.entry(seed),
            "ranking": asdict(self.again) if self.again else None,
            "verdict": headed(
                verdict(self.dev_gain, gain, over, found.setting.describe(layers)), found.baseline.total("strict").f1
            ),
        }

    def _luck(self) -> dict[str, Any] | None:
        """The best on dev of random neurons: what it is, its gain there beside that of the chosen edit, and on test."""
        found, change = self.confirmation, self.confirmation.random_gain(self.seed)
        if self.luck is None or found.random_chosen is None or change is None:
            return None
        return {
            "edit": edit_entry(self.luck.setting, self.where.layers),
            "among": self.luck.among,
            "on_dev": difference_to_dict(self.luck.gain),
            "chosen_on_dev": difference_to_dict(self.dev_gain),
            "minus_baseline": difference_to_dict(change),
        } | to_dict(found.random_chosen, seed=self.seed)

    def details(self) -> dict[str, Any]:
        """The values of ``details.json``: what the figures are drawn from."""
        found = self.confirmation
        return {
            "layers": self.where.entry(),
            "data": describe(self.data),
            "dev_baseline_f1": self.dev_baseline.total("strict").f1,
            "trials": trials_entry(self.trials, self.dev_baseline, self.where.layers, self.seed),
            "examples": examples_entry(
                self.data.test,
                found.baseline_documents,
                found.chosen_documents,
                self.data.clean_twins.get("test", ()) if self.twin_documents else (),
                self.twin_documents,
            ),
        }


def control_entry(controls: Sequence[Scores]) -> dict[str, Any] | None:
    """Means over the random draws, and every draw's strict F1."""
    if not controls:
        return None
    entry: dict[str, Any] = {"draws": len(controls), "f1s": [scores.total("strict").f1 for scores in controls]}
    for mode in ("strict", "fuzzy"):
        totals = [scores.total(mode) for scores in controls]
        f1s = [total.f1 for total in totals]
        entry[mode] = {
            "precision": float(np.mean([total.precision for total in totals])),
            "recall": float(np.mean([total.recall for total in totals])),
            "f1": float(np.mean(f1s)),
            "ci95": [float(np.quantile(f1s, 0.025)), float(np.quantile(f1s, 0.975))],
        }
    return entry


def edit_entry(setting: Setting, layers: int) -> dict[str, Any]:
    """What an edit is."""
    return {
        "region": setting.region,
        "layers": region(setting.region, layers),
        "count": setting.count,
        "operation": setting.operation,
        "factor": setting.factor,
        "description": setting.describe(layers),
    }


def trials_entry(trials: Sequence[Trial], baseline: Scores, layers: int, seed: int) -> list[dict[str, Any]]:
    """Each setting's difference to the baseline on dev, beside those of its random draws."""
    return [
        {
            "region": row.setting.region,
            "layers": region(row.setting.region, layers),
            "count": row.setting.count,
            "operation": row.setting.operation,
            "factor": row.setting.factor,
            "f1": row.f1,
            "difference": row.difference.f1,
            "ci95": [row.difference.low, row.difference.high],
            "random_differences": list(row.random),
        }
        for row in rows(trials, baseline, seed)
    ]
