"""HIPE-OCRepair JSON Lines: one document a line, its OCR and its ground truth as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.aligned.record import Record

_UNKNOWN = ("", "n/a", "na", "none", "unknown")


def looks_like_ocrepair(row: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a HIPE-OCRepair document."""
    return isinstance(row.get("ocr_hypothesis"), dict) and isinstance(row.get("document_metadata"), dict)


def ocrepair_record(row: Mapping[str, Any], where: str, fallback: str) -> Record:
    """The document of one line; ``where`` (file and line) stands in messages, ``fallback`` names it without an id.

    The texts are taken as they stand, line breaks included; a masked ground truth (absent or null) gives the problem
    ``no truth``. ``source`` is ``primary_dataset_name/document_id``.

    Raises:
        UserError: the line is no HIPE-OCRepair document.
    """
    if not looks_like_ocrepair(row):
        raise UserError(f"{where}: no document_metadata or ocr_hypothesis; wanted a HIPE-OCRepair document as before")
    about = row["document_metadata"]
    clean, noisy = _unit(row, "ground_truth", where), _unit(row, "ocr_hypothesis", where)
    name, identity = _word(about, "primary_dataset_name"), _word(about, "document_id")
    return Record(
        clean or "",
        noisy or "",
        f"{name}/{identity}" if name and identity else identity or fallback,
        _word(about, "language").lower(),
        _word(about, "primary_dataset_license"),
        problem="no truth" if clean is None else "",
    )


def _unit(row: Mapping[str, Any], side: str, where: str) -> str | None:
    part = row.get(side)
    text = part.get("transcription_unit") if isinstance(part, dict) else None
    if text is not None and not isinstance(text, str):
        raise UserError(f"{where}: {side}.transcription_unit is {type(text).__name__}; wanted text; correct the file")
    return text


def _word(about: Mapping[str, Any], key: str) -> str:
    value = str(about.get(key) or "").strip()
    return "" if value.lower() in _UNKNOWN else value
