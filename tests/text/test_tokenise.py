"""Tokens of English, French and German text, cut by hand as HIPE cuts its newspapers."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocr_neurons.text.tokenise import tokenise

TEXT = st.text(st.one_of(st.sampled_from("ab 's’'-.,/12\n\t\0é\u0301 "), st.characters(exclude_categories=["Cs"])))


def words(text: str, language: str) -> list[str]:
    return [text[start:end] for start, end in tokenise(text, language)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The ship arrived, at last.", "The|ship|arrived|,|at|last|."),
        ("Mr. Smith's (new) well-known ship", "Mr|.|Smith|'s|(|new|)|well-known|ship"),
        ("at 5 o'clock the Queen’s men", "at|5|o'clock|the|Queen|’s|men"),
        ("St. Martin's-le-Grand", "St|.|Martin's-le-Grand"),
        ("£1,200 or 7/8d. on 3.5 acres", "£|1,200|or|7/8d|.|on|3.5|acres"),
        ("1, 2; and 3.", "1|,|2|;|and|3|."),
        ("in May,1850 at No.5", "in|May|,|1850|at|No|.|5"),
        ("the 'some day' sort", "the|'|some|day|'|sort"),
        ("the Lords' house—closed", "the|Lords|'|house|—|closed"),
        ("  two\n\tlines ", "two|lines"),
    ],
)
def test_english(text, tokens):
    assert words(text, "en") == tokens.split("|")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("l’autre jour, qu'il vint", "l|’|autre|jour|,|qu|'|il|vint"),
        ("Aujourd’hui l'aujourd'hui", "Aujourd’hui|l|'|aujourd'hui"),
        ("MM. d'Estaing et Rol-Tanguy", "MM|.|d|'|Estaing|et|Rol-Tanguy"),
        ("à 1,50 fr. « déjà »", "à|1,50|fr|.|«|déjà|»"),
    ],
)
def test_french_elision_stands_alone(text, tokens):
    assert words(text, "fr") == tokens.split("|")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Frau Müller-Straße, d. 3. März", "Frau|Müller-Straße|,|d|.|3|.|März"),
        ("„Daß ſie käme!“", "„|Daß|ſie|käme|!|“"),
        ("Baden=Württemberg", "Baden|=|Württemberg"),
        ("हिन्दी में लिखा।", "हिन्दी|में|लिखा|।"),
        ("בְּרֵאשִׁית בָּרָא", "בְּרֵאשִׁית|בָּרָא"),
        ("مُحَمَّد، الرباط", "مُحَمَّد|،|الرباط"),
        ("Ἀθῆναι καὶ Σπάρτη·", "Ἀθῆναι|καὶ|Σπάρτη|·"),
    ],
)
def test_german_and_unknown_languages(text, tokens):
    assert words(text, "de") == words(text, "") == tokens.split("|")


def test_the_same_apostrophe_is_cut_by_language():
    assert words("d'or", "fr") == ["d", "'", "or"]
    assert words("d'or", "en") == ["d'or"]


@given(TEXT, st.sampled_from(["en", "fr", "de", ""]))
@example("\x1c\x85\u3000 ", "en")
@example("e\u0301", "fr")
def test_all_but_white_space_is_covered_once(text, language):
    found = tokenise(text, language)
    position = 0
    for start, end in found:
        assert position <= start < end
        assert not text[position:start].strip()
        assert not any(character.isspace() for character in text[start:end])
        position = end
    assert not text[position:].strip()


def test_combining_marks_stay_in_their_word() -> None:
    """Old German prints the umlaut as a small e above; decomposed text has accents of their own."""
    text = "Ma\u0364nner, cafe\u0301-haus"
    assert [text[a:b] for a, b in tokenise(text)] == ["Ma\u0364nner", ",", "cafe\u0301-haus"]
