"""hOCR, HTML with the places of words in ``title`` attributes (Tesseract, Kraken, OCRopus and others).

Words are ``ocrx_word``. Text of a line that stands in none of them is cut at spaces, and the line's box stands for each
of its words, as it does for a word without one. Blocks are paragraphs (``ocr_par``), areas (``ocr_carea``) and whatever
else of a page has a class of hOCR (``ocr_title``, ``ocr_table``); text of a block that stands in no line makes lines of
its own, with the block's box, and so does, without a box, text of a page that stands in no block: nothing on a page is
passed over. See http://kba.github.io/hocr-spec/1.2/.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.layout import PageText, Word, compose, language_code, split_words
from ocr_neurons.text.formats.xml import number, parse_xml
from ocr_neurons.text.source import Box, Page, Reading

WANTED = "hOCR, whole HTML with ocr_page, ocr_line and ocrx_word"
_VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
_LINES = ("ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat")
_BLOCKS = ("ocr_par", "ocr_carea", "ocrx_block", "ocr_column")
_WORDS = ("ocrx_word", "ocr_word")
_PARTS = (
    *("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "blockquote", "pre"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th"),
)
"""Tags that begin and end a line, where no class says more."""
_LEVELS = {"line": "line", "block": "region"}
"""What the box is the box of that stands for text outside of words."""
_CHARSET = re.compile(rb"<meta[^>]*charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]*encoding\s*=\s*[\"']([\w-]+)", re.IGNORECASE)


def read_hocr(data: bytes, where: str, name: str, language: str = "") -> Reading:
    """A reading of an hOCR file's bytes; ``where`` stands in messages, ``name`` is the document's id.

    ``language`` is that of a file that does not say.

    Raises:
        UserError: broken XML where it says that it is XML, HTML without its end or with a declaration that is none, an
            encoding that cannot be read, coordinates that are no numbers.
    """
    if b"<!ENTITY" in data:
        raise UserError(f"{where}: an entity declaration, which is not read for safety; wanted {WANTED}")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        parse_xml(data, where, WANTED)
    match = _CHARSET.search(data[:2048])
    encoding = (match[1] or match[2]).decode() if match else "utf-8"
    try:
        text = data.decode("utf-8-sig" if encoding.lower() in ("utf8", "utf-8") else encoding)
    except (LookupError, UnicodeError) as error:
        raise UserError(f"{where}: cannot be read as {encoding} ({error}); wanted {WANTED}") from None
    if "</html>" not in text.lower():
        raise UserError(f"{where}: ends in the middle (no </html>); wanted {WANTED}")
    parser = _Parser(where)
    try:
        parser.feed(text)
        parser.close()
    except AssertionError as error:  # as html.parser tells a declaration that it does not know
        raise UserError(f"{where}, line {parser.getpos()[0]}: broken HTML ({error}); wanted {WANTED}") from None
    return compose(name, "hocr", parser.pages, next(filter(None, parser.languages), language))


class _Parser(HTMLParser):
    """Fills pages with blocks of lines of words. Nothing in HTML can make it fetch or expand."""

    def __init__(self, where: str) -> None:
        super().__init__(convert_charrefs=True)
        self.where = where
        self.pages: list[PageText] = []
        self.languages: list[str] = []
        self._open: list[tuple[str, str]] = []  # tag, and what it is: page, block, line, word or nothing
        self._count: Counter[str] = Counter()  # of open tags and of what they are
        self._blocks: list[list[list[Word]]] = []
        self._boxes: dict[str, list[Box | None]] = {"block": [], "line": [], "word": []}  # of those that are open
        self._loose = ""  # text outside of words
        self._word = ""
        self._fresh = True  # whether what comes next begins a line
        self._glued = False  # whether no space stands before the word
        self._lettered = False  # whether the letters of the word stand one by one

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._break()
        if tag in _VOID:
            return
        attributes = {key: value or "" for key, value in attrs}
        classes = attributes.get("class", "").split()
        kind = next((kind for kind, names in _KINDS.items() if any(name in names for name in classes)), "")
        if not kind and self._between() and any(name.startswith(("ocr_", "ocrx_")) for name in classes):
            kind = "block"
        title = attributes.get("title", "")
        if tag in ("script", "style"):
            kind = "other"
        elif not kind and self._count["word"] and ("x_bboxes" in title or "x_confs" in title or "alt" in classes):
            kind = "letter" if "x_bboxes" in title or tag == "ins" else "other"  # what the engine also thought of
            self._lettered |= kind == "letter"
        if kind in _KINDS:
            self._begin(kind, title, attributes.get("id", ""))
        elif tag in _PARTS and self._between():
            self._break()
        self._open.append((tag, kind))
        self._count.update((f"<{tag}>", kind))
        if kind and (code := attributes.get("lang", "")):
            self.languages.append(language_code(code))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._count[f"<{tag}>"] and self._pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._count["other"]:
            return
        if self._count["word"]:
            self._word += data.strip() if self._lettered else data
        elif self._count["line"] or self._count["block"] or self._count["page"]:
            self._loose += data

    def close(self) -> None:
        super().close()
        while self._open:
            self._pop()

    def _pop(self) -> str:
        """Close what was opened last; its tag."""
        tag, kind = self._open.pop()
        self._count.subtract((f"<{tag}>", kind))
        self._end(kind)
        if not kind and tag in _PARTS and self._between():
            self._break()
        return tag

    def _between(self) -> bool:
        """Whether a page is open, and in it no line and no word."""
        return self._count["page"] > 0 and not self._count["line"] and not self._count["word"]

    def _begin(self, kind: str, title: str, identity: str) -> None:
        glued = self._outside_words()
        if kind == "page":
            self._begin_page(title, identity)
            return
        if not self.pages:
            self._begin_page("", "")
        if kind == "word":
            self._keep_word()  # of a word that is not closed
            self._glued, self._lettered = glued, False
        else:
            self._fresh = True
        if kind == "block":
            self._blocks.append([])
        self._boxes[kind].append(self._box(title))

    def _begin_page(self, title: str, identity: str) -> None:
        box = self._box(title)
        image = re.search(r"(?:^|;)\s*image\s+(?:\"([^\"]*)\"|'([^']*)'|([^;]*))", title)
        name = next((part for part in image.groups() if part), "").strip() if image else ""
        self._blocks = []
        width, height = (box.right - box.left, box.bottom - box.top) if box else (None, None)
        self.pages.append(PageText(Page(identity, name, width, height), self._blocks))

    def _end(self, kind: str) -> None:
        if kind == "word":
            self._keep_word()
        elif kind in _LEVELS or kind == "page":
            self._outside_words()
            self._fresh = True
        if kind in self._boxes:
            self._boxes[kind].pop()
        if kind == "block":  # what follows, in an outer one or in none, is no part of it
            self._blocks.append([])

    def _break(self) -> None:
        """End a line, or the part of a word."""
        if self._count["word"]:
            self._word += " "
        else:
            self._outside_words()
            self._fresh = True

    def _outside_words(self) -> bool:
        """Keep what a line or block says outside its words; whether no space parts it from what follows."""
        text, self._loose = self._loose, ""
        if not text.strip():
            return False
        line = self._line()
        first, *others = split_words(text, *self._around())
        line += [replace(first, glued=bool(line) and not text[0].isspace()), *others]
        return not text[-1].isspace()

    def _keep_word(self) -> None:
        """Put the word that was read into its line."""
        text, self._word = " ".join(self._word.split()), ""
        if text:
            box, level = next(((box, "word") for box in self._boxes["word"][-1:] if box), self._around())
            self._line().append(Word(text, box, level, glued=self._glued))

    def _around(self) -> tuple[Box | None, str]:
        """The box of the line that is open, else of the block, and what it is the box of."""
        for kind, level in _LEVELS.items():
            if self._boxes[kind] and (box := self._boxes[kind][-1]):
                return box, level
        return None, ""

    def _line(self) -> list[Word]:
        """The line that words go to."""
        if not self._blocks:
            self._blocks.append([])
        if self._fresh or not self._blocks[-1]:
            self._blocks[-1].append([])
            self._fresh = False
        return self._blocks[-1][-1]

    def _box(self, title: str) -> Box | None:
        match = re.search(r"(?:^|;)\s*bbox\s+([^;]*)", title)
        if not match:
            return None
        values = [number(value, self.where, self.getpos()[0]) for value in match[1].split()]
        left, top, right, bottom = [*values, None, None, None, None][:4]
        if left is None or top is None or right is None or bottom is None:
            raise UserError(
                f"{self.where}, line {self.getpos()[0]}: bbox {match[1]!r}; wanted four numbers; correct or remove it"
            )
        return Box(left, top, right, bottom)


_KINDS = {"page": ("ocr_page",), "block": _BLOCKS, "line": _LINES, "word": _WORDS}
