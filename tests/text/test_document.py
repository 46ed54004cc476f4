"""Running text with offsets, entities from labels, sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.text.document import Document, Entity, Token, entity_types, spans

LABELS = ["O", "_", "", *(f"{p}-{t}" for p in "BISE" for t in ("pers", "loc", "pers-x"))]
tokens = st.builds(
    Token,
    text=st.text(alphabet="aé¬-.# 7ſ", min_size=1, max_size=4),
    space_after=st.booleans(),
    label=st.sampled_from(LABELS),
    sentence_end=st.booleans(),
)
documents = st.lists(tokens, max_size=12).map(lambda ts: Document("d", tuple(ts)))


def naive_spans(labels: list[str]) -> set[tuple[str, int, int]]:
    """Every (type, start, end) that the rule allows, by trying all: cubic, but the rule written down."""
    n = len(labels)
    kind = [label[2:] if label[1:2] == "-" else "" for label in labels]
    begins = [bool(kind[i]) and (labels[i][0] in "BS" or i == 0 or kind[i - 1] != kind[i]) for i in range(n)]
    found = set()
    for start in range(n):
        for end in range(start + 1, n + 1):
            one = begins[start] and all(kind[i] == kind[start] and not begins[i] for i in range(start + 1, end))
            if one and (end == n or begins[end] or not kind[end]):
                found.add((kind[start], start, end))
    return found


@given(st.lists(st.sampled_from(LABELS), max_size=14))
def test_spans_equal_the_naive_rule(labels: list[str]) -> None:
    found = spans(labels)
    assert {(e.type, e.start, e.end) for e in found} == naive_spans(labels)
    assert [e.start for e in found] == sorted({e.start for e in found})


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("O I-loc I-loc O", [("loc", 1, 3)]),  # I- without B-
        ("B-loc I-pers", [("loc", 0, 1), ("pers", 1, 2)]),
        ("B-loc B-loc I-loc", [("loc", 0, 1), ("loc", 1, 3)]),
        ("S-loc E-loc", [("loc", 0, 2)]),  # read as B- I-
        ("B-loc I-loc S-loc", [("loc", 0, 2), ("loc", 2, 3)]),
        ("E-loc _ I-loc", [("loc", 0, 1), ("loc", 2, 3)]),
        ("B-LOC I-loc", [("LOC", 0, 1), ("loc", 1, 2)]),  # types keep their case
        ("O -loc X-loc loc BI-loc", []),
        ("", []),
    ],
)
def test_spans_of_hard_cases(labels: str, wanted: list[tuple[str, int, int]]) -> None:
    assert spans(labels.split()) == [Entity(*entity) for entity in wanted]


@given(documents)
def test_each_token_stands_at_its_offsets(document: Document) -> None:
    running = document.running_text()
    assert len(running.starts) == len(running.ends) == len(document.tokens)
    at = 0
    for index, token in enumerate(document.tokens):
        assert running.text[running.starts[index] : running.ends[index]] == token.text
        gap = running.text[at : running.starts[index]]
        assert gap in (("",) if index == 0 else ("", " "))
        at = running.ends[index]
    assert at == len(running.text)


@given(documents)
def test_a_space_stands_where_the_data_say_or_letters_would_meet(document: Document) -> None:
    running = document.running_text()
    for index, token in enumerate(document.tokens[:-1]):
        letters = token.text[-1] in "aéſ" and document.tokens[index + 1].text[0] in "aéſ"
        assert (running.starts[index + 1] - running.ends[index] == 1) == (token.space_after or letters)


def test_hyphens_at_line_ends_keep_what_stands_there() -> None:
    newspaper = (Token("verlän", False), Token("¬", line_end=True), Token("gernden"))
    newseye = (Token("Fett¬", False, line_end=True), Token("waarenfabrik"))
    assert Document("a", newspaper).text() == "verlän¬ gernden"
    assert Document("b", newseye).text() == "Fett¬waarenfabrik"


@given(documents)
def test_sentences_cover_all_tokens_once(document: Document) -> None:
    sentences = document.sentences()
    assert [i for start, end in sentences for i in range(start, end)] == list(range(len(document.tokens)))
    for _, end in sentences[:-1]:
        assert document.tokens[end - 1].sentence_end
    inner = [document.tokens[i] for start, end in sentences for i in range(start, end - 1)]
    assert not any(token.sentence_end for token in inner)


@given(documents, st.data())
def test_other_labels_change_nothing_else(document: Document, data: st.DataObject) -> None:
    size = len(document.tokens)
    labels = data.draw(st.lists(st.sampled_from(LABELS), min_size=size, max_size=size))
    other = document.with_labels(labels)
    assert other.labels() == labels
    assert other.text() == document.text()
    assert other.with_labels(document.labels()) == document


def test_a_wrong_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="document d: 2 labels for 1 tokens"):
        Document("d", (Token("a"),)).with_labels(["O", "O"])


def test_entity_types_are_sorted_and_distinct() -> None:
    document = Document("d", (Token("a", label="B-pers"), Token("b", label="B-loc"), Token("c", label="S-loc")))
    assert entity_types([document, document]) == ["loc", "pers"]
