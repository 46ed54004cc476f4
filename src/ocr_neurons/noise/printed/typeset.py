"""Text set in a period typeface: justified lines on page images, as a compositor would have set them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ocr_neurons.common.errors import UserError, nearest

DPI = 300
"""Pixels an inch of every page image."""
HYPHEN = "-"
FONTS = Path("/usr/share/fonts")

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Typeface:
    """A typeface and where it comes from. ``file`` is relative to the fonts' folder; ``None`` is Pillow's own font."""

    name: str
    package: str
    file: str | None
    fallback: str | None = None
    """The typeface that lends the glyphs this one lacks, as printers of blackletter borrowed roman figures."""
    blackletter: bool = False
    """Set with long s and the ligatures of German blackletter."""
    wear: float = 1.0
    """What a strength is multiplied with before degrading, so that typefaces suffer alike."""

    @property
    def path(self) -> Path | None:
        """The font's file; a UserError with the command that installs it when it is absent."""
        if self.file is None:
            return None
        path = FONTS / self.file
        if not path.is_file():
            raise UserError(f"typeface {self.name}: no {path}; wanted that font; run: apt-get install {self.package}")
        return path


TYPEFACES = {
    face.name: face
    for face in (
        Typeface("oldstandard", "fonts-oldstandard", "truetype/fonts-oldstandard/OldStandard-Regular.ttf"),
        Typeface("didot", "fonts-gfs-didot", "opentype/didot/GFSDidot.otf", "oldstandard"),
        Typeface("garamond", "fonts-ebgaramond", "opentype/ebgaramond/EBGaramond12-Regular.otf", "oldstandard"),
        Typeface(
            "blankenburg", "fonts-blankenburg", "truetype/blankenburg/Blankenburg_UNZ1A.ttf", "oldstandard", True, 0.5
        ),
        Typeface("pillow", "", None),
    )
}
"""Typefaces by name. ``oldstandard`` and ``didot`` are the faces of most nineteenth-century print, ``garamond`` is an
old-style of the centuries before, ``blankenburg`` a blackletter; ``pillow`` is for tests where no font is installed."""

