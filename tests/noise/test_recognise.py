"""Tesseract on clean pages, and what is said where it is absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.printed.recognise import (
    COLUMNS,
    installed_models,
    join_lines,
    model_name,
    recognise,
    recogniser_version,
)
from ocr_neurons.noise.printed.typeset import FONTS, TYPEFACES, Layout, typeset
from ocr_neurons.text.align import align

ENGLISH = (
    "Advices from Lisbon of the 12th mention that the packet has been delayed by foul winds, and that the merchants "
    "of that place are in great want of corn. Three vessels were lost near the mouth of the Tagus.\n"
    "The price of wheat has risen by four shillings in the quarter since Tuesday."
)
GERMAN = "Gestern ist der Schiffer Johann Hesse aus Bremen hier angelangt. Das Wasser steigt, so daß man sich sorgt."


def needs(*models: str, faces: tuple[str, ...] = ()) -> None:
    if not shutil.which("tesseract"):
        pytest.skip("Tesseract is not installed; apt-get install tesseract-ocr")
    for model in models:
        if model not in installed_models():
            pytest.skip(f"Tesseract's model {model} is not installed; apt-get install tesseract-ocr-{model}")
    for name in faces:
        if not (FONTS / str(TYPEFACES[name].file)).is_file():
            pytest.skip(f"typeface {name} is not installed; apt-get install {TYPEFACES[name].package}")


def test_a_clean_page_is_read_nearly_without_error() -> None:
    needs("eng")
    (page,) = typeset(ENGLISH, "pillow", Layout(size=12, measure=1200))
    read = recognise(page.image, "en")
    assert align(ENGLISH, join_lines(read)).cer < 0.02
    assert len([line for line in read.splitlines() if line]) == len(page.lines)


def test_blackletter_is_read_by_its_own_model_and_long_s_is_no_error() -> None:
    needs("frk", faces=("blankenburg", "oldstandard"))
    (page,) = typeset(GERMAN, "blankenburg", Layout(size=12, measure=1200))
    read = recognise(page.image, "de", blackletter=True)
    assert "ſ" in read
    folded, kept = join_lines(read), join_lines(read, fold=False)
    assert align(GERMAN, folded).cer < 0.06 < align(GERMAN, kept).cer


def test_columns_are_read_one_after_the_other() -> None:
    needs("eng")
    layout = Layout(size=10, measure=700, columns=2, lines=16)
    page = typeset(" ".join([ENGLISH] * 4), "pillow", layout)[0]
    first = page.lines[0].split()[0]
    words = join_lines(recognise(page.image, "en", psm=COLUMNS)).split()
    assert words[0] == first
    assert align(" ".join(page.lines), " ".join(words)).cer < 0.05


def test_a_blank_page_has_no_text() -> None:
    needs("eng")
    assert recognise(Image.new("L", (600, 300), 255), "en") == ""


def test_the_same_text_twice() -> None:
    needs("eng")
    image = typeset(ENGLISH, "pillow")[0].image
    assert recognise(image, "en") == recognise(image, "en")


def test_version_is_a_version() -> None:
    needs()
    assert recogniser_version()[0].isdigit()


def test_too_slow_is_one_line() -> None:
    needs("eng")
    with pytest.raises(UserError, match=r"took longer than 0\.001 s"):
        recognise(typeset(ENGLISH, "pillow")[0].image, "en", timeout=0.001)


@pytest.mark.parametrize(
    ("text", "options", "wanted"),
    [
        ("one\ntwo\n\nthree\n", {}, "one two\nthree"),
        ("Wollo-\ncombe", {}, "Wollo- combe"),
        ("Wollo-\ncombe", {"hyphenated": True}, "Wollocombe"),
        ("Waſ⸗\nſer", {"hyphenated": True}, "Wasser"),
        ("at 5-\n6 o'clock", {"hyphenated": True}, "at 5- 6 o'clock"),
        ("ﬁſh", {}, "fish"),
        ("ﬁſh", {"fold": False}, "ﬁſh"),
        (" a \n \n b ", {}, "a\nb"),
        ("", {}, ""),
    ],
)
def test_lines_are_joined(text: str, options: dict[str, bool], wanted: str) -> None:
    assert join_lines(text, **options) == wanted


@given(st.lists(st.text("abcde", min_size=1), min_size=1))
def test_joining_keeps_every_word(words: list[str]) -> None:
    assert join_lines("\n".join(words)) == " ".join(words)


def test_languages_without_a_model() -> None:
    with pytest.raises(UserError, match=r"language 'xx'.*wanted one of en, fr, de"):
        model_name("xx")
    with pytest.raises(UserError, match="language in blackletter 'fr'"):
        model_name("fr", blackletter=True)


def test_absent_tesseract_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    installed_models.cache_clear()
    try:
        with pytest.raises(UserError, match="apt-get install tesseract-ocr tesseract-ocr-deu") as caught:
            recognise(Image.new("L", (10, 10)), "en")
    finally:
        installed_models.cache_clear()
    assert "\n" not in str(caught.value)


def test_absent_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "tesseract"
    program.write_text('#!/bin/sh\necho "List of available languages (1):"\necho osd\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    installed_models.cache_clear()
    try:
        with pytest.raises(UserError, match="apt-get install tesseract-ocr-fra"):
            recognise(Image.new("L", (10, 10)), "fr")
    finally:
        installed_models.cache_clear()
