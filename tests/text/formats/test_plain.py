"""Plain text: offsets are those of the file."""

from __future__ import annotations

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.plain import read_plain


def test_offsets_in_the_file():
    text = "Mr. Brown,\r\nof Liver-\r\npool.\r\n\r\nNext."
    for data in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
        reading = read_plain(data, "x", "x")
        assert reading.text == text
        words = [text[start:end] for start, end in reading.spans]
        assert words == ["Mr", ".", "Brown", ",", "of", "Liver-\r\npool", ".", "Next", "."]
        assert reading.document.sentences() == [(0, 7), (7, 9)]
        assert [t.line_end for t in reading.document.tokens] == [False] * 3 + [True] + [False] * 2 + [True, False, True]
    assert reading.pages == ()


def test_line_ends_of_old_macs():
    """As it is with other line ends, character by character."""
    text = "Mr. Brown,\nof Liver-\npool.\n\nNext."
    mac, unix = (read_plain(given.encode(), "x", "x") for given in (text.replace("\n", "\r"), text))
    assert (mac.document, mac.spans, mac.places) == (unix.document, unix.spans, unix.places)
    assert [mac.text[p.start : p.end] for p in mac.parts(*mac.span(2, 6))] == ["Brown,", "of Liver-", "pool"]


def test_form_feeds_number_pages():
    reading = read_plain(b"One Liver-\n\fpool two\n\f", "x", "x")
    assert [page.id for page in reading.pages] == ["1", "2"]
    start, end = reading.span(1, 2)
    assert [(p.page, reading.text[p.start : p.end]) for p in reading.parts(start, end)] == [(0, "Liver-"), (1, "pool")]


def test_the_language_cuts_tokens():
    assert [t.text for t in read_plain(b"l'autre", "x", "x", "fr").document.tokens] == ["l", "'", "autre"]


@pytest.mark.parametrize("data", [b"caf\xe9", b"a\0b", b"\xff\xfea"])
def test_what_is_no_text(data):
    with pytest.raises(UserError, match="wanted plain text in UTF-8; convert it first"):
        read_plain(data, "x", "x")
