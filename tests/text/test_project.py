"""Labels through an alignment: merges, splits and losses by hand; edits outside entities by chance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.document import Document, Entity, Token
from ocr_neurons.text.project import project


def document(marked: str, language: str = "en") -> Document:
    """``"Lord/B-pers Derby/I-pers left ./."``: tokens by spaces, labels after the stroke; ``.`` ends a sentence."""
    tokens = []
    for piece in marked.split():
        text, _, label = piece.partition("/")
        tokens.append(Token(text, label=label or "O", sentence_end=text == "."))
    return Document("d", tuple(tokens), language, "1850-01-01", ("# note",))


def shown(made: Document) -> str:
    return " ".join(token.text + (f"/{token.label}" if token.label != "O" else "") for token in made.tokens)


def distances(made: Document) -> list[float | None]:
    return [token.led for token in made.tokens]


@pytest.mark.parametrize(
    ("clean", "noisy", "wanted", "led"),
    [
        # a misread entity: Thornton → Thomton is 2 of 8
        ("Mr Thornton/B-pers left", "Mr Thomton left", "Mr Thomton/B-pers left", [None, 0.25, None]),
        # glued to a neighbour: 5 of 7 characters are its own, and 2 of 7 are wrong
        ("in Paris/B-loc on", "inParis on", "inParis/B-loc on", [0.29, None]),
        # glued between two: 3 of 16 characters, but all that is left of the entity; 13 of 16 wrong
        ("from Ayr/B-loc northward", "fromAyrnorthward", "fromAyrnorthward/B-loc", [0.81]),
        # cut in two: one entity of three tokens, 1 of 9 wrong
        ("New/B-loc York/I-loc is", "Ne w York is", "Ne/B-loc w/I-loc York/I-loc is", [0.11, 0.11, 0.11, None]),
        # two tokens of one entity run together: 1 of 8
        ("old New/B-loc York/I-loc is", "old NewYork is", "old NewYork/B-loc is", [None, 0.12, None]),
        # most of the token is foreign, and most of the entity stands elsewhere: York alone, 4 of 8 lost
        ("into the New/B-loc York/I-loc", "intotheNew York", "intotheNew York/B-loc", [None, 0.5]),
        # the last letters of an entity ran into the next word, which is not its own
        ("Ann/B-pers departed", "An ndeparted", "An/B-pers ndeparted", [0.33, None]),
        # a token put into the middle of an entity belongs to it: "Lord Derby" → "Lord ; Derby", 2 of 12
        ("Lord/B-pers Derby/I-pers", "Lord ; Derby", "Lord/B-pers ;/I-pers Derby/I-pers", [0.17, 0.17, 0.17]),
        # two entities side by side stay two
        ("Paris/B-loc London/B-loc", "Pari$ London", "Pari/B-loc $/I-loc London/B-loc", [0.2, 0.2, 0.0]),
        # an inserted word beside an entity stays outside
        ("to Paris/B-loc", "to , Paris", "to , Paris/B-loc", [None, None, 0.0]),
        # line breaks are white space like another
        ("Lord/B-pers Derby/I-pers", "Lord\nDerby", "Lord/B-pers Derby/I-pers", [0.0, 0.0]),
    ],
)
def test_by_hand(clean, noisy, wanted, led):
    made = project(document(clean), noisy)
    assert shown(made.document) == wanted
    assert distances(made.document) == led
    assert made.lost == ()


def test_deleted_entities_are_lost_and_said():
    source = document("Lord/B-pers Derby/I-pers saw Rome/B-loc and Bath/B-loc")
    text = source.text()
    made = project(source, "saw Rome", Alignment(text, "saw Rome", ((0, 11, 0, 0), (19, len(text), 8, 8))))
    assert shown(made.document) == "saw Rome/B-loc"
    assert made.lost == (Entity("pers", 0, 2), Entity("loc", 5, 6))


def test_an_entity_inside_the_token_of_another_is_lost():
    made = project(document("Paris/B-loc London/B-pers ."), "ParisLondon .")
    assert shown(made.document) == "ParisLondon/B-pers ."  # London has 6 of the 11 characters
    assert made.lost == (Entity("loc", 0, 1),)


def test_everything_gone():
    made = project(document("Lord/B-pers Derby/I-pers left"), "")
    assert made.document.tokens == ()
    assert made.lost == (Entity("pers", 0, 2),)
    assert project(Document("e", ()), "new text").document.labels() == ["O", "O"]


def test_sentence_ends_are_carried_over():
    source = document("He left . She stayed . Rome/B-loc")
    made = project(source, "He 1eft . She stayed . Rome").document
    assert made.sentences() == source.sentences() == [(0, 3), (3, 6), (6, 7)]
    # the first stop was lost, the second ran into its word: the last word of each sentence ends it
    made = project(source, "He left She stayed. Rome").document
    assert [[made.tokens[i].text for i in range(*s)] for s in made.sentences()] == [
        ["He", "left"],
        ["She", "stayed", "."],
        ["Rome"],
    ]


def test_what_is_known_of_the_document_stays():
    source = document("Rome/B-loc is old", "fr")
    made = project(source, "Rorne is old").document
    assert replace(made, tokens=()) == replace(source, tokens=())


def test_space_after_follows_the_new_text():
    made = project(document("Rome/B-loc , is old"), "Rome, is\nold").document
    assert [token.space_after for token in made.tokens] == [False, True, True, True]
    assert made.text() == "Rome, is old"


def test_spans_given_are_the_tokens():
    made = project(document("old New/B-loc York/I-loc"), "old New-York", tokens=[(0, 3), (4, 7), (7, 8), (8, 12)])
    assert shown(made.document) == "old New/B-loc -/I-loc York/I-loc"
    assert distances(made.document) == [None, 0.12, 0.12, 0.12]


def test_an_alignment_of_other_texts_is_refused():
    source = document("Rome/B-loc is old")
    with pytest.raises(ValueError, match="not of this document"):
        project(source, "Rome is old", align("Rome is new", "Rome is old"))
    with pytest.raises(ValueError, match="not of this document"):
        project(source, "Rome is old", align("Rome is old", "Rome is new"))


def test_an_entity_whose_tokens_the_data_set_glues_is_no_noise():
    # newseye leaves out the space at line breaks; running text puts it back, and so must the surface LED is taken from
    source = Document("d", (Token("New", False, "B-loc"), Token("York", True, "I-loc"), Token("is")), "en")
    made = project(source, source.text())
    assert made.document.labels() == source.labels()
    assert distances(made.document) == [0.0, 0.0, None]


WORD = st.text("abcdeé", min_size=1, max_size=6)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Words with spaces between; entities of one to three tokens of two types, some side by side."""
    labels: list[str] = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["", "", "pers", "loc"]))
        length = draw(st.integers(1, 3))
        labels += [f"B-{kind}"] + [f"I-{kind}"] * (length - 1) if kind else ["O"] * length
    ends = draw(st.lists(st.booleans(), min_size=len(labels), max_size=len(labels)))
    words = draw(st.lists(WORD, min_size=len(labels), max_size=len(labels)))
    tokens = (Token(w, label=x, sentence_end=e) for w, x, e in zip(words, labels, ends, strict=True))
    return Document("d", tuple(tokens), draw(st.sampled_from(["en", "fr", "de"])))


