"""A tagger that knows names by heart, for tests of what noise costs: one wrong letter, and the name is not found."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.text.document import Document

NAMES = {"Liverpool": "B-loc", "John": "B-pers", "Thornton": "I-pers"}


def tag(documents: Sequence[Document]) -> list[Document]:
    """``documents`` with the labels of :data:`NAMES`, word by word."""
    return [document.with_labels([NAMES.get(t.text, "O") for t in document.tokens]) for document in documents]
