"""ALTO, the XML of libraries (versions 2 to 4, any namespace): words with coordinates.

Blocks are taken as they stand in the file, margins included, or in its ``ReadingOrder`` (ALTO 4.3). Where a page has
``SP`` elements, words without one between them stand together. Where both parts of a word that a line end cuts name the
whole (``SUBS_CONTENT``), they are joined as it says, with or without a hyphen; elsewhere as in any text. Other
substitutions are not used: the text is that of the page. See https://www.loc.gov/standards/alto/.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ocr_neurons.text.formats.layout import PageText, Word, compose, language_code
from ocr_neurons.text.formats.xml import Node, in_order, number, parse_xml
from ocr_neurons.text.source import Box, Page, Reading

WANTED = "ALTO XML, whole and well-formed"


def read_alto(data: bytes, where: str, name: str, language: str = "") -> Reading:
    """A reading of an ALTO file's bytes; ``where`` stands in messages, ``name`` is the document's id.

    ``language`` is that of a file that does not say.

    Raises:
        UserError: broken XML, or coordinates that are no numbers.
    """
    root = parse_xml(data, where, WANTED)
    nodes = list(root.walk())
    image = next((node.text.strip() for node in nodes if node.name == "fileName"), "")
    unit = next((node.text.strip() for node in nodes if node.name == "MeasurementUnit"), "") or "pixel"
    order = next((node for node in nodes if node.name == "ReadingOrder"), None)
    references = [node.get("REF") for node in order.walk() if node.get("REF")] if order else []
    pages: list[PageText] = []
    for node in nodes:
        if node.name == "Page":
            width, height = (number(node.get(key), where, node.line) for key in ("WIDTH", "HEIGHT"))
            page = Page(node.get("ID"), image, width, height, unit)
            spaced = any(inner.name == "SP" for inner in node.walk())
            blocks = in_order(node, ("TextBlock",), "ID", references)
            lines = [[list(_words(line, spaced, where)) for line in block.all("TextLine")] for block in blocks]
            pages.append(PageText(page, lines))
    return compose(name, "alto", pages, _language(nodes) or language)


_HYPHENS = ("-", "\u00ad", "\u00ac", "\u2010", "\u2e17")
"""Hyphen-minus, soft hyphen, not sign, hyphen, double oblique hyphen: some engines write one in the word as well."""


def _words(line: Node, spaced: bool, where: str) -> Iterator[Word]:
    """The words of a line; the last one with its hyphen."""
    word: Word | None = None
    around = _box(line, where)
    space = True
    for node in line.children:
        if node.name == "SP":
            space = True
        elif node.name == "HYP" and word:
            sign = node.get("CONTENT").strip() or "-"
            word = replace(word, text=word.text + sign * (not word.text.endswith((sign, *_HYPHENS))))
        elif node.name == "String" and node.get("CONTENT").strip():
            if word:
                yield word
            whole = node.get("SUBS_CONTENT") if node.get("SUBS_TYPE") in ("HypPart1", "HypPart2") else ""
            text = node.get("CONTENT")
            box = _box(node, where)
            # some engines write a whole line as one String, others give places to lines alone
            level = "word" if box and " " not in text.strip() else "line"
            begins = node.get("SUBS_TYPE") == "HypPart1"
            word = Word(text, box or around, level, glued=spaced and not space, whole=whole, begins=begins)
            space = False
    if word:
        yield word


def _box(node: Node, where: str) -> Box | None:
    left, top, width, height = (number(node.get(key), where, node.line) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    if left is None or top is None or width is None or height is None:
        return None
    return Box(left, top, left + width, top + height)


def _language(nodes: list[Node]) -> str:
    """That of the first element which names one."""
    codes = (node.get(key) for node in nodes for key in ("LANG", "language", "lang"))
    return next((code for code in map(language_code, codes) if code), "")
