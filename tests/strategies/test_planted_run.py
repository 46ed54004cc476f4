"""Planted truth through the main job: neurons that do harm are found, silenced, and the verdict says that it helped."""

from __future__ import annotations

import harmful
import pytest
import torch

from ocr_neurons import run as room
from ocr_neurons.config import Config, Pairing, Sweeping
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.score.evaluate import evaluate

DATA = harmful.dataset()


@pytest.mark.parametrize(("harm", "helped"), [(harmful.HARM, True), (0.0, False)])
def test_the_tagger_is_repaired_and_the_verdict_says_so(tmp_path, monkeypatch, harm, helped):
    given = harmful.tagger(tmp_path / "given", DATA, harm=harm)
    well = harmful.tagger(tmp_path / "well", DATA, harm=0.0)
    monkeypatch.setattr(room, "load_dataset", lambda _: DATA)
    config = Config(
        data="harmful", model=str(given), device="cpu", dtype="float32",
        pairs=Pairing(noise="paper", words=30),  # its digits are what the planted neurons fire on
        sweep=Sweeping(regions=("all",), shares=(0.1, 0.2), factors=(0.0, 0.5, 1.5), draws=1),
    )  # fmt: skip
    summary = room.run(config, tmp_path / "run")
    healthy = load_tagger(well, dtype=torch.float32, device=harmful.CPU)
    clean_self = evaluate(DATA.test, healthy.tag(DATA.test)).total("strict").f1
    before, after = (summary[name]["strict"]["f1"] for name in ("baseline", "chosen"))
    assert abs(after - clean_self) <= 0.01
    assert summary["verdict"].startswith("Neutralising helped" if helped else "Nothing was gained")
    assert (before < clean_self - 0.2) == helped
    assert len(summary["random_control"]["f1s"]) == 20
