"""Dev stopping, going on after an interruption, noise while training, the stability term, edits while training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_train import digests

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in
from ocr_neurons.ner import train as room
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.recipe import RECIPES, Recipe, recipe
from ocr_neurons.ner.train import train
from ocr_neurons.ner.trainer import TaggerTrainer, divergence
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.text.document import Document, Token
from planted import LEARN, SHORT, everything_ranked, planted

CPU = torch.device("cpu")


NOISE = NoiseMaker(load_noise("en"))


def corrupt(document, rng):
    return NOISE.corrupt_document(document, rng, cer=0.1)


def test_divergence_is_that_of_numpy():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 6, 5))
    links = np.array([[0, 1, 2, 3], [1, 5, 3, 0], [1, 0, 3, 2]])
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wanted = np.mean([sum(p[a, b] * np.log(p[a, b] / p[c, d])) for a, b, c, d in links])
    assert float(divergence(torch.tensor(logits), torch.tensor(links))) == pytest.approx(wanted, rel=1e-5)
    same = torch.tensor([[0, 1, 0, 1]])
    assert float(divergence(torch.tensor(logits), same)) == 0


def test_the_best_epoch_is_kept_and_training_ends_without_patience(tiny_folder, tmp_path, monkeypatch):
    scores = iter([0.2, 0.6, 0.5, 0.4, 0.9])
    kept = []

    def judge(model, *_):
        def score():
            kept.append({n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad})
            return next(scores)

        return score

    monkeypatch.setattr(room, "_judge", judge)
    card = train(
        planted(6, seed=0), str(tiny_folder("llama")), tmp_path / "out", dev=planted(2, seed=1),
        recipe=replace(LEARN, epochs=5, patience=2),
    )  # fmt: skip
    assert card["dev_f1"] == [0.2, 0.6, 0.5, 0.4]
    assert card["epoch_kept"] == 2
    from safetensors.torch import load_file

    saved = load_file(tmp_path / "out" / "adapter_model.safetensors")
    best = {name.replace(".default", ""): value for name, value in kept[1].items()}
    later = {name.replace(".default", ""): value for name, value in kept[3].items()}
    shared = [name for name in saved if name in best]
    assert len(shared) > 10
    assert all(torch.equal(saved[name], best[name]) for name in shared)
    assert not all(torch.equal(saved[name], later[name]) for name in shared)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_dev_scores_are_those_of_the_saved_tagger(tiny_folder, tmp_path):
    dev = planted(4, seed=1)
    card = train(
        planted(12, seed=0), str(tiny_folder("llama")), tmp_path / "out", dev=dev,
        recipe=replace(LEARN, epochs=6, patience=6),
    )  # fmt: skip
    tagger = load_tagger(tmp_path / "out", dtype=torch.float32, device=CPU)
    assert len(card["dev_f1"]) == 6
    assert evaluate(dev, tagger.tag(dev)).total("strict").f1 == pytest.approx(max(card["dev_f1"]), abs=1e-4)


@pytest.mark.parametrize("patience", [0, 3])
def test_an_interrupted_training_goes_on_to_the_same_tagger(tiny_folder, tmp_path, monkeypatch, patience):
    documents, base = planted(8, seed=0), str(tiny_folder("llama"))
    settings = {"dev": planted(2, seed=1), "recipe": replace(LEARN, epochs=4, patience=patience, dropout=0.2)}
    whole = train(documents, base, tmp_path / "whole", **settings)
    plain = TaggerTrainer.training_step
    steps = 0

    def stopped(self, *args, **kwargs):
        nonlocal steps
        steps += 1
        if steps == whole["steps"] * 5 // 8:
            raise KeyboardInterrupt
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(TaggerTrainer, "training_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(documents, base, tmp_path / "again", **settings)
    assert not (tmp_path / "again").exists()
    train(documents, base, tmp_path / "again", **settings)
    assert steps < whole["steps"] * 5 // 8 + whole["steps"], "began anew"
    assert digests(tmp_path / "again") == digests(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "whole"]


def test_what_trainings_of_other_settings_left_is_gone_with_the_tagger_there(tiny_folder, tmp_path):
    old, busy, other = (tmp_path / name for name in (".out.training-old", ".out.training-busy", ".out2.training-old"))
    for folder in (old, busy, other):
        (folder / "checkpoint-3").mkdir(parents=True)
    with alone_in(busy):
        train(planted(4, seed=0), str(tiny_folder("llama")), tmp_path / "out", recipe=replace(LEARN, epochs=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [busy.name, other.name, "out"]


def test_patience_counts_what_was_before_an_interruption(tiny_folder, tmp_path, monkeypatch):
    """Dev F1 0.6, 0.5, 0.4 is the end with a patience of 2, wherever the training was stopped; 0.9 never comes."""
    scores, given = [0.6, 0.5, 0.4, 0.9], {"epoch": 0, "steps": 0, "saved": 0}

    def judge(*_):
        def score():
            given["epoch"] += 1
            return scores[given["epoch"] - 1]

        return score

    monkeypatch.setattr(room, "_judge", judge)
    settings = {"dev": planted(2, seed=1), "recipe": replace(LEARN, epochs=4, patience=2)}
    documents, base = planted(8, seed=0), str(tiny_folder("llama"))
    whole = train(documents, base, tmp_path / "whole", **settings)
    assert whole["dev_f1"] == scores[:3]
    given["epoch"] = 0
    step, save = TaggerTrainer.training_step, room._save

    def stopped(self, *args, **kwargs):
        given["steps"] += 1
        if given["steps"] == whole["steps"] * 2 // 3 + 1:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    def killed(*args, **kwargs):
        given["saved"] += 1
        if given["saved"] == 1:
            raise KeyboardInterrupt
        return save(*args, **kwargs)

    monkeypatch.setattr(TaggerTrainer, "training_step", stopped)
    monkeypatch.setattr(room, "_save", killed)
    for _ in range(2):  # in the third epoch, then after the last one, before the tagger is saved
        with pytest.raises(KeyboardInterrupt):
            train(documents, base, tmp_path / "again", **settings)
    again = train(documents, base, tmp_path / "again", **settings)
    assert (again["dev_f1"], again["epoch_kept"]) == (whole["dev_f1"], 1)
    assert digests(tmp_path / "again") == digests(tmp_path / "whole")


def test_a_stop_while_a_checkpoint_is_written(tiny_folder, tmp_path, monkeypatch):
    settings = {"dev": planted(2, seed=1), "recipe": replace(LEARN, epochs=3)}
    documents, base = planted(4, seed=0), str(tiny_folder("llama"))
    train(documents, base, tmp_path / "whole", **settings)
    plain, written = TaggerTrainer._save_optimizer_and_scheduler, 0

    def cut(self, out):
        nonlocal written
        written += 1
        if written == 2:
            raise KeyboardInterrupt
        return plain(self, out)

    monkeypatch.setattr(TaggerTrainer, "_save_optimizer_and_scheduler", cut)
    with pytest.raises(KeyboardInterrupt):
        train(documents, base, tmp_path / "again", **settings)
    train(documents, base, tmp_path / "again", **settings)
    assert digests(tmp_path / "again") == digests(tmp_path / "whole")


def test_another_recipe_does_not_go_on_from_it(tiny_folder, tmp_path, monkeypatch):
    documents, base = planted(4, seed=0), str(tiny_folder("llama"))

    def crash(*_, **__):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(room, "write_card", crash)
        with pytest.raises(RuntimeError, match="power cut"):
            train(documents, base, tmp_path / "out", recipe=SHORT)
    train(documents, base, tmp_path / "out", recipe=replace(SHORT, rank=4))
    train(documents, base, tmp_path / "other", recipe=replace(SHORT, rank=4))
    assert digests(tmp_path / "out") == digests(tmp_path / "other")


def test_other_noise_does_not_go_on_from_it(tiny_folder, tmp_path, monkeypatch):
    documents, base, recipe = planted(4, seed=0), str(tiny_folder("llama")), replace(SHORT, noise_share=1.0)

    def other(document, rng):
        return NOISE.corrupt_document(document, rng, cer=0.3)

    def crash(*_, **__):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(room, "write_card", crash)
        with pytest.raises(RuntimeError, match="power cut"):
            train(documents, base, tmp_path / "out", recipe=recipe, corrupt=corrupt)
    train(documents, base, tmp_path / "out", recipe=recipe, corrupt=other)
    train(documents, base, tmp_path / "fresh", recipe=recipe, corrupt=other)
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh")


def test_all_weights_of_an_encoder(tiny_folder, tmp_path, capfd):
    source = tiny_folder("bert")
    capfd.readouterr()
    train(planted(24, seed=0), str(source), tmp_path / "out", recipe=replace(LEARN, method="full", learning_rate=2e-3))
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "out" / "model.safetensors").exists()
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    unseen = planted(6, seed=9)
    tagged = load_tagger(tmp_path / "out", dtype=torch.float32, device=CPU).tag(unseen)
    assert [document.labels() for document in tagged] == [document.labels() for document in unseen]


def on_noise(out):
    noisy = [corrupt(d, np.random.default_rng(i)).document for i, d in enumerate(planted(12, seed=9))]
    return evaluate(noisy, load_tagger(out, dtype=torch.float32, device=CPU).tag(noisy)).total("strict").f1


@pytest.fixture(scope="module")
def plain_on_noise(tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("plain") / "out"
    train(planted(24, seed=0), str(tiny_folder("llama")), out, recipe=replace(LEARN, epochs=8))
    return on_noise(out)


@pytest.mark.parametrize("stability", [0.0, 1.0])
def test_training_on_noise_makes_a_tagger_that_stands_noise(tiny_folder, tmp_path, plain_on_noise, stability):
    learn = replace(LEARN, noise_share=0.7, stability=stability, epochs=8)
    train(planted(24, seed=0), str(tiny_folder("llama")), tmp_path / "out", recipe=learn, corrupt=corrupt)
    assert on_noise(tmp_path / "out") > plain_on_noise + 0.05


@pytest.mark.parametrize("stability", [0.0, 1.0])
def test_training_on_noise_repeats_itself(tiny_folder, tmp_path, stability):
    documents, learn = planted(3, seed=0), replace(SHORT, noise_share=0.7, stability=stability)
    for name in "ab":
        train(documents, str(tiny_folder("llama")), tmp_path / name, recipe=learn, corrupt=corrupt)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_an_edit_is_active_while_training_and_gone_afterwards(tiny_folder, tmp_path):
    documents, base = planted(6, seed=0), str(tiny_folder("llama"))
    silenced = Edit(everything_ranked(), 0.0)
    with_edit = train(documents, base, tmp_path / "edited", recipe=SHORT, during=silenced.on, facts={"edit": "x"})
    without = train(documents, base, tmp_path / "plain", recipe=SHORT)
    assert with_edit["edit"] == "x"
    assert with_edit["losses"] != without["losses"]
    # every neuron is silenced, so no gradient reaches the feed-forward maps
    from safetensors.torch import load_file

    for name, moves in (("edited", False), ("plain", True)):
        weights = load_file(tmp_path / name / "adapter_model.safetensors")
        downs = [value for key, value in weights.items() if "mlp.up_proj.lora_B" in key]
        assert len(downs) == 4
        assert any(bool(value.any()) for value in downs) == moves


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patience": 1}, "patience = 1 given; wanted a data set with a dev split"),
        ({"noise_share": 0.5}, "noise_share = 0.5 given without a noise model"),
        ({"attention": "repeat", "max_length": 300}, "max_length = 300, twice each given; .* has 512 positions"),
    ],
)
def test_refusals_of_recipes(tiny_folder, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        train(planted(2, seed=0), str(tiny_folder("llama")), tmp_path / "out", recipe=replace(SHORT, **changes))
    assert not list(tmp_path.iterdir())


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=3), st.integers(1, 30))
def test_small_data_get_more_epochs(lengths, epochs):
    """By adding epochs one by one until enough words are read."""
    documents = [Document("d", (Token("a"),) * length) for length in lengths]
    wanted = 4
    while wanted * sum(lengths) < 90_000 and wanted < 20:
        wanted += 1
    assert Recipe().settled(documents) == Recipe(epochs=wanted)
    assert Recipe(epochs=epochs).settled(documents) == Recipe(epochs=epochs)


def test_the_card_says_how_many_epochs_the_data_took(tiny_folder, tmp_path):
    documents = planted(2, seed=0)
    card = train(documents, str(tiny_folder("llama")), tmp_path / "out", recipe=replace(SHORT, epochs=0))
    assert card["recipe"]["epochs"] == 20
    fixed = train(documents, str(tiny_folder("llama")), tmp_path / "fixed", recipe=replace(SHORT, epochs=20))
    assert card["losses"] == fixed["losses"]


def test_recipes_by_name():
    paper = recipe("paper")
    assert (paper.rank, paper.alpha, paper.dropout, paper.target) == (12, 32, 0.1, "up_proj")
    assert (paper.learning_rate, paper.epochs, paper.batch) == (1e-4, 3, 16)
    assert (paper.encoding.head, paper.encoding.repeat, paper.mask) == ("first", False, "causal")
    assert recipe("causal", epochs=9) == Recipe(attention="causal", epochs=9)
    assert {name for name, one in RECIPES.items() if one.epochs} == {"paper", "encoder"}
    assert {RECIPES[name].encoding.head for name in ("causal", "repeat")} == {"last"}
    with pytest.raises(UserError, match=r"recipe 'papr' is unknown; nearest: .*paper"):
        recipe("papr")
    with pytest.raises(UserError, match=r"stability = 1.0 with noise_share = 0"):
        Recipe(stability=1.0)
