"""Screening: sums of what is predicted for each neuron; the most promising settings, and their twins."""

from __future__ import annotations

import math

import numpy as np
import pytest

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.gains import Gains
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.scored_file import save_scored
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.grid import CHOSEN, EditMaker, Setting, grid
from ocr_neurons.sweep.screen import Predictor, agreement, predictions, screened
from ocr_neurons.sweep.store import Trial

RANKED = planted.everything_ranked()
EDITS = EditMaker(RANKED, 1)
SETTINGS = grid(RANKED, ["layer-0", "layer-2", "last"], [0.1, 0.5], [0.0, 0.5, 2.0], draws=2)


def made(shape: tuple[int, int] = (4, 48)) -> Gains:
    rng = np.random.default_rng(0)
    names = ("noisy", "noisy curvature")
    return Gains(
        dict.fromkeys(names, 5), {name: rng.normal(size=shape) for name in names},
        {name: np.ones(shape) for name in names}, {},
    )  # fmt: skip


def test_the_prediction_is_a_sum_over_neurons(tmp_path):
    gains = made()
    gains.save(tmp_path / "g.safetensors")
    found = predictions(SETTINGS, EDITS, Predictor.load(tmp_path / "g.safetensors"))
    assert list(found) == SETTINGS
    mean, curvature = gains.means["noisy"], gains.means["noisy curvature"]
    for setting in SETTINGS:
        wanted, step = 0.0, setting.factor - 1
        for layer, members in setting.neurons(RANKED, 1).indices.items():
            for n in members:
                wanted -= step * mean[layer, n] + step**2 / 2 * curvature[layer, n]
        assert found[setting] == pytest.approx(wanted)


def test_silencing_is_predicted_as_a_factor_of_0_and_what_does_not_multiply_is_refused(tmp_path):
    made().save(tmp_path / "g.safetensors")
    predict = Predictor.load(tmp_path / "g.safetensors")
    zero, scaled = (Setting("layer-2", 9, 0.0, operation=operation) for operation in ("zero", "scale"))
    found = predictions([zero, scaled], EDITS, predict)
    assert found[zero] == found[scaled] != 0
    with pytest.raises(UserError, match="screening: shift given; factors alone can be predicted"):
        predictions([Setting("layer-2", 9, 0.5, operation="shift")], EDITS, predict)


def test_scores_promise_for_damping_and_against_amplifying(tmp_path):
    score = np.random.default_rng(1).normal(size=(4, 48))
    save_scored(Scored("any", score, np.sign(score)), tmp_path / "s.safetensors")
    found = predictions(SETTINGS, EDITS, Predictor.load(tmp_path / "s.safetensors"))
    for setting, value in found.items():
        members = setting.neurons(RANKED, 1).indices.items()
        total = sum(score[layer, n] for layer, numbers in members for n in numbers)
        assert value == pytest.approx(total if setting.factor < 1 else -total)


def test_what_is_kept_is_the_best_part_with_its_twins():
    rng = np.random.default_rng(2)
    promise = {setting: float(rng.normal()) for setting in SETTINGS}
    own = sorted((s for s in SETTINGS if s.draw == CHOSEN), key=lambda s: promise[s])
    for share, count in ((0.25, 5), (0.01, 1), (1.0, 18)):
        kept = screened(SETTINGS, promise, share)
        assert {s for s in kept if s.draw == CHOSEN} == set(own[-count:])
        assert len(kept) == 3 * count
    for share in (0.0, 1.5, math.nan):
        with pytest.raises(UserError, match="wanted a part above 0 up to 1"):
            screened(SETTINGS, promise, share)


def test_agreement_is_a_rank_correlation():
    def trial(number: int, hits: int) -> Trial:
        tables = ({"LOC": Counts(hits, 0, 20 - hits)},)
        return Trial(Setting("all", number, 0.5), Scores(("d",), tables, tables))

    trials = [trial(number, hits) for number, hits in enumerate((3, 9, 5, 12), 1)]
    promise = {t.setting: value for t, value in zip(trials, (-1.0, 2.0, 0.1, 40.0), strict=True)}
    assert agreement(trials, trials[0].scores, promise) == pytest.approx(1.0)
    assert agreement(trials, trials[0].scores, {s: -v for s, v in promise.items()}) == pytest.approx(-1.0)
    assert math.isnan(agreement(trials[:2], trials[0].scores, promise))
    assert math.isnan(agreement(trials, trials[0].scores, dict.fromkeys(promise, 1.0)))


def test_predictions_of_another_model_and_other_files(tmp_path):
    made((3, 48)).save(tmp_path / "g.safetensors")
    with pytest.raises(UserError, match="scores of 3 layers x 48 given, the model has 4 x 48"):
        predictions(SETTINGS, EDITS, Predictor.load(tmp_path / "g.safetensors"))
    (tmp_path / "x").write_text("shipping news")
    with pytest.raises(UserError, match="not gain gradients"):
        Predictor.load(tmp_path / "x")
