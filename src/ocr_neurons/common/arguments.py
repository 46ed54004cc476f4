"""Arguments of the command line that are read by a function of ours."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import require_writable

OUTPUTS = ("out", "tsv", "errors", "csv", "gains", "facts", "figure", "figures", "tables", "images")
"""Options that name what is written."""
FIGURE_FORMATS = ("png", "svg", "pdf")
ADDED_TO = ("after", "profiles")
"""What is read here is in what is written, which may therefore take its place."""


def checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """As a type of argparse, which wants an error of its own."""

    def convert(given: str) -> Any:  # noqa: ANN401 - whatever is read
        try:
            return read(given)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def file_to_write(given: str) -> Path:
    """The path of a file, as a type of argparse: no folder, and not nothing, as a variable without a value gives it."""
    return _to_write(given, Path.is_dir, "a folder", "a file's name")


def folder_to_write(given: str) -> Path:
    """The path of a folder, as a type of argparse: no file, and not nothing."""
    return _to_write(given, Path.is_file, "a file", "a folder's name")


def _to_write(given: str, refused: Callable[[Path], bool], found: str, wanted: str) -> Path:
    path = Path(given)
    if not given.strip() or refused(path):
        raise argparse.ArgumentTypeError(f"{given!r} is {found if given.strip() else 'empty'}; wanted {wanted}")
    return path


def figure_to_write(given: str) -> Path:
    """The path of a figure, as a type of argparse: its ending says in which format it is drawn."""
    path = file_to_write(given)
    if path.suffix.removeprefix(".").lower() not in FIGURE_FORMATS:
        endings = ", ".join(f".{name}" for name in FIGURE_FORMATS)
        raise argparse.ArgumentTypeError(f"{given!r} given; wanted a file that ends in {endings}")
    return path


def check_outputs(options: Mapping[str, Any]) -> None:
    """Refuse, before any work, outputs that would take the place of an input or of each other, or cannot be written.

    ``options`` are those of a command by name; what is not given is None.

    Raises:
        UserError: one of these.
    """
    taken: dict[str, str] = {}
    for name, value in options.items():
        if name not in (*OUTPUTS, *ADDED_TO):
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, str | Path) and os.path.isfile(one):  # noqa: PTH113 - of any text, however long
                    taken[os.path.realpath(one)] = "it is an input, and would be lost"
    for name in OUTPUTS:
        path = options.get(name)
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in taken:
            raise UserError(f"--{name} {path}: {taken[real]}; choose another name")
        taken[real] = f"--{name} is to be written there"
        require_writable(Path(path))
