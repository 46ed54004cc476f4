"""Which model a tagger's adapters belong to, and where it is, even if both were moved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import sha256
from ocr_neurons.common.manifest import digest
from ocr_neurons.lm.load import resolve
from ocr_neurons.lm.registry import EMBEDDED

BASE, FROM_HERE, HASH = "base", "base_from_here", "base_hash"


def base_facts(base: str, source: str, out: Path) -> dict[str, str]:
    """What the card of a tagger in ``out`` says of its base: ``base`` as given, ``source`` as resolved.

    Of a folder its whole path, the way to it from ``out``, and a hash, by which it is known elsewhere.
    """
    if base in EMBEDDED or not Path(source).is_dir():
        return {BASE: base}
    folder = Path(source).resolve()  # a relative path would only be found from here
    facts = {BASE: str(folder)}
    known = hash_of(folder)
    if not known:
        return facts
    try:
        return facts | {FROM_HERE: Path(os.path.relpath(folder, out.resolve())).as_posix(), HASH: known}
    except ValueError:  # another drive, on Windows
        return facts | {HASH: known}


def hash_of(folder: Path) -> str:
    """A hash of the weights in a model's folder and of its configuration; empty where no weights are in safetensors.

    Llama and Mistral may have the same weights and be told apart by ``config.json`` alone.
    """
    weights = sorted(folder.glob("*.safetensors"))
    return digest([sha256(path) for path in (folder / "config.json", *weights)]) if weights else ""


def find_base(tagger: Path, card: Mapping[str, Any]) -> str:
    """What ``from_pretrained`` should be given for the base of the adapters in the folder ``tagger``.

    That which the card names. If it is a folder that is no longer there, then the one that stands to the tagger as it
    did in training, or one of its name beside the tagger, provided that it is the same model by its hash.

    Raises:
        UserError: there is none of these.
    """
    base = str(card[BASE])
    if not Path(base).is_absolute() or (Path(base) / "config.json").is_file():
        return resolve(base)
    beside = tagger.resolve().parent / Path(base).name
    ways = [tagger.resolve() / str(card[FROM_HERE])] if FROM_HERE in card else []
    other = ""
    for place in (*ways, beside):
        if (place / "config.json").is_file():
            if card.get(HASH) == hash_of(place) != "":
                return str(place)
            other = f"; {place} is not known to be that model"
    raise UserError(
        f"{tagger}: a tagger of adapters on the model in {base}, which is not there{other}; put that model there or at "
        f'{beside}, or correct "{BASE}" in {tagger / "ocr_neurons.json"}'
    )
