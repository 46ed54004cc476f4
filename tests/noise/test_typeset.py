"""Typesetting, with Pillow's own font where the period typefaces are not installed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from string import ascii_letters, digits

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.printed import typeset as room
from ocr_neurons.noise.printed.typeset import FONTS, TYPEFACES, Layout, Typeface, has_glyph, long_s, typeset

NARROW = Layout(size=8, measure=320, lines=10)
TEXT = "The wind has stood at S.S.W. since Friday last, and upwards of ninety sail are crowded into the Downs. " * 2


def needs(*names: str) -> None:
    for name in names:
        face = TYPEFACES[name]
        if not (FONTS / str(face.file)).is_file():
            pytest.skip(f"typeface {name} is not installed; apt-get install {face.package}")


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).map(str), st.integers(1, 30))
def test_every_word_stands_on_the_pages_in_order(word: str, count: int) -> None:
    text = f"{word[:8]} and so on " * count
    pages = typeset(text, "pillow", NARROW)
    assert " ".join(line for page in pages for line in page.lines).split() == text.split()
    assert all(len(page.lines) <= NARROW.lines for page in pages)
    assert not any(page.missing or page.borrowed for page in pages)


def test_lines_are_full_and_justified() -> None:
    (page,) = typeset(TEXT, "pillow", replace(NARROW, lines=40))
    font = ImageFont.load_default(round(NARROW.size * 300 / 72, 2))
    space = font.getlength(" ")

    def width(line: str) -> float:
        return sum(font.getlength(word) for word in line.split()) + space * line.count(" ")

    for number, (line, after) in enumerate(zip(page.lines, page.lines[1:], strict=False)):
        room_left = NARROW.measure - (round(NARROW.size * 300 / 72) if number == 0 else 0)
        assert width(line) <= room_left + 1 < width(f"{line} {after.split()[0]}") + 1
    # all lines but the last end at the right edge of the measure
    ink = np.asarray(page.image) < 128
    step = round(round(NARROW.size * 300 / 72, 2) * NARROW.leading)
    for number in range(len(page.lines) - 1):
        top = NARROW.margin + number * step
        columns = np.flatnonzero(ink[top : top + step].any(axis=0))
        assert abs(columns[-1] - (NARROW.margin + NARROW.measure)) <= 4


def test_paragraphs_begin_on_a_line_of_their_own() -> None:
    (page,) = typeset("One two.\n\nThree four.", "pillow", NARROW)
    assert page.lines == ("One two.", "Three four.")


def test_pages_and_columns_fill_one_after_another() -> None:
    two = Layout(size=8, measure=320, lines=3, columns=2)
    one = [line for page in typeset(TEXT * 2, "pillow", NARROW) for line in page.lines]
    pages = typeset(TEXT * 2, "pillow", two)
    assert [line for page in pages for line in page.lines] == one
    assert {len(page.lines) for page in pages[:-1]} == {6}
    assert pages[0].image.width > 2 * two.measure


def test_hyphenation_only_adds_hyphens_at_line_ends() -> None:
    plain = [line for page in typeset(TEXT, "pillow", NARROW) for line in page.lines]
    (page,) = typeset(TEXT, "pillow", replace(NARROW, lines=40), hyphenate=True)
    broken = [line for line in page.lines if line.endswith("-")]
    assert broken
    assert "\n".join(page.lines).replace("-\n", "").split() == TEXT.split()
    assert not any(line.endswith("-") for line in plain)


def test_a_word_longer_than_the_line_is_cut() -> None:
    (page,) = typeset("x" * 100, "pillow", NARROW)
    assert "".join(page.lines) == "x" * 100
    assert len(page.lines) > 2


def test_the_same_bits_twice() -> None:
    first, second = (typeset(TEXT, "pillow", NARROW)[0].image.tobytes() for _ in range(2))
    assert first == second


def test_what_no_typeface_has_is_counted_and_left_blank() -> None:
    (page,) = typeset("漢 oo 漢字", "pillow", NARROW)
    assert page.missing == {"漢": 2, "字": 1}
    (blank,) = typeset("漢字\x07", "pillow", NARROW)
    assert blank.missing == {"漢": 1, "字": 1, "\x07": 1}
    assert np.asarray(blank.image).min() == 255


def test_a_glyph_is_told_from_the_sign_for_none() -> None:
    font = ImageFont.load_default(40)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert [has_glyph(font, character) for character in "aZ漢 "] == [True, True, False, True]


def test_blackletter_borrows_what_it_lacks() -> None:
    needs("blankenburg", "oldstandard")
    (page,) = typeset("Φ⅜ im Jahre 1848, Φ", "blankenburg")
    assert page.borrowed == {"Φ": 2, "⅜": 1}
    assert page.missing == {}


@pytest.mark.parametrize("name", ["oldstandard", "didot", "blankenburg"])
def test_period_typefaces_have_what_three_languages_need(name: str) -> None:
    needs(name)
    letters = ascii_letters + digits + ".,;:!?'’()-–—&§äöüÄÖÜßàâçéèêëîïôùûœæÉÀ«»„“”£½"
    (page,) = typeset(" ".join(letters), name)
    assert page.borrowed == {}
    assert page.missing == {}


def test_long_s_is_drawn_in_blackletter() -> None:
    needs("blankenburg", "oldstandard")
    (page,), (other,) = typeset("so", "blankenburg"), typeset("ſo", "blankenburg")
    assert page.image.tobytes() == other.image.tobytes()
    assert page.lines == ("so",)
    (end,), (round_end,) = typeset("os", "blankenburg"), typeset("oſ", "blankenburg")
    assert end.image.tobytes() != round_end.image.tobytes()


@pytest.mark.parametrize(
    ("text", "wanted"),
    # as German blackletter prints of the time have them
    [
        ("das Haus, des Hauses", "das Haus, des Hauſes"),
        ("Straße, gewiss, Wasser", "Straße, gewiſs, Waſſer"),
        ("Schiffahrt sofort erst", "Schiffahrt ſofort erſt"),
        ("Dresden Bismarck Ausgang lesbar", "Dresden Bismarck Ausgang lesbar"),
        ("wachsen zwischen Post", "wachſen zwiſchen Poſt"),
        ("Kriegs-Schiff 's ist", "Kriegs-Schiff 's iſt"),
        ("SS. Sr.", "SS. Sr."),
    ],
)
def test_long_s_rule(text: str, wanted: str) -> None:
    assert long_s(text) == wanted


@given(st.text())
def test_long_s_changes_nothing_else(text: str) -> None:
    assert long_s(text).replace("ſ", "s") == text.replace("ſ", "s").replace("\x00", "s")


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_nothing_to_print(text: str) -> None:
    with pytest.raises(UserError, match="wanted at least one character"):
        typeset(text, "pillow")


def test_unknown_typeface_and_layout() -> None:
    with pytest.raises(UserError, match=r"'didott'.*nearest: didot"):
        typeset("a", "didott")
    with pytest.raises(UserError, match="measure"):
        Layout(size=40, measure=100)


def test_absent_font_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    face = Typeface("absent", "fonts-absent", "truetype/absent/Absent.ttf")
    monkeypatch.setitem(room.TYPEFACES, "absent", face)
    with pytest.raises(UserError, match="apt-get install fonts-absent") as caught:
        typeset("a", "absent")
    assert "\n" not in str(caught.value)


def test_words_are_counted_once() -> None:
    pages = typeset(TEXT * 4, "pillow", NARROW)
    assert Counter(word for page in pages for line in page.lines for word in line.split()) == Counter(
        (TEXT * 4).split()
    )
