"""Which labels are scored: a column of HIPE TSV, its types mapped by a table where one is given."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import read_text
from ocr_neurons.text.document import Document, spans
from ocr_neurons.text.hipe_tsv import COLUMNS

COLUMN_NAMES = {
    "coarse": "NE-COARSE-LIT",
    "fine": "NE-FINE-LIT",
    "nested": "NE-NESTED",
    "coarse-metonymic": "NE-COARSE-METO",
    "fine-metonymic": "NE-FINE-METO",
    "component": "NE-FINE-COMP",
}
"""Short names of the columns that hold entity labels."""
_COARSE = COLUMN_NAMES["coarse"]
_EMPTY = ("_", "")
_APPLICABLE = "applicable_columns"
_TABLE = "a table of types: lines `from<tab>to` in a .tsv, or from = 'to' in a .toml; an empty `to` drops the type"


@dataclass(frozen=True)
class Reading:
    """How entities are read from documents: ``column`` by its name in the file, types through ``mapping``.

    ``mapping`` goes from types to types in upper case, and is applied to both sides; types that it lacks stay as they
    are; those mapped to the empty text are read as no entity at all.
    """

    column: str = _COARSE
    mapping: Mapping[str, str] = field(default_factory=dict)

    def labels(self, document: Document, positions: Sequence[int]) -> list[str]:
        """The labels at ``positions``, in upper case as the HIPE scorer compares them.

        Raises:
            UserError: a label that is no BIO (or IOBES) label.
        """
        tokens = document.tokens
        if self.column == _COARSE:
            return [_upper(tokens[index].label, self.column) for index in positions]
        place = COLUMNS.index(self.column)
        return [_upper(tokens[i].fields[place] if tokens[i].fields else "_", self.column) for i in positions]

    def annotated(self, document: Document) -> bool:
        """Whether the column was annotated: the document's ``applicable_columns`` name it, and not all is ``_``."""
        if self.column == _COARSE:
            return True
        for line in document.metadata:
            key, equals, value = line.partition("=")
            if equals and key.strip().endswith(_APPLICABLE) and self.column not in value.split():
                return False
        place = COLUMNS.index(self.column)
        return any(token.fields and token.fields[place] not in _EMPTY for token in document.tokens)


COARSE = Reading()
"""The coarse literal labels as they stand."""


class Selection(NamedTuple):
    """Documents in which a column was annotated, predictions beside them, and how many others there were."""

    gold: list[Document]
    predicted: list[Document]
    left_out: int


def column_named(name: str) -> str:
    """A column by its short name (:data:`COLUMN_NAMES`) or its own; a UserError for another."""
    column = COLUMN_NAMES.get(name.lower(), name.upper())
    if column not in COLUMN_NAMES.values():
        known = [*COLUMN_NAMES, *COLUMN_NAMES.values()]
        raise UserError(f"column {name!r}; wanted one of {', '.join(COLUMN_NAMES)}{nearest(name, known)}")
    return column


def select(gold: Sequence[Document], predicted: Sequence[Document], reading: Reading) -> Selection:
    """The documents whose gold standard has the column. The two sides must have been checked.

    Raises:
        UserError: none has it.
    """
    kept = [index for index, document in enumerate(gold) if reading.annotated(document)]
    if not kept:
        have = [name for name, column in COLUMN_NAMES.items() if any(Reading(column).annotated(d) for d in gold)]
        raise UserError(
            f"column {reading.column} is not annotated in any of the {len(gold)} gold documents; "
            f"wanted one that is ({', '.join(have)}); choose it with --column"
        )
    return Selection([gold[i] for i in kept], [predicted[i] for i in kept], len(gold) - len(kept))


def load_mapping(path: Path) -> dict[str, str]:
    """Read a table of types; both sides come back in upper case.

    Raises:
        UserError: no such file, a line that is no pair, a type mapped twice, no entry at all.
    """
    text = read_text(path, _TABLE)
    if path.suffix == ".toml":
        try:
            pairs = list(tomllib.loads(text).items())
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{path}: not TOML ({error}); wanted {_TABLE}") from None
    else:
        pairs = []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            fields = line.removesuffix("\r").split("\t")
            if fields in ([""], ["from", "to"]):
                continue
            if len(fields) != 2:
                raise UserError(f"{path}, line {number}: {len(fields)} columns; wanted {_TABLE}")
            pairs.append((fields[0], fields[1]))
    mapping: dict[str, str] = {}
    for old, new in pairs:
        if not isinstance(new, str) or not old.strip():
            raise UserError(f"{path}: {old!r} to {new!r}; wanted {_TABLE}")
        if mapping.setdefault(old.strip().upper(), new.strip().upper()) != new.strip().upper():
            raise UserError(f"{path}: type {old!r} stands twice with different targets; keep one line")
    if not mapping:
        raise UserError(f"{path}: holds no entry; wanted {_TABLE}")
    return mapping


def unmapped(documents: Sequence[Document], reading: Reading) -> list[str]:
    """Types of the documents that the table neither maps nor maps to, sorted; they stay as they are."""
    bare = Reading(reading.column)
    found = {e.type for d in documents for e in spans(bare.labels(d, range(len(d.tokens))))}
    return sorted(found - set(reading.mapping) - set(reading.mapping.values()))


@lru_cache(maxsize=4096)
def _upper(label: str, column: str) -> str:
    upper = label.upper()
    prefix, dash, name = upper.partition("-")
    if upper in ("O", *_EMPTY) or (dash and name and prefix in ("B", "I", "E", "S")):
        return upper
    raise UserError(f"label {label!r} in {column}; wanted O, _ or B-, I-, E-, S- and a type; convert it")
