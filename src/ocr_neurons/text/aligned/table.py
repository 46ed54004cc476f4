"""Tables with one column of clean and one of noisy text: JSON Lines, CSV, TSV, parquet; our own pairs among them."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.text.aligned.ocrepair import looks_like_ocrepair, ocrepair_record
from ocr_neurons.text.aligned.record import FORMATS, Record, UnknownFormatError

Columns = tuple[str, str]
"""Names of the clean and of the noisy column."""

CLEAN_NAMES = ("clean", "text_clean", "ground_truth", "gs", "corrected_text")
NOISY_NAMES = ("noisy", "ocr", "ocr_text", "text")
_ID_NAMES = ("document_id", "doc_id", "id", "file", "name")
_DELIMITERS = "\t,;|"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def pick_columns(names: Sequence[str], columns: Columns | None, where: str) -> Columns:
    """The two columns to read among ``names``: those asked for, or the first known ones, small letters as capitals.

    Raises:
        UnknownFormatError: a column asked for, or every known one, is not there.
    """
    if columns:
        for column in columns:
            if column not in names:
                raise UnknownFormatError(
                    f"{where}: no column {column!r}{nearest(column, names)}; name two that are there"
                )
        return columns
    lower = {name.lower().strip(): name for name in reversed(names)}
    clean = next((lower[name] for name in CLEAN_NAMES if name in lower), None)
    noisy = next((lower[name] for name in NOISY_NAMES if name in lower), None)
    if clean is None or noisy is None:
        raise UnknownFormatError(
            f"{where}: columns {', '.join(map(repr, list(names)[:8])) or 'none'}; wanted clean text in one of "
            f"{', '.join(CLEAN_NAMES)} and noisy text in one of {', '.join(NOISY_NAMES)}; or name two columns"
        )
    return clean, noisy


def read_json_lines(text: str, where: str, name: str, columns: Columns | None) -> Iterator[Record]:
    """The records of JSON Lines: HIPE-OCRepair documents, our own pairs, or any objects with two columns of text."""
    rows = list(_json_rows(text, where))
    if not columns and rows and looks_like_ocrepair(rows[0][1]):
        for number, row in rows:
            yield ocrepair_record(row, f"{where}, line {number}", f"{name}/{number}")
        return
    names = list(dict.fromkeys(key for _, row in rows for key in row))
    chosen = pick_columns(names, columns, where)
    for number, row in rows:
        yield _record(row, chosen, f"{where}, line {number}", f"{name}/{number}")


def read_delimited(text: str, where: str, name: str, columns: Columns | None) -> Iterator[Record]:
    """The records of CSV or TSV (or ``;`` or ``|`` between fields) with a header line; fields may be of any length.

    Quotes are read as RFC 4180 has them, unless every line has as many delimiters as the header and some quote does not
    fit: then they are characters like others (as in HIPE's TSV files).
    """
    delimiter = find_delimiter(text, where, columns)
    rows = _table_rows(text, delimiter, where)
    chosen = pick_columns(rows[0][1], columns, where)
    for number, row in rows[1:]:
        fields: dict[str, Any] = dict(zip(rows[0][1], row, strict=False))
        yield _record(fields, chosen, f"{where}, line {number}", f"{name}/{number}")


def find_delimiter(text: str, where: str, columns: Columns | None) -> str:
    """What stands between the fields of the header.

    Raises:
        UnknownFormatError: whatever it is, the header lacks the two columns.
    """
    header = text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    found = {delimiter: next(csv.reader([header], delimiter=delimiter), []) for delimiter in _DELIMITERS}
    for delimiter, names in found.items():
        try:
            pick_columns(names, columns, where)
        except UnknownFormatError:
            continue
        return delimiter
    names = max(found.values(), key=len)
    if columns and len(names) > 1:
        pick_columns(names, columns, where)  # says which is not there
    raise UnknownFormatError(f"{where}: begins with {header[:40] or 'nothing'!r}; wanted {FORMATS}")


def read_parquet(path: Path, where: str, name: str, columns: Columns | None) -> Iterator[Record]:
    """The records of a parquet file, batch by batch; needs pyarrow."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UserError(
            f"{where}: parquet needs pyarrow, which is not here; pip install 'ocr-neurons[tables]'"
        ) from None
    try:
        file = parquet.ParquetFile(path)
        names = list(file.schema_arrow.names)
        chosen = pick_columns(names, columns, where)
        wanted = [column for column in names if column in chosen or column.lower() in _EXTRA]
        number = 0
        for batch in file.iter_batches(batch_size=256, columns=wanted):
            for row in batch.to_pylist():
                number += 1
                yield _record(row, chosen, f"{where}, row {number}", f"{name}/{number}")
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        if isinstance(error, UserError):
            raise
        raise UserError(f"{where}: parquet that cannot be read ({str(error).splitlines()[0]}); make it anew") from None


