"""The file of a Profile: safetensors, what it is about in the header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing
from ocr_neurons.probe import fields
from ocr_neurons.probe.profile import Profile

HEADER = "ocr_neurons_profile"
VERSION = 2
MAKE = "make it with `ocr-neurons probe`"


def save_profile(profile: Profile, path: Path, **more: Any) -> None:  # noqa: ANN401 - JSON values for the header
    """Write a profile; it is whole or absent. ``more`` goes into the header beside it."""
    from safetensors.numpy import save_file

    tensors = dict(profile.arrays) | {"shift": profile.shift}
    if profile.edges is not None:
        tensors["edges"] = profile.edges
    header = {"version": VERSION, "levels": profile.levels, "about": profile.about} | more
    with replacing(path) as temporary:
        contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        save_file(contiguous, temporary, metadata={HEADER: json.dumps(header, ensure_ascii=False)})


def load_profile(path: Path) -> Profile:
    """Read what :func:`save_profile` wrote.

    Raises:
        UserError: the file is absent, no profile, or one of another version.
    """
    return load_with_header(path)[0]


def load_with_header(path: Path) -> tuple[Profile, dict[str, Any]]:
    """A profile, and all that its header holds."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"{path}: no such file; wanted a profile, as `ocr-neurons probe` writes it")
    try:
        with safe_open(path, framework="numpy") as stored:
            header = json.loads((stored.metadata() or {})[HEADER])
            if header.get("version") != VERSION:
                raise ValueError(f"of version {header.get('version', 1)}, wanted {VERSION}")
            names = set(stored.keys())
            arrays = {name: stored.get_tensor(name) for name in fields.zeros(1, 1, 1)}
            shift = stored.get_tensor("shift")
            edges = stored.get_tensor("edges") if "edges" in names else None
        levels, about = tuple(str(level) for level in header["levels"]), dict(header["about"])
        layers, width = shift.shape
        fields.check(arrays, len(levels), layers, width)
        if edges is not None and edges.shape != (fields.EDGES, layers, width):
            raise ValueError(f"edges of shape {list(edges.shape)}")
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path}: not a profile ({reason}); {MAKE}") from None
    return Profile(levels, shift, edges, arrays, about), header
