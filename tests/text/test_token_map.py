"""Token maps: splits, merges, lost and new tokens, against a map worked out character by character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.text.align import align
from ocr_neurons.text.token_map import token_map
from ocr_neurons.text.tokenise import tokenise


def words(clean: str, noisy: str) -> list[tuple[str, str]]:
    left, right = tokenise(clean), tokenise(noisy)
    found = token_map(align(clean, noisy), left, right)
    return [(clean[slice(*left[i])], noisy[slice(*right[j])]) for i, j in found]


@pytest.mark.parametrize(
    ("clean", "noisy", "expected"),
    [
        ("the old pier", "tbe old picr", [("the", "tbe"), ("old", "old"), ("pier", "picr")]),
        ("the old pier", "theold pier", [("the", "theold"), ("old", "theold"), ("pier", "pier")]),
        ("steamer came", "stea mer came", [("steamer", "stea"), ("steamer", "mer"), ("came", "came")]),
        ("the old pier", "the pier", [("the", "the"), ("pier", "pier")]),
        ("the pier", "the . pier", [("the", "the"), ("pier", "pier")]),
        ("", "new", []),
        ("lost", "", []),
    ],
)
def test_by_hand(clean, noisy, expected):
    assert words(clean, noisy) == expected


LETTERS = st.text(alphabet="ab c", max_size=12)


@given(LETTERS, LETTERS)
def test_against_a_map_of_characters(clean, noisy):
    """Every token that holds an unchanged character is mapped to the token that holds it on the other side."""
    alignment = align(clean, noisy)
    left, right = tokenise(clean), tokenise(noisy)
    found = set(token_map(alignment, left, right))
    unchanged, i, j = [], 0, 0
    for a, b, c, d in [*alignment.edits, (len(clean),) * 2 + (len(noisy),) * 2]:
        unchanged += zip(range(i, a), range(j, c), strict=True)
        i, j = b, d
    sure = {
        (x, y)
        for p, q in unchanged
        for x, (start, end) in enumerate(left)
        for y, (low, high) in enumerate(right)
        if start <= p < end and low <= q < high
    }
    assert sure <= found
    for x, y in found - sure:
        touched = any(
            a < left[x][1] and left[x][0] < b and c < right[y][1] and right[y][0] < d for a, b, c, d in alignment.edits
        )
        assert touched
    assert list(found) == list(dict.fromkeys(found))
    assert sorted(found) == list(token_map(alignment, left, right))
