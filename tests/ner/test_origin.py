"""Neurons of another model of the same shape are noticed; those of the tagger and of its base model are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel

import planted
from ocr_neurons.cli import main
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.origin import BASE_FINGERPRINT, strangers
from ocr_neurons.ner.train import train
from ocr_neurons.neutralise.edit import Edit
from planted import LEARN


@pytest.fixture(scope="module", params=["lora", "full"])
def made(
    request: pytest.FixtureRequest, tiny_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    out, base = tmp_path_factory.mktemp("made") / "tagger", tiny_folder("llama")
    train(planted.planted(8, seed=0), str(base), out, recipe=replace(LEARN, epochs=1, method=request.param))
    return out, base


def some(model: str, base: Path, more: int = 0) -> NeuronSet:
    shape = AutoConfig.from_pretrained(base)
    return NeuronSet(model, "neuron", shape.num_hidden_layers, shape.intermediate_size + more, {0: (1, 2)})


def test_neurons_of_tagger_and_base_are_at_home_others_are_not(made: tuple[Path, Path]) -> None:
    folder, base = made
    tagger = load_tagger(folder, dtype=torch.float32, device=torch.device("cpu"))
    plain = AutoModel.from_pretrained(base)
    own, its_base = some(fingerprint(tagger.trunk), base), some(fingerprint(plain), base)
    assert own.model != its_base.model
    assert strangers(tagger, [own, its_base, some("", base), some("other", base, more=1)]) == ""
    torch.manual_seed(5)
    other = some(fingerprint(AutoModel.from_config(AutoConfig.from_pretrained(base))), base)
    said = strangers(tagger, [own, other])
    assert other.model in said
    assert "Probe this tagger" in said
    del tagger.info[BASE_FINGERPRINT]  # as in the card of an older version
    assert "its card does not say" in strangers(tagger, [its_base])


def test_tag_warns_even_when_quiet(made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, base = made
    text = tmp_path / "t.txt"
    text.write_text("Mr. Thornton left Wednesday .\n")
    for model, warned in (("0123456789abcdef", True), (fingerprint(AutoModel.from_pretrained(base)), False)):
        Edit.scale(some(model, base), 0.5).save(tmp_path / "e.json")
        capsys.readouterr()
        out = tmp_path / f"{model}.jsonl"
        assert (
            main(["tag", str(folder), str(text), "--edit", str(tmp_path / "e.json"), "--out", str(out), "--quiet"]) == 0
        )
        assert (
            f"{tmp_path / 'e.json'}: the neurons were found in other weights ({model})" in capsys.readouterr().err
        ) is (warned)
