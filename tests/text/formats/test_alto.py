"""ALTO as it is found: hyphens in three ways, spaces left out, composed blocks, reading order, missing coordinates."""

from __future__ import annotations

from ocr_neurons.text.formats.alto import read_alto
from ocr_neurons.text.source import Reading


def read(body: str, head: str = "", order: str = "") -> Reading:
    text = f"<alto>{head}<Layout>{order}<Page ID='p'><PrintSpace>{body}</PrintSpace></Page></Layout></alto>"
    return read_alto(text.encode(), "x", "x")


def block(*lines: str, identity: str = "") -> str:
    return f"<TextBlock ID='{identity}'>{''.join(f'<TextLine>{line}</TextLine>' for line in lines)}</TextBlock>"


def string(content: str, more: str = "") -> str:
    return f"<String CONTENT='{content}' {more}/>"


def texts(reading: Reading) -> list[str]:
    return [token.text for token in reading.document.tokens]


def test_hyp_with_substitutions():
    first, second = (f"SUBS_TYPE='HypPart{n}' SUBS_CONTENT='Liverpool'" for n in (1, 2))
    reading = read(block(string("Liver", first) + "<HYP CONTENT='-'/>", string("pool", second)))
    assert reading.text == "Liver-\npool"
    assert texts(reading) == ["Liverpool"]


def test_hyphen_in_the_string_and_substitutions():
    first, second = (f"SUBS_TYPE='HypPart{n}' SUBS_CONTENT='LiverPool'" for n in (1, 2))
    assert texts(read(block(string("Liver-", first), string("Pool", second)))) == ["LiverPool"]
    assert texts(read(block(string("Liver", first), string("Pool", second)))) == ["LiverPool"]


def test_the_same_cut_word_twice_in_a_row():
    first, second = (f"SUBS_TYPE='HypPart{n}' SUBS_CONTENT='Liverpool'" for n in (1, 2))
    pair = (string("Liver", first) + "<HYP CONTENT='-'/>", string("pool", second))
    assert texts(read(block(*pair, *pair))) == ["Liverpool", "Liverpool"]
    assert texts(read(block(pair[0], pair[1] + pair[0], pair[1]))) == ["Liverpool", "Liverpool"]
    assert texts(read(block(string("Li", first), string("ver", second), string("pool", second)))) == ["Liverpool"]


def test_a_hyphen_of_the_word_stays():
    first, second = (f"SUBS_TYPE='HypPart{n}' SUBS_CONTENT='co-operate'" for n in (1, 2))
    assert texts(read(block(string("co", first) + "<HYP CONTENT='-'/>", string("operate", second)))) == ["co-operate"]


def test_parts_of_other_words_are_not_joined():
    """The first part's page ends; the next word is no second part."""
    first = "SUBS_TYPE='HypPart1' SUBS_CONTENT='Liverpool'"
    assert texts(read(block(string("Liver", first), string("Pool")))) == ["Liver", "Pool"]


def test_hyp_alone_goes_by_the_text():
    assert texts(read(block(string("Liver") + "<HYP/>", string("pool")))) == ["Liverpool"]
    assert texts(read(block(string("Liver") + "<HYP CONTENT='\u00ad'/>", string("Pool")))) == ["LiverPool"]
    assert texts(read(block(string("Saint") + "<HYP CONTENT='-'/>", string("Denis")))) == ["Saint-Denis"]
    assert texts(read(block(string("Liver-") + "<HYP CONTENT='-'/>", string("pool")))) == ["Liverpool"]
    assert texts(read(block(string("Liver-") + "<HYP CONTENT='\u00ad'/>", string("pool")))) == ["Liverpool"]


def test_over_blocks_and_pages():
    body = block(string("Liver-")) + "</PrintSpace></Page><Page ID='q'><PrintSpace>" + block(string("pool"))
    reading = read(body)
    assert texts(reading) == ["Liverpool"]
    assert [(p.page, reading.text[p.start : p.end]) for p in reading.parts(*reading.span(0, 1))] == [
        (0, "Liver-"),
        (1, "pool"),
    ]
    assert [page.id for page in reading.pages] == ["p", "q"]