_EXTRA = (*_ID_NAMES, "language", "lang", "licence", "license")


def _json_rows(text: str, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # not splitlines: JSON strings may hold U+2028 and U+0085 as they are
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        error = UnknownFormatError if number == 1 else UserError
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as problem:
            raise error(f"{where}, line {number}: not JSON ({problem}); wanted one object a line") from None
        if not isinstance(row, dict):
            raise error(f"{where}, line {number}: JSON {type(row).__name__}; wanted one object a line")
        yield number, row


def _table_rows(text: str, delimiter: str, where: str) -> list[tuple[int, list[str]]]:
    """Line number (of its end) and fields of each row, all as long as the header."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    rows = [(number, line.split(delimiter)) for number, line in enumerate(lines, 1) if line]
    if all(len(row) == len(rows[0][1]) for _, row in rows):  # so no quoted field holds a delimiter or a line end
        quoted = [field for _, row in rows for field in row if '"' in field]
        if all(_QUOTED.fullmatch(field) for field in quoted):
            rows = [(number, [_unquoted(field) for field in row]) for number, row in rows]
        return rows
    limit = csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [(reader.line_num, row) for row in reader if row]
        wrong = next((number for number, row in rows if len(row) != len(rows[0][1])), None)
        problem = f"line {wrong} has another number of columns than the header" if wrong else ""
    except csv.Error as error:
        problem = f"line {reader.line_num}: {error}"
    finally:
        csv.field_size_limit(limit)
    if problem:
        raise UserError(f"{where}: {problem}; wanted a table with {delimiter!r} between fields; mend its quotes")
    return rows


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if '"' in field else field


def _record(row: Mapping[str, Any], columns: Columns, where: str, fallback: str) -> Record:
    clean, noisy = (_text(row, column, where) for column in columns)
    if {"source", "level"} <= row.keys():  # one of our own pairs
        return Record(
            clean,
            noisy,
            _text(row, "source", where) or fallback,
            _first(row, ("language", "lang")).lower(),
            _first(row, ("licence", "license")),
            _text(row, "level", where),
            _text(row, "left", where),
            _text(row, "right", where),
            _edits(row.get("edits") or (), where),
        )
    identity = _first(row, _ID_NAMES)
    return Record(
        clean,
        noisy,
        f"{fallback.rpartition('/')[0]}/{identity}" if identity else fallback,
        _first(row, ("language", "lang")).lower(),
        _first(row, ("licence", "license")),
    )


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{where}: {column} is {type(value).__name__}; wanted text; name another column")
    return value or ""


def _first(row: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = row.get(name)
        if value is not None and str(value).strip():
            return str(value).strip()
    return ""


def _edits(value: Any, where: str) -> tuple[tuple[int, int, int, int], ...]:  # noqa: ANN401 - whatever json holds
    try:
        return tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in value)
    except (TypeError, ValueError):
        raise UserError(f"{where}: edits are not lists of four numbers; write the pairs anew") from None
