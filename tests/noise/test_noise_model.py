"""The model's file: it comes back equal, gives the same noise, is readable, and damage is told in one line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.apply import SHIPPED, NoiseMaker, load_noise
from ocr_neurons.noise.learned.learn import learn
from ocr_neurons.noise.learned.model import FORMAT, NoiseModel
from ocr_neurons.text.pairs import TextPair

TEXT = 'the corner of a modern street, where « l’été » and 12 \\ "quoted" ſhips & über\tλόγος 😀 turn'


def seeded(seed: int) -> Random:
    """A generator of the standard library: many single draws are fast with it."""
    return Random(seed)


def prose(length: int, random: Random) -> str:
    return " ".join(random.choices(TEXT.split(" "), k=length // 5))


@pytest.fixture(scope="module")
def model() -> NoiseModel:
    random = seeded(1)
    pairs = []
    for index in range(10):
        clean = prose(3000, random)
        noisy = clean.replace("rn", "m") if index % 2 else clean
        noisy = "".join(
            ""
            if random.random() < 0.02
            else '"' + c
            if random.random() < 0.02
            else "\\"
            if random.random() < 0.02
            else c
            for c in noisy
        )
        pairs.append(TextPair(clean, noisy, "real", f"{'ab'[index % 2]}/{index}"))
    return learn(pairs, language="fr", source="ours", licence="CC0", normalised=("quotes", "lines"))


@pytest.fixture(scope="module")
def written(model: NoiseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("noise") / "model.json"
    model.save(path)
    return path


def test_a_model_comes_back_equal_and_gives_the_same_noise(model, written):
    again = NoiseModel.load(written)
    assert again == model
    text = prose(6000, seeded(2))
    for style in model.styles:
        one, two = (NoiseMaker(m).corrupt(text, generator(0, "again"), cer=0.08, style=style) for m in (model, again))
        assert one == two
        assert one.noisy != text
    drawn = [NoiseMaker(m).corrupt(text, generator(5)) for m in (model, again)]
    assert drawn[0] == drawn[1]


def test_saving_again_gives_the_same_bytes(written, tmp_path):
    again = tmp_path / "again.json"
    NoiseModel.load(written).save(again)
    assert again.read_bytes() == written.read_bytes()


def test_the_file_is_readable_json_with_what_matters_first(model, written):
    data = json.loads(written.read_text("utf-8"))
    assert next(iter(data)) == "format"
    assert data["format"] == FORMAT
    assert (data["language"], data["source"], data["licence"]) == ("fr", "ours", "CC0")
    assert data["cer"] == pytest.approx(model.cer, abs=1e-5)
    source, target, number = model.confusions(1)[0]
    assert data["frequent"][0] == f"{source or '∅'} → {target or '∅'}: {number}"
    assert set(data["styles"]) == {"a", "b"}
    assert "ſ" in written.read_text("utf-8")  # as a person writes it, not escaped
    assert max(map(len, written.read_text("utf-8").splitlines())) < 40_000


def test_the_rate_of_a_model_is_the_mean_of_its_styles_by_weight(model):
    a, b = model.styles["a"], model.styles["b"]
    assert model.cer == pytest.approx((a.cer * a.weight + b.cer * b.weight) / (a.weight + b.weight))


def test_styles_by_name(model):
    assert model.style("a") is model.styles["a"]
    with pytest.raises(UserError, match="'c' is unknown; nearest: a, b"):
        model.style("c")


def test_a_shipped_model_says_whence_it_comes():
    for name in SHIPPED:
        model = load_noise(name)
        assert model.language == name
        assert model.source
        assert model.licence
        assert 0.01 < model.cer < 0.3


def test_a_file_gives_the_model_it_holds(model, written):
    assert load_noise(str(written)) == model


TEXTUAL: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "cut off": lambda text: text[: len(text) // 2],
    "a list": lambda _: "[1, 2]",
    "a number": lambda _: "3",
    "other JSON": lambda _: '{"a": 1}',
    "binary": lambda text: "\0" + text,
}


@pytest.mark.parametrize("how", TEXTUAL)
def test_a_file_that_is_no_model_is_told_in_one_line(written, how, tmp_path):
    path = tmp_path / "damaged.json"
    path.write_text(TEXTUAL[how](written.read_text("utf-8")), "utf-8")
    with pytest.raises(UserError, match="not a noise model") as caught:
        NoiseModel.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert "noise learn" in str(caught.value)


def test_absent_and_undecodable_files(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        NoiseModel.load(tmp_path / "absent.json")
    (tmp_path / "latin.json").write_bytes("é".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        NoiseModel.load(tmp_path / "latin.json")


def _set(*keys: str, to: object) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = to

    return change


def _drop(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for key in keys[:-1]:
            data = data[key]
        del data[keys[-1]]

    return change


STYLE = ("styles", "a")
DAMAGE: dict[str, Callable[[dict[str, Any]], None]] = {
    "another format": _set("format", to="ocr-neurons noise model 99"),
    "no styles": _set("styles", to={}),
    "styles in a list": _set("styles", to=[]),
    "no licence": _drop("licence"),
    "no burstiness": _drop(*STYLE, "burst"),
    "no counts": _drop(*STYLE, "hit"),
    "an unknown entry": _set(*STYLE, "more", to=1),
    "counts in a list": _set(*STYLE, "hit", to=[1]),
    "counts as text": _set(*STYLE, "seen", to="many"),
    "a count in words": _set(*STYLE, "hit", " th", to="five"),
    "a context of two characters": _set(*STYLE, "seen", "th", to=5),
    "a change in a context of two": _set(*STYLE, "changes", "th", to={"t": {"f": 1}}),
    "a unit of six characters": _set(*STYLE, "changes", " th", to={"theeee": {"f": 1}}),
    "no changes": _set(*STYLE, "changes", to={}),
    "an empty chain": _set(*STYLE, "chain", to=[]),
    "a chain of another shape": _set(*STYLE, "chain", to=[[1, 2]]),
    "no rates": _set(*STYLE, "rates", to=[]),
    "rates in words": _set(*STYLE, "rates", to=["low", "high"]),
    "a weight in words": _set(*STYLE, "weight", to="heavy"),
    "a weight below nothing": _set(*STYLE, "weight", to=-1),
    "no quantiles": _set(*STYLE, "burst", "far", to=[]),
    "a share above one": _set(*STYLE, "burst", "share", to=7),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_model_is_refused_in_one_line_before_it_is_used(written, how, tmp_path):
    data = copy.deepcopy(json.loads(written.read_text("utf-8")))
    DAMAGE[how](data)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(UserError) as caught:
        NoiseMaker(NoiseModel.load(path)).corrupt("the corner of a modern street", generator(0), style="a")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
