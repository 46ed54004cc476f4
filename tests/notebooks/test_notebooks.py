"""The notebooks: how they are kept, and, executed on tiny models, whether they say what the program says."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from rapidfuzz.distance import Levenshtein

import planted
from ocr_neurons.lm.load import load_tokenizer, load_trunk, pick_dtype
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.noise.words import bins_by_level, word_pairs
from ocr_neurons.probe.aligned import aligned_units
from ocr_neurons.probe.probe import Probing, probe, probe_beside
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.beyond import scored
from ocr_neurons.rank.choose import choose, discovered
from ocr_neurons.rank.methods import score
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.text.datasets import load_dataset

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("Data", "NoisyTextExperiments", "Llama-MistralNEREvaluation")
CPU = torch.device("cpu")
Folder = Callable[[str], Path]


def _execute_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execute_notebooks", ROOT / "notebooks" / "execute.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["execute_notebooks"] = module
    spec.loader.exec_module(module)
    return module


execute = _execute_module()


def kept(name: str) -> Any:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def executed(name: str, out: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """The executed notebook, and the facts that its last cell writes."""
    path = execute.execute(name, out, {"OUT": str(out), **settings}, small=True, timeout=900)
    assert not list(Path.cwd().glob("*-ipc-*"))
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")
    assert said == ""
    file = dict(zip(NAMES, ("data.json", "noisy-text.json", "ner.json"), strict=True))[name]
    return notebook, json.loads((out / file).read_text())


def pictures(notebook: Any) -> list[int]:
    """The numbers of the cells that show a figure; under each stands how to read it, there or in the next cell."""
    found = [
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]
    for number in found:
        below = [output.data.get("text/markdown", "") for output in notebook.cells[number].outputs if "data" in output]
        beside = notebook.cells[number + 1]
        read = any(text.startswith("*How to read it.*") for text in below)
        assert read or (beside.cell_type == "markdown" and beside.source.startswith("*How to read it.*"))
    return found


# --- how they are kept


@pytest.mark.parametrize("name", NAMES)
def test_kept_without_outputs_and_with_ids_that_say_something(name: str) -> None:
    notebook = kept(name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cell.id), cell.id
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("name", NAMES)
def test_first_code_cell_holds_the_settings(name: str) -> None:
    notebook = kept(name)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.metadata.tags == ["settings"]
    assert {"MODEL", "SMALL", "SEED", "OUT"} <= set(execute.settings_of(notebook))
    text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "meta-llama/Llama-2-7b-hf" in text
    assert "mistralai/Mistral-7B-v0.3" in text


def test_a_setting_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match=r"MODLE.*the notebook has MODEL, SMALL"):
        execute.set_values(kept("Data"), {"MODLE": "smollm2"})


def test_unknown_names_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert execute.main(["Dat", "--out", str(tmp_path)]) == 2
    assert execute.main(["Data", "--out", str(tmp_path), "--set", "TAGGER=x"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("notebook 'Dat' given; wanted some of Data, Noisy")
    assert said[1].startswith("setting 'TAGGER' given; wanted some of MODEL")
    assert list(tmp_path.iterdir()) == []


def test_the_kernel_has_no_ports(tmp_path: Path) -> None:
    manager = execute.client_of(kept("Data"), 1, tmp_path).create_kernel_manager()
    assert manager.transport == "ipc"
    assert manager.ip == str(tmp_path / "kernel-ipc")


# --- what they say


def test_data(tiny_folder: Folder, tmp_path: Path) -> None:
    model = str(tiny_folder("llama"))
    notebook, facts = executed("Data", tmp_path, MODEL=model)
    documents = load_dataset("gazette").clean_twins["train"][:8]
    pairs = word_pairs(documents, protocol="paper", words=40, seed=1)
    learned = word_pairs(documents, protocol="paper", words=40, seed=1, noise=NoiseMaker(load_noise("en")))
    assert facts["bins"] == {"presets": bins_by_level(pairs), "learned": bins_by_level(learned)}
    assert facts["pairs"] == 120
    heavy = load_dataset("gazette").twin_pairs("train")[:8]
    edits = sum(Levenshtein.distance(pair.clean, pair.noisy) for pair in heavy)
    assert facts["cer"]["printed, heavy"] == pytest.approx(edits / sum(len(pair.clean) for pair in heavy), rel=0.03)
    assert facts["cer"]["learned, heavy"] == pytest.approx(facts["cer"]["printed, heavy"], rel=0.1)
    tokenizer = load_tokenizer(model)
    doses = [
        unit.dose
        for pair in heavy
        for unit in aligned_units(pair, tokenizer, language="en").units
        if unit.level == "changed"
    ]
    assert facts["changed"]["printed, heavy"] == len(doses)
    assert facts["similarity"]["printed, heavy"] == pytest.approx(1 - np.median(doses))
    assert len(pictures(notebook)) == 2


def test_noisy_text(tiny_folder: Folder, tmp_path: Path) -> None:
    model = tiny_folder("llama")
    notebook, facts = executed("NoisyTextExperiments", tmp_path, MODEL=str(model))
    assert facts["kinds"] == {"given": "llama", "twin": "mistral"}
    assert facts["largest_gap"] == {"paper": 0, "ours": 0, "placebo": 0, "contrast": 0}
    trunk, tokenizer = load_trunk(str(model), pick_dtype("auto", CPU), CPU), load_tokenizer(str(model))
    french, english = (load_dataset(name).clean_text("train") for name in ("gazette:fr", "gazette"))
    pairs = word_pairs(french, protocol="paper", words=16, seed=1)
    profile = probe(trunk, tokenizer, pairs, Probing(site="up", protocol="paper", seed=1))
    passed = np.mean([naive_passes(trunk, tokenizer, pair.clean, pair.noisy) for pair in pairs], axis=0)
    for name, least in (("common", 0.9), ("half", 0.5)):
        assert facts[name] == {str(layer): int(n) for layer, n in enumerate((passed >= least).sum(1)) if n}
    assert facts["half"]
    for name, curve in facts["cka"].items():
        assert curve == pytest.approx(np.nan_to_num(profile.cka(name)), abs=1e-5)
    own = word_pairs(english, protocol="context", words=16, noise=NoiseMaker(load_noise("en")), seed=1)
    beside = probe_beside(trunk, tokenizer, own, control_pairs(own, "cased-letters", 1), Probing(seed=1))
    noisy, placebo = (score("effect", one) for one in (beside.noise, beside.control))
    found = [discovered(one, 0.05) for one in (noisy, placebo, scored("effect", beside))]
    assert facts["steady"] == {
        "under noise": int(found[0].sum()),
        "under the placebo": int(found[1].sum()),
        "under both": int((found[0] & found[1]).sum()),
        "further under noise": int(found[2].sum()),
    }
    assert facts["steady"]["under noise"] > 0
    assert len(pictures(notebook)) == 4
    saved = load_profile(tmp_path / "twin-paper.safetensors")
    assert np.array_equal(saved.arrays["sums"], load_profile(tmp_path / "given-paper.safetensors").arrays["sums"])


def naive_passes(trunk: Any, tokenizer: Any, clean: str, noisy: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The study's rule for one pair, from its description: 64 positions, the mean of ``up_proj``, mean + 1 sd."""
    means = []
    for word in (clean, noisy):
        batch = tokenizer(word, padding="max_length", max_length=64, return_tensors="pt")
        seen: list[torch.Tensor] = []

        def keep(_module: Any, _given: Any, output: torch.Tensor, seen: list[torch.Tensor] = seen) -> None:
            seen.append(output[0].double().mean(0))

        hooks = [block.mlp.up_proj.register_forward_hook(keep) for block in trunk.layers]
        with torch.inference_mode():
            trunk(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        for hook in hooks:
            hook.remove()
        means.append(torch.stack(seen).numpy())
    gap = np.abs(means[1] - means[0])
    passes: np.ndarray[Any, np.dtype[np.bool_]] = gap > gap.mean(1, keepdims=True) + gap.std(1, keepdims=True)
    return passes


def test_ner_evaluation(tiny_folder: Folder, tmp_path: Path) -> None:
    data = planted.write_planted(tmp_path / "data", train=16, dev=4, test=5)
    recipe = {"epochs": 8, "rank": 8, "alpha": 16, "learning_rate": 5e-3, "batch": 4, "max_length": 64, "context": 8}
    out = tmp_path / "out"
    notebook, facts = executed(
        "Llama-MistralNEREvaluation", out, MODEL=str(tiny_folder("llama")), DATA=str(data), RECIPE=recipe
    )
    dataset = load_dataset(str(data))
    tagger = load_tagger(out / "tagger", dtype=torch.float32, device=CPU)

    def f1(documents: Any) -> float:
        return evaluate(documents, tagger.tag(documents)).total("strict").f1

    assert facts["dev"] == {"as OCR read it": pytest.approx(f1(dataset.dev))}
    assert facts["test"]["baseline"] == pytest.approx(f1(dataset.test))
    assert f1(dataset.dev) > 0.2
    profile, contrast = (load_profile(out / f"profile{which}.safetensors") for which in ("", "-contrast"))
    found = scored("effect", Profiles(profile, contrast=contrast))
    ranking: NeuronSet = choose(found, count=profile.layers * profile.width)
    chosen = Setting.from_json(facts["chosen"])
    with chosen.edit(ranking, 1).on(tagger.model):
        assert facts["test"]["chosen"] == pytest.approx(f1(dataset.test))
        on_dev = f1(dataset.dev)
    listed = {row["difference"] for row in facts["by_region"]} | set(facts["by_layer"].values())
    assert any(value == pytest.approx(on_dev - f1(dataset.dev)) for value in listed)
    assert len(facts["by_region"]) == 2 * 1 * 2
    assert facts["twin"] == {"type": "mistral", "plain": True, "edited": True}
    assert len(pictures(notebook)) == 3
