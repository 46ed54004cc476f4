"""ICDAR post-OCR files: written from planted texts, with what real ones hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.aligned.icdar import looks_like_icdar, parse_icdar
from ocr_neurons.text.aligned.record import Record

TAGS = ("[OCR_toInput] ", "[OCR_aligned] ", "[ GS_aligned] ")


def file(*lines: str, tags: tuple[str, ...] = TAGS, end: str = "\n") -> str:
    return end.join(tag + line for tag, line in zip(tags, lines, strict=False))


def read(*lines: str) -> tuple[str, str, str]:
    record = parse_icdar(file(*lines), "set/1")
    return record.clean, record.noisy, record.problem


def test_filling_is_taken_out() -> None:
    assert read("Tlie cat fat", "Tli@e cat fat", "T@@he cat sat") == ("The cat sat", "Tlie cat fat", "")


@pytest.mark.parametrize(
    ("ocr", "truth", "clean", "noisy"),
    [
        ("one x? tvvo", "one ## tw@o", "one two", "one tvvo"),  # one of the two spaces goes with what is unknown
        ("## one", "## one", "one", "one"),
        ("one x? y! two", "one ## ## two", "one two", "one two"),
        ("one x?", "one ##", "one ", "one "),
        ("aXb", "a#b", "ab", "ab"),
        ("a XX,b", "a ##,b", "a ,b", "a ,b"),
        ("a@XX b", "a ## b", "a  b", "a b"),  # the OCR has no space before, so both of the truth stay
    ],
)
def test_what_is_unknown_is_left_out_of_both_sides(ocr: str, truth: str, clean: str, noisy: str) -> None:
    assert read(ocr.replace("@", ""), ocr, truth) == (clean, noisy, "")


def test_a_real_at_sign_is_told_from_filling() -> None:
    assert read("a@b cd", "a@b @cd", "a@b ecd")[1] == "a@b cd"  # the truth has no way to say so
    assert read("something else@", "a@b", "a b")[1] == "ab"  # the first line is of no help


def test_lines_of_different_length() -> None:
    assert read("abc", "abc", "abcd e") == ("abcd e", "abc", "")  # whole texts
    assert read("abc", "abc", "ab# d e")[2] == "columns"
    assert read("xbc", "xbc", "#bc  @") == ("bc  ", "bc", "")  # only spaces and filling are missing
    assert read("xbc@ ", "xbc@ ", "#bc") == ("bc", "bc@ ", "")


def test_lines_that_are_missing() -> None:
    assert read("abc") == ("", "abc", "no truth")
    assert read("abc", "abc", "###")[2] == "no truth"
    assert parse_icdar("[OCR_toInput] ab c\n[ GS_aligned] ab@c", "s") == Record("abc", "ab c", "s")
    assert parse_icdar("[OCR_toInput] ab c\n[ GS_aligned] ab#c", "s").problem == "columns"
    assert parse_icdar("[OCR_aligned] a@c\n[ GS_aligned] abc", "s") == Record("abc", "ac", "s")
    with pytest.raises(UserError, match=r"s: no \[OCR_toInput\] line"):
        parse_icdar("abc", "s")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("tags", [TAGS, ("\ufeff[OCR_toInput]", " [ocr_aligned]", "[GS_aligned]")])
def test_tags_and_line_ends_vary(end: str, tags: tuple[str, str, str]) -> None:
    text = file("a\x00b\u2028c", "a\x00b\u2028c", "a\x00b\x0cd", tags=tags, end=end) + end
    assert looks_like_icdar(text)
    assert parse_icdar(text, "s") == Record("a\x00b\x0cd", "a\x00b\u2028c", "s")


def test_folders_tell_the_language() -> None:
    told = {"eng_monograph": "en", "fr_periodical": "fr", "DE1": "de", "CZ1": "cs", "FR3": "fr", "mine": "", "ZZ": ""}
    for folder, language in told.items():
        path = Path("x") / folder / "sub" / "1.txt"
        assert parse_icdar(file("a", "a", "a"), "s", path).language == language


WORD = st.text(st.characters(exclude_characters="@#\n\r", exclude_categories=["Cs"]), min_size=1, max_size=4)
COLUMN = st.one_of(
    WORD.map(lambda word: (word, word)),
    st.tuples(WORD, WORD),
    WORD.map(lambda word: (word, "")),
    WORD.map(lambda word: ("", word)),
)


@given(st.lists(COLUMN, min_size=1, max_size=12))
def test_any_texts_come_back(columns: list[tuple[str, str]]) -> None:
    """Planted segments, filled as the format has it, give their texts back."""
    clean, noisy = ("".join(side) for side in zip(*columns, strict=True))
    filled = [(c.ljust(max(len(c), len(n)), "@"), n.ljust(max(len(c), len(n)), "@")) for c, n in columns]
    truth, ocr = ("".join(side) for side in zip(*filled, strict=True))
    assert read(noisy, ocr, truth) == (clean, noisy, "")


def test_two_million_characters() -> None:
    words = "the quick brown fox ### jumps over @he lazy dog " * 45_000
    record = parse_icdar(file(words, words, words.replace("@", "t")), "s")
    assert len(record.clean) == 45_000 * len("the quick brown fox jumps over the lazy dog ")
    assert record.noisy.count("@") == 45_000
