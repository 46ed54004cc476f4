"""Predicted and measured effects of gains: on a quadratic whose curvature is known, and on tiny taggers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from test_gains import SHAPE, documents, gains_of
from test_patching import exact
from torch import Tensor, nn

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.rank.effect import KINDS, Effect, effects, tapped
from ocr_neurons.rank.gains import DocumentGains, GainAccumulator, best_factor, gain_gradients, predicted
from ocr_neurons.text.document import Document

FACTORS = (0.0, 0.5, 2.0)
FEW = {0: (3, 1, 47), 2: (8,), 3: tuple(range(0, 48, 6))}


def neuron_set(indices: dict[int, tuple[int, ...]], layers: int = 4, width: int = 48) -> NeuronSet:
    return NeuronSet("abc", "neuron", layers, width, indices)


# --- a loss that is quadratic in the gains


class Toy(nn.Module):
    """Two layers side by side whose neurons add up to one number; the loss is half its squared distance to a target.

    Of the label -> drawn label machinery only this is left: a drawn loss whose gradient, squared, is the curvature.
    """

    def __init__(self, windows: list[Tensor]) -> None:
        super().__init__()
        self.config = SimpleNamespace(num_hidden_layers=2, hidden_size=3, intermediate_size=4, model_type="toy")
        seeds = torch.Generator().manual_seed(0)
        self.blocks = nn.ModuleList(nn.Linear(4, 3, bias=False) for _ in range(2))
        for block in self.blocks:
            block.weight.data = torch.randn(3, 4, generator=seeds)
        self.double()
        self.windows = windows

    def forward(self, number: int) -> Tensor:
        activations = self.windows[number]  # [rows, positions, layers, width]
        outputs: Any = sum(block(activations[:, :, layer]) for layer, block in enumerate(self.blocks))
        return outputs.sum((1, 2))

    def pull(self, number: int) -> Tensor:
        """``[rows, layers, width]``: what each neuron adds to the number."""
        columns = torch.stack([block.weight.sum(0) for block in self.blocks])
        return (self.windows[number].sum(1) * columns).detach()


class ToyPiece:
    words: dict[int, tuple[int, int, int]] = {}  # noqa: RUF012

    def __init__(self, model: Toy, number: int) -> None:
        self.model, self.number = model, number
        self.rows, self.tokens = len(model.windows[number]), 5

    def run(self, rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor | None]:
        result = self.model(self.number)
        if rng is None:
            return (result - 1.5).square() / 2, None
        return (result - 1.5).square() / 2, result * torch.from_numpy(rng.choice([-1.0, 1.0], self.rows))


@pytest.fixture
def toy() -> tuple[Toy, Any, list[Document]]:
    seeds = torch.Generator().manual_seed(4)
    windows = [torch.randn(rows, 6, 2, 4, generator=seeds, dtype=torch.float64) for rows in (2, 1, 3)]
    model = Toy(windows)
    return model, lambda document: [ToyPiece(model, int(document.id))], [Document(str(n), ()) for n in range(3)]


def true_change(model: Toy, number: int, indices: dict[int, tuple[int, ...]], factor: float) -> float:
    pull = model.pull(number)
    before = pull.sum((1, 2))
    after = before + (factor - 1) * sum(pull[:, layer, list(own)].sum(1) for layer, own in indices.items())
    return float((((after - 1.5) ** 2 - (before - 1.5) ** 2) / 2).sum()) / 5


def test_on_a_quadratic_all_but_the_straight_line_and_the_diagonal_are_exact(toy):
    model, pieces, documents = toy
    indices = {0: (1, 2), 1: (0, 3)}
    found = effects(model, pieces, documents, {"some": neuron_set(indices, 2, 4)}, FACTORS, nodes=1)
    assert [effect.factor for effect in found] == list(FACTORS)
    for effect in found:
        true = [true_change(model, number, indices, effect.factor) for number in range(3)]
        np.testing.assert_allclose(effect.measured, true, atol=1e-12)
        np.testing.assert_allclose(effect.joint, true, atol=1e-12)
        np.testing.assert_allclose(effect.path, true, atol=1e-12)
        for number in range(3):
            own = model.pull(number)
            alone = sum(float(own[:, layer, i].square().sum()) / 5 for layer, row in indices.items() for i in row)
            assert effect.diagonal[number] - effect.first[number] == pytest.approx((effect.factor - 1) ** 2 / 2 * alone)
        assert np.abs(effect.first - true).max() > 0.1
        assert np.abs(effect.diagonal - true).max() > 0.01


def test_on_a_quadratic_the_best_factor_is_the_best(toy):
    """Gain gradients of one document predict each neuron alone exactly, and no other factor does better."""
    model, pieces, documents = toy
    accumulator = GainAccumulator(2, 4)
    for _ in range(2):
        accumulator.update(gain_gradients(model, pieces, documents[2]))
    gains = accumulator.freeze({})
    best, scored, half = best_factor(gains), predicted(gains), predicted(gains, 0.5)
    inner = 0
    for layer in range(2):
        for neuron in range(4):
            alone = {layer: (neuron,)}
            assert half.score[layer, neuron] == pytest.approx(-true_change(model, 2, alone, 0.5), abs=1e-12)
            factor = float(best[layer, neuron])
            change = true_change(model, 2, alone, factor)
            assert scored.score[layer, neuron] == pytest.approx(-change, abs=1e-12)
            assert change <= min(true_change(model, 2, alone, f) for f in np.linspace(0, 2, 41)) + 1e-12
            inner += 0 < factor < 2
    assert inner >= 2


def test_best_factor_is_the_lowest_of_a_grid():
    noisy, clean = documents(8)
    gains = gains_of(noisy, clean)
    for side, low, high in (("noisy", 0.0, 2.0), ("clean", 0.0, 1.0), ("noisy", 0.5, 1.5)):
        grid = np.linspace(low, high, 2001)[:, None, None]
        mean, curve = gains.means[side], gains.means[f"{side} curvature"]
        changes = (grid - 1) * mean + (grid - 1) ** 2 / 2 * curve
        best, scored = (
            best_factor(gains, side=side, low=low, high=high),
            predicted(gains, side=side, low=low, high=high),
        )
        np.testing.assert_allclose(best, grid[changes.argmin(0), 0, 0], atol=1e-3)
        np.testing.assert_allclose(scored.score, -changes.min(0), atol=1e-6)
        assert scored.score.min() >= 0
        assert (mean[best < 1] > 0).all()
        assert (mean[best > 1] < 0).all()
    half = predicted(gains, 0.5)
    np.testing.assert_allclose(half.score, 0.5 * gains.means["noisy"] - gains.means["noisy curvature"] / 8)
    assert half.error is not None
    np.testing.assert_allclose(half.error, 0.5 * gains.error("noisy"))


def test_best_factor_without_curvature_is_an_edge():
    flat = [DocumentGains(1.0, 1, np.full(SHAPE, value), np.zeros(SHAPE)) for value in (0.1, 0.2)]
    assert (best_factor(gains_of(flat, None)) == 0).all()
    rising = [DocumentGains(1.0, 1, -d.gradient, d.curvature) for d in flat]
    assert (best_factor(gains_of(rising, None), high=3.0) == 3).all()
    nothing = [DocumentGains(1.0, 1, np.zeros(SHAPE), np.zeros(SHAPE))] * 2
    assert (best_factor(gains_of(nothing, None)) == 1).all()


# --- a tagger's loss


def test_taps_change_no_logit(tiny_folder):
    for kind in ("llama", "bert"):
        tagger = planted.untrained(tiny_folder(kind))
        (piece,) = TaggerLoss(tagger).pieces(planted.planted(1, 0)[0])
        bare, _ = piece.run()
        with tapped(tagger.model):
            under, _ = piece.run()
        assert torch.equal(bare.detach(), under.detach())


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_measured_is_the_loss_under_an_edit(tiny_folder, kind):
    tagger = exact(tiny_folder(kind))
    loss, documents, some = TaggerLoss(tagger, budget=100), planted.planted(2, 0, words=30), neuron_set(FEW)
    bare = [loss.mean(document) for document in documents]
    for effect in effects(tagger.model, loss.pieces, documents, {"some": some}, FACTORS, nodes=1):
        with Edit(some, effect.factor).on(tagger.model):
            under = [loss.mean(document) for document in documents]
        np.testing.assert_allclose(effect.measured, np.subtract(under, bare), rtol=1e-9, atol=1e-12)
        assert np.abs(effect.measured).min() > 1e-4
        assert (effect.name, effect.neurons) == ("some", 12)


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_slopes_and_curvatures_are_sums_of_gain_gradients(tiny_folder, kind):
    tagger = exact(tiny_folder(kind))
    loss, documents = TaggerLoss(tagger, budget=100), planted.planted(2, 0, words=30)
    sets = {"some": neuron_set(FEW), "one": neuron_set({1: (5,)})}
    some, one = effects(tagger.model, loss.pieces, documents, sets, [0.25], nodes=1, seed=4)
    for number, document in enumerate(documents):
        own = gain_gradients(tagger.model, loss.pieces, document, seed=4)
        slope = sum(own.gradient[layer, i] for layer, row in FEW.items() for i in row)
        curve = sum(own.curvature[layer, i] for layer, row in FEW.items() for i in row)
        assert some.first[number] == pytest.approx(-0.75 * slope)
        assert some.diagonal[number] == pytest.approx(-0.75 * slope + 0.75**2 / 2 * curve)
        assert one.first[number] == pytest.approx(-0.75 * own.gradient[1, 5])
    np.testing.assert_allclose(one.joint, one.diagonal)
    assert np.abs(some.joint - some.diagonal).max() > 1e-3


@pytest.mark.parametrize("kind", ["llama", "mistral", "bert"])
def test_the_path_integral_becomes_the_measured_change(tiny_folder, kind):
    tagger = exact(tiny_folder(kind))
    loss, documents, sets = TaggerLoss(tagger), planted.planted(2, 1), {"some": neuron_set(FEW)}
    errors: dict[int, float] = {}
    for nodes in (1, 2, 16):
        found = effects(tagger.model, loss.pieces, documents, sets, [0.5, 1.5], nodes=nodes)
        errors[nodes] = max(float(np.abs(e.path - e.measured).max()) for e in found)
        straight = max(float(np.abs(e.first - e.measured).max()) for e in found)
    assert errors[16] < errors[2] < straight
    assert errors[16] < 0.01 * straight


def test_factors_on_the_way_do_not_change_the_end(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    loss, documents, sets = TaggerLoss(tagger), planted.planted(1, 1), {"some": neuron_set(FEW)}
    through = effects(tagger.model, loss.pieces, documents, sets, [1.2, 0.8, 0.9, 0.8, 1.1], nodes=8)
    assert [effect.factor for effect in through] == [1.2, 0.8, 0.9, 1.1]
    for effect in through:
        (alone,) = effects(tagger.model, loss.pieces, documents, sets, [effect.factor], nodes=8)
        np.testing.assert_allclose(alone.path, effect.path, atol=1e-3 * np.abs(effect.measured).max())
        np.testing.assert_array_equal(alone.measured, effect.measured)


def test_no_neuron_no_effect(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    (effect,) = effects(tagger.model, TaggerLoss(tagger).pieces, planted.planted(1, 1), {"none": neuron_set({})}, [0.0])
    for kind in KINDS:
        assert np.abs(getattr(effect, kind)).max() < 1e-12
    assert effects(tagger.model, TaggerLoss(tagger).pieces, planted.planted(1, 1), {}, [0.0]) == []


def test_summary_is_mean_and_paired_error():
    rows = np.random.default_rng(0).normal(0, 1, (5, 9))
    summary = Effect("x", 1, 0.5, *rows).summary()
    assert tuple(summary) == KINDS
    for kind, row in zip(KINDS, rows, strict=True):
        assert summary[kind] == (pytest.approx(row.mean()), pytest.approx(row.std(ddof=1) / 3))
    assert np.isnan(Effect("x", 1, 0.5, *rows[:, :1]).summary()["path"][1])
    rows[3, 4:] = np.nan
    assert Effect("x", 1, 0.5, *rows).summary()["path"] == (
        pytest.approx(rows[3, :4].mean()),
        pytest.approx(rows[3, :4].std(ddof=1) / 2),
    )


def test_paths_of_the_first_documents_only(toy):
    model, pieces, documents = toy
    sets = {"some": neuron_set({0: (1, 2)}, 2, 4)}
    for whole, part, none in zip(
        *(effects(model, pieces, documents, sets, FACTORS, paths=paths) for paths in (None, 2, 0)), strict=True
    ):
        np.testing.assert_array_equal(part.path, [*whole.path[:2], np.nan])
        assert np.isnan(none.path).all()
        np.testing.assert_array_equal(none.measured, whole.measured)


def test_nothing_is_left_and_bad_input_is_refused(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    tagger.model.train()
    documents, sets = planted.planted(1, 0), {"some": neuron_set(FEW)}
    before = {name: value.clone() for name, value in tagger.model.state_dict().items()}

    def run(**changes: Any) -> list[Effect]:
        options = {"documents": documents, "sets": sets, "factors": [0.5]} | changes
        return effects(tagger.model, TaggerLoss(tagger).pieces, **options)

    run()
    for changes, message in (
        ({"factors": [1.0]}, "factor 1.0 given; wanted finite numbers other than 1"),
        ({"factors": [float("nan")]}, "factor nan given"),
        ({"nodes": 0}, "0 nodes for None documents given"),
        ({"paths": -1}, "2 nodes for -1 documents given"),
        ({"documents": []}, "no document"),
        ({"documents": [*documents, Document("bare", ())]}, "bare: no token"),
        ({"sets": {"x": neuron_set(FEW, layers=5)}}, "a model of 5 layers x 48 given, this model has 4 x 48"),
        ({"sets": {"x": neuron_set(FEW, width=49)}}, "4 layers x 49 given"),
        ({"sets": {"x": NeuronSet("abc", "up", 4, 48, FEW)}}, "neurons of site 'up'"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            run(**changes)
        assert "\n" not in str(caught.value)
    assert not planted.hooks(tagger.model)
    assert all(module.training for module in tagger.model.modules())
    assert all(parameter.grad is None for parameter in tagger.model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in tagger.model.state_dict().items())
