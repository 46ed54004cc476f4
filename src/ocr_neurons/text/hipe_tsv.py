"""HIPE TSV, the format of the HIPE-2020 and HIPE-2022 evaluations: read and written with nothing lost.

A file is one header line, then documents separated by a blank line; a document is comment lines ``# key = value``
and then one row a token. Nothing is quoted. Lines end at LF alone, and a comment is a ``#`` line *without a tab*:
tokens may begin with ``#``. See Ehrmann et al., HIPE-2022 Shared Task Participation Guidelines (2022).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import read_text, write_text
from ocr_neurons.text.document import Document, Token

COLUMNS = (
    "TOKEN",
    "NE-COARSE-LIT",
    "NE-COARSE-METO",
    "NE-FINE-LIT",
    "NE-FINE-METO",
    "NE-FINE-COMP",
    "NE-NESTED",
    "NEL-LIT",
    "NEL-METO",
    "MISC",
)
HEADER = "\t".join(COLUMNS)
_NEEDED = ("TOKEN", "NE-COARSE-LIT", "MISC")
_WANTED = "HIPE TSV: a header line TOKEN … MISC, then one row a token, tab-separated, UTF-8"
_SENTENCE_ENDS = ("EndOfSentence", "PySBDSegment")
_NO_DATE = ("", "_", "NA", "--")
_LABEL = re.compile(r"[BIES]-.+|O|_|")
_LED = re.compile(r"LED(\d+(?:\.\d+)?)")
_KEY = re.compile(r"#\s*(?:hipe\d{4}:)?(document_id|language|date)\s*=(.*)")

Flags = tuple[bool, bool, bool, float | None]
"""What we read in MISC: space after, line end, sentence end, LED."""


def read_hipe(path: Path) -> list[Document]:
    """Read the documents of a file, in its order; ids may repeat.

    The ten columns stay in ``Token.fields``. A file may lack columns other than TOKEN, NE-COARSE-LIT and MISC: they
    are read as ``_``. A byte-order mark and CRLF line ends are accepted, and not written again.

    Raises:
        UserError: no such file, no header, a wrong number of columns, a label or LED flag that cannot be read.
    """
    return parse_hipe(read_text(path, _WANTED), str(path))


def write_hipe(path: Path, documents: Iterable[Document]) -> None:
    """Write documents as :func:`format_hipe` does, whole or not at all."""
    write_text(path, format_hipe(documents))


def parse_hipe(text: str, name: str) -> list[Document]:
    """Read the documents of a file's ``text``; ``name`` stands in messages and names documents without an id."""
    lines = text.removeprefix("\ufeff").split("\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise UserError(f"{name}: the file is empty; wanted {_WANTED}")
    if "\r\n" in text:
        lines = [line.removesuffix("\r") for line in lines]
    columns, places = _read_header(lines[0], name)

    documents: list[Document] = []
    metadata: list[str] = []
    tokens: list[Token] = []
    seen: dict[str, Token] = {}  # three of four lines of real data stood before; tokens cannot change, so one will do

    def close() -> None:
        if metadata or tokens:
            documents.append(_document(metadata, tokens, f"{Path(name).stem}-{len(documents) + 1}"))
            metadata.clear()
            tokens.clear()

    after_blank = False
    for number, line in enumerate(lines[1:], 2):
        if "\t" in line:
            if after_blank and tokens:
                close()
            token = seen.get(line)
            if token is None:
                fields = tuple(line.split("\t"))
                if len(fields) != columns:
                    _wrong_count(name, number, len(fields), columns)
                if places:
                    fields = tuple("_" if place is None else fields[place] for place in places)
                try:
                    token = seen[line] = _token(fields)
                except UserError as error:
                    raise UserError(f"{name}, line {number}: {error}") from None
            tokens.append(token)
            after_blank = False
        elif not line:
            after_blank = True
        elif line.startswith("#"):
            if tokens or after_blank:
                close()
            metadata.append(line)
            after_blank = False
        else:
            _wrong_count(name, number, 1, columns)
    close()
    if not documents:
        raise UserError(f"{name}: no document after the header; wanted {_WANTED}")
    return documents


def format_hipe(documents: Iterable[Document]) -> str:
    """The text of a HIPE TSV file of all ten columns.

    Documents as read give their file back. What was changed since in a token's text, label or flags is written in the
    place of what was read. Documents without metadata get ``document_id``, ``date`` and ``language`` lines; tokens
    without fields get ``_`` in the other columns. LED is written with two decimals.

    Raises:
        UserError: no document, or text that would not read back (a tab or line feed in it, an empty token).
    """
    blocks = ["\n".join(_document_lines(document)) for document in documents]
    if not blocks:
        raise UserError("no document to write; wanted at least one")
    return f"{HEADER}\n" + "\n\n".join(blocks) + "\n"


def _wrong_count(name: str, number: int, given: int, wanted: int) -> NoReturn:
    raise UserError(
        f"{name}, line {number}: {given} column{'s' * (given != 1)}; wanted {wanted}, separated by tabs, "
        "as in the header (do not strip or re-wrap lines)"
    )


def _read_header(line: str, name: str) -> tuple[int, list[int | None]]:
    """The number of columns, and where each of ``COLUMNS`` stands (empty when all ten stand in order)."""
    header = line.split("\t")
    if "TOKEN" not in header:
        raise UserError(f"{name}, line 1: no header ({line[:40]!r}); wanted {_WANTED}")
    for column in _NEEDED:
        if column not in header:
            raise UserError(f"{name}, line 1: no column {column}; wanted at least {', '.join(_NEEDED)}; add it")
    for column in header:
        if column not in COLUMNS:
            raise UserError(f"{name}, line 1: unknown column {column!r}{nearest(column, COLUMNS)}; remove or rename it")
        if header.count(column) > 1:
            raise UserError(f"{name}, line 1: column {column} stands twice; wanted once; remove one")
    if tuple(header) == COLUMNS:
        return len(header), []
    return len(header), [header.index(column) if column in header else None for column in COLUMNS]


def _token(fields: tuple[str, ...]) -> Token:
    if not fields[0]:
        raise UserError("an empty TOKEN; wanted its text; remove the row or write the token")
    space_after, line_end, sentence_end, led = _flags(fields[9])
    return Token(fields[0], space_after, _label(fields[1]), led, line_end, sentence_end, fields)


@lru_cache(maxsize=4096)
def _label(label: str) -> str:
    if not _LABEL.fullmatch(label):
        raise UserError(f"label {label!r} in NE-COARSE-LIT; wanted O, _ or B-, I-, E-, S- and a type; convert it")
    return label


@lru_cache(maxsize=65536)
def _flags(misc: str) -> Flags:
    flags = misc.split("|")
    led = None
    for flag in flags:
        if flag.startswith("LED"):
            match = _LED.fullmatch(flag)
            if match is None or float(match[1]) > 1:
                raise UserError(f"flag {flag!r} in MISC; wanted LED0.00 to LED1.00; correct it")
            led = float(match[1])
    return "NoSpaceAfter" not in flags, "EndOfLine" in flags, any(e in flags for e in _SENTENCE_ENDS), led


def _misc(token: Token) -> str:
    """The MISC column: as read while it still tells what the token says, built anew otherwise."""
    raw = token.fields[9] if token.fields else "_"
    flags = (token.space_after, token.line_end, token.sentence_end, token.led)
    if flags == _flags(raw):
        return raw
    known = ("", "_", "NoSpaceAfter", "EndOfLine", *_SENTENCE_ENDS)
    kept = [flag for flag in raw.split("|") if flag not in known and not flag.startswith("LED")]
    if not token.space_after:
        kept.append("NoSpaceAfter")
    if token.line_end:
        kept.append("EndOfLine")
    if token.sentence_end:
        kept.append("EndOfSentence")
    if token.led is not None:
        kept.append(f"LED{token.led:.2f}")
    return "|".join(kept) or "_"


def _document(metadata: list[str], tokens: list[Token], fallback_id: str) -> Document:
    known: dict[str, str] = {}
    for match in filter(None, map(_KEY.match, metadata)):
        known.setdefault(match[1], match[2].strip())
    date = known.get("date", "")
    return Document(
        id=known.get("document_id") or fallback_id,
        tokens=tuple(tokens),
        language=known.get("language", ""),
        date=None if date in _NO_DATE else date,
        metadata=tuple(metadata),
    )


def _document_lines(document: Document) -> Iterator[str]:
    metadata = document.metadata
    if not metadata:
        known = {"document_id": document.id, "date": document.date, "language": document.language}
        metadata = tuple(f"# hipe2022:{key} = {value}" for key, value in known.items() if value)
        metadata = metadata or ("# hipe2022:document_id = _",)
    for line in metadata:
        if not line.startswith("#") or "\t" in line or "\n" in line:
            raise UserError(f"document {document.id!r}: metadata {line!r}; wanted '# key = value' on one line")
        yield line
    for token in document.tokens:
        fields = token.fields or ("_",) * len(COLUMNS)
        if len(fields) != len(COLUMNS):
            raise UserError(
                f"document {document.id!r}: token {token.text!r} has {len(fields)} fields; wanted 10 or none"
            )
        row = (token.text, token.label, *fields[2:9], _misc(token))
        line = "\t".join(row)
        if not token.text or "\n" in line or line.count("\t") != len(COLUMNS) - 1:
            raise UserError(f"document {document.id!r}: token {token.text!r}; wanted text without tab or line feed")
        yield line
