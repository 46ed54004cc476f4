"""Clean twins of AjMC: its OCR with each noisy entity replaced by what the page says.

The transcripts are those of the corpus's annotators, joined to HIPE-2022 by document and token: one row an entity.
Only entities are clean in such a twin; the words around them are the OCR's, as are entities without a transcript.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.led import entity_distance, surface

FILE = "ajmc-entity-transcripts.tsv"
COLUMNS = (
    "language",
    "split",
    "doc_index",
    "document_id",
    "token_start",
    "token_end",
    "coarse",
    "fine",
    "ocr_surface",
    "transcript",
    "LED",
)
MARK = "# ocr-neurons:twin = entities only"
"""The metadata line of a twin in which only entities are clean."""

_WANTED = f"transcripts of AjMC's entities ({FILE}: columns {', '.join(COLUMNS)}, tab-separated)"
_TOKEN = re.compile(r"\w+(?:['’]s\b)?|\S")
"""How AjMC cuts words: letters and figures together, every mark alone (99 % of its clean entities are cut so)."""
_LINE_HYPHEN = re.compile(r"(?<=[^\W\d_])- (?=[^\W\d_])")
_ROUNDED = 0.0051


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """What the page says where OCR damaged an entity: tokens ``[start, end)`` of a document of one file."""

    document: int
    document_id: str
    start: int
    end: int
    type: str
    ocr: str
    transcript: str
    led: float


@dataclass(frozen=True, slots=True)
class Twins:
    """The clean twins of a split, how many entities were replaced in them, and how many stay noisy (LED above 0)."""

    documents: tuple[Document, ...]
    replaced: int
    left: int


def read_transcripts(path: Path) -> dict[tuple[str, str], list[TranscriptRow]]:
    """The rows of a file by ``(language, split)``; nothing in it is quoted.

    Raises:
        UserError: no such file, other columns, or a row that cannot be read.
    """
    lines = read_text(path, _WANTED).removeprefix("\ufeff").split("\n")
    if tuple(lines[0].removesuffix("\r").split("\t")) != COLUMNS:
        raise UserError(f"{path}, line 1: header {lines[0][:60]!r}; wanted {_WANTED}")
    found: dict[tuple[str, str], list[TranscriptRow]] = defaultdict(list)
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        fields = line.removesuffix("\r").split("\t")
        try:
            language, split, index, identity, start, end, coarse, _, ocr, transcript, led = fields
            row = TranscriptRow(int(index), identity, int(start), int(end), coarse, ocr, transcript, float(led))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not a transcript ({error}); wanted {_WANTED}") from None
        if not transcript.strip() or not 0 <= row.start < row.end:
            raise UserError(f"{path}, line {number}: no transcript or no token in it; wanted {_WANTED}")
        found[language, split].append(row)
    return dict(found)


def clean_twin(document: Document, rows: Iterable[TranscriptRow]) -> Document:
    """``document`` with the entities of ``rows`` as the page has them; ``rows`` are those of this document.

    The transcript is cut into tokens as AjMC cuts them, labelled ``B-``/``I-`` with the entity's type, LED 0. The
    space after the entity, sentence and line ends, reference flags and link ids are kept. Marks that OCR glued to the
    entity and the annotators left out of it (``Eschyle,``) stay glued to it, as they do in entities without errors.
    :data:`MARK` is added to the metadata.

    Raises:
        UserError: a row that is not of this document: another id, place, type or OCR text, or two that overlap.
    """
    entities = {(entity.start, entity.end): entity.type for entity in document.entities()}
    tokens: list[Token] = []
    position = 0
    for row in sorted(rows, key=lambda row: row.start):
        old = document.tokens[row.start : row.end]
        there = surface(old) if old else ""
        if (
            row.document_id != document.id
            or entities.get((row.start, row.end)) != row.type
            or there != row.ocr
            or row.start < position
        ):
            raise UserError(
                f"document {document.id!r}, tokens {row.start}-{row.end}: {there!r} there; the transcripts have "
                f"{row.type} {row.ocr!r} of {row.document_id!r}; wanted those of this version of the data"
            )
        tokens += document.tokens[position : row.start]
        tokens += _replacement(old, _wording(old, document.tokens[row.end :], row), row.type)
        position = row.end
    tokens += document.tokens[position:]
    return replace(document, tokens=tuple(tokens), metadata=(*document.metadata, MARK))


def clean_twins(documents: Sequence[Document], rows: Iterable[TranscriptRow]) -> Twins:
    """The clean twins of the documents of one split, in their order.

    Raises:
        UserError: a row that is not of these documents.
    """
    by_document: dict[int, list[TranscriptRow]] = defaultdict(list)
    for row in rows:
        if not 0 <= row.document < len(documents):
            raise UserError(
                f"transcripts: document {row.document} of {len(documents)}; wanted those of this version of the data"
            )
        by_document[row.document].append(row)
    twins = tuple(clean_twin(document, by_document[index]) for index, document in enumerate(documents))
    replaced = sum(len(found) for found in by_document.values())
    return Twins(twins, replaced, sum(noisy_entities(twin) for twin in twins))


def noisy_entities(document: Document) -> int:
    """How many entities of a document have a LED above 0."""
    return sum((document.tokens[entity.start].led or 0) > 0 for entity in document.entities())


def twins_beside(
    folder: Path, documents: Mapping[str, Sequence[Document]], transcripts: Path | None = None
) -> dict[str, tuple[Document, ...]]:
    """Clean twins by split for the AjMC data in ``folder``; empty where there are no transcripts for them.

    ``transcripts`` is looked for as ``derived/ajmc-entity-transcripts.tsv`` beside the release that holds
    ``ajmc/LANGUAGE``, unless given.

    Raises:
        UserError: the file given is not there or has nothing for these documents; transcripts of other data.
    """
    path = transcripts
    if path is None:
        folder = folder.resolve()
        path = folder.parents[min(2, len(folder.parents) - 1)] / "derived" / FILE
        if folder.parent.name != "ajmc" or not path.is_file():
            return {}
    rows = read_transcripts(path)
    found: dict[str, tuple[Document, ...]] = {}
    for split, texts in documents.items():
        languages = {document.language for document in texts}
        wanted = [row for language in sorted(languages) for row in rows.get((language, split), ())]
        if wanted:
            found[split] = clean_twins(texts, wanted).documents
    if transcripts and not found:
        raise UserError(f"{path}: no transcript for the splits and language of {folder}; wanted {_WANTED}")
    return found


def _wording(old: Sequence[Token], after: Sequence[Token], row: TranscriptRow) -> tuple[str, str, str]:
    """What stands in the place of ``old``: marks before the transcript, the transcript, marks after it.

    Where the transcript does not explain the LED that the data state, it may hold the hyphen of a line end, or words
    that the next tokens have, or lack the marks that OCR glued to the entity.
    """
    text = row.transcript.strip()
    if _misfit(text, row.ocr, row.led) < _ROUNDED:
        return "", text, ""
    shorter = [_LINE_HYPHEN.sub("", text)]
    shorter += [text.removesuffix(f" {surface(after[:count])}") for count in range(1, min(4, len(after)) + 1)]
    text = min([text, *shorter], key=lambda wording: _misfit(wording, row.ocr, row.led))
    before, behind = _marks(old[0].text, first=True), _marks(old[-1].text, first=False)
    ways = sorted(((i, j) for i in range(len(before) + 1) for j in range(len(behind) + 1)), key=sum)
    for left, right in ways:  # as few marks as explain the LED
        if _misfit(text, row.ocr[left : len(row.ocr) - right], row.led) < _ROUNDED:
            return before[:left], text, behind[len(behind) - right :]
    return "", text, ""


def _marks(token: str, *, first: bool) -> str:
    """The marks at the edge of a token that also holds letters or figures."""
    match = re.match(r"[\W_]*(?=\w)", token) if first else re.search(r"(?<=\w)[\W_]*$", token)
    return match[0] if match else ""


def _misfit(transcript: str, ocr: str, led: float) -> float:
    return abs(entity_distance(transcript, ocr) - led)


def _replacement(old: Sequence[Token], wording: tuple[str, str, str], kind: str) -> list[Token]:
    """Tokens in the place of ``old``; each takes the other columns, and the ends, of the old token in its place."""
    before, text, behind = wording
    spans = [match.span() for match in _TOKEN.finditer(text)]
    ending: dict[int, list[Token]] = defaultdict(list)
    for index, token in enumerate(old):
        ending[max(0, (index + 1) * len(spans) // len(old) - 1)].append(token)
    made: list[Token] = []
    used = -1
    for index, (start, end) in enumerate(spans):
        last = index + 1 == len(spans)
        place = index * len(old) // len(spans)
        fields = old[place].fields
        if place == used:  # two tokens from one: what began with the first goes on
            fields = tuple("I-" + field[2:] if field.startswith("B-") else field for field in fields)
        used = place
        made.append(
            Token(
                before * (index == 0) + text[start:end] + behind * last,
                old[-1].space_after if last else text[end].isspace(),
                f"{'I' if index else 'B'}-{kind}",
                0.0,
                any(token.line_end for token in ending[index]),
                any(token.sentence_end for token in ending[index]),
                fields,
            )
        )
    return made
