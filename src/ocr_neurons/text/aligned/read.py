"""Real aligned data: texts in a clean and a noisy reading, from whatever file they come in.

Texts are passed on character for character: control characters, NUL, line feeds and byte-order marks inside them are
theirs. A byte-order mark that opens a file, and CRLF between its lines, belong to the file and are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text, user_path
from ocr_neurons.text.align import align
from ocr_neurons.text.aligned.icdar import looks_like_icdar, parse_icdar
from ocr_neurons.text.aligned.record import FORMATS, REASONS, Record, UnknownFormatError
from ocr_neurons.text.aligned.table import Columns, find_delimiter, read_delimited, read_json_lines, read_parquet
from ocr_neurons.text.pairs import TextPair

__all__ = ["REASONS", "AlignedSet", "Refusal", "read_aligned"]

LONG = 50_000
"""Texts above this many characters are compared through anchors rather than in one piece."""
_HEAD = 65_536
_SHARED = 12


@dataclass(frozen=True, slots=True)
class Refusal:
    """A text that was not taken: where it came from, and why, as a key of :data:`REASONS`."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlignedSet:
    """Aligned texts, one pair a document, and what was left out.

    ``unread`` names the files of a folder that are of no known format, each with why.
    ``languages`` and ``licences`` are those that the data state (or, for ICDAR, the names of its folders), sorted.
    """

    name: str
    pairs: tuple[TextPair, ...]
    refused: tuple[Refusal, ...] = ()
    unread: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """The one language of the set; empty if it is unknown or there are several."""
        return self.languages[0] if len(self.languages) == 1 else ""

    @property
    def licence(self) -> str:
        """The licences stated, joined; empty if none is."""
        return "; ".join(self.licences)

    @property
    def characters(self) -> int:
        """Characters of the clean side of all pairs."""
        return sum(len(pair.clean) for pair in self.pairs)

    def refused_by_reason(self) -> dict[str, int]:
        """How many texts were refused for which reason (see :data:`REASONS`)."""
        return dict(Counter(refusal.reason for refusal in self.refused))

    def require(self) -> tuple[TextPair, ...]:
        """The pairs; a UserError that says what became of the texts if none is left."""
        if not self.pairs:
            why = ", ".join(f"{count} {reason}" for reason, count in self.refused_by_reason().items())
            raise UserError(
                f"{self.name}: no usable pair, {len(self.refused)} refused ({why}); wanted texts in two readings; "
                "check the columns, or lower the floor"
            )
        return self.pairs


def read_aligned(path: Path, *, columns: Columns | None = None, floor: float = 0.5) -> AlignedSet:
    """Read a file of aligned texts, or all such files in a folder and its folders, in natural order.

    The format is told by the content. ``columns`` names the clean and the noisy column of a table, which is otherwise
    looked for under usual names. Documents are the unit; their ``level`` is ``real`` and ``source`` is
    ``set/document id`` (pairs written by this program keep both). Edit scripts are left empty: see
    :func:`ocr_neurons.text.align.align`.

    A text is refused, and counted, if a side is empty, its truth is unknown, or its similarity (1 - edits / length of
    the longer side) is below ``floor``, from 0 (nothing is compared) to 1. Files of a folder that are of no known
    format are listed in ``unread``; names that begin with a dot are not looked at.

    Raises:
        UserError: no such file; nothing in it that is known here; a known format with a line that cannot be read.
    """
    if not 0 <= floor <= 1:
        raise UserError(f"floor {floor:g} given; wanted a similarity from 0 to 1; 0.5 refuses what is not aligned")
    if columns is not None and (len(columns) != 2 or columns[0] == columns[1]):
        raise UserError(f"columns {', '.join(columns)} given; wanted two names: the clean column, the noisy column")
    path = user_path(path)
    if not path.is_dir():
        return _judged(path.stem, _read(path, path.parent.resolve().parent, columns), (), floor)
    records: list[Record] = []
    unread: list[str] = []
    folder = path.resolve()
    files = _files(folder)
    for file in files:
        try:
            records += _read(file, folder.parent, columns)
        except UnknownFormatError as error:
            unread.append(str(error))
    if len(unread) == len(files):
        found = f"none of its {len(files)} files is aligned text: {unread[0]}" if files else "empty; wanted " + FORMATS
        raise UserError(f"{path}: {found}")
    return _judged(folder.name, records, unread, floor)


