"""The worked examples of docs/extending.md: run as they stand, then used through what they extend."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import planted
from ocr_neurons.cli import main
from ocr_neurons.config import Config, Pairing
from ocr_neurons.lm.load import load_tokenizer, load_trunk
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.neutralise.operations import OPERATIONS
from ocr_neurons.noise.kinds import KINDS
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.probe import probe
from ocr_neurons.probe.profile_file import save_profile
from ocr_neurons.rank.methods import METHODS
from ocr_neurons.strategies.job import compare_strategies
from ocr_neurons.strategies.table import STRATEGIES
from ocr_neurons.sweep.grid import EditMaker, grid
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.pairs import read_pairs

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text("utf-8")
Folder = Callable[[str], Path]
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """The tables are as they were afterwards."""
    before = [(table, dict(table)) for table in (KINDS, METHODS, OPERATIONS, STRATEGIES)]
    yield
    for table, rows in before:
        table.clear()
        table.update(rows)


def run(section: str) -> dict[str, Any]:
    """Execute the code of a section, block after block; what it leaves behind."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    found = next(part for part in text if part.startswith(section + "\n"))
    blocks = re.findall(r"^```python\n(.*?)^```", found, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    left: dict[str, Any] = {"__name__": "example"}
    for block in blocks:
        exec(compile(block, f"docs/extending.md, {section}", "exec"), left)  # noqa: S102 - that is the test
    return left


def said(section: str, command: str, **places: str) -> list[str]:
    """The command of a section that begins so, with its files put elsewhere."""
    line = next(line.strip() for line in PAGE.splitlines() if line.startswith(f"    ocr-neurons {command} "))
    assert PAGE.index(line) > PAGE.index(f"## {section}\n")
    return [places.get(word, word) for word in line.split()[1:]]


def test_every_code_block_is_run() -> None:
    sections = [part.partition("\n")[0] for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if "```" in part]
    assert sections == ["A kind of noise", "A ranking method", "An operation", "A strategy"]


def test_noise(tmp_path: Path) -> None:
    breaks = run("A kind of noise")["BREAKS"]
    out = str(tmp_path / "pairs.jsonl")
    assert main([*said("A kind of noise", "pairs", **{"pairs.jsonl": out}), "--quiet"]) == 0
    pairs = read_pairs(Path(out))
    assert len(pairs) == 150
    for pair in pairs:
        assert pair.noisy != pair.clean
        letters = (f"({c}|{breaks[c]})" if c in breaks else re.escape(c) for c in pair.clean)
        assert re.fullmatch("".join(letters), pair.noisy)
        assert "noise of broken type/letters" in pair.source
    count = {level: sum(len(p.noisy) - len(p.clean) for p in pairs if p.level == level) for level in ("low", "high")}
    assert count["low"] < count["high"]
    assert main(["pairs", "gazette", "--noise", "brokn", "--out", out]) == 2


@pytest.fixture(scope="module")
def profile(tiny_folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = str(tiny_folder("llama"))
    pairs = word_pairs(load_dataset("gazette").clean_text("train"), protocol="context", words=12)
    found = probe(load_trunk(folder, torch.float32, CPU), load_tokenizer(folder), pairs)
    path = tmp_path_factory.mktemp("profile") / "profile.safetensors"
    save_profile(found, path)
    return found, path


def test_ranking_method(profile: tuple[Any, Path], tmp_path: Path) -> None:
    run("A ranking method")
    found, path = profile
    places = {"profile.safetensors": str(path), "neurons.json": str(tmp_path / "n.json"), "300": "30"}
    assert main([*said("A ranking method", "rank", **places), "--quiet"]) == 0
    chosen = NeuronSet.load(tmp_path / "n.json")
    assert chosen.count == 30
    assert chosen.method["name"] == "steady"
    halves = np.stack([found.effect("half-1"), found.effect("half-2")])
    expected = np.where((np.sign(halves[0]) == np.sign(halves[1])), np.abs(halves).min(0), 0)
    threshold = np.sort(expected, axis=None)[-30]
    for layer, members in chosen.indices.items():
        assert (expected[layer, list(members)] >= threshold).all()


def test_operation(profile: tuple[Any, Path], tiny_folder: Folder, tmp_path: Path) -> None:
    run("An operation")
    neurons = planted.everything_ranked().top(20)
    neurons.save(tmp_path / "n.json")
    places = {"neurons.json": str(tmp_path / "n.json"), "edit.json": str(tmp_path / "e.json")}
    assert main([*said("An operation", "edit", **places), "--quiet"]) == 0
    edits = Edits.load(tmp_path / "e.json")
    assert edits.describe().endswith("moved by 0.5")
    tagger = planted.untrained(tiny_folder("llama"))
    (edit,) = edits.edits
    ids = torch.arange(20)[None]
    seen: dict[int, torch.Tensor] = {}
    hooks = []
    with torch.inference_mode():
        plain = tagger.model(input_ids=ids).logits
        with edit.on(tagger.model):
            for layer, block in enumerate(tagger.trunk.layers):  # type: ignore[union-attr,arg-type]
                hooks.append(
                    block.mlp.down_proj.register_forward_pre_hook(
                        lambda _m, given, layer=layer: seen.__setitem__(layer, given[0].clone())
                    )
                )
            hooked = tagger.model(input_ids=ids).logits
        for hook in hooks:
            hook.remove()
        first = min(neurons.counts())
        before: list[torch.Tensor] = []
        handle = tagger.trunk.layers[first].mlp.down_proj.register_forward_pre_hook(  # type: ignore[union-attr,index]
            lambda _m, given: before.append(given[0].clone())
        )
        tagger.model(input_ids=ids)
        handle.remove()
        moved = (seen[first] - before[0])[0].mean(0)
    expected = torch.zeros(48)
    expected[list(neurons.indices[first])] = 0.5
    assert torch.allclose(moved, expected, atol=1e-5)
    assert (hooked - plain).abs().max() > 0.1
    baked = edit.bake(tagger.model)
    with torch.inference_mode():
        assert torch.allclose(baked(input_ids=ids).logits, hooked, atol=1e-3)
    ranked = planted.everything_ranked()
    settings = grid(ranked, ["first"], [0.1], [0.5, 2.0], 0, ["push"])
    assert [EditMaker(ranked, 1).of(setting).factor for setting in settings] == [0.5, 2.0]
    assert settings[0].describe(4).endswith("moved by 0.5")


def test_strategy(tiny_folder: Folder, tmp_path: Path) -> None:
    run("A strategy")
    data = planted.write_planted(tmp_path / "data", train=6, dev=3, test=3)
    recipe = Recipe(epochs=1, rank=4, alpha=8, learning_rate=5e-3, batch=8, max_length=64, context=8)
    config = Config(
        data=str(data),
        model=str(tiny_folder("llama")),
        dtype="float32",
        device="cpu",
        train=recipe,
        pairs=Pairing(words=8),
    )
    found = compare_strategies(config, tmp_path / "out", only=["quiet"])
    assert [row["name"] for row in found["strategies"]] == ["nothing", "quiet"]
    edit = json.loads((tmp_path / "out" / "quiet" / "edit.json").read_text())
    assert edit["factor"] == 0.9
