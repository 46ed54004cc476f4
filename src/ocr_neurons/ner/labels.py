"""The label inventory of a tagger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document, entity_types

IGNORED = -100
"""Label number that the loss passes over (PyTorch's ``ignore_index``)."""


def inventory(documents: Iterable[Document]) -> list[str]:
    """``O`` and ``B-``/``I-`` of every entity type in ``documents``, in a fixed order.

    Raises:
        UserError: there is no entity at all.
    """
    types = entity_types(documents)
    if not types:
        raise UserError("no entity in the training documents; wanted at least one in the NE-COARSE-LIT column")
    return ["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]


def label_ids(document: Document, labels: Sequence[str]) -> list[int]:
    """The number of each token's label, read through the document's entities, so that a stray ``I-`` becomes ``B-``.

    Raises:
        UserError: the document has an entity type that ``labels`` lacks.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    ids = [numbers["O"]] * len(document.tokens)
    for entity in document.entities():
        if f"B-{entity.type}" not in numbers:
            raise UserError(_lacking(document.id, {entity.type}, labels))
        ids[entity.start] = numbers[f"B-{entity.type}"]
        for position in range(entity.start + 1, entity.end):
            ids[position] = numbers[f"I-{entity.type}"]
    return ids


def check_types(documents: Iterable[Document], labels: Sequence[str], what: str) -> None:
    """Refuse documents whose entity types the tagger cannot give: every such entity would count as missed.

    Raises:
        UserError: names the types and what the tagger knows.
    """
    lacking = set(entity_types(documents)) - {label[2:] for label in labels if label != "O"}
    if lacking:
        raise UserError(_lacking(what, lacking, labels))


def _lacking(where: str, lacking: set[str], labels: Sequence[str]) -> str:
    known = ", ".join(sorted({label[2:] for label in labels if label != "O"}))
    return (
        f"{where}: entity types {', '.join(sorted(lacking))} are unknown to the tagger (it knows {known}); "
        "use data with the same labels or train a tagger on these"
    )
