"""Scores of plain label lists, for those who have no documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.reading import Reading
from ocr_neurons.text.document import Document, Token

Labels = Sequence[Sequence[str]]


def score_labels(
    gold: Labels, predicted: Labels, *, ids: Sequence[str] | None = None, mapping: Mapping[str, str] | None = None
) -> Scores:
    """Score labels against labels: one list a document (or sentence), one BIO or IOBES label a token.

    What is a list here is the unit of the intervals and of macro scores. ``mapping`` maps types, both sides, as
    :func:`ocr_neurons.score.load_mapping` reads it. Everything else is as for documents, but that no token is left
    out for a ``#`` in it.

    >>> scores = score_labels([["B-LOC", "I-LOC", "O"]], [["B-LOC", "O", "O"]])
    >>> scores.total("strict").f1, scores.total("fuzzy").f1
    (0.0, 1.0)

    Raises:
        UserError: other numbers of lists or of labels, a label that is none.
    """
    if len(gold) != len(predicted):
        raise UserError(f"{len(predicted)} lists of predicted labels for {len(gold)} of gold ones; wanted as many")
    names = [str(number) for number in range(1, len(gold) + 1)] if ids is None else list(ids)
    if len(names) != len(gold):
        raise UserError(f"{len(names)} ids for {len(gold)} lists of labels; wanted as many")
    for name, true, guess in zip(names, gold, predicted, strict=True):
        if len(true) != len(guess):
            raise UserError(f"list {name}: {len(guess)} predicted labels for {len(true)} tokens; wanted one a token")
    reading = Reading(mapping={old.upper(): new.upper() for old, new in (mapping or {}).items()})
    return evaluate(_documents(names, gold), _documents(names, predicted), reading)


def _documents(names: Sequence[str], labels: Labels) -> list[Document]:
    return [Document(n, tuple(Token("_", label=label) for label in row)) for n, row in zip(names, labels, strict=True)]
