"""Data sets in CoNLL columns or JSON Lines: a folder with a file, or numbered files, for each split."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document
from ocr_neurons.text.formats.read import kind_of, read_labelled

_SPLITS = {
    "train": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "testa": "dev",
    "test": "test",
    "testb": "test",
}
_NAME = re.compile(rf"(?:^|[._-])({'|'.join(sorted(_SPLITS, key=len, reverse=True))})(\d*)(?=[._-]|$)", re.IGNORECASE)
_KINDS = ("conll", "tokens")

Split = dict[str, tuple[Document, ...]]


def read_splits(folder: Path) -> Split:
    """The documents of ``train``, ``dev`` and ``test`` in a folder; a split without a file is absent.

    A file belongs to the split that its name says: ``train``, ``dev`` (``valid``, ``testa``) or ``test`` (``testb``),
    as in ``eng.testa`` or ``valid.json``. Numbered files (``train00.json``, ``train01.json``) are read one after the
    other. Files of other kinds are none of it.

    Raises:
        UserError: several files for a split that are not numbered, or one that cannot be read.
    """
    files: dict[str, list[tuple[str, Path, str]]] = defaultdict(list)
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        match = _NAME.search(path.name)
        if match and path.stat().st_size and (kind := kind_of(path)) in _KINDS:
            files[_SPLITS[match[1].lower()]].append((match[2], path, kind))
    found: Split = {}
    for split, parts in files.items():
        if len(parts) > 1 and not all(number for number, *_ in parts):
            listed = ", ".join(path.name for _, path, _ in parts)
            raise UserError(
                f"{folder}: {len(parts)} {split} files ({listed}); wanted one, or numbered ones; move the others"
            )
        ordered = sorted(parts, key=lambda part: int(part[0] or 0))
        found[split] = tuple(document for _, path, kind in ordered for document in read_labelled(path, kind, path.name))
    return found


def read_one(path: Path) -> list[Document] | None:
    """The documents of a file in CoNLL columns or JSON Lines, ``None`` for one of another kind."""
    kind = kind_of(path) if path.stat().st_size else ""
    return read_labelled(path, kind, path.name) if kind in _KINDS else None
