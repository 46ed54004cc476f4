"""What every reader of aligned data gives: a text in two readings, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.common.errors import UserError

FORMATS = (
    "HIPE-OCRepair JSON Lines, ICDAR post-OCR text, or JSON Lines, CSV, TSV or parquet with a clean and a noisy column"
)
"""What can be read, in words."""

REASONS: dict[str, str] = {
    "empty": "one side is missing or only white space",
    "unaligned": "similarity below the floor: the two sides are not the same text",
    "no truth": "the clean side is not given, or marked as unknown throughout",
    "columns": "the two aligned lines differ in length, so that what is unknown cannot be left out of both",
    "not text": "a lone surrogate, which no UTF-8 file can hold",
}
"""Why a text is refused."""


class UnknownFormatError(UserError):
    """The file is of no format known here. In a folder it is listed as not read; alone it is an error."""


@dataclass(frozen=True, slots=True)
class Record:
    """One document as its file gives it.

    ``problem``, a key of :data:`REASONS`, says that the reader itself found it useless.
    """

    clean: str
    noisy: str
    source: str
    language: str = ""
    licence: str = ""
    level: str = "real"
    left: str = ""
    right: str = ""
    edits: tuple[tuple[int, int, int, int], ...] = ()
    problem: str = ""
