"""What naive writers of ALTO, PAGE and hOCR write is read back: words, boxes, lines, pages; broken files are told."""

from __future__ import annotations

from collections.abc import Callable

import naive_pages as naive
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.alto import read_alto
from ocr_neurons.text.formats.detect import detect
from ocr_neurons.text.formats.hocr import read_hocr
from ocr_neurons.text.formats.page_xml import read_page
from ocr_neurons.text.source import Reading

Read = Callable[[bytes, str, str], Reading]
FORMATS: dict[str, tuple[Callable[[naive.Blocks], bytes], Read]] = {
    "alto": (naive.alto, read_alto),
    "page": (naive.page, read_page),
    "hocr": (naive.hocr, read_hocr),
}
BLOCKS: naive.Blocks = [
    [[("From", (10, 10, 40, 20)), ("Liver-", (60, 10, 50, 20))], [("pool", (10, 40, 40, 22)), (".", (52, 55, 5, 5))]],
    [[("M. & Mme", (10, 90, 80, 20))]],
]
words = st.text(alphabet="aZé&<>\"'.-\u0301", min_size=1, max_size=5)
boxes = st.tuples(*[st.integers(0, 5000)] * 2, *[st.integers(1, 500)] * 2)
layouts = st.lists(
    st.lists(st.lists(st.tuples(words, boxes), min_size=1, max_size=4), min_size=1, max_size=3), min_size=1, max_size=3
)


@pytest.mark.parametrize("kind", FORMATS)
@settings(deadline=None)  # the first call makes a table of all characters
@given(blocks=layouts)
def test_words_and_boxes_come_back(kind, blocks):
    write, read = FORMATS[kind]
    reading = read(write(blocks), "x", "x")
    text = "\n\n".join("\n".join(" ".join(word for word, _ in line) for line in block) for block in blocks)
    assert reading.text == text
    flat = [pair for block in blocks for line in block for pair in line]
    assert [(text[p.start : p.end], p.box and p.box.xywh) for p in reading.places] == flat
    lines = [number for number, line in enumerate(line for block in blocks for line in block) for _ in line]
    assert [p.line - reading.places[0].line for p in reading.places] == lines
    assert {p.level for p in reading.places} == {"word"}
    (page,) = reading.pages
    assert (page.image, page.width, page.height) == ("p.png", 900, 1200)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_entity_on_a_cut_word_has_both_parts(kind):
    write, read = FORMATS[kind]
    data = write(BLOCKS)
    assert detect(data, "anything.dat") == kind
    reading = read(data, "x", "x")
    assert [t.text for t in reading.document.tokens] == ["From", "Liverpool", ".", "M", ".", "&", "Mme"]
    start, end = reading.span(1, 2)
    assert reading.text[start:end] == "Liver-\npool"
    parts = [(reading.text[p.start : p.end], p.box and p.box.xywh, p.page) for p in reading.parts(start, end)]
    assert parts == [("Liver-", (60, 10, 50, 20), 0), ("pool", (10, 40, 40, 22), 0)]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_truncation_is_refused_in_one_line(kind):
    write, read = FORMATS[kind]
    data = write(BLOCKS)
    for end in range(1, len(data), 7):
        with pytest.raises(UserError, match=r"^x(:|, line)") as error:
            read(data[:end], "x", "x")
        assert "\n" not in str(error.value)


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<!DOCTYPE x [<!ENTITY % b SYSTEM "http://localhost:1/x.dtd"> %b;]>'


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("doctype", [BOMB, OUTSIDE, PARAMETER])
def test_entities_are_refused(kind, doctype):
    write, read = FORMATS[kind]
    text = write([[[("b", (1, 1, 1, 1))]]]).decode().replace(">b<", ">&b;<").replace('CONTENT="b"', 'CONTENT="&b;"')
    head, mark, rest = text.partition("?>")
    data = (head + mark + doctype + rest if mark else doctype + text.removeprefix("<!DOCTYPE html>")).encode()
    with pytest.raises(UserError, match="entity declaration"):
        read(data, "x", "x")


def test_an_external_dtd_is_not_fetched():
    """ALTO with the DOCTYPE of a DTD that is nowhere is read; nothing is looked up."""
    head, mark, rest = naive.alto(BLOCKS).decode().partition("?>")
    data = f'{head}{mark}<!DOCTYPE alto SYSTEM "http://localhost:1/alto.dtd">{rest}'.encode()
    assert read_alto(data, "x", "x").text.startswith("From Liver-")


def test_deep_nesting_is_refused():
    data = b"<alto>" + b"<a>" * 100_000
    with pytest.raises(UserError, match="nested more than"):
        read_alto(data, "x", "x")


def test_encodings():
    latin = naive.alto([[[("été", (1, 1, 1, 1))]]]).decode().replace("UTF-8", "ISO-8859-1").encode("latin-1")
    assert read_alto(latin, "x", "x").text == "été"
    assert read_alto(latin.decode("latin-1").replace("ISO-8859-1", "utf-16").encode("utf-16"), "x", "x").text == "été"
    with pytest.raises(UserError, match="broken XML"):
        read_alto(latin.replace(b"ISO-8859-1", b"UTF-8"), "x", "x")
    with pytest.raises(UserError, match="x, line 1: an encoding that cannot be read"):
        read_alto(latin.replace(b"ISO-8859-1", b"x-nonsense"), "x", "x")
    with pytest.raises(UserError, match="cannot be read as utf-8"):
        read_hocr(naive.hocr([[[("été", (1, 1, 1, 1))]]]).decode().encode("latin-1"), "x", "x")


@pytest.mark.parametrize("kind", FORMATS)
def test_coordinates_that_are_none_are_told(kind):
    write, read = FORMATS[kind]
    text = write([[[("b", (77, 1, 1, 1))]]]).decode()
    for bad in ("x", "nan", "1e400"):
        with pytest.raises(UserError, match=r"line 1: (coordinate|point|bbox)"):
            read(text.replace("77", bad).encode(), "x", "x")


@pytest.mark.parametrize("kind", FORMATS)
def test_blank_pages_are_pages_without_words(kind):
    write, read = FORMATS[kind]
    reading = read(write([]), "x", "x")
    assert (reading.text, reading.document.tokens, len(reading.pages)) == ("", (), 1)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_alto_of_all_versions_and_without_spaces(version):
    for spaces in (True, False):
        assert (
            read_alto(naive.alto(BLOCKS, version, spaces), "x", "x").text
            == read_alto(naive.alto(BLOCKS), "x", "x").text
        )


@pytest.mark.parametrize("year", ["2010-03-19", "2013-07-15", "2017-07-15", "2019-07-15"])
def test_page_of_all_years(year):
    assert read_page(naive.page(BLOCKS, year), "x", "x").text == read_page(naive.page(BLOCKS), "x", "x").text
