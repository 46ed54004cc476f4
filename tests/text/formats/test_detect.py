"""Kinds are told by content; any name will do, but for plain text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.formats.detect import KINDS, detect
from ocr_neurons.text.hipe_tsv import format_hipe


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<?xml version='1.0'?>\n<!-- a <b> --><alto xmlns='x'/>", "alto"),
        (b"\xef\xbb\xbf\n<a:alto xmlns:a='x'/>", "alto"),
        ("<?xml version='1.0' encoding='utf-16'?><alto/>".encode("utf-16"), "alto"),
        (b"<?xml version='1.0' encoding='latin-1'?><alto a='\xe9'/>", "alto"),
        (b"<!DOCTYPE alto [<!ENTITY a 'b'>]><alto/>", "alto"),
        (b"<PcGts><Page/></PcGts>", "page"),
        (b"<!DOCTYPE html PUBLIC 'a'\n 'b'><html><body><div class='ocr_page'/>", "hocr"),
        (b"<HTML><body><p class=ocr_par>", "hocr"),
        (b"<html><body>microcosm</body></html>", ""),
        (b"<mets/>", ""),
        (b"<TEI>alto</TEI>", ""),
        (b"<", ""),
        (b"\x89PNG\r\n\x1a\n\0\0", ""),
        (bytes(range(256)), ""),
        (b"shipping news\nof the day\n", ""),
        (b'{"a": []}', ""),
        (b'{"tokens": ["a"], "tags": [0]}', "tokens"),
        (b"a b c\nd e f\n", ""),
        (b"1. O\n", ""),
        (b"a O\nb B-x\n", "conll"),
        (b"TOKEN\tNE-COARSE-LIT\tMISC\ncaf\xe9\tO\t_\n", "hipe"),
        (b"caf\xe9 O\nb B-x\n", "conll"),
        (b"a O\n" * 12 + b"broken\n", "conll"),
        (b"-DOCSTART- -X- O O\n", "conll"),
        (format_hipe([Document("a", (Token("b"),))]).encode(), "hipe"),
    ],
)
def test_kinds(data, kind):
    assert detect(data, "x.dat") == kind
    assert detect(data, "x.txt") == (kind or "text")
    assert kind in ("", *KINDS)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Letter B-12\nCharter B-13\nDeed S-4\n", "text"),
        ("Vitamin B-12", "text"),
        ("Vitamin B-12\nBlood O\n", "text"),
        ("Hepatitis B-type\nVitamin E-complex\n", "text"),
        ("Brown B-per\nwrote O\n", "conll"),
        ("-DOCSTART- -X- B-x\nBrown NNP B-per\n", "conll"),
    ],
)
def test_a_text_file_is_no_table_because_its_lines_end_like_labels(text, kind):
    assert detect(text.encode(), "x.txt") == kind
    assert detect(text.encode(), "x.conll") == "conll"


@pytest.mark.parametrize(
    "piece", ["<!-- a -->", "<?a?>", "<!DOCTYPE a [ ]>", "<!doctype a>", " ", "<!--", "<!DOCTYPE a [ ] "]
)
def test_any_number_of_comments_takes_no_time(piece):
    assert detect(f"{piece * 2000}text".encode(), "x.xml") == ""
    if piece.endswith((">", " ")) and "[ ] " not in piece:
        assert detect(f"{piece * 2000}<alto>".encode(), "x.xml") == "alto"


@given(st.binary(max_size=200), st.sampled_from(["x.dat", "x.txt", "x.xml"]))
def test_anything_has_a_kind_or_none(data, name):
    assert detect(data, name) in ("", *KINDS)


def test_a_head_may_end_in_a_character():
    data = ("TOKEN\tNE-COARSE-LIT\tMISC\n" + "é\tO\t_\n" * 9).encode()
    assert {detect(data[:end], "x.tsv") for end in range(30, len(data))} == {"hipe"}
