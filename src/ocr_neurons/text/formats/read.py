"""Files and folders of any kind that is known, into Readings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json
from ocr_neurons.text.document import Document
from ocr_neurons.text.formats.alto import read_alto
from ocr_neurons.text.formats.conll import read_conll
from ocr_neurons.text.formats.detect import HEAD, KINDS, LABELLED, detect
from ocr_neurons.text.formats.hocr import read_hocr
from ocr_neurons.text.formats.page_xml import read_page
from ocr_neurons.text.formats.plain import decode, read_plain
from ocr_neurons.text.formats.running import read_tokens
from ocr_neurons.text.formats.token_lines import label_names, read_token_lines
from ocr_neurons.text.hipe_tsv import parse_hipe
from ocr_neurons.text.source import Reading

WANTED = f"one of {', '.join(KINDS.values())}"
_RUNNING: dict[str, Callable[[bytes, str, str, str], Reading]] = {
    "text": read_plain,
    "alto": read_alto,
    "page": read_page,
    "hocr": read_hocr,
}


@dataclass(frozen=True, slots=True)
class Input:
    """A file to read, and its name below the folder that was given (the file's own name when it was given itself)."""

    path: Path
    name: str


def find_inputs(given: Sequence[Path], *, without: Path | None = None) -> list[Input]:
    """The files given, and all those in folders given, by name; ``without`` and all in it is left out.

    Raises:
        UserError: no such file or folder, or a folder without a file.
    """
    found: list[Input] = []
    left = without.resolve() if without else None
    for path in given:
        if path.is_dir():
            inside = sorted(_files(path, left))
            if not inside:
                raise UserError(f"{path}: no file in this folder; wanted {WANTED}")
            found += [Input(file, file.relative_to(path).as_posix()) for file in inside]
        elif path.exists() and not path.is_file():  # of a pipe the beginning would be gone
            raise UserError(f"{path}: neither a file nor a folder; wanted {WANTED}; save it first")
        elif path.exists():
            found.append(Input(path, path.name))
        else:
            raise UserError(f"{path}: no such file or folder; wanted {WANTED}")
    return found


def _files(folder: Path, without: Path | None) -> Iterator[Path]:
    """The files in a folder and the folders in it, linked ones once; links to nothing too, so that they are told."""
    seen: set[Path] = set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        real = Path(root).resolve()
        if real in seen or real == without:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        paths = (Path(root) / name for name in names)
        yield from (path for path in paths if (path.is_file() or not path.exists()) and path.resolve() != without)


def _refuse(error: OSError) -> NoReturn:
    raise UserError(f"{error.filename}: folder cannot be read ({error.strerror}); wanted one that may be read")


def kind_of(path: Path) -> str:
    """The kind of a file (a key of ``KINDS``), or empty for one that is not known. An empty ``.txt`` is a blank page.

    Raises:
        UserError: the file is empty, and its name is not that of plain text.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = detect(head, path.name)
    if not head and kind != "text":
        raise UserError(f"{path}: the file is empty; wanted {WANTED}")
    return kind


def read_labelled(path: Path, kind: str, name: str, language: str = "", *, labelled: bool = True) -> list[Document]:
    """The documents of a file that is cut into tokens and labelled: HIPE TSV, CoNLL or JSON Lines.

    Where labels are not wanted (``labelled``), those of JSON Lines, which may need a list that is not there, are not
    looked at.

    Raises:
        UserError: a file that cannot be read as what it is.
    """
    data = path.read_bytes()
    if kind == "hipe":
        return parse_hipe(decode(data, str(path), KINDS[kind]), str(path))
    if kind == "conll":
        return read_conll(data, str(path), name, language)
    beside = path.with_name("label.json")
    names: list[str] = []
    if labelled and beside.is_file():
        try:
            names = label_names(read_json(beside, "labels and their numbers"))
        except (TypeError, ValueError) as error:
            raise UserError(f"{beside}: {error}; wanted labels and their numbers, from 0") from None
    return read_token_lines(data, str(path), name, language, names, labelled=labelled)


def read_file(given: Input, kind: str, *, language: str = "", join: bool = False) -> list[Reading]:
    """The readings of a file of a known kind: one of running text, one a document of one that is cut into tokens.

    ``language`` is that of files which do not say. ``join`` makes whole the words that line ends cut in files that are
    cut into tokens, as it is always done in running text. Labels in the file are of no concern.

    Raises:
        UserError: a file that cannot be read as what it is.
    """
    if kind in LABELLED:
        documents = read_labelled(given.path, kind, given.name, language, labelled=False)
        readings = [read_tokens(document, kind, join=join) for document in documents]
    else:
        readings = [_RUNNING[kind](given.path.read_bytes(), str(given.path), given.name, language)]
    return [replace(reading, file=given.name) for reading in readings]
