"""Text files of the ICDAR 2017 and 2019 competitions on post-OCR correction.

Three lines: ``[OCR_toInput]``, ``[OCR_aligned]``, ``[ GS_aligned]``. The aligned ones have one column a character;
``@`` fills a column where the other side has a character more, ``#`` in the gold one says that the truth is unknown.
See Chiron et al. 2017 and Rigaud et al. 2019.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ocr_neurons.text.aligned.record import Record, UnknownFormatError

_TAG = re.compile(r"[\s\ufeff]*\[\s*(OCR|GS|GT)[\s_-]*(toInput|aligned)\s*\] ?", re.IGNORECASE)
_FOLDER = re.compile(r"([a-z]{2,3})_(?:monograph|periodical)s?|([A-Z]{2})\d*")
_LANGUAGES = {"eng": "en", "fr": "fr", "cz": "cs"} | {x: x for x in ("bg", "de", "en", "es", "fi", "nl", "pl", "sl")}


def looks_like_icdar(head: str) -> bool:
    """Whether a file that begins with ``head`` has the first line of the format."""
    return _TAG.match(head) is not None


def parse_icdar(text: str, source: str, path: Path | None = None) -> Record:
    """The document of a file's ``text``.

    Columns whose truth is unknown are left out of both sides, with one of the two spaces that would then meet. What
    remains is the text of the columns, without what fills them; a real ``@`` of the OCR is told from filling by the
    first line. Where the aligned lines differ in length (or the OCR has none) and nothing is unknown, the texts are
    taken whole; where something is, the record says ``columns``. The tags may differ in case and spaces, lines may end
    in CRLF, line feeds inside a text are kept.

    ``path`` tells the language, if a folder on it is named as the competitions name theirs (``eng_periodical``,
    ``DE1``).
    """
    fields = _fields(text)
    if not fields:
        raise UnknownFormatError(f"{source}: no [OCR_toInput] line; wanted an ICDAR post-OCR file")
    language = _language(path) if path else ""
    given, ocr, truth = fields.get("ocr toinput"), fields.get("ocr aligned"), fields.get("gs aligned")
    noisy = given if given is not None else (ocr or "").replace("@", "")
    if truth is None:
        return Record("", noisy, source, language, problem="no truth")
    unknown = "#" in truth
    if ocr is not None and len(ocr) != len(truth):
        ocr, truth = _padded(ocr, truth)
    if ocr is None or len(ocr) != len(truth):
        problem = "columns" if unknown else ""
        return Record(truth.replace("@", ""), noisy, source, language, problem=problem)
    clean, noisy = _known(_cells(ocr, given), truth)
    return Record(clean, noisy, source, language, problem="no truth" if unknown and not clean.strip() else "")


def _fields(text: str) -> dict[str, str]:
    """The text after each tag; lines without a tag go on with the one before."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    # the texts may hold other separators (U+2028, form feed): only true line ends count
    for line in text.split("\n" if "\n" in text else "\r"):
        line = line.removesuffix("\r")
        match = _TAG.match(line)
        if match:
            current = found.setdefault(f"{match[1].lower().replace('gt', 'gs')} {match[2].lower()}", [])
            line = line[match.end() :]
        current.append(line)
    return {name: "\n".join(lines).rstrip("\n") for name, lines in found.items()}


def _padded(ocr: str, truth: str) -> tuple[str, str]:
    """Both lines at one length, if all that one has more is filling or spaces at its end."""
    length = min(len(ocr), len(truth))
    if (ocr[length:] + truth[length:]).strip("@ "):
        return ocr, truth
    return ocr.ljust(len(truth), "@"), truth.ljust(len(ocr), "@")


def _cells(ocr: str, given: str | None) -> Sequence[str]:
    """What each column of the OCR holds: a character, or nothing where ``@`` is filling."""
    plain = ["" if character == "@" else character for character in ocr]
    if given is None or "@" not in given:
        return plain
    cells: list[str] = []
    position = 0
    for character in ocr:
        if given[position : position + 1] == character:
            cells.append(character)
            position += 1
        elif character == "@":
            cells.append("")
        else:
            return plain  # the first line is not the OCR of the second
    return cells


def _known(ocr: Sequence[str], truth: str) -> tuple[str, str]:
    """Clean and noisy text of the columns whose truth is known."""
    clean: list[str] = []
    noisy: list[str] = []
    position = 0
    before = (" ", " ")
    for run in re.finditer("#+", truth):
        if run.start() > position:
            clean.append(truth[position : run.start()])
            noisy += ocr[position : run.start()]
            before = (truth[run.start() - 1], ocr[run.start() - 1])
        position = run.end()
        if before == (" ", " ") and (truth[position : position + 1], "".join(ocr[position : position + 1])) == before:
            position += 1
    clean.append(truth[position:])
    noisy += ocr[position:]
    return "".join(clean).replace("@", ""), "".join(noisy)


def _language(path: Path) -> str:
    for part in reversed(path.parts[:-1]):
        match = _FOLDER.fullmatch(part)
        if match:
            return _LANGUAGES.get((match[1] or match[2]).lower(), "")
    return ""
