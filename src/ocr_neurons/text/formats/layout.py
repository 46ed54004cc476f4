"""The words of a page as an OCR engine hands them over, put together into running text with places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_neurons.text.formats.running import read_running
from ocr_neurons.text.hyphens import SIGNS
from ocr_neurons.text.normalise import Change
from ocr_neurons.text.source import Box, Page, Place, Reading


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line. ``level`` is what its box is the box of.

    ``glued``: no space stands before it. ``whole`` is the word that this is a part of, where the source says
    that a line end cuts it; ``begins`` says that it is the first part.
    """

    text: str
    box: Box | None = None
    level: str = "word"
    glued: bool = False
    whole: str = ""
    begins: bool = False


Line = Sequence[Word]
Block = Sequence[Line]


@dataclass(frozen=True, slots=True)
class PageText:
    """A page and its blocks of lines of words, in reading order."""

    page: Page
    blocks: Sequence[Block]


def compose(name: str, kind: str, pages: Sequence[PageText], language: str = "") -> Reading:
    r"""A reading of pages: words joined by spaces, lines by ``\n``, blocks and pages by an empty line."""
    pieces: list[str] = []
    places: list[Place] = []
    known: list[Change] = []
    position = lines = 0
    before: Word | None = None
    for index, content in enumerate(pages):
        for block in content.blocks:
            separator = "\n\n"
            for line in block:
                for word in line:
                    text = " ".join(word.text.split())
                    if not text:
                        continue
                    gap = "" if before is None or (word.glued and separator == " ") else separator
                    if before and separator != " " and before.whole == word.whole != "" and not word.begins:
                        known.append(_cut(pieces[-1], position, len(gap), word.whole))
                    lines += separator != " "
                    pieces += [gap, text]
                    position += len(gap) + len(text)
                    level = word.level if word.box else ""
                    places.append(Place(position - len(text), position, lines, index, word.box, level))
                    separator, before = " ", word
                separator = "\n" if separator == " " else separator
    return read_running(
        name, kind, "".join(pieces), places, pages=[content.page for content in pages], language=language, known=known
    )


def split_words(text: str, box: Box | None, level: str) -> list[Word]:
    """The words of a text of which only the whole has a box."""
    return [Word(word, box, level) for word in text.split()]


def language_code(code: str) -> str:
    """Two letters for the names that engines give to a language (``eng``, ``de-DE``, ``German``), else empty."""
    code = code.strip().lower()
    known = {
        "eng": "en", "english": "en", "fra": "fr", "fre": "fr", "french": "fr", "deu": "de", "ger": "de",
        "german": "de", "frk": "de", "deu_frak": "de", "deu_latf": "de",
    }  # fmt: skip
    if code in known:
        return known[code]
    short = code.replace("_", "-").partition("-")[0]
    return known.get(short, short if len(short) == 2 and short.isalpha() else "")


def _cut(part: str, end: int, gap: int, whole: str) -> Change:
    """What to change where ``part``, which ends at ``end``, is the first part of ``whole``."""
    stem = part.rstrip(SIGNS)
    return end - len(part) + len(stem), end + gap, "-" if whole.startswith(f"{stem}-") else ""
