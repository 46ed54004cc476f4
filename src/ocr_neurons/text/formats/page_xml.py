"""PAGE XML (2010 to 2019, any namespace; Transkribus, eScriptorium, OCR-D): lines and words with outlines.

Regions follow the ``ReadingOrder``, then come those it does not name; lines follow ``readingOrder`` in their ``custom``
attribute where all have one. Of several ``TextEquiv`` the one of the lowest index counts that is not empty. A line's
words are used where they say what the line says; where the line was corrected and its words were not, or there are
none, its text counts, and its box stands for every word of it, as it does for a word without one. Where a region says
what its lines say and more lines besides, these are read too, with the region's box. See
https://github.com/PRImA-Research-Lab/PAGE-XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.layout import Line, PageText, Word, compose, language_code, split_words
from ocr_neurons.text.formats.xml import Node, in_order, number, parse_xml
from ocr_neurons.text.source import Box, Page, Reading

WANTED = "PAGE XML, whole and well-formed"
_LINE_ORDER = re.compile(r"readingOrder\s*\{[^}]*index\s*:\s*(\d+)")
_GROUPS = ("OrderedGroup", "UnorderedGroup", "OrderedGroupIndexed", "UnorderedGroupIndexed")
_REGIONS = ("TextRegion", "TableCell")
_REFERENCES = ("RegionRef", "RegionRefIndexed")


def read_page(data: bytes, where: str, name: str, language: str = "") -> Reading:
    """A reading of a PAGE XML file's bytes; ``where`` stands in messages, ``name`` is the document's id.

    ``language`` is that of a file that does not say.

    Raises:
        UserError: broken XML, or coordinates that are no numbers.
    """
    root = parse_xml(data, where, WANTED)
    pages: list[PageText] = []
    code = ""
    for node in root.all("Page"):
        width, height = (number(node.get(key), where, node.line) for key in ("imageWidth", "imageHeight"))
        image = node.get("imageFilename")
        regions = _regions(node)
        blocks = [_lines(region, where) for region in regions]
        pages.append(PageText(Page(node.get("id") or root.get("pcGtsId"), image, width, height), blocks))
        named = (inner.get("primaryLanguage") or inner.get("language") for inner in node.walk())
        code = code or next(filter(None, map(language_code, named)), "")
    return compose(name, "page", pages, code or language)


def _regions(page: Node) -> list[Node]:
    """The text regions and cells of tables in reading order, those inside others included."""
    order = page.first("ReadingOrder")
    return in_order(page, _REGIONS, "id", _references(order) if order else ())


def _references(group: Node) -> Iterator[str]:
    """The regions that a group names, those of inner groups in their place; ordered groups go by index."""
    inner = [node for node in group.children if node.name in (*_GROUPS, *_REFERENCES)]
    if group.name in ("OrderedGroup", "OrderedGroupIndexed"):
        inner.sort(key=lambda node: int(node.get("index")) if node.get("index").isdecimal() else len(inner))
    for node in inner:
        if node.get("regionRef"):
            yield node.get("regionRef")
        if node.name in _GROUPS:
            yield from _references(node)


def _lines(region: Node, where: str) -> Sequence[Line]:
    lines = list(region.all("TextLine"))
    ranks = [_LINE_ORDER.search(line.get("custom")) for line in lines]
    if all(ranks):
        known = [int(rank[1]) for rank in ranks if rank]
        lines = [line for _, line in sorted(zip(known, lines, strict=True), key=lambda pair: pair[0])]
    found = [_words(line, where) for line in lines]
    if _text_inside(region):
        return found
    if any(word.text for line in found for word in line):
        return _with_more(found, region, where)
    box = _box(region, where)  # lines and inner regions, if any, are mere outlines: the region's own text, line by line
    return [split_words(line, box, "region") for line in _text(region).splitlines()]


def _with_more(lines: Sequence[Line], region: Node, where: str) -> Sequence[Line]:
    """The lines, and between them those that the region's own text has and none of them.

    Where a line says what the region does not (it was corrected, the region was not), the lines alone count. Lines
    without text are no correction: engines leave them so.
    """
    said = [" ".join(text.split()) for text in _text(region).splitlines() if text.strip()]
    own = [(line, _compact(" ".join(word.text for word in line))) for line in lines if any(word.text for word in line)]
    found: list[Line] = []
    place = 0
    for text in said:
        if place < len(own) and own[place][1] == _compact(text):
            found.append(own[place][0])
            place += 1
        else:
            found.append(split_words(text, _box(region, where), "region"))
    return found if place == len(own) else lines


def _compact(text: str) -> str:
    """A text without its white space: whether signs stand close to words is told otherwise by words and by lines."""
    return "".join(text.split())


def _text_inside(region: Node) -> bool:
    """Whether a region inside this one has text, which is read there."""
    inner = (node for child in region.children for node in child.walk() if node.name in _REGIONS)
    return any(node.name == "Unicode" and node.text.strip() for one in inner for node in one.walk())


def _words(line: Node, where: str) -> Line:
    """A line's words; those of its text where they are none or say something else."""
    text = _text(line)
    words = [_word(word, line, where) for word in line.all("Word")]
    if not text:
        return words
    found: list[Word] = []
    position = 0
    for word in words:
        start = text.find(word.text, position)
        if start < 0 or text[position:start].strip():
            break
        found.append(replace(word, glued=start == position))
        position = start + len(word.text)
    if words and len(found) == len(words) and not text[position:].strip():
        return found
    return split_words(text, _box(line, where), "line")


def _word(node: Node, line: Node, where: str) -> Word:
    box = _box(node, where)
    return Word(_text(node), box or _box(line, where), "word" if box else "line")


def _text(node: Node) -> str:
    """The text of an element: that of its TextEquiv of the lowest index that has some."""
    choices = sorted(
        node.all("TextEquiv"), key=lambda one: int(one.get("index")) if one.get("index").isdecimal() else 0
    )
    texts = (unicode.text.strip() for choice in choices if (unicode := choice.first("Unicode")))
    return next(filter(None, texts), "")


def _box(node: Node, where: str) -> Box | None:
    """The box around an outline: ``points="x,y x,y"``, or Point elements as in 2010."""
    coords = node.first("Coords")
    if coords is None:
        return None
    pairs = [pair.split(",") for pair in coords.get("points").split()]
    pairs += [[point.get("x"), point.get("y")] for point in coords.all("Point")]
    points: list[tuple[float, float]] = []
    for pair in pairs:
        x, y = (number(value, where, coords.line) for value in (*pair, "", "")[:2])
        if x is None or y is None or len(pair) != 2:
            raise UserError(f"{where}, line {coords.line}: point {','.join(pair)!r}; wanted x,y; correct or remove it")
        points.append((x, y))
    if not points:
        return None
    (left, right), (top, bottom) = ((min(values), max(values)) for values in zip(*points, strict=True))
    return Box(left, top, right, bottom)
