"""Gain gradients against finite differences and weight gradients; their statistics; what each score puts first."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from safetensors.numpy import save_file
from scipy.stats import ttest_1samp, ttest_rel
from test_patching import exact, last_maps, planted_harm, with_marks

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.rank.choose import choose
from ocr_neurons.rank.effect import tapped
from ocr_neurons.rank.gains import (
    DocumentGains,
    GainAccumulator,
    Gains,
    Moments,
    best_factor,
    collect,
    contrast,
    gain_gradients,
    mean_gradient,
    predicted,
    signal_to_noise,
)
from ocr_neurons.text.document import Document, Token

LAYERS, WIDTH = 4, 48
SHAPE = (LAYERS, WIDTH)


# --- one document


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_gradient_is_the_finite_difference_in_one_gain(tiny_folder, kind):
    tagger = exact(tiny_folder(kind))
    loss = TaggerLoss(tagger)
    (document,) = planted.planted(1, 0, words=30)
    assert sum(piece.rows for piece in loss.pieces(document)) > 1
    gradient = gain_gradients(tagger.model, loss.pieces, document).gradient
    sizes = []
    for layer, neuron in [(0, 3), (1, 47), (2, 20), (3, 0)]:
        column, losses = last_maps(tagger.model)[layer].weight.data[:, neuron], []
        for gain in (1 + 1e-5, 1 - 1e-5):
            before = column.clone()
            column *= gain  # the bias of BERT's map has no part in the neuron
            losses.append(loss.mean(document))
            column.copy_(before)
        slope = (losses[0] - losses[1]) / 2e-5
        sizes.append(abs(slope))
        assert gradient[layer, neuron] == pytest.approx(slope, rel=1e-5, abs=1e-8)
    assert max(sizes) > 1e-3


@pytest.mark.parametrize("budget", [1, 100, 10**4])
@pytest.mark.parametrize("kind", ["llama", "mistral", "bert"])
def test_gradient_and_curvature_are_those_of_weight_columns(tiny_folder, kind, budget):
    """A gain scales a column of the last map, so d / d gain = sum over the column of weight x its gradient."""
    tagger = exact(tiny_folder(kind))
    loss = TaggerLoss(tagger, budget)
    (document,) = planted.planted(1, 1, words=40)
    own = gain_gradients(tagger.model, loss.pieces, document, seed=3)
    weights = [module.weight for module in last_maps(tagger.model)]
    for weight in weights:
        weight.requires_grad_(True)
    rng = generator(3, "labels", document.id)
    gradient, curvature = np.zeros(SHAPE), np.zeros(SHAPE)
    for piece in loss.pieces(document):
        given_labels, drawn = piece.run(rng)
        for row in range(piece.rows):
            for labels, power, into in ((given_labels, 1, gradient), (drawn, 2, curvature)):
                grads = torch.autograd.grad(labels[row], weights, retain_graph=True)
                for layer, (weight, grad) in enumerate(zip(weights, grads, strict=True)):
                    into[layer] += (weight * grad).sum(0).pow(power).detach().numpy() / len(document.tokens)
    np.testing.assert_allclose(own.gradient, gradient, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(own.curvature, curvature, rtol=1e-9, atol=1e-12)
    assert own.tokens == len(document.tokens)
    assert own.loss == pytest.approx(loss.mean(document), rel=1e-12)


def test_curvature_is_the_fisher_information_in_the_mean(tiny_folder):
    """One token: the Fisher information is a sum over five labels that can be written out."""
    tagger, draws = exact(tiny_folder("llama")), 100
    torch.nn.init.normal_(tagger.model.score.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    loss, document = TaggerLoss(tagger), Document("one", (Token("ship"),))
    (piece,) = loss.pieces(document)
    weights = [module.weight for module in last_maps(tagger.model)]
    for weight in weights:
        weight.requires_grad_(True)
    logits = tagger.model(input_ids=piece.batch.ids).logits[piece.head_rows, piece.head_positions][0]
    shares = logits.softmax(-1).detach().numpy()
    assert shares.max() < 0.8
    grads = [torch.autograd.grad(value, weights, retain_graph=True) for value in -logits.log_softmax(-1)]
    squares = np.array([[(w * g).sum(0).square().detach() for w, g in zip(weights, own, strict=True)] for own in grads])
    wanted = np.tensordot(shares, squares, 1)
    error = np.sqrt(np.tensordot(shares, (squares - wanted) ** 2, 1) / draws)
    mean = sum(gain_gradients(tagger.model, loss.pieces, document, seed).curvature for seed in range(draws)) / draws
    assert (np.abs(mean - wanted) < 5 * error).all()
    assert (error < 0.3 * wanted).mean() > 0.9


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_counts(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    (document,) = planted.planted(1, 2)
    wrapped = get_peft_model(copy.deepcopy(tagger.model), LoraConfig(r=4, target_modules="all-linear")).double().eval()
    seeds = torch.Generator().manual_seed(1)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data = 0.2 * torch.randn(parameter.shape, generator=seeds, dtype=torch.float64)
    merged = copy.deepcopy(wrapped).merge_and_unload()
    by_kind = [
        gain_gradients(
            model, TaggerLoss(Tagger(model, tagger.tokenizer, tagger.labels, Encoding(48), {})).pieces, document
        )
        for model in (wrapped, merged, tagger.model)
    ]
    np.testing.assert_allclose(by_kind[0].gradient, by_kind[1].gradient, rtol=1e-7, atol=1e-10)
    assert np.abs(by_kind[0].gradient - by_kind[2].gradient).max() > 1e-3


def test_bfloat16_is_near(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    (document,) = planted.planted(1, 0)
    for block in tagger.model.modules():
        if isinstance(block, torch.nn.Linear):
            block.weight.data = block.weight.data.to(torch.bfloat16).float()
    wide = gain_gradients(tagger.model, TaggerLoss(tagger).pieces, document).gradient
    tagger.model.to(torch.bfloat16)
    narrow = gain_gradients(tagger.model, TaggerLoss(tagger).pieces, document).gradient
    assert np.corrcoef(wide.ravel(), narrow.ravel())[0, 1] > 0.95


def test_what_has_no_gradient_is_refused(tiny_folder):
    tagger = planted.untrained(tiny_folder("llama"))
    loss = TaggerLoss(tagger)
    with pytest.raises(UserError, match="bare: no token to take a loss of; leave the document out"):
        gain_gradients(tagger.model, loss.pieces, Document("bare", ()))
    last_maps(tagger.model)[1].weight.data[0, 0] = float("inf")
    with pytest.raises(UserError, match="0-0: gradients are not finite"):
        gain_gradients(tagger.model, loss.pieces, planted.planted(1, 0)[0])


# --- nothing is left behind


@pytest.mark.parametrize("frozen", [True, False])
def test_no_trace(tiny_folder, frozen):
    tagger = planted.untrained(tiny_folder("llama"))
    model, (document,) = tagger.model, planted.planted(1, 0)
    model.requires_grad_(not frozen)
    model.train()
    model.model.layers[2].eval()  # a mode of its own is restored as well
    modes = [module.training for module in model.modules()]
    weights = copy.deepcopy(model.state_dict())
    gain_gradients(model, TaggerLoss(tagger).pieces, document)
    with torch.inference_mode():  # the caller's, left alone
        gain_gradients(model, TaggerLoss(tagger).pieces, document)
        assert torch.is_inference_mode_enabled()
    with pytest.raises(KeyboardInterrupt), tapped(model):
        raise KeyboardInterrupt
    assert not planted.hooks(model)
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None and p.requires_grad is not frozen for p in model.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


# --- over documents


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.floats(-1e6, 1e6), st.integers(0, 1000))
def test_moments_of_parts_are_those_of_the_whole(sizes, shift, seed):
    values = np.random.default_rng(seed).normal(shift, 1.0, (sum(sizes), 3))
    merged, start = Moments((3,)), 0
    for size in sizes:
        part = Moments((3,))
        for row in values[start : start + size]:
            part.update(row)
        merged.merge(part)
        start += size
    assert merged.count == len(values)
    if len(values) > 1:
        np.testing.assert_allclose(merged.mean, values.mean(0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(merged.variance(), values.var(0, ddof=1), rtol=1e-6)
    else:
        assert np.isnan(merged.variance()).all()


def documents(count: int, seed: int = 0) -> tuple[list[DocumentGains], list[DocumentGains]]:
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 0.05, (1, 2, *SHAPE))
    grads = rng.normal(0, 0.1, (count, 2, *SHAPE)) + base
    curves = rng.gamma(1, 0.1, (count, 2, *SHAPE))
    sides = ([DocumentGains(1.0, 10, g[s], c[s]) for g, c in zip(grads, curves, strict=True)] for s in (0, 1))
    return tuple(sides)  # type: ignore[return-value]


def gains_of(noisy: list[DocumentGains], clean: list[DocumentGains] | None) -> Gains:
    accumulator = GainAccumulator(*SHAPE)
    for number, own in enumerate(noisy):
        accumulator.update(own, None if clean is None else clean[number])
    return accumulator.freeze({"data": "made"})


def test_t_and_p_are_those_of_scipy():
    noisy, clean = documents(12)
    gains = gains_of(noisy, clean)
    sides = [np.array([d.gradient for d in side]) for side in (noisy, clean)]
    for scored, wanted in (
        (signal_to_noise(gains), ttest_1samp(sides[0], 0)),
        (signal_to_noise(gains, "clean"), ttest_1samp(sides[1], 0)),
        (contrast(gains), ttest_rel(*sides)),
    ):
        np.testing.assert_allclose(scored.score, wanted.statistic, rtol=1e-9)
        np.testing.assert_allclose(scored.p, wanted.pvalue, rtol=1e-9)
        assert (scored.sign == np.sign(wanted.statistic)).all()
        assert scored.about["documents"] == 12
    np.testing.assert_allclose(mean_gradient(gains).score, sides[0].mean(0))
    np.testing.assert_allclose(mean_gradient(gains).error, sides[0].std(0, ddof=1) / 12**0.5)
    np.testing.assert_allclose(gains.means["clean curvature"], np.mean([d.curvature for d in clean], 0))


def test_p_is_uniform_where_nothing_is():
    rng = np.random.default_rng(0)
    zero = [DocumentGains(1.0, 1, g, np.abs(g)) for g in rng.normal(0, 1, (10, *SHAPE))]
    p = signal_to_noise(gains_of(zero, None)).p
    assert p is not None
    assert abs((p < 0.05).mean() - 0.05) < 0.05
    assert abs((p < 0.5).mean() - 0.5) < 0.12


def test_the_error_of_t_is_its_spread():
    """Over 4,000 neurons of one true effect the t statistic varies by about its stated standard error."""
    values = np.random.default_rng(1).normal(0.5, 1, (60, 1, 4000))
    accumulator = GainAccumulator(1, 4000)
    for value in values:
        accumulator.update(DocumentGains(1.0, 1, value, np.ones_like(value)))
    scored = signal_to_noise(accumulator.freeze({}))
    assert scored.error is not None
    assert scored.score.std() == pytest.approx(float(scored.error.mean()), rel=0.1)


def test_neurons_without_variation_stay_finite():
    gradient = np.zeros(SHAPE)
    gradient[0, 1] = 0.25
    scored = signal_to_noise(gains_of([DocumentGains(1.0, 1, gradient, gradient)] * 3, None))
    assert np.isfinite(scored.score).all()
    assert scored.score.argmax() == 1
    assert scored.score[1, 1] == 0
    assert scored.p is not None
    assert scored.p[1, 1] == 1
    assert scored.sign[1, 1] == 0


def test_refusals():
    noisy, clean = documents(3)
    alone, single = gains_of(noisy, None), gains_of(noisy[:1], clean[:1])
    with pytest.raises(UserError, match="difference: 0 documents given; wanted at least 2, each with its clean twin"):
        contrast(alone)
    with pytest.raises(UserError, match=r"noisy: 1 documents given; wanted at least 2$"):
        signal_to_noise(single)
    both = gains_of(noisy, clean)
    for wrong in ({"low": 1.5}, {"high": 0.5}, {"high": float("inf")}, {"side": "difference"}):
        with pytest.raises(UserError, match="given; wanted"):
            predicted(both, **wrong)
    with pytest.raises(UserError, match="side 'nosy' given; wanted one of noisy, clean"):
        signal_to_noise(both, "nosy")
    with pytest.raises(UserError, match="factor nan given"):
        predicted(both, float("nan"))


def test_file_round_trip_and_junk(tmp_path):
    gains = gains_of(*documents(5))
    path = tmp_path / "new" / "gains.safetensors"
    gains.save(path)
    again = Gains.load(path)
    assert (again.counts, again.about) == (gains.counts, gains.about)
    for name in gains.counts:
        assert np.array_equal(again.means[name], gains.means[name])
        assert np.array_equal(again.variances[name], gains.variances[name])
    assert [p.name for p in path.parent.iterdir()] == ["gains.safetensors"]
    whole = path.read_bytes()
    save_file({"a": np.zeros(2)}, str(tmp_path / "other.safetensors"))
    junk = {"none": None, "empty": b"", "cut": whole[:200], "text": b"not a file of this kind", "folder": None}
    for name, content in junk.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    for name in [*junk, "other.safetensors"]:
        with pytest.raises(UserError, match=r"wanted a file that Gains\.save wrote") as caught:
            Gains.load(tmp_path / name)
        assert "\n" not in str(caught.value)


# --- a real loss


def test_collect_is_the_documents_one_by_one(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    loss = TaggerLoss(tagger)
    noisy, clean = planted.planted(3, 0), planted.planted(3, 1)
    gains = collect(tagger.model, loss.pieces, noisy, clean, seed=2, about={"data": "planted"})
    own = [[gain_gradients(tagger.model, loss.pieces, d, 2).gradient for d in side] for side in (noisy, clean)]
    np.testing.assert_allclose(gains.means["difference"], np.subtract(*own).mean(0), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(gains.variances["clean"], np.var(own[1], axis=0, ddof=1), rtol=1e-9)
    facts = {"fingerprint": fingerprint(tagger.model), "site": "neuron", "depth": LAYERS}
    assert gains.about == {**facts, "data": "planted", "seed": 2}
    chosen = choose(predicted(gains, 0.5), count=10)
    assert (chosen.model, chosen.site, chosen.layers, chosen.count) == (facts["fingerprint"], "neuron", LAYERS, 10)
    assert chosen.method == {"name": "gain-predicted", "side": "noisy", "factor": 0.5, "count": 10, "documents": 3}
    assert set(collect(tagger.model, loss.pieces, noisy[:2]).counts.items()) >= {("noisy", 2), ("clean", 0)}
    with pytest.raises(UserError, match="3 documents and 2 clean twins given"):
        collect(tagger.model, loss.pieces, noisy, clean[:2])
    with pytest.raises(UserError, match="no document"):
        collect(tagger.model, loss.pieces, [])


def test_the_planted_neuron_is_first_under_contrast(tiny_folder):
    """A neuron of the last layer that fires on ``#`` alone, and then pushes towards a wrong label."""
    tagger = exact(tiny_folder("llama"))
    layer, neuron = planted_harm(tagger)
    noisy, clean = with_marks(planted.planted(10, 0)), planted.planted(10, 0)
    gains = collect(tagger.model, TaggerLoss(tagger).pieces, noisy, clean)
    assert gains.means["clean"][layer, neuron] == 0
    assert gains.means["noisy"][layer, neuron] > 0
    scored = contrast(gains)
    order = [divmod(int(i), WIDTH) for i in np.argsort(-scored.score, axis=None)]
    assert order[0] == (layer, neuron)
    assert scored.p is not None
    assert scored.p[layer, neuron] < 1e-4
    assert scored.sign[layer, neuron] == 1
    assert best_factor(gains)[layer, neuron] < 1
    swapped = contrast(collect(tagger.model, TaggerLoss(tagger).pieces, clean, noisy))
    assert swapped.score[layer, neuron] == pytest.approx(-scored.score[layer, neuron])
