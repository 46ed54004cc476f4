"""``tagging.json``: what a folder of tagged files was made with and which inputs are done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, sha256, write_json
from ocr_neurons.common.manifest import versions

FILE = "tagging.json"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a tagged file holds. ``words`` are tokens with a letter or figure."""

    documents: int = 0
    pages: int = 0
    words: int = 0
    entities: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Field by field."""
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{key: mine[key] + theirs[key] for key in mine})


class Record:
    """The record of an output folder: an input is done when key, bytes and name of output are those noted."""

    def __init__(self, folder: Path, key: str, facts: dict[str, Any]) -> None:
        self.path = folder / FILE
        self.value: dict[str, Any] = {}
        if self.path.exists():
            self.value = read_json(self.path, "the record of a folder that `ocr-neurons tag` wrote")
            if not isinstance(self.value, dict) or not isinstance(self.value.get("files"), dict):
                raise UserError(f"{self.path}: no record of `ocr-neurons tag`; choose another folder")
        elif folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder}: is not empty, and `ocr-neurons tag` did not write it; choose another folder")
        self.stale = bool(self.value) and self.value.get("key") != key
        noted = self.value.get("files", {})
        self._older = {str(path) for path in self.value.get("older", [])}
        self.origins = {name: one.get("from", "") for name, one in noted.items() if isinstance(one, dict)}
        """Where the inputs that are noted were, stale ones too."""
        known = {} if self.stale else noted
        if self.stale:
            self._older |= {_output(name, one) for name, one in noted.items() if isinstance(one, dict)}
        self.value = {"key": key, **facts, "versions": versions(), "files": known}

    def names(self) -> set[str]:
        """The inputs that are noted as done."""
        return set(self.value["files"])

    def done(self, name: str, source: Path, target: Path) -> Counts | None:
        """The counts of an input that is done, ``None`` for one that is not."""
        noted = self.value["files"].get(name)
        if not isinstance(noted, dict) or not target.exists() or noted.get("output") != target.name:
            return None
        return Counts(**noted["counts"]) if noted.get("sha256") == sha256(source) else None

    def others(self, name: str, source: Path) -> str:
        """Another file that the output of this name was made from, if that is still there; else empty."""
        origin = self.origins.get(name, "")
        return origin if origin and Path(origin) != source.resolve() and Path(origin).is_file() else ""

    def note(self, name: str, source: Path, known: str, kind: str, target: Path, counts: Counts) -> None:
        """Note an input, whose bytes had the hash ``known`` when they were read, as done; written by :meth:`save`."""
        self.value["files"][name] = {
            "sha256": known,
            "from": str(source.resolve()),
            "kind": kind,
            "output": target.name,
            "counts": asdict(counts),
        }

    def drop(self, name: str) -> None:
        """An input is not what was tagged any more: its output, if there is one, is an older one."""
        noted = self.value["files"].pop(name, None)
        if isinstance(noted, dict):
            self._older.add(_output(name, noted))

    def older(self) -> list[str]:
        """Files in the folder that stay from before: by another tagger or options, or of an input now refused."""
        ours = {_output(name, one) for name, one in self.value["files"].items()}
        return sorted(path for path in self._older - ours if (self.path.parent / path).is_file())

    def save(self, **facts: Any) -> None:  # noqa: ANN401 - whatever json can write
        """Write the file, with ``facts`` beside."""
        self.value |= facts | {"older": self.older()}
        write_json(self.path, self.value)


def _output(name: str, noted: dict[str, Any]) -> str:
    """The way from the folder to what was written for an input."""
    return (PurePath(name).parent / str(noted.get("output", ""))).as_posix()
