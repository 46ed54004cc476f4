"""From a downloaded weight file to a Hugging Face folder of config, safetensors and tokenizer."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Literal

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.quiet import quiet_transformers

NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
WANTED_SUFFIXES = {".json", ".jinja", ".safetensors", ".txt"}


def convert(weights: Path, kind: Literal["gguf", "zip"], folder: Path) -> None:
    """Write into the new ``folder`` what ``from_pretrained`` reads: at least the files of ``NEEDED``.

    A GGUF file is dequantised into float32. The folder of a zip file is taken as it is, without sub-folders.
    Raises UserError when a needed file does not come out.
    """
    folder.mkdir(parents=True)
    {"gguf": _from_gguf, "zip": _from_zip}[kind](weights, folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{weights.name}: holds no {', '.join(missing)}; wanted the weights of one model")
    for path in folder.iterdir():  # safetensors writes for its owner only; a cache may be shared
        path.chmod((folder / "config.json").stat().st_mode)


def _from_gguf(weights: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)
        model = AutoModelForCausalLM.from_pretrained(str(weights.parent), gguf_file=weights.name, dtype=torch.float32)
        # The weights are plain float32 by now, yet save_pretrained refuses while these marks of the packed file remain.
        for mark in ("hf_quantizer", "quantization_method", "is_quantized"):
            if mark in model.__dict__:
                delattr(model, mark)
        for mark in ("quantization_config", "_model_name_or_path"):
            if mark in model.config.__dict__:
                delattr(model.config, mark)
        model.save_pretrained(folder, max_shard_size="1000GB")  # one file, however large
        tokenizer.save_pretrained(folder)


def _from_zip(weights: Path, folder: Path) -> None:
    with zipfile.ZipFile(weights) as archive:
        for member in archive.namelist():
            # Files of the top level only: a path inside an archive is never trusted.
            if Path(member).name == member and Path(member).suffix in WANTED_SUFFIXES:
                with archive.open(member) as source, (folder / member).open("wb") as target:
                    shutil.copyfileobj(source, target)