def similar(clean: str, noisy: str, floor: float) -> float:
    """Similarity of two texts; 0 where it is surely below ``floor``, which is all that is known then."""
    longer, shorter = max(len(clean), len(noisy)), min(len(clean), len(noisy))
    if shorter < floor * longer:
        return 0.0  # the difference in length alone costs too much
    if longer <= LONG:
        hint = max(floor, 0.9)  # most pairs are close: the search widens when they are not
        return float(Levenshtein.normalized_similarity(clean, noisy, score_cutoff=floor, score_hint=hint))
    if floor >= 0.4 and _strangers(clean, noisy):
        return 0.0
    return align(clean, noisy).similarity


def _strangers(clean: str, noisy: str) -> bool:
    """Whether two long texts share no string of 12 characters: of 50,000 at a similarity of 0.4, one is sure to."""
    known = {noisy[start : start + _SHARED] for start in range(len(noisy) - _SHARED + 1)}
    return known.isdisjoint(clean[start : start + _SHARED] for start in range(len(clean) - _SHARED + 1))


def _files(folder: Path) -> list[Path]:
    inside = (file for file in folder.rglob("*") if file.is_file())
    visible = [file for file in inside if not any(part.startswith(".") for part in file.relative_to(folder).parts)]
    return sorted(visible, key=lambda file: [_natural(part) for part in file.relative_to(folder).parts])


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts 2.txt before 10.txt."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _read(path: Path, root: Path, columns: Columns | None) -> Iterable[Record]:
    """The records of one file; ``root`` is the folder that their sources are told from."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); wanted {FORMATS}") from None
    if head.startswith(b"PAR1"):
        return list(read_parquet(path, str(path), path.stem, columns))
    start = head.decode("utf-8", errors="replace").removeprefix("\ufeff").lstrip()
    icdar = looks_like_icdar(start)
    json_lines = start.startswith("{")
    if not (icdar or json_lines):
        find_delimiter(start, str(path), columns)  # raises for any other file, before it is read as a whole
    text = _whole(path)
    if icdar:
        if columns:
            raise UserError(f"{path}: an ICDAR file, which has no columns {', '.join(columns)}; leave them out")
        source = path.resolve().relative_to(root).with_suffix("").as_posix()
        return [parse_icdar(text, source, path.resolve())]
    reader = read_json_lines if json_lines else read_delimited
    return list(reader(text, str(path), path.stem, columns))


def _whole(path: Path) -> str:
    return read_text(path, FORMATS).removeprefix("\ufeff")


def _judged(name: str, records: Iterable[Record], unread: Iterable[str], floor: float) -> AlignedSet:
    pairs: list[TextPair] = []
    refused: list[Refusal] = []
    taken: list[Record] = []
    for record in records:
        refusal = _refusal(record, floor)
        if refusal:
            refused.append(refusal)
            continue
        taken.append(record)
        pairs.append(
            TextPair(record.clean, record.noisy, record.level, record.source, record.left, record.right, record.edits)
        )
    if not pairs and not refused:
        raise UserError(f"{name}: no text in it; wanted {FORMATS}")
    return AlignedSet(
        name,
        tuple(pairs),
        tuple(refused),
        tuple(unread),
        tuple(_stated(record.language for record in taken)),
        tuple(_stated(record.licence for record in taken)),
    )


def _refusal(record: Record, floor: float) -> Refusal | None:
    if record.problem:
        return Refusal(record.source, record.problem)
    if not record.clean.strip() or not record.noisy.strip():
        return Refusal(record.source, "empty")
    if any("\ud800" <= character <= "\udfff" for text in (record.clean, record.noisy) for character in set(text)):
        return Refusal(record.source, "not text")
    if floor > 0 and similar(record.clean, record.noisy, floor) < floor:
        return Refusal(record.source, "unaligned")
    return None


def _stated(values: Iterable[str]) -> Iterator[str]:
    yield from sorted({value for value in values if value})
