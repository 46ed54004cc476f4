"""The data sets that can be fetched by name: what is in them, their licences, where each file lies.

The catalogue is a file of the package that ``corpus/catalogue.py`` writes; its figures are measured by our readers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from ocr_neurons.common.errors import UserError

FILE = "data-sets.json"
RAW = "https://raw.githubusercontent.com"
"""Where the files of public repositories are served one by one."""

Kind = Literal["entities", "aligned", "transcripts"]
"""Documents with marked entities; texts beside their OCR; what the page says for entities of another set."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file: its path below the set's folder (here and in its repository), its size in bytes, its hash."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A data set of the catalogue.

    ``years``: those of the first and the last dated document, or empty. ``place``: what its reader is given, a folder
    or a file, relative to the folder of all data. ``folder``: where its files' paths begin there; ``source``: where
    they begin in ``repository``, which is empty if no public repository holds the files in this form. ``companion``:
    another set that belongs to it, or empty. ``facts``: for each split what :func:`ocr_neurons.text.overview.overview`
    counts (entities), else documents, characters and error rate, or transcripts by language and split.
    """

    name: str
    kind: Kind
    title: str
    languages: tuple[str, ...]
    years: tuple[int, ...]
    licence: str
    cite: str
    place: str
    folder: str
    repository: str
    commit: str
    source: str
    companion: str
    files: tuple[DataFile, ...]
    facts: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def terms(self) -> str:
        """What the licence restricts, in plain words; empty where it asks for no more than to be named."""
        return plain_terms(self.licence)

    def url(self, file: DataFile, base: str = RAW) -> str:
        """The address of a file at the set's commit."""
        return f"{base}/{quote(f'{self.repository}/{self.commit}/{self.source}/{file.path}')}"

    def path(self, root: Path, file: DataFile) -> Path:
        """Where a file lies below the folder of all data."""
        return root / self.folder / file.path

    def is_whole(self, root: Path) -> bool:
        """Whether all files are there at their full sizes. Reads none of them."""
        return all(_size(self.path(root, file)) == file.bytes for file in self.files)


def plain_terms(licence: str) -> str:
    """What a licence as stated by its source restricts: ``not for commercial use; …``, or nothing."""
    words = set(re.findall(r"[a-z]+", licence.lower()))
    terms = []
    if words & {"nc", "noncommercial"} or {"non", "commercial"} <= words:
        terms.append("not for commercial use")
    if "research" in words:
        terms.append("for research only")
    if words & {"sa", "sharealike"}:
        terms.append("what is made of it and passed on comes under the same licence")
    return "; ".join(terms)


@cache
def catalogue() -> dict[str, Entry]:
    """All entries by name, in the order of the file."""
    try:
        value = json.loads(files("ocr_neurons.resources").joinpath(FILE).read_bytes())
    except OSError:
        raise UserError(f"{FILE} is not in the installed package; reinstall ocr-neurons") from None
    return {name: _entry(name, fields) for name, fields in value["sets"].items()}


def _entry(name: str, fields: dict[str, Any]) -> Entry:
    listed = tuple(DataFile(*row) for row in fields["files"])
    several = {key: tuple(fields[key]) for key in ("languages", "years")}
    return Entry(**{"name": name, **fields, **several, "files": listed})


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
