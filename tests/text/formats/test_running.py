"""Running text into tokens, and every token's way back to the source."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.formats.running import line_places, read_running, read_tokens
from ocr_neurons.text.formats.tagged import Tagged
from ocr_neurons.text.source import Box, Place, Reading

SIGNS = "-=¬\u00ad\u2010\u2011\u2e17"


def read(text: str) -> Reading:
    return read_running("d", "text", text, line_places(text))


def test_a_cut_word_is_one_token_with_two_places():
    text = "From Liver-\npool to Saint-\nGermain."
    reading = read(text)
    assert [t.text for t in reading.document.tokens] == ["From", "Liverpool", "to", "Saint-Germain", "."]
    start, end = reading.span(1, 2)
    assert text[start:end] == "Liver-\npool"
    assert reading.form(start, end) == "Liverpool"
    assert [text[p.start : p.end] for p in reading.parts(start, end)] == ["Liver-", "pool"]
    assert reading.form(*reading.span(1, 4)) == "Liverpool to Saint-Germain"
    assert reading.document.text() == "From Liverpool to Saint-Germain."


def test_boxes_are_joined_by_line():
    text = "Mr. Brown\nEsq."
    boxes = [Box(0, 0, 10, 10), Box(12, 1, 30, 12), Box(0, 20, 9, 30)]
    spans = [(0, 3), (4, 9), (10, 14)]
    places = [Place(a, b, line, 0, box, "word") for (a, b), line, box in zip(spans, (0, 0, 1), boxes, strict=True)]
    reading = read_running("d", "alto", text, places)
    first, second = reading.parts(0, 14)
    assert (first.start, first.end, first.box, first.page) == (0, 9, Box(0, 0, 30, 12), 0)
    assert (second.start, second.end, second.box) == (10, 14, Box(0, 20, 9, 30))
    assert first.box is not None
    assert first.box.xywh == (0, 0, 30, 12)
    assert [p.box for p in reading.parts(5, 6)] == [boxes[1]]  # a part of a word has the word's box


def test_boxes_of_different_levels_are_joined_as_the_coarser():
    line, word, region = (Place(0, 2, 0, 0, Box(0, 0, 90, 9), level) for level in ("line", "word", "region"))
    nothing = Place(0, 2, 0, 0)
    for places, level in (
        ((line, word), "line"), ((word, region), "region"), ((word, nothing), "word"), ((nothing, nothing), ""),
    ):  # fmt: skip
        for first, second in (places, places[::-1]):
            (part,) = read_running("d", "x", "ab cd", [first, replace(second, start=3, end=5)]).parts(0, 5)
            assert (part.start, part.end, part.level) == (0, 5, level)


def test_decomposed_text_is_composed_for_the_model_only():
    text = "a cafe\u0301 in Mu\u0308n-\nchen, Ma\u0364nner"
    reading = read(text)
    assert [t.text for t in reading.document.tokens] == ["a", "café", "in", "München", ",", "Ma\u0364nner"]
    assert [text[a:b] for a, b in reading.spans] == [
        "a", "cafe\u0301", "in", "Mu\u0308n-\nchen", ",", "Ma\u0364nner",
    ]  # fmt: skip


@settings(deadline=None)  # the first call makes a table of all characters
@given(st.text(alphabet="aéB1 .,-=¬\u00ad\u0301\n\r\f'", max_size=60))
def test_tokens_cover_the_source(text):
    """Naively: what remains of source and tokens without space, signs and composition is the same, span by span."""

    def bare(piece: str) -> str:
        return unicodedata.normalize("NFC", re.sub(rf"[\s{re.escape(SIGNS)}]", "", piece))

    reading = read(text)
    assert bare("".join(t.text for t in reading.document.tokens)) == bare(text)
    end = 0
    for token, (start, stop) in zip(reading.document.tokens, reading.spans, strict=True):
        assert end <= start < stop
        assert not text[end:start].strip()
        assert bare(text[start:stop]) == bare(token.text)
        assert reading.form(start, stop) == unicodedata.normalize("NFC", token.text)
        parts = reading.parts(start, stop)
        assert bare("".join(text[p.start : p.end] for p in parts)) == bare(token.text)
        end = stop
    assert not text[end:].strip()


def test_pages_are_counted_at_form_feeds():
    text = "one\n\ftwo\nthree\f"
    assert [(text[p.start : p.end], p.page) for p in line_places(text, 0)] == [("one", 0), ("two", 1), ("three", 1)]
    assert {p.page for p in line_places(text)} == {-1}


def hipe(*rows: tuple[str, str]) -> Document:
    """Tokens with flags: n no space after, e end of line."""
    return Document("d", tuple(Token(word, "n" not in flags, line_end="e" in flags) for word, flags in rows), "de")


def test_three_schemes_of_hipe():
    """HIPE-2020 de/en, NewsEye and HIPE-2020 fr, as their data write cut words."""
    schemes = [
        hipe(("verlän", "n"), ("¬", "e"), ("gernden", ""), ("Krieges", "")),
        hipe(("verlän¬", "ne"), ("gernden", ""), ("Krieges", "")),
        hipe(("verlän", "n"), ("-", "ne"), ("gernden", ""), ("Krieges", "")),
    ]
    for document in schemes:
        reading = read_tokens(document, "hipe", join=True)
        assert [t.text for t in reading.document.tokens] == ["verlängernden", "Krieges"]
        assert reading.form(*reading.span(0, 1)) == "verlängernden"
        labelled = reading.labelled(reading.document.with_labels(["B-time", "I-time"]))
        assert labelled.labels() == ["B-time"] + ["I-time"] * (len(document.tokens) - 1)
        assert labelled.with_labels(document.labels()) == document
        kept = read_tokens(document, "hipe", join=False)
        assert kept.document.tokens == document.tokens
        assert kept.form(*kept.span(0, len(document.tokens))) == "verlängernden Krieges"


@given(st.lists(st.tuples(st.sampled_from(["Ab", "cd", "-", "e¬", ".", "7"]), st.sampled_from(["", "n", "e", "ne"]))))
def test_joining_tokens_loses_none(rows):
    document = hipe(*rows)
    for join in (True, False):
        reading = read_tokens(document, "hipe", join=join)
        groups = [g for first, last in reading.groups for g in range(first, last)]
        assert groups == list(range(len(rows)))
        labels = ["B-x"] * len(reading.document.tokens)
        back = reading.labelled(reading.document.with_labels(labels))
        assert len(back.entities()) == len(labels)
        assert [t.text for t in back.tokens] == [word for word, _ in rows]
        for index, (first, last) in enumerate(reading.groups):
            start, end = reading.spans[index]
            assert reading.text[start:end].replace("\n", "") == "".join(word for word, _ in rows[first:last])


@settings(deadline=None)  # the first call makes a table of all characters
@given(
    st.text(alphabet="aéB1 .,-¬\u0301\n\r\f", max_size=60), st.lists(st.sampled_from(["O", "B-x", "I-x"]), max_size=60)
)
def test_surfaces_of_any_entities(text, labels):
    """``text[start:end]`` is the surface, its lines are the parts, entities are in order and apart."""
    reading = read(text)
    count = len(reading.document.tokens)
    document = reading.document.with_labels((labels + ["O"] * count)[:count])
    entities = document.entities()
    mentions = list(Tagged(reading, document, [0.5] * len(entities)).mentions())
    assert [m.form.replace(" ", "") for m in mentions] == [
        "".join(t.text for t in document.tokens[e.start : e.end]).replace(" ", "") for e in entities
    ]
    end = 0
    for mention in mentions:
        assert end <= mention.start < mention.end
        assert text[mention.start : mention.end] == mention.surface
        parts = [text[part.start : part.end] for part in mention.parts]
        assert parts == [line.rstrip() for line in re.split(r"[\n\r\f]", mention.surface) if line.strip()]
        assert mention.parts[0].start == mention.start
        end = mention.end
