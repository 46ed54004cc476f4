"""CoNLL-2003 columns: a token a line, its label in the last column; an empty line ends a sentence.

``-DOCSTART-`` begins a document; a file without it is one. Labels may be IOB1 (``B-`` only where two entities of a
type touch), IOB2 or with ``E-`` and ``S-``; all are read as IOB2, sentence by sentence. Parts of speech and chunks are
not kept.
See Tjong Kim Sang & De Meulder, Introduction to the CoNLL-2003 Shared Task (2003).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document, Token, spans
from ocr_neurons.text.formats.plain import decode

WANTED = "CoNLL-2003 columns: token, then others, the label (O, B-…, I-…) last"
LABEL = re.compile(r"O|[BIES]-\S+")
START = "-DOCSTART-"
_BLANK = " \t\r"
"""What parts columns; other white space, such as U+00A0, may be a token or in one."""


def read_conll(data: bytes, where: str, name: str, language: str = "") -> list[Document]:
    """The documents of a file's bytes; ids are ``name`` and a number.

    Columns are separated by tabs where there are any, else by spaces.

    Raises:
        UserError: a line of another number of columns than the first, or a label that cannot be read.
    """
    lines = decode(data, where, WANTED).split("\n")
    documents: list[Document] = []
    sentences: list[tuple[Token, ...]] = []
    rows: list[tuple[str, str]] = []
    columns = 0

    def end_document() -> None:
        if sentences:
            tokens = tuple(token for sentence in sentences for token in sentence)
            documents.append(Document(f"{name}-{len(documents) + 1}", tokens, language))
            sentences.clear()

    for number, line in enumerate([*lines, ""], 1):
        line = line.strip(_BLANK)
        fields = line.split("\t") if "\t" in line else re.split(r"[ \r]+", line)
        if not line or fields[0] == START:
            if rows:
                sentences.append(sentence(rows))
                rows.clear()
            if fields and fields[0] == START:
                end_document()
            continue
        columns = columns or len(fields)
        if len(fields) != columns or columns < 2:
            raise UserError(f"{where}, line {number}: {len(fields)} columns, {columns} before; wanted {WANTED}")
        if not LABEL.fullmatch(fields[-1]):
            raise UserError(f"{where}, line {number}: label {fields[-1]!r}; wanted {WANTED}")
        rows.append((fields[0], fields[-1]))
    end_document()
    if not documents:
        raise UserError(f"{where}: no token in it; wanted {WANTED}")
    return documents


def sentence(rows: Sequence[tuple[str, str]]) -> tuple[Token, ...]:
    """The tokens of a sentence from words and labels of any of the schemes, labelled in IOB2."""
    labels = ["O"] * len(rows)
    for entity in spans(label for _, label in rows):
        labels[entity.start : entity.end] = [f"B-{entity.type}"] + [f"I-{entity.type}"] * (
            entity.end - entity.start - 1
        )
    last = len(rows) - 1
    return tuple(Token(word, label=labels[i], sentence_end=i == last) for i, (word, _) in enumerate(rows))
