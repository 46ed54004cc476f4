"""Tokens and labels in JSON Lines, one sentence a line, as OntoNotes 5 and many other sets are passed around.

A line is an object with ``tokens`` (or ``words``) and ``tags`` (or ``ner_tags``, ``labels``, ``ner``). Labels are
texts, or numbers into a list: that of ``label.json`` beside the file (``{"O": 0, "B-CARDINAL": 1, …}``), else
:data:`ONTONOTES`, of which a warning is given. Lines of one ``document_id`` (or ``doc_id``) in a row make one document;
a line without makes one alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.formats.conll import LABEL, sentence
from ocr_neurons.text.formats.plain import decode

WANTED = "JSON Lines of objects with tokens and tags"
TOKENS = ("tokens", "words")
TAGS = ("tags", "ner_tags", "labels", "ner")
ONTONOTES = """
    O B-CARDINAL B-DATE I-DATE B-PERSON I-PERSON B-NORP B-GPE I-GPE B-LAW I-LAW B-ORG I-ORG B-PERCENT I-PERCENT
    B-ORDINAL B-MONEY I-MONEY B-WORK_OF_ART I-WORK_OF_ART B-FAC B-TIME I-CARDINAL B-LOC B-QUANTITY I-QUANTITY I-NORP
    I-LOC B-PRODUCT I-TIME B-EVENT I-EVENT I-FAC B-LANGUAGE I-PRODUCT I-ORDINAL I-LANGUAGE
""".split()  # noqa: SIM905 - forty lines otherwise
"""The labels of OntoNotes 5 in the order in which the data set ``tner/ontonotes5`` numbers them."""


def read_token_lines(
    data: bytes, where: str, name: str, language: str = "", names: Sequence[str] = (), *, labelled: bool = True
) -> list[Document]:
    """The documents of a file's bytes; ids are theirs, or ``name`` and a number.

    ``names`` are the labels by number. Where labels are not wanted (``labelled``), whatever stands there will do, and
    they are all ``O``.

    Raises:
        UserError: a line that is no such object, labels that do not fit the tokens or the list.
    """
    rows: list[tuple[str, tuple[Token, ...]]] = []
    numbers = False
    for number, line in enumerate(decode(data, where, WANTED).split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
                given = next(
                    (value[key] for key in ("document_id", "doc_id") if key in value and value[key] is not None), ""
                )
                identity = " ".join(str(given).split())
                words, tags = _columns(value)
                tags = tags if labelled else ["O"] * len(words)
                numbers |= any(isinstance(tag, int) for tag in tags)
                rows.append((identity or f"{name}-{number}", _sentence(words, tags, names or ONTONOTES)))
            except (json.JSONDecodeError, RecursionError) as error:
                raise UserError(f"{where}, line {number}: not JSON ({error}); wanted {WANTED}") from None
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise UserError(f"{where}, line {number}: {error}; wanted {WANTED}") from None
    documents = [
        Document(identity, tuple(token for _, tokens in group for token in tokens), language)
        for identity, group in groupby(rows, key=lambda row: row[0])
    ]
    if not documents:
        raise UserError(f"{where}: no line in it; wanted {WANTED}")
    if numbers and not names:
        _warn_of_numbers(where)
    return documents


@cache  # once a file, however often it is read
def _warn_of_numbers(where: str) -> None:
    listed = ", ".join(f"{number} {label}" for number, label in enumerate(ONTONOTES[:4]))
    Reporter().warn(
        f"{where}: labels are numbers, and no label.json stands beside the file; read as tner/ontonotes5 numbers "
        f"OntoNotes 5 ({listed} …); for other labels put their label.json there"
    )


def label_names(value: Any) -> list[str]:  # noqa: ANN401 - whatever json holds
    """The labels by number of a ``label.json``: an object from label to number, or from number to label, or a list."""
    if isinstance(value, dict):
        pairs = [(int(b), str(a)) if isinstance(b, int) else (int(a), str(b)) for a, b in value.items()]
        if sorted(number for number, _ in pairs) == list(range(len(pairs))):
            return [label for _, label in sorted(pairs)]
    elif isinstance(value, list):
        return [str(label) for label in value]
    raise ValueError("labels are not numbered from 0 without a gap")


def _columns(value: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Words and tags of a line, as many of the one as of the other."""
    words, tags = (next((value[key] for key in keys if key in value), None) for keys in (TOKENS, TAGS))
    if words is None or tags is None:
        raise ValueError(f"no {' or '.join(TOKENS if words is None else TAGS)}")
    if not (isinstance(words, list) and isinstance(tags, list) and len(words) == len(tags) and words):
        raise ValueError(f"{len(words)} tokens and {len(tags)} tags")
    return words, tags


def _sentence(words: Sequence[Any], tags: Sequence[Any], names: Sequence[str]) -> tuple[Token, ...]:
    labels: list[str] = []
    for tag in tags:
        if isinstance(tag, int) and not 0 <= tag < len(names):
            raise ValueError(f"label number {tag} of {len(names)} known; put a label.json beside the file")
        labels.append(names[tag] if isinstance(tag, int) else tag)
        if not LABEL.fullmatch(labels[-1]):
            raise ValueError(f"label {labels[-1]!r}")
    if not all(isinstance(word, str) and word.strip() for word in words):
        raise ValueError("a token that is no text")
    if any("\ud800" <= sign <= "\udfff" for word in words for sign in word):
        raise ValueError("half a character (a lone surrogate) in a token")
    return sentence([(" ".join(word.split()), label) for word, label in zip(words, labels, strict=True)])
