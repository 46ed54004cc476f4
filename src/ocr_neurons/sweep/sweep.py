"""Running a sweep on dev, choosing there, confirming once on test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.rank.regions import region
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.intervals import Difference, compare, compare_to_mean
from ocr_neurons.sweep.grid import CHOSEN, Setting
from ocr_neurons.sweep.prefix import Prefix
from ocr_neurons.sweep.store import Store, Trial
from ocr_neurons.text.document import Document


def sweep(
    tagger: Tagger,
    dev: Sequence[Document],
    ranked: NeuronSet,
    settings: Sequence[Setting],
    store: Store,
    *,
    seed: int,
    reporter: Reporter = QUIET,
) -> Scores:
    """Score every setting on ``dev`` that the store does not hold yet; return the scores without an edit.

    Settings of one region share the states below its first layer (:class:`~ocr_neurons.sweep.prefix.Prefix`).
    """
    baseline = store.baseline()
    done = {trial.setting for trial in store.trials()}
    todo = [setting for setting in settings if setting not in done]
    if baseline is not None and not todo:
        return baseline
    prepared = tagger.prepare(dev)
    if baseline is None:
        baseline = evaluate(dev, prepared.tag(tagger))
        store.set_baseline(baseline)
    prefix: Prefix | None = None
    for setting in reporter.track(todo, "sweep"):
        first = min(region(setting.region, ranked.layers))
        if prefix is None or prefix.layer != first:
            prefix = None  # frees the states before the next ones are made
            prefix = Prefix(tagger, prepared, first)
        with setting.edit(ranked, seed).on(tagger.model):
            store.add(setting, evaluate(dev, prefix.tag()))
    return baseline


def choose(trials: Sequence[Trial], baseline: Scores, seed: int) -> tuple[Trial, Difference]:
    """The trial of ranked neurons to confirm, and its paired difference to the baseline on dev.

    Among trials that gain anything, the one with the highest lower bound; if none gains, the one that loses least.
    Ties go to fewer neurons, then to the milder factor.

    Raises:
        UserError: there is no trial of ranked neurons.
    """
    compared = [(trial, compare(trial.scores, baseline, draws=2000, seed=seed)) for trial in trials if _own(trial)]
    if not compared:
        raise UserError("the sweep holds no trial of ranked neurons; run `ocr-neurons sweep` first")
    gaining = [row for row in compared if row[1].f1 > 0]

    def merit(row: tuple[Trial, Difference]) -> tuple[float, float, int, float]:
        setting = row[0].setting
        measure = row[1].low if gaining else row[1].f1
        return measure, row[1].f1, -setting.count, -abs(setting.factor - 1)

    return max(gaining or compared, key=merit)


@dataclass(frozen=True)
class Confirmation:
    """Test scores of the tagger as it is, with the chosen edit, and with random neurons in their place."""

    setting: Setting
    baseline: Scores
    chosen: Scores
    controls: tuple[Scores, ...]
    baseline_documents: tuple[Document, ...]
    chosen_documents: tuple[Document, ...]

    def gain(self, seed: int) -> Difference:
        """Chosen minus baseline."""
        return compare(self.chosen, self.baseline, seed=seed)

    def over_controls(self, seed: int) -> Difference:
        """Chosen minus the mean of the random controls."""
        return compare_to_mean(self.chosen, self.controls, seed=seed)


def confirm(
    tagger: Tagger,
    test: Sequence[Document],
    ranked: NeuronSet,
    setting: Setting,
    *,
    draws: int = 20,
    seed: int,
    reporter: Reporter = QUIET,
) -> Confirmation:
    """Score test: baseline, the chosen setting, ``draws`` random neuron sets of its shape (other draws than on dev)."""
    prepared = tagger.prepare(test)
    plain = prepared.tag(tagger)
    prefix = Prefix(tagger, prepared, min(region(setting.region, ranked.layers)))
    with setting.edit(ranked, seed).on(tagger.model):
        edited = prefix.tag()
    controls = []
    for draw in reporter.track(range(draws), "random controls"):
        control = Setting(setting.region, setting.count, setting.factor, FIRST_TEST_DRAW + draw)
        with control.edit(ranked, seed).on(tagger.model):
            controls.append(evaluate(test, prefix.tag()))
    return Confirmation(
        setting, evaluate(test, plain), evaluate(test, edited), tuple(controls), tuple(plain), tuple(edited)
    )


FIRST_TEST_DRAW = 1000
"""Random draws on test are numbered from here, apart from those of the sweep."""


def _own(trial: Trial) -> bool:
    return trial.setting.draw == CHOSEN
