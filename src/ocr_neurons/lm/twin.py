"""A Llama-type model as a Mistral-type one with the same weights, to study both types where one is at hand.

The two architectures compute the same where Mistral's attention has no sliding window and the Llama has no biases; then
only ``config.json`` differs. The twin is no other model: whatever is found in the one is found in the other. It shows
that the program treats both families alike, and says nothing about how Llama 2 7B and Mistral 7B differ.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, replacing_folder, write_json
from ocr_neurons.lm.load import resolve

WANTED = "a Llama-type model in a local folder with safetensors, or smollm2"
NEITHER = ("attention_bias", "mlp_bias")
"""Settings of a Llama that a Mistral does not have; they must be off."""
DROPPED = (*NEITHER, "pretraining_tp", "quantization_config", "transformers_version")
SUFFIXES = (".safetensors", ".safetensors.index.json", ".jinja", ".model")
NAMES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "ocr_neurons.json",
)
"""What is taken over as it is, weights and tokenizer; ``ocr_neurons.json`` is the card of a tagger."""


def as_mistral(name: str, out: Path) -> Path:
    """Write the Llama-type model ``name`` into the folder ``out`` as a Mistral-type one; return ``out``.

    ``name`` is an embedded name or a local folder, a baked tagger's included (its ``Llama…`` class becomes the
    ``Mistral…`` one). Weights are copied byte for byte and never loaded. A folder that this function made from the same
    model is kept as it is.

    Raises:
        UserError: no local folder, no Llama, biases, packed (quantised) weights, weights other than safetensors, or
            ``out`` holds something else.
    """
    folder = Path(resolve(name))
    if not (folder / "config.json").is_file():
        raise UserError(f"{name}: not a local folder; wanted {WANTED}; download it first and give its folder")
    config = mistral_config(read_json(folder / "config.json", "a model's config.json"), name)
    files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES) or path.name in NAMES)
    if not any(path.suffix == ".safetensors" for path in files):
        raise UserError(f"{name}: no *.safetensors in {folder}; wanted {WANTED}; save it with save_pretrained")
    if out.exists() and any(out.iterdir()):
        if (out / "config.json").is_file() and _same(out, config, files):
            return out
        raise UserError(f"{out}: holds something else than the Mistral-type twin of {name}; choose another folder")
    with replacing_folder(out) as part:
        for path in files:
            shutil.copyfile(path, part / path.name)
        write_json(part / "config.json", config)
    return out


def has_twin(name: str) -> bool:
    """Whether :func:`as_mistral` takes ``name``: a local Llama-type model without biases; nothing is written."""
    folder = Path(resolve(name))
    if not (folder / "config.json").is_file():
        return False
    try:
        mistral_config(read_json(folder / "config.json", "a model's config.json"), name)
    except UserError:
        return False
    return True


def mistral_config(config: dict[str, Any], name: str = "model") -> dict[str, Any]:
    """The ``config.json`` of the twin of a Llama with this one.

    Raises:
        UserError: it is no Llama's, or says something that a Mistral cannot do.
    """
    kind = config.get("model_type")
    if kind != "llama":
        raise UserError(f"{name}: model type {kind!r} given; wanted a Llama-type model ('llama')")
    for key in NEITHER:
        if config.get(key):
            raise UserError(f"{name}: {key} = true, and a Mistral has no biases; wanted a Llama without them")
    if config.get("quantization_config"):
        raise UserError(f"{name}: packed weights (quantization_config); wanted plain float weights")
    architectures = [str(one).replace("Llama", "Mistral", 1) for one in config.get("architectures") or ()]
    kept = {key: value for key, value in config.items() if key not in DROPPED}
    own = {"model_type": "mistral", "architectures": architectures or ["MistralForCausalLM"], "sliding_window": None}
    return kept | own


def _same(out: Path, config: dict[str, Any], files: list[Path]) -> bool:
    """Whether ``out`` has this config and files of these names and sizes."""
    made = json.loads(json.dumps(config))
    sizes = {path.name: path.stat().st_size for path in files}
    there = {path.name: path.stat().st_size for path in out.iterdir() if path.name != "config.json"}
    return read_json(out / "config.json", "a model's config.json") == made and there == sizes
