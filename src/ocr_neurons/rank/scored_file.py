"""The file of the scores that a method gave: safetensors, what they are about in the header."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing
from ocr_neurons.rank.scored import Scored

HEADER = "ocr_neurons_scores"
ARRAYS = ("score", "sign", "error", "p")


def save_scored(scored: Scored, path: Path) -> None:
    """Write scores; the file is whole or absent."""
    from safetensors.numpy import save_file

    values = {name: getattr(scored, name) for name in ARRAYS}
    tensors = {
        name: np.ascontiguousarray(value, dtype=np.float64) for name, value in values.items() if value is not None
    }
    header = json.dumps({"name": scored.name, "about": scored.about}, ensure_ascii=False)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={HEADER: header})


def holds_scores(path: Path) -> bool:
    """Whether the file is one of scores (and not, say, a profile)."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stored:
            return HEADER in (stored.metadata() or {})
    except (SafetensorError, OSError):
        return False


def load_scored(path: Path) -> Scored:
    """Read what :func:`save_scored` wrote.

    Raises:
        UserError: the file is absent or holds no scores.
    """
    from safetensors import SafetensorError, safe_open

    wanted = "wanted scores, as `ocr-neurons attribute` writes them"
    if not path.is_file():
        raise UserError(f"{path}: no such file; {wanted}")
    try:
        with safe_open(path, framework="numpy") as stored:
            header = json.loads((stored.metadata() or {})[HEADER])
            names = list(stored.keys())
            found = {name: stored.get_tensor(name) if name in names else None for name in ARRAYS}
        score, sign = found["score"], found["sign"]
        if score is None or sign is None:
            raise ValueError("no score or no sign")
        if score.ndim != 2 or any(array is not None and array.shape != score.shape for array in found.values()):
            raise ValueError("arrays of unequal shape")
        return Scored(str(header["name"]), score, sign, found["error"], found["p"], dict(header["about"]))
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{path}: not scores ({error}); {wanted}") from None
