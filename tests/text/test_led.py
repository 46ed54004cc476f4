"""LED against values by hand and against a naive distance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.led import entity_distance, surface, with_zero_distances


def naive(a: str, b: str) -> int:
    rows = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, rows[0] = rows[0], i
        for j, y in enumerate(b, 1):
            diagonal, rows[j] = rows[j], min(rows[j] + 1, rows[j - 1] + 1, diagonal + (x != y))
    return rows[-1]


@pytest.mark.parametrize(
    ("clean", "noisy", "led"),
    [
        ("Thornton", "Thornton", 0.0),
        ("Thornton", "Thomton", 0.25),
        ("Paris", "Parls", 0.2),
        ("Derby", "Der by", 0.17),
        ("Alcibiades", "", 1.0),
        ("Rome", "XXXXXXXX", 1.0),
        ("abc", "abd", 0.33),
    ],
)
def test_by_hand(clean, noisy, led):
    assert entity_distance(clean, noisy) == led


@given(st.text("abé ", max_size=12), st.text("abé ", max_size=12))
def test_it_is_the_distance_over_the_longer_of_the_two(clean, noisy):
    wanted = round(naive(clean, noisy) / max(1, len(clean), len(noisy)), 2)
    assert entity_distance(clean, noisy) == wanted == entity_distance(noisy, clean)


def test_a_surface_has_spaces_where_the_tokens_say_so():
    tokens = (Token("St"), Token(".", space_after=False), Token("Paul", space_after=False), Token("'s"))
    assert surface(tokens) == "St .Paul's"
    assert surface(tokens[3:]) == "'s"


def test_clean_documents_get_zero_in_entities_only():
    document = Document(
        "d",
        (
            Token("Lord", label="B-pers", led=0.4),
            Token("Derby", label="I-pers"),
            Token("left", led=0.9),
            Token("Rome", label="B-loc"),
            Token("."),
        ),
    )
    clean = with_zero_distances(document)
    assert [token.led for token in clean.tokens] == [0.0, 0.0, None, 0.0, None]
    assert clean.labels() == document.labels()
    assert [token.led for token in document.tokens] == [0.4, None, 0.9, None, None]
