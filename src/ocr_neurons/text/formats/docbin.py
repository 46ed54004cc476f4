"""spaCy's DocBin, for those who go on in spaCy."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing
from ocr_neurons.text.document import Document

USER_KEY = "ocr_neurons"


def check_spacy() -> None:
    """Refuse in one line where spaCy is not installed."""
    if find_spec("spacy") is None:
        raise UserError("format spacy: spaCy is not installed; run: pip install 'ocr-neurons[spacy]'")


def write_docbin(path: Path, documents: Sequence[tuple[Document, dict[str, Any]]]) -> None:
    """Write documents as a DocBin (``.spacy``): tokens as they were tagged, spaces, sentence starts, entities.

    Beside each stands a JSON-like value, kept as ``doc.user_data["ocr_neurons"]``: offsets in the source, boxes,
    confidences.

    Raises:
        UserError: spaCy is not installed.
    """
    check_spacy()
    import spacy
    from spacy.tokens import Doc, DocBin, Span

    vocab = spacy.blank("xx").vocab
    bin_ = DocBin(attrs=["ENT_IOB", "ENT_TYPE", "SENT_START"], store_user_data=True)
    for document, value in documents:
        texts = [token.text for token in document.tokens]
        running = document.running_text()
        spaces = [running.text[end : end + 1] == " " for end in running.ends]
        begins = {start for start, _ in document.sentences()}
        starts: list[bool | int | None] = [index in begins for index in range(len(texts))]
        doc = Doc(vocab, words=texts, spaces=spaces, sent_starts=starts, user_data={USER_KEY: value})
        doc.set_ents([Span(doc, entity.start, entity.end, entity.type) for entity in document.entities()])
        bin_.add(doc)
    with replacing(path) as temporary:
        temporary.write_bytes(bin_.to_bytes())
