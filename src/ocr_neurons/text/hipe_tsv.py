"""HIPE TSV, the format of the HIPE-2020 and HIPE-2022 evaluations: read and written with nothing lost.

A file is one header line, then documents separated by a blank line; a document is comment lines ``# key = value``
and then one row a token. Nothing is quoted. Lines end at LF alone, and a comment is a ``#`` line *without a tab*:
tokens may begin with ``#``. See Ehrmann et al., HIPE-2022 Shared Task Participation Guidelines (2022).

Files with comments or blank lines inside a document, as the samples of HIPE-2020 have them, are read too: see
:class:`_Documents`. Only such lines are lost in writing.
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
_ID = "document_id"
_KEY = re.compile(rf"#\s*(?:hipe\d{{4}}:)?({_ID}|language|date)\s*=(.*)")
_PADDED = re.compile(r"(# *[\w:.-]+ *=[^\t]*)?\t+")
"""A comment or a blank line that a spreadsheet filled up with empty columns."""
_PADS = ("#", "\t")  # what such a line begins with

Flags = tuple[bool, bool, bool, float | None]
"""What we read in MISC: space after, line end, sentence end, LED."""


def read_hipe(path: Path) -> list[Document]:
    """Read the documents of a file, in its order; ids may repeat.

    The ten columns stay in ``Token.fields``. A file may lack columns other than TOKEN, NE-COARSE-LIT and MISC: they
    are read as ``_``. A byte-order mark, CRLF line ends and empty columns after a comment are accepted, and not written
    again.

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
    lines = [line.rstrip("\t") if line[:1] in _PADS and _PADDED.fullmatch(line) else line for line in lines]
    documents = _Documents(Path(name).stem, (line for line in lines if line[:1] == "#" and "\t" not in line))
    seen: dict[str, Token] = {}  # three of four lines of real data stood before; tokens cannot change, so one will do
    for number, line in enumerate(lines[1:], 2):
        if "\t" in line:
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
            documents.row(token)
        elif not line:
            documents.blank()
        elif line.startswith("#"):
            documents.comment(line)
        else:
            _wrong_count(name, number, 1, columns)
    if not (found := documents.all()):
        raise UserError(f"{name}: no document after the header; wanted {_WANTED}")
    return found


def format_hipe(documents: Iterable[Document]) -> str:
    """The text of a HIPE TSV file of all ten columns.

    Documents as read give their file back. What was changed since in a token's text, label or flags is written in the
    place of what was read. Documents without metadata get ``document_id``, ``date`` and ``language`` lines, those of
    other files beside them a ``document_id`` if they lack one, which tells them apart; tokens without fields get ``_``
    in the other columns. LED is written with two decimals.

    Raises:
        UserError: no document, or text that would not read back (a tab or line feed in it, an empty token).
    """
    given = list(documents)
    if not given:
        raise UserError("no document to write; wanted at least one")
    keys = [_keys(document.metadata) if document.metadata else {_ID} for document in given]
    mixed = len({(_ID in known, bool(known)) for known in keys}) > 1
    unnamed = [mixed and index > 0 and _ID not in known for index, known in enumerate(keys)]
    blocks = ["\n".join(_document_lines(document, name)) for document, name in zip(given, unnamed, strict=True)]
    return f"{HEADER}\n" + "\n\n".join(blocks) + "\n"


class _Documents:
    """The documents of a file, cut from its lines as they come.

    Comments that say which document it is begin one: those with a ``document_id``, or with a language or date where the
    file has no ids. Other comments among the rows are of lines and segments, and are dropped. A blank line ends only a
    document that did not begin so: with nothing else between documents, it is what tells them apart.
    """

    def __init__(self, stem: str, comments: Iterable[str]) -> None:
        known = _keys(comments)
        self._begins = {_ID} if _ID in known else known
        self._stem = stem
        self._found: list[Document] = []
        self._metadata: list[str] = []
        self._tokens: list[Token] = []
        self._comments: list[str] = []  # those since the last row or blank line
        self._blank = False  # whether a blank line stood since the last row or comment

    def comment(self, line: str) -> None:
        self._comments.append(line)

    def blank(self) -> None:
        if self._comments:
            self._settle()
        self._blank = True

    def row(self, token: Token) -> None:
        if self._comments or self._blank:
            self._settle()
        self._tokens.append(token)

    def all(self) -> list[Document]:
        """The documents, after the last line."""
        if self._comments:
            self._settle()
        self._close()
        return self._found

    def _settle(self) -> None:
        """Begin a document at the comments and the blank line that were read, or go on with the one that is open."""
        parted = self._blank and not self._begins & _keys(self._metadata) and (self._tokens or self._comments)
        if parted or self._begins & _keys(self._comments):
            self._close()
        if not self._tokens:
            self._metadata += self._comments
        self._comments.clear()
        self._blank = False

    def _close(self) -> None:
        if self._metadata or self._tokens:
            self._found.append(_document(self._metadata, self._tokens, f"{self._stem}-{len(self._found) + 1}"))
            self._metadata.clear()
            self._tokens.clear()


def _keys(comments: Iterable[str]) -> set[str]:
    """What comment lines say of their document, as far as it is known here."""
    return {match[1] for match in map(_KEY.match, comments) if match}


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


def _document_lines(document: Document, name: bool) -> Iterator[str]:
    """The lines of a document; ``name`` adds its id to its metadata."""
    metadata = document.metadata
    identity = f"# hipe2022:{_ID} = {document.id or '_'}"
    if not metadata:
        known = {"date": document.date, "language": document.language}
        metadata = (identity, *(f"# hipe2022:{key} = {value}" for key, value in known.items() if value))
    elif name:
        metadata = (identity, *metadata)
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
