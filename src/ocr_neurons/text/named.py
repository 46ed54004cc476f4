"""Where named data sets lie on this machine: in the folder that ``OCR_NEURONS_DATA`` names, or in the cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ocr_neurons.common.cache import cache_root, megabytes
from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import user_path
from ocr_neurons.text.catalogue import Entry, catalogue

DATA_VARIABLE = "OCR_NEURONS_DATA"
"""The environment variable that names a folder which holds ``hipe2022-v2.1``, ``hipe2020-v1.4`` and the like."""

FOLDERS = {"hipe2022": "hipe2022-v2.1", "hipe2020": "hipe2020-v1.4"}
"""The folder of each edition of HIPE, below which any data set is found, listed in the catalogue or not."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the reader of a data set is to be given, and where it is.

    ``held``: ``cache``; ``folder``, that of ``OCR_NEURONS_DATA``; ``other``, there too, but with files of other sizes
    than the catalogue's, so that its figures may not hold.
    """

    path: Path
    held: Literal["folder", "other", "cache"]


def data_root() -> Path:
    """The folder of fetched data in the cache."""
    return cache_root() / "data"


def named_sets() -> dict[str, Found]:
    """The named data sets that are on this machine. What ``OCR_NEURONS_DATA`` holds comes before what was fetched.

    In the cache a data set counts when all its files are there: one that was fetched by half has other splits.
    """
    entries, root = catalogue(), data_root()
    found = {name: Found(root / entry.place, "cache") for name, entry in entries.items() if entry.is_whole(root)}
    if not os.environ.get(DATA_VARIABLE):
        return found
    root = user_path(os.environ[DATA_VARIABLE])
    sets = {name: root / entry.place for name, entry in entries.items() if (root / entry.place).exists()}
    sets |= {f"hipe2022:{p.parent.name}-{p.name}": p for p in root.glob(f"{FOLDERS['hipe2022']}/*/*") if p.is_dir()}
    sets |= {f"hipe2020:{p.name}": p for p in root.glob(f"{FOLDERS['hipe2020']}/*") if p.is_dir()}
    for name, path in sets.items():
        same = name not in entries or entries[name].is_whole(root)
        found[name] = Found(path, "folder" if same else "other")
    return found


def named_path(name: str) -> Path:
    """The folder or file of a named data set.

    Raises:
        UserError: no such name, or the data set is not on this machine: says which command fetches it.
    """
    given = os.environ.get(DATA_VARIABLE, "")
    if given and not user_path(given).is_dir():
        raise UserError(
            f"{name}: {DATA_VARIABLE} is {given!r}, which is no folder; wanted the one that holds HIPE data"
        )
    found = named_sets()
    if name in found:
        return found[name].path
    if name in catalogue():
        raise not_here(catalogue()[name])
    where = f" nor under {DATA_VARIABLE}={given}" if given else ""
    raise UserError(
        f"{name}: not in the catalogue (`ocr-neurons data list`){where} (spelled hipe2022:SET-LANG or hipe2020:LANG)"
        f"{nearest(name, {*found, *catalogue()})}"
    )


def named_entry(name: str) -> Entry:
    """The entry of the catalogue; a UserError with the nearest names if there is none."""
    entry = catalogue().get(name)
    if entry is None:
        raise UserError(f"{name}: no data set of the catalogue (`ocr-neurons data list`){nearest(name, catalogue())}")
    return entry


def aligned_entry(given: Path) -> Entry | None:
    """The entry of aligned texts that is meant by what was given where a path is wanted, ``None`` if a path is.

    Raises:
        UserError: it begins like a name of aligned texts, and is none.
    """
    name = str(given)
    edition, colon, _ = name.partition(":")
    names = {entry.name for entry in catalogue().values() if entry.kind == "aligned"}
    if not colon or given.exists() or edition not in {known.partition(":")[0] for known in names}:
        return None
    if name not in names:
        raise UserError(
            f"{name}: no texts beside their OCR in the catalogue (`ocr-neurons data list`){nearest(name, names)}"
        )
    return catalogue()[name]


def read_before(entry: Entry) -> Path | None:
    """The place outside the cache that a data set is read from even if it was fetched, or ``None``."""
    found = named_sets().get(entry.name)
    return found.path if found and found.held != "cache" else None


def not_here(entry: Entry) -> UserError:
    """The error for a data set that is not on this machine."""
    size = f"{megabytes(entry.bytes)}, {entry.licence}"
    how = f"`ocr-neurons data fetch {entry.name}{'' if entry.repository else ' --from FOLDER'}` brings it ({size})"
    top = entry.folder.split("/")[0]
    return UserError(f"{entry.name}: not on this machine; {how}; or set {DATA_VARIABLE} to a folder that holds {top}")
