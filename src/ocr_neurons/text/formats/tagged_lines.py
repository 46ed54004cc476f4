"""Reading back the JSON Lines that ``tag`` writes: entities by their characters, onto the tokens of a gold standard."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text
from ocr_neurons.text.document import Document
from ocr_neurons.text.formats.running import read_tokens

WANTED = "the JSON Lines that `tag` makes of the gold standard's own file"


def is_tagged(path: Path) -> bool:
    """Whether a file begins like one that ``tag`` wrote as JSON Lines."""
    with path.open("rb") as file:
        head = file.readline().decode("utf-8", "replace")
    try:
        value = json.loads(head)
    except ValueError:
        return False
    return isinstance(value, dict) and {"document", "text", "entities"} <= value.keys()


def read_tagged(path: Path, gold: Sequence[Document]) -> list[Document]:
    """The documents of ``gold``, in its order, with the labels that a file says their characters have.

    Every token that an entity touches belongs to it.

    Raises:
        UserError: no such JSON Lines, another number of documents, or another text.
    """
    lines = [line for line in read_text(path, WANTED).split("\n") if line.strip()]
    if len(lines) != len(gold):
        raise UserError(f"{path}: {len(lines)} documents, the gold standard has {len(gold)}; wanted {WANTED}")
    found = []
    for number, (line, true) in enumerate(zip(lines, gold, strict=True), 1):
        try:
            found.append(_labelled(json.loads(line), true))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}, line {number}: {_said(error)}; wanted {WANTED}") from None
    return found


def _labelled(record: Mapping[str, Any], true: Document) -> Document:
    reading = read_tokens(true, "gold", join=False)
    if record["text"] != reading.text:
        raise ValueError(f"the text of document {record['document']} is not that of {true.id}")
    labels = ["O"] * len(true.tokens)
    starts, ends = [start for start, _ in reading.spans], [end for _, end in reading.spans]
    for entity in record["entities"]:
        first, last = bisect_right(ends, int(entity["start"])), bisect_left(starts, int(entity["end"]))
        labels[first:last] = [f"{'I' if at > first else 'B'}-{entity['type']}" for at in range(first, last)]
    return true.with_labels(labels)


def _said(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
