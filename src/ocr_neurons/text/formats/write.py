"""Writers of tagged text, by format: HIPE TSV, JSON Lines, CSV, spaCy's DocBin."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_text
from ocr_neurons.text.formats.docbin import write_docbin
from ocr_neurons.text.formats.tagged import Mention, Tagged
from ocr_neurons.text.hipe_tsv import write_hipe
from ocr_neurons.text.source import Page, Place

CSV_COLUMNS = (
    "file",
    "document",
    "type",
    "form",
    "surface",
    "start",
    "end",
    "confidence",
    "page",
    "image",
    "xywh",
)


def write_tagged(path: Path, name: str, tagged: Sequence[Tagged]) -> None:
    """Write tagged documents in the format ``name`` (a key of ``FORMATS``), whole or not at all.

    Raises:
        UserError: a format that is not known, or spaCy where it is not installed.
    """
    if name not in FORMATS:
        raise UserError(f"format {name!r}; wanted one of {', '.join(FORMATS)}")
    FORMATS[name](path, tagged)


def record(tagged: Tagged) -> dict[str, Any]:
    """A tagged document as JSON can hold it; offsets are characters of ``text``, boxes ``[x, y, width, height]``."""
    reading = tagged.reading
    return {
        "document": tagged.document.id,
        "file": reading.file,
        "kind": reading.kind,
        "language": tagged.document.language,
        "date": tagged.document.date,
        "text": reading.text,
        "pages": [_page(number, page) for number, page in enumerate(reading.pages, 1)],
        "entities": [_entity(mention) for mention in tagged.mentions()],
    }


def _entity(mention: Mention) -> dict[str, Any]:
    return {
        "type": mention.type,
        "form": mention.form,
        "surface": mention.surface,
        "start": mention.start,
        "end": mention.end,
        "confidence": round(mention.confidence, 4),
        "parts": [_part(part) for part in mention.parts],
    }


def _part(part: Place) -> dict[str, Any]:
    value: dict[str, Any] = {"start": part.start, "end": part.end}
    value |= {"page": part.page + 1} if part.page >= 0 else {}
    return value | ({"box": list(part.box.xywh), "box_of": part.level} if part.box else {})


def _page(number: int, page: Page) -> dict[str, Any]:
    facts = {"id": page.id, "image": page.image, "width": page.width, "height": page.height}
    return {"page": number} | {key: value for key, value in facts.items() if value} | {"unit": page.unit}


def _write_tsv(path: Path, tagged: Sequence[Tagged]) -> None:
    write_hipe(path, [one.reading.labelled(one.document) for one in tagged])


def _write_jsonl(path: Path, tagged: Sequence[Tagged]) -> None:
    write_text(path, "".join(json.dumps(record(one), ensure_ascii=False) + "\n" for one in tagged))


def _write_csv(path: Path, tagged: Sequence[Tagged]) -> None:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")  # quotes what holds one of the two
    writer.writerow(CSV_COLUMNS)
    writer.writerows(row for one in tagged for row in _rows(one))
    write_text(path, "".join(lines))


class _Lines(list[str]):
    r"""The rows that ``csv`` writes, each ended by ``\n``."""

    def write(self, row: str) -> None:
        self.append(row.removesuffix("\r\n") + "\n")


def _rows(tagged: Tagged) -> Iterator[tuple[object, ...]]:
    """One row an entity; where it stands on several lines, its boxes are parted by semicolons."""
    pages = tagged.reading.pages
    for mention in tagged.mentions():
        numbers = list(dict.fromkeys(part.page for part in mention.parts if part.page >= 0))
        boxes = [",".join(map(str, part.box.xywh)) for part in mention.parts if part.box]
        yield (
            tagged.reading.file,
            tagged.document.id,
            mention.type,
            mention.form,
            mention.surface,
            mention.start,
            mention.end,
            round(mention.confidence, 4),
            ";".join(str(number + 1) for number in numbers),
            ";".join(dict.fromkeys(pages[number].image for number in numbers)),
            ";".join(boxes),
        )


def _write_spacy(path: Path, tagged: Sequence[Tagged]) -> None:
    write_docbin(path, [(one.document, record(one)) for one in tagged])


FORMATS: dict[str, Callable[[Path, Sequence[Tagged]], None]] = {
    "tsv": _write_tsv,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "spacy": _write_spacy,
}
"""Writers by format, which is also the ending of the file."""