def test_no_space_between_strings():
    assert read(block(string("Brown") + string(",") + "<SP/>" + string("Esq"))).text == "Brown, Esq"
    assert read(block(string("Brown") + string("Esq"))).text == "Brown Esq"  # a page without any SP


def test_composed_blocks_margins_and_styles():
    body = (
        "<ComposedBlock ID='c' STYLEREFS='TXT_0'>" + block(string("one", "STYLE='bold'"))
        + "<ComposedBlock>" + block(string("two")) + "</ComposedBlock></ComposedBlock>"
        + "<Illustration/><GraphicalElement/>" + block(string("three"))
    )  # fmt: skip
    assert read(body).text == "one\n\ntwo\n\nthree"
    text = f"<alto><Layout><Page><TopMargin>{block(string('head'))}</TopMargin><PrintSpace/></Page></Layout></alto>"
    assert read_alto(text.encode(), "x", "x").text == "head"


def test_reading_order():
    order = "<ReadingOrder><OrderedGroup><ElementRef REF='b'/><ElementRef REF='c'/></OrderedGroup></ReadingOrder>"
    inner = (
        f"<ComposedBlock ID='c'>{block(string('2'), identity='d')}{block(string('3'), identity='e')}</ComposedBlock>"
    )
    body = block(string("4"), identity="a") + inner + block(string("1"), identity="b")
    assert read(body, order=order).text == "1\n\n2\n\n3\n\n4"


def test_coordinates_may_be_absent_or_broken_numbers():
    reading = read(block(string("a", "HPOS='1.5' VPOS='2' WIDTH='3' HEIGHT='4'") + string("b", "HPOS='1'")))
    first, second = reading.places
    assert first.box is not None
    assert first.box.xywh == (1.5, 2, 3, 4)
    assert (first.level, second.box, second.level) == ("word", None, "")


def test_a_box_of_words_of_which_one_has_none():
    """The line's where it has one; else that of the others."""
    place = "HPOS='1' VPOS='2' WIDTH='3' HEIGHT='4'"
    words = string("John", place) + string("Thornton")
    for line, box, level in (("", (1, 2, 3, 4), "word"), (place.replace("3", "30"), (1, 2, 30, 4), "line")):
        reading = read(f"<TextBlock><TextLine {line}>{words}</TextLine></TextBlock>")
        (part,) = reading.parts(*reading.span(0, 2))
        assert (reading.text[part.start : part.end], part.box and part.box.xywh, part.level) == (
            "John Thornton", box, level,
        )  # fmt: skip


def test_units_language_and_prefixes():
    head = "<Description><MeasurementUnit>mm10</MeasurementUnit></Description>"
    reading = read("<TextBlock language='deu'><TextLine><String CONTENT='a'/></TextLine></TextBlock>", head)
    assert (reading.pages[0].unit, reading.document.language) == ("mm10", "de")
    text = (
        "<a:alto xmlns:a='urn:x'><a:Layout><a:Page><a:PrintSpace><a:TextBlock><a:TextLine><a:String a:CONTENT='é'/>"
        "</a:TextLine></a:TextBlock></a:PrintSpace></a:Page></a:Layout></a:alto>"
    )
    assert read_alto(text.encode(), "x", "x").text == "é"


def test_lines_as_one_string_and_boxes_of_lines():
    """As Kraken and eScriptorium write ALTO: a String is a line, or only lines have coordinates."""
    place = "HPOS='1' VPOS='2' WIDTH='30' HEIGHT='4'"
    reading = read(f"<TextBlock><TextLine><String CONTENT='Mr. Brown' {place}/></TextLine></TextBlock>")
    (part,) = reading.parts(*reading.span(2, 3))
    assert (reading.text[part.start : part.end], part.level) == ("Brown", "line")
    reading = read(f"<TextBlock><TextLine {place}>{string('Mr.')}{string('Brown')}</TextLine></TextBlock>")
    (part,) = reading.parts(*reading.span(2, 3))
    assert part.box is not None
    assert (reading.text[part.start : part.end], part.level, part.box.xywh) == ("Brown", "line", (1, 2, 30, 4))
