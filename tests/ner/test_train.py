"""Training: it learns, repeats itself to the bit, disturbs nobody, and leaves whole folders or none."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.ner import train as room
from ocr_neurons.ner.model import CARD, build, load_tagger
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.train import lora_targets, train
from ocr_neurons.text.document import Document, Token
from planted import LEARN, SHORT

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["llama", "bert"])
def learnt(request, tiny_folder, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("learnt") / "tagger"
    card = train(planted.planted(24, seed=0), str(tiny_folder(request.param)), out, recipe=LEARN, data="planted")
    return out, card


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.safetensors")}


def test_the_loss_falls_and_the_pattern_is_learnt(learnt):
    out, card = learnt
    assert len(card["losses"]) >= 4
    assert card["losses"][-1] < 0.2 * card["losses"][0]
    unseen = planted.planted(6, seed=9)
    tagged = load_tagger(out, dtype=torch.float32, device=CPU).tag(unseen)
    assert [document.labels() for document in tagged] == [document.labels() for document in unseen]


def test_the_card_says_what_was_done(learnt):
    out, card = learnt
    kept = json.loads((out / CARD).read_text())
    assert {**kept, "seconds": card["seconds"]} == card
    assert kept["labels"] == ["O", "B-loc", "I-loc", "B-pers", "I-pers"]
    assert kept["recipe"] == {**kept["recipe"], "epochs": 12, "learning_rate": 5e-3, "attention": "bidirectional"}
    assert (kept["documents"], kept["data"], kept["seed"], kept["dtype"]) == (24, "planted", 1, "float32")
    assert not list(out.parent.glob(".*")), "scratch folders are left behind"


def test_same_seed_same_weights_and_the_caller_keeps_his_generators(tiny_folder, tmp_path):
    documents, base = planted.planted(4, seed=0), str(tiny_folder("mistral"))
    found = {}
    for name, seed, disturbance in (("a", 1, 0), ("b", 1, 77), ("c", 2, 0)):
        random.seed(disturbance)
        np.random.seed(disturbance)  # noqa: NPY002 - the global one is what is at stake
        torch.manual_seed(disturbance)
        before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
        train(documents, base, tmp_path / name, recipe=SHORT, seed=seed)
        load_tagger(tmp_path / name, dtype=torch.float32, device=CPU)
        after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
        assert before == after
        found[name] = digests(tmp_path / name)
    assert found["a"]
    assert found["a"] == found["b"]
    assert found["a"] != found["c"]


@pytest.mark.parametrize("moment", ["write_card", "get_peft_model", "TaggerTrainer"])
def test_a_crash_leaves_nothing_and_spoils_nothing(tiny_folder, tmp_path, monkeypatch, moment):
    documents, base = planted.planted(2, seed=0), str(tiny_folder("llama"))

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("power cut")

    old = tmp_path / "old"
    train(documents, base, old, recipe=SHORT)
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    states = random.getstate(), torch.get_rng_state().tolist()
    monkeypatch.setattr(room, moment, crash)
    for out in (tmp_path / "new", old):
        with pytest.raises(RuntimeError, match="power cut"):
            train(documents, base, out, recipe=SHORT)
    # what was trained before the last step failed is kept for the next try
    kept = {f".{name}.training" for name in ("new", "old")} if moment == "write_card" else set()
    assert {path.name.rpartition("-")[0] or path.name for path in tmp_path.iterdir()} == {"old"} | kept
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    assert (random.getstate(), torch.get_rng_state().tolist()) == states


def test_a_tagger_is_replaced_and_a_foreign_folder_is_not(tiny_folder, tmp_path):
    documents, base = planted.planted(2, seed=0), str(tiny_folder("llama"))
    train(documents, base, tmp_path / "out", recipe=SHORT, seed=1)
    first = digests(tmp_path / "out")
    train(documents, base, tmp_path / "out", recipe=SHORT, seed=2)
    assert digests(tmp_path / "out") != first
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files that are not a tagger's"):
        train(documents, base, foreign, recipe=SHORT)
    assert [path.name for path in foreign.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("documents", "recipe", "message"),
    [
        ([], SHORT, "no training documents"),
        ([Document("d", (Token("ship"),))], SHORT, "no entity in the training documents"),
        (planted.planted(1, 0), replace(SHORT, max_length=513), "max_length = 513 given; .* has 512 positions"),
        (
            planted.planted(1, 0),
            replace(SHORT, target="up_prj"),
            "target 'up_prj' given; wanted all-linear or one of",
        ),
    ],
)
def test_refusals(tiny_folder, tmp_path, documents, recipe, message):
    with pytest.raises(UserError, match=message) as caught:
        train(documents, str(tiny_folder("llama")), tmp_path / "out", recipe=recipe)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_labels_that_the_inventory_lacks_are_refused(tiny_folder, tmp_path):
    with pytest.raises(UserError, match="entity types pers are unknown to the tagger"):
        train(planted.planted(1, 0), str(tiny_folder("llama")), tmp_path / "out", labels=["O", "B-loc", "I-loc"])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", -1),
        ("rank", 0),
        ("alpha", 0),
        ("batch", -1),
        ("batch_tokens", 15),
        ("context", 65),
        ("method", "half"),
        ("head", "middle"),
        ("patience", -1),
        ("noise_share", 1.5),
        ("stability", -1.0),
        ("max_length", 15),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("dropout", 1.0),
        ("warmup", -0.1),
        ("attention", "both"),
    ],
)
def test_recipes_out_of_range(setting, value):
    with pytest.raises(UserError, match=f"recipe: {setting} = {value!r} given; wanted"):
        Recipe(**{setting: value})


def test_all_linear_maps_of_the_blocks_and_no_other(tiny_folder: Callable[[str], Path]):
    wanted = {
        "llama": {f"self_attn.{x}_proj" for x in "qkvo"} | {f"mlp.{x}_proj" for x in ("gate", "up", "down")},
        "bert": {f"attention.self.{x}" for x in ("query", "key", "value")}
        | {"attention.output.dense", "intermediate.dense", "output.dense"},
    }
    for kind, names in wanted.items():
        model = build(
            str(tiny_folder(kind)), planted.LABELS, attention="bidirectional", dtype=torch.float32, device=CPU
        )
        assert set(lora_targets(model, "all-linear")) == names
    assert lora_targets(model, "intermediate.dense") == ["intermediate.dense"]


def test_a_base_given_by_a_relative_path_is_found_from_elsewhere(tiny_folder, tmp_path, monkeypatch):
    folder = tiny_folder("llama")
    monkeypatch.chdir(folder.parent)
    train(planted.planted(2, seed=0), folder.name, tmp_path / "out", recipe=SHORT)
    monkeypatch.chdir(tmp_path)
    assert load_tagger(tmp_path / "out", dtype=torch.float32, device=CPU).info["base"] == str(folder.resolve())


def test_a_tagger_and_its_base_may_move_together(tiny_folder, tmp_path, monkeypatch):
    """Adapters find the folder they were trained on where it stands to them as before, or beside them; no other."""
    shutil.copytree(tiny_folder("llama"), tmp_path / "here" / "models" / "base")
    documents = planted.planted(2, seed=0)
    train(documents, str(tmp_path / "here" / "models" / "base"), tmp_path / "here" / "taggers" / "one", recipe=SHORT)
    wanted = load_tagger(tmp_path / "here" / "taggers" / "one", dtype=torch.float32, device=CPU).tag(documents)

    def tags(folder: Path) -> bool:
        return load_tagger(folder, dtype=torch.float32, device=CPU).tag(documents) == wanted

    (tmp_path / "here").rename(tmp_path / "there")
    there = tmp_path / "there"
    assert tags(there / "taggers" / "one")
    monkeypatch.chdir(there / "taggers")
    assert tags(Path("one"))
    shutil.copytree(there / "taggers" / "one", tmp_path / "mine")
    (there / "models" / "base").rename(tmp_path / "base")
    assert tags(tmp_path / "mine")

    (tmp_path / "base").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError) as caught:
        load_tagger(tmp_path / "mine", dtype=torch.float32, device=CPU)
    old = tmp_path / "here" / "models" / "base"
    assert str(caught.value) == (
        f"{tmp_path / 'mine'}: a tagger of adapters on the model in {old}, which is not there; put that model there or "
        f'at {tmp_path / "base"}, or correct "base" in {tmp_path / "mine" / "ocr_neurons.json"}'
    )
    shutil.copytree(tiny_folder("mistral"), tmp_path / "base")
    with pytest.raises(UserError, match=f"{tmp_path / 'base'} is not known to be that model"):
        load_tagger(tmp_path / "mine", dtype=torch.float32, device=CPU)


def test_two_trainings_do_not_share_a_scratch_folder(tiny_folder, tmp_path):
    refused = []

    @contextmanager
    def meanwhile(_: object) -> Iterator[None]:
        with pytest.raises(UserError, match="another ocr-neurons is at work in it") as caught:
            again(nullcontext)
        refused.append(caught)
        yield

    def again(during: Callable[[object], AbstractContextManager[None]]) -> None:
        train(planted.planted(2, seed=0), str(tiny_folder("llama")), tmp_path / "out", recipe=SHORT, during=during)

    again(meanwhile)
    assert len(refused) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