# ligatures that blackletter always sets, and those of roman type; longest first. Blankenburg keeps its own in the
# private area, by the table of the UNZ1 encoding
_BLACKLETTER = {
    "ſch": "\uf4fa", "ſſt": "\uf4ff", "ſſi": "\ueba7", "ſſ": "\ueba6", "ſi": "\ueba2", "ſt": "\ufb05", "ſs": "\uf4fd",
    "ch": "\uf1bb", "ck": "\ueec4", "tz": "\ueedc", "ll": "\uf4f9", "tt": "\ueed9", "ff": "\ufb00", "fi": "\ufb01",
    "fl": "\ufb02", "ft": "\ueecb",
}  # fmt: skip
_ROMAN = {"ffi": "\ufb03", "ffl": "\ufb04", "ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02"}
_ROUND_S = re.compile(r"s(?![^\W\d_])|(?<=\w)s(?=[bdfghjkmnvwz])")
_BREAK = re.compile(
    r"(?<=[^\W\d_]{2})(?=(?!qu|[hyw])[^\W\d_aeiouyäöüéèêàâîôû][aeiouyäöüéèêàâîôû][^\W\d_])", re.IGNORECASE
)
_CLUSTERS = re.compile(r"(?:sc|ch|ph|th|ck|sh|gh|gn|q)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """A page: type size in points, the rest in pixels at 300 dpi (leading as a multiple of the type size)."""

    size: float = 9.0
    measure: int = 900
    columns: int = 1
    lines: int = 48
    leading: float = 1.2
    margin: int = 90

    def __post_init__(self) -> None:
        if self.size <= 0 or self.measure < 10 * self.size or min(self.columns, self.lines) < 1 or self.margin < 0:
            raise UserError(
                f"layout {self}: wanted a positive size, columns and lines, and a measure of 10 × the size or more"
            )


@dataclass(frozen=True, slots=True)
class Page:
    """One side of a printed sheet."""

    image: Image.Image
    """8-bit grey, 0 ink, 255 paper, 300 dpi."""
    lines: tuple[str, ...]
    """The lines as set, in reading order, in the characters of the text: no long s, no ligatures."""
    borrowed: dict[str, int] = field(default_factory=dict)
    """Characters the typeface lacks and another one lent, with their counts."""
    missing: dict[str, int] = field(default_factory=dict)
    """Characters that no typeface has, with their counts; blanks stand in their place."""


@dataclass(frozen=True, slots=True)
class _Line:
    words: tuple[str, ...]
    indent: int = 0
    last: bool = False


def typeface(name: str) -> Typeface:
    """The typeface of that name; a UserError that lists the nearest names for another one."""
    if name not in TYPEFACES:
        raise UserError(f"typeface {name!r}: not known; wanted one of {', '.join(TYPEFACES)}{nearest(name, TYPEFACES)}")
    return TYPEFACES[name]


def typeset(text: str, face: str, layout: Layout = Layout(), *, hyphenate: bool = False) -> tuple[Page, ...]:
    r"""Set ``text`` in the typeface called ``face``; long texts go over several pages.

    ``\n`` ends a paragraph; other spaces are where lines may break, and their number is not kept. Lines are justified,
    the last one of a paragraph is not. A word longer than the measure is cut. ``hyphenate`` also breaks words, by a
    rule of thumb (before a consonant and vowel), with a hyphen the text does not have. Existing hyphens never end a
    line. There is nothing random: the same text, layout and font file give the same bits.

    Raises:
        UserError: nothing to print, or a typeface that is not known or not installed.
    """
    if not text.strip():
        raise UserError("text to print: empty; wanted at least one character that is no space")
    case = _Case.of(face, round(layout.size * DPI / 72, 2))
    lines: list[_Line] = []
    for paragraph in text.split("\n"):
        words = unicodedata.normalize("NFC", paragraph).split()
        if words:
            lines += _broken(words, case, layout, hyphenate)
    size = layout.lines * layout.columns
    return tuple(_printed(lines[start : start + size], case, layout) for start in range(0, len(lines), size))


def long_s(text: str) -> str:
    """``text`` with ſ for s, but at the end of words and before consonants that no German syllable begins after s.

    Needs no dictionary, so compounds whose first part ends in s before a vowel, p, t, c, l or r (Haustür) come out
    wrong.
    """
    kept = _ROUND_S.sub("\x00", text)
    return kept.replace("s", "ſ").replace("\x00", "s")


def has_glyph(font: Font, character: str) -> bool:
    """Whether the font draws ``character``, and not its sign for an unknown one. A space needs no glyph."""
    if character.isspace():
        return True
    known, unknown = font.getmask(character), font.getmask("\U0010fffd")
    return (known.size, bytes(known)) != (unknown.size, bytes(unknown))


class _Case:
    """A typeface at one size with those it borrows from: the compositor's type case."""

    def __init__(self, face: Typeface, size: float) -> None:
        self.face = face
        self.fonts: list[Font] = []
        chain: Typeface | None = face
        while chain:
            self.fonts.append(_load(chain.path, size))
            chain = TYPEFACES[chain.fallback] if chain.fallback else None
        self.known: dict[str, int] = {}
        ligatures = _BLACKLETTER if face.blackletter else _ROMAN
        self.ligatures = {k: v for k, v in ligatures.items() if has_glyph(self.fonts[0], v)}
        self.pattern = re.compile("|".join(self.ligatures) or r"(?!)")
        self.space = self.fonts[0].getlength(" ")
        self.em = size

    @staticmethod
    @cache
    def of(name: str, size: float) -> _Case:
        return _Case(typeface(name), size)

    def source(self, character: str) -> int:
        """The place in ``fonts`` of the first font that has the character; -1 for none."""
        if character not in self.known:
            found = (i for i, font in enumerate(self.fonts) if has_glyph(font, character))
            self.known[character] = next(found, -1)
        return self.known[character]

    def runs(self, word: str) -> list[tuple[int, str]]:
        """The word as it is drawn: stretches of one font, with long s and ligatures."""
        if self.face.blackletter:
            word = long_s(word)
        word = self.pattern.sub(lambda match: self.ligatures[match[0]], word)
        runs: list[tuple[int, str]] = []
        for character in word:
            source = self.source(character)
            if runs and runs[-1][0] == source:
                character = runs.pop()[1] + character
            runs.append((source, character))
        return runs

    def width(self, word: str) -> float:
        return sum(self.run_width(source, text) for source, text in self.runs(word))

    def run_width(self, source: int, text: str) -> float:
        return self.fonts[source].getlength(text) if source >= 0 else self.em / 2 * len(text)


@cache
def _load(path: Path | None, size: float) -> Font:
    if path is None:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise UserError("Pillow without FreeType: cannot draw text; install Pillow from PyPI")
        return font
    # the basic layout is the same in every build of Pillow; the other one depends on libraries found at run time
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _broken(words: Sequence[str], case: _Case, layout: Layout, hyphenate: bool) -> list[_Line]:
    """A paragraph's words in lines, each as full as it can be."""
    lines: list[_Line] = []
    line: list[str] = []
    indent = round(case.em)
    used = float(indent)
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        room = layout.measure - used - (case.space if line else 0)
        if case.width(word) <= room:
            used = layout.measure - room + case.width(word)
            line.append(word)
            continue
        head = _head(word, case, room) if hyphenate else ""
        if head:
            line.append(head + HYPHEN)
            queue.append(word[len(head) :])
        elif line:
            queue.append(word)
        else:
            cut = next((n for n in range(len(word) - 1, 1, -1) if case.width(word[:n]) <= room), 1)
            line.append(word[:cut])
            queue += [word[cut:]] if cut < len(word) else []
        lines.append(_Line(tuple(line), indent))
        line, indent, used = [], 0, 0.0
    if line:
        lines.append(_Line(tuple(line), indent))
    last = lines.pop()
    return [*lines, _Line(last.words, last.indent, last=True)]


def _head(word: str, case: _Case, room: float) -> str:
    """The longest beginning of the word that may stand before a hyphen and has room; empty for none."""
    points = [m.start() for m in _BREAK.finditer(word) if not _CLUSTERS.search(word[: m.start() + 1][-2:])]
    return next((word[:n] for n in reversed(points) if case.width(word[:n] + HYPHEN) <= room), "")


def _printed(lines: Sequence[_Line], case: _Case, layout: Layout) -> Page:
    step = round(case.em * layout.leading)
    gutter = round(1.8 * case.em)
    rows = min(layout.lines, len(lines))
    width = layout.columns * layout.measure + (layout.columns - 1) * gutter + 2 * layout.margin
    image = Image.new("L", (width, rows * step + 2 * layout.margin), 255)
    draw = ImageDraw.Draw(image)
    borrowed: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for index, line in enumerate(lines):
        column, row = divmod(index, layout.lines)
        x = float(layout.margin + column * (layout.measure + gutter) + line.indent)
        y = layout.margin + row * step + round(case.em)
        widths = [case.width(word) for word in line.words]
        gap = case.space
        if not line.last and len(widths) > 1:
            gap = (layout.measure - line.indent - sum(widths)) / (len(widths) - 1)
        for word, room in zip(line.words, widths, strict=True):
            place = x
            for source, run in case.runs(word):
                if source >= 0:
                    draw.text((place, y), run, font=case.fonts[source], fill=0, anchor="ls")
                if source > 0:
                    borrowed.update(run)
                if source < 0:
                    missing.update(run)
                place += case.run_width(source, run)
            x += room + gap
    for column in range(1, layout.columns):
        x = layout.margin + column * (layout.measure + gutter) - gutter // 2
        draw.line([(x, layout.margin), (x, image.height - layout.margin)], fill=0, width=2)
    return Page(image, tuple(" ".join(line.words) for line in lines), dict(borrowed), dict(missing))
