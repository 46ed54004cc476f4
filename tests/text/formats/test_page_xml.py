"""PAGE XML as it is found: reading orders, lines without words, corrected lines, regions alone, points of 2010."""

from __future__ import annotations

import naive_pages as naive

from ocr_neurons.text.formats.page_xml import read_page
from ocr_neurons.text.source import Reading

COORDS = "<Coords points='10,20 110,20 110,60 10,60'/>"


def read(body: str, attributes: str = "") -> Reading:
    return read_page(f"<PcGts pcGtsId='g'><Page {attributes}>{body}</Page></PcGts>".encode(), "x", "x")


def equiv(text: str, index: str = "") -> str:
    return f"<TextEquiv{f' index={chr(39)}{index}{chr(39)}' if index else ''}><Unicode>{text}</Unicode></TextEquiv>"


def line(text: str, words: str = "", custom: str = "") -> str:
    return f"<TextLine custom='{custom}'>{COORDS}<Baseline points='10,55 110,55'/>{words}{equiv(text)}</TextLine>"


def word(text: str, left: int = 0) -> str:
    return f"<Word><Coords points='{left},1 {left + 9},1 {left + 9},9'/>{equiv(text)}</Word>"


def test_reading_order():
    blocks: naive.Blocks = [[[(text, (1, 1, 1, 1))]] for text in "abcd"]
    assert read_page(naive.page(blocks, order=[2, 0, 3]), "x", "x").text == "c\n\na\n\nd\n\nb"


def test_groups_in_groups_and_nested_regions():
    order = (
        "<ReadingOrder><UnorderedGroup><OrderedGroup><RegionRefIndexed index='1' regionRef='a'/>"
        "<OrderedGroupIndexed index='0' regionRef='t'><RegionRefIndexed index='0' regionRef='b'/></OrderedGroupIndexed>"
        "</OrderedGroup></UnorderedGroup></ReadingOrder>"
    )
    body = (
        f"<TextRegion id='a'>{line('1')}<TextRegion id='in'>{line('2')}</TextRegion></TextRegion>"
        f"<TableRegion id='t'><TableCell id='c'>{line('3')}</TableCell></TableRegion>"
        f"<TextRegion id='b'>{line('4')}</TextRegion><TextRegion>{line('5')}</TextRegion>"
    )
    assert read(order + body).text == "3\n\n4\n\n1\n\n2\n\n5"


def test_transkribus_line_text_only():
    """An export with text on lines alone: the line's box stands for each word, once for each line of an entity."""
    body = (
        "<TextRegion id='r' custom='readingOrder {index:0;}'>"
        + line("Brown of Liver¬", custom="readingOrder {index:1;}")
        + line("Mr. John", custom="readingOrder {index:0;} structure {type:x;}")
        + line("pool", custom="readingOrder {index:2;}")
        + equiv("Mr. John\nBrown of Liver¬\npool")
        + "</TextRegion>"
    )
    reading = read(body, "imageFilename='a/b.tif' imageWidth='100' imageHeight='200'")
    assert reading.text == "Mr. John\nBrown of Liver¬\npool"
    assert [t.text for t in reading.document.tokens] == ["Mr", ".", "John", "Brown", "of", "Liverpool"]
    john, brown = reading.parts(*reading.span(2, 4))
    assert john.box is not None
    assert john.box.xywh == (10, 20, 100, 40)
    assert (john.level, brown.level) == ("line", "line")
    assert (reading.text[john.start : john.end], reading.text[brown.start : brown.end]) == ("John", "Brown")
    assert reading.pages[0].image == "a/b.tif"


def test_words_count_where_they_say_what_the_line_says():
    words = word("Mr.") + word("Brown", 20) + word(",", 30) + word("Esq")
    reading = read(f"<TextRegion>{line('Mr. Brown, Esq', words)}</TextRegion>")
    assert reading.text == "Mr. Brown, Esq"
    assert [(reading.text[p.start : p.end], p.level) for p in reading.places] == [
        ("Mr.", "word"), ("Brown", "word"), (",", "word"), ("Esq", "word"),
    ]  # fmt: skip
    corrected = read(f"<TextRegion>{line('Mr. Brown', word('Mr.') + word('Bro@n', 20))}</TextRegion>")
    assert corrected.text == "Mr. Brown"
    assert {p.level for p in corrected.places} == {"line"}
    only_words = read(f"<TextRegion><TextLine>{word('Mr.')}{word('Brown', 20)}</TextLine></TextRegion>")
    assert only_words.text == "Mr. Brown"


