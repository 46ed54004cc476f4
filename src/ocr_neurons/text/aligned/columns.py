"""Whether a table of two texts must be told which columns hold them."""

from __future__ import annotations

import json
from pathlib import Path

from ocr_neurons.text.aligned.icdar import looks_like_icdar
from ocr_neurons.text.aligned.ocrepair import looks_like_ocrepair
from ocr_neurons.text.named import aligned_entry


def columns_known(path: Path) -> bool:
    """Whether texts are read without names of columns: named data, ICDAR, HIPE-OCRepair, pairs of this program."""
    inside = sorted(file for file in path.rglob("[!.]*") if file.is_file()) if path.is_dir() else []
    try:
        with (inside or [path])[0].open("rb") as stream:
            first = stream.readline().decode("utf-8", "replace").removeprefix("\ufeff")
    except OSError:  # for the reader to tell, unless it is a name
        return aligned_entry(path) is not None
    try:
        row = json.loads(first)
    except (json.JSONDecodeError, RecursionError):
        return looks_like_icdar(first)
    return isinstance(row, dict) and (looks_like_ocrepair(row) or {"clean", "noisy", "level", "source"} <= row.keys())
