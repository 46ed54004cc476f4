"""hOCR, HTML with the places of words in ``title`` attributes (Tesseract, Kraken, OCRopus and others).

Words are ``ocrx_word``. Text of a line that stands in none of them is cut at spaces, and the line's box stands for each
of its words. Blocks are paragraphs (``ocr_par``) and areas (``ocr_carea``). See http://kba.github.io/hocr-spec/1.2/.
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
_CHARSET = re.compile(rb"<meta[^>]*charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]*encoding\s*=\s*[\"']([\w-]+)", re.IGNORECASE)


def read_hocr(data: bytes, where: str, name: str, language: str = "") -> Reading:
    """A reading of an hOCR file's bytes; ``where`` stands in messages, ``name`` is the document's id.

    ``language`` is that of a file that does not say.

    Raises:
        UserError: broken XML where it says that it is XML, HTML without its end, an encoding that cannot be read,
            coordinates that are no numbers.
    """
    if b"<!ENTITY" in data:
        raise UserError(f"{where}: an entity declaration, which is not read for safety; wanted {WANTED}")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        parse_xml(data, where, WANTED)
    match = _CHARSET.search(data[:2048])
    encoding = (match[1] or match[2]).decode() if match else "utf-8"
    try:
        text = data.decode("utf-8-sig" if encoding.lower() in ("utf8", "utf-8") else encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: cannot be read as {encoding} ({error}); wanted {WANTED}") from None
    if "</html>" not in text[-200:].lower():
        raise UserError(f"{where}: ends in the middle (no </html>); wanted {WANTED}")
    parser = _Parser(where)
    parser.feed(text)
    parser.close()
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
        self._boxes: dict[str, Box | None] = {}
        self._text: dict[str, str] = {"line": "", "word": ""}
        self._glued = False  # whether no space stands before the word
        self._lettered = False  # whether the letters of the word stand one by one

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        attributes = {key: value or "" for key, value in attrs}
        classes = attributes.get("class", "").split()
        kind = next((kind for kind, names in _KINDS.items() if any(name in names for name in classes)), "")
        if not kind and self._count["word"]:  # of one letter, or what the engine also thought of
            title = attributes.get("title", "")
            if "x_bboxes" in title or "x_confs" in title or "alt" in classes:
                kind = "letter" if "x_bboxes" in title or tag == "ins" else "other"
                self._lettered |= kind == "letter"
        self._open.append((tag, kind))
        self._count.update((f"<{tag}>", kind))
        if kind and (code := attributes.get("lang", "")):
            self.languages.append(language_code(code))
        title = attributes.get("title", "")
        if kind == "page":
            self._begin_page(title, attributes.get("id", ""))
        elif kind in _KINDS:
            if not self.pages:
                self._begin_page("", "")
            if kind == "block":
                self._blocks.append([])
            else:
                self._begin(kind, title)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._count[f"<{tag}>"] and self._pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        kind = "word" if self._count["word"] else "line"
        if self._count[kind] and not self._count["other"]:
            self._text[kind] += data.strip() if kind == "word" and self._lettered else data

    def close(self) -> None:
        super().close()
        while self._open:
            self._pop()

    def _pop(self) -> str:
        """Close what was opened last; its tag."""
        tag, kind = self._open.pop()
        self._count.subtract((f"<{tag}>", kind))
        self._end(kind)
        return tag

    def _begin_page(self, title: str, identity: str) -> None:
        box = self._box(title)
        image = re.search(r"(?:^|;)\s*image\s+(?:\"([^\"]*)\"|'([^']*)'|([^;]*))", title)
        name = next((part for part in image.groups() if part), "").strip() if image else ""
        self._blocks = []
        width, height = (box.right - box.left, box.bottom - box.top) if box else (None, None)
        self.pages.append(PageText(Page(identity, name, width, height), self._blocks))

    def _begin(self, kind: str, title: str) -> None:
        self._glued = kind == "word" and self._between()
        self._boxes[kind] = self._box(title)
        self._text[kind] = ""
        self._lettered = False
        if not self._blocks:
            self._blocks.append([])
        if kind == "line" or not self._blocks[-1]:
            self._blocks[-1].append([])

    def _between(self) -> bool:
        """Keep what a line says outside its words; whether no space parts it from what follows."""
        text, self._text["line"] = self._text["line"], ""
        if not text.strip() or not self._blocks or not self._blocks[-1]:
            return False
        line = self._blocks[-1][-1]
        first, *others = split_words(text, self._boxes.get("line"), "line")
        line += [replace(first, glued=bool(line) and not text[0].isspace()), *others]
        return not text[-1].isspace()

    def _end(self, kind: str) -> None:
        if kind not in ("line", "word") or not self._blocks or not self._blocks[-1]:
            return
        if kind == "line":
            self._between()
            return
        text, self._text["word"] = self._text["word"], ""
        self._blocks[-1][-1].append(Word(" ".join(text.split()), self._boxes.get("word"), glued=self._glued))

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