def test_a_word_without_a_place_has_that_of_its_line():
    for text in ("John Thornton", ""):
        words = word("John") + f"<Word>{equiv('Thornton')}</Word>"
        reading = read(f"<TextRegion>{line(text, words)}</TextRegion>")
        assert [(p.box and p.box.xywh, p.level) for p in reading.places] == [
            ((0, 1, 9, 8), "word"), ((10, 20, 100, 40), "line"),
        ]  # fmt: skip
        (part,) = reading.parts(*reading.span(0, 2))
        assert (part.box and part.box.xywh, part.level) == ((0, 1, 110, 59), "line")


def test_regions_alone():
    reading = read(f"<TextRegion>{COORDS}{equiv('Mr. John' + chr(10) + 'Brown')}</TextRegion>")
    assert reading.text == "Mr. John\nBrown"
    assert {p.level for p in reading.places} == {"region"}
    inner = f"<TextRegion>{equiv('Mr. John')}</TextRegion>"
    assert read(f"<TextRegion>{inner}{equiv('Mr. John')}</TextRegion>").text == "Mr. John"


def test_lines_that_are_mere_outlines():
    bare = f"<TextLine id='l'>{COORDS}</TextLine>"
    inner = f"<TextRegion id='i'>{COORDS}</TextRegion>"
    for inside in (bare, inner, bare + inner):
        reading = read(f"<TextRegion id='r'>{COORDS}{inside}{equiv('The ship came')}</TextRegion>")
        assert [(p.box and p.box.xywh, p.level) for p in reading.places] == [((10, 20, 100, 40), "region")] * 3
        assert reading.text == "The ship came"
    full = f"<TextRegion id='i'>{COORDS}{equiv('a')}</TextRegion>"
    assert read(f"<TextRegion id='r'>{COORDS}{full}{equiv('a')}</TextRegion>").text == "a"


def test_lines_that_a_region_has_more_than_its_lines_are_read():
    def told(text: str, *lines: str) -> list[tuple[str, str]]:
        reading = read(f"<TextRegion>{COORDS}{''.join(lines)}{equiv(text)}</TextRegion>")
        assert reading.text.replace("\n", " ").split() == [reading.text[p.start : p.end] for p in reading.places]
        return [(reading.text[p.start : p.end], p.level) for p in reading.places]

    one, two = line("the ship ,", f"{word('the')}{word('ship', 20)}{word(',', 40)}"), line("market")
    more = [("John", "region"), ("Brown", "region")]
    ship = [("the", "word"), ("ship", "word"), (",", "word")]
    assert told("the ship,\nJohn Brown\nmarket", one, two) == [*ship, *more, ("market", "line")]
    assert told("John Brown\nthe ship ,", one) == [*more, *ship]
    assert told("the ship ,\nmarket", one, two) == [*ship, ("market", "line")]
    assert told("the shop ,\nJohn Brown\nmarket", one, two) == [*ship, ("market", "line")], "a line was corrected"
    assert told("", one, two) == [*ship, ("market", "line")]


def test_alternatives_points_of_2010_and_language():
    body = (
        "<TextRegion><TextLine primaryLanguage='French'><Coords><Point x='5' y='6'/><Point x='9' y='16'/></Coords>"
        f"{equiv('second', '1')}{equiv('first', '0')}</TextLine></TextRegion>"
    )
    reading = read(body)
    assert (reading.text, reading.document.language) == ("first", "fr")
    empty = f"<TextEquiv/><TextEquiv index='0'><Unicode/></TextEquiv>{equiv(' ', '0')}"
    assert read(f"<TextRegion><TextLine>{equiv('b', '2')}{equiv('a', '1')}{empty}</TextLine></TextRegion>").text == "a"
    box = reading.places[0].box
    assert box is not None
    assert box.xywh == (5, 6, 4, 10)
    assert read(f"<TextRegion><TextLine>{equiv('a')}</TextLine></TextRegion>").places[0].box is None