@st.composite
def damaged_outside(draw: st.DrawFn) -> tuple[Document, Alignment]:
    """A document and its text with changes inside some tokens that belong to no entity; the planted alignment."""
    source = draw(documents())
    running = source.running_text()
    noisy, edits, position = "", [], 0
    for token, start, end in zip(source.tokens, running.starts, running.ends, strict=True):
        if token.label == "O" and draw(st.booleans()):
            low = draw(st.integers(start, end - 1))
            high = draw(st.integers(low, end))
            put = draw(st.text("XYZ.' \n", max_size=4))
            if high > low or put:
                noisy += running.text[position:low]
                edits.append((low, high, len(noisy), len(noisy) + len(put)))
                noisy += put
                position = high
    noisy += running.text[position:]
    return source, Alignment(running.text, noisy, tuple(edits))


def named(made: Document) -> list[tuple[str, list[str]]]:
    return [(entity.type, [t.text for t in made.tokens[entity.start : entity.end]]) for entity in made.entities()]


@settings(max_examples=150, deadline=None)
@given(documents())
def test_the_same_text_keeps_everything(source):
    made = project(source, source.text())
    assert [t.text for t in made.document.tokens] == [t.text for t in source.tokens]
    assert made.document.labels() == source.labels()
    assert made.document.sentences() == source.sentences()
    assert distances(made.document) == [None if label == "O" else 0.0 for label in source.labels()]
    assert made.lost == ()


@settings(max_examples=250, deadline=None)
@given(damaged_outside())
def test_labels_round_trip_where_no_edit_touches_an_entity(damaged):
    source, alignment = damaged
    assert alignment.rebuild() == alignment.noisy
    made = project(source, alignment.noisy, alignment)
    assert made.lost == ()
    assert named(made.document) == named(source)
    assert all(token.led == 0 for token in made.document.tokens if token.label != "O")
    assert all(token.led is None for token in made.document.tokens if token.label == "O")
    assert sum(token.sentence_end for token in made.document.tokens) <= sum(t.sentence_end for t in source.tokens)
    if made.document.text() == alignment.noisy:  # no line break and no double space, which tokens do not keep
        running = source.running_text()
        spans = list(zip(running.starts, running.ends, strict=True))
        back = project(made.document, running.text, alignment.inverse(), tokens=spans)
        assert back.document.labels() == source.labels()
        assert back.lost == ()


@settings(max_examples=100, deadline=None)
@given(documents(), st.text("abcdeéX \n", max_size=60))
def test_any_reading_gives_a_valid_document_that_accounts_for_every_entity(source, noisy):
    made = project(source, noisy)
    assert "".join(t.text for t in made.document.tokens) == "".join(noisy.split())
    kept = [entity.type for entity in made.document.entities()]
    assert len(kept) + len(made.lost) == len(source.entities())
    assert sorted(kept + [entity.type for entity in made.lost]) == sorted(e.type for e in source.entities())
    for entity in made.document.entities():
        assert made.document.tokens[entity.start].label == f"B-{entity.type}"
        led = {token.led for token in made.document.tokens[entity.start : entity.end]}
        assert len(led) == 1
        assert 0 <= led.pop() <= 1
