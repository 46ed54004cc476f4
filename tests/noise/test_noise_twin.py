"""The noisy twin: what stays, what LED says, how strengths vary."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.noise.twin import TWIN_CONFUSIONS, entity_distance, noisy_twin, surface, with_distances
from ocr_neurons.text.document import Document, Token

TEXT = st.text("abcdefhilmnorstuBHL.,;—£18é's", min_size=1, max_size=12)
TOKENS = st.lists(
    st.builds(Token, TEXT, st.booleans(), st.sampled_from(["O", "B-pers", "I-pers", "B-loc"])), min_size=1, max_size=40
)


def naive_distance(a: str, b: str) -> int:
    rows = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, rows[0] = rows[0], i
        for j, y in enumerate(b, 1):
            last, rows[j] = rows[j], min(rows[j] + 1, rows[j - 1] + 1, last + (x != y))
    return rows[-1]


@given(tokens=TOKENS, seed=st.integers(0, 500))
def test_only_texts_and_led_change(tokens, seed):
    clean = Document("d", tuple(tokens), metadata=("# a = b",))
    [noisy] = noisy_twin([clean], seed)
    stripped = [replace(token, text="", led=None) for token in noisy.tokens]
    assert stripped == [replace(token, text="", led=None) for token in clean.tokens]
    assert replace(noisy, tokens=()) == replace(clean, tokens=())
    assert all(token.text and not any(c.isspace() for c in token.text) for token in noisy.tokens)

    gaps = [  # the spaces of the running text stand where they stood
        [running.text[end:start] for end, start in zip(running.ends, running.starts[1:], strict=False)]
        for running in (clean.running_text(), noisy.running_text())
    ]
    assert gaps[0] == gaps[1]


@given(tokens=TOKENS, seed=st.integers(0, 500))
def test_led_is_the_distance_of_surfaces_on_every_token_of_an_entity(tokens, seed):
    clean = Document("d", tuple(tokens))
    [noisy] = noisy_twin([clean], seed)
    expected: list[float | None] = [None] * len(tokens)
    for entity in clean.entities():
        sides = []
        for side in (clean, noisy):
            text = ""
            for position in range(entity.start, entity.end):
                text += side.tokens[position].text
                if position + 1 < entity.end and side.tokens[position].space_after:
                    text += " "
            sides.append(text)
        led = round(naive_distance(*sides) / max(map(len, sides)), 2)
        expected[entity.start : entity.end] = [led] * (entity.end - entity.start)
    assert [token.led for token in noisy.tokens] == expected


def test_entity_distance_is_hipes():
    assert entity_distance("Liverpool", "Liverpool") == 0.0
    assert entity_distance("Liverpool", "Livcrpool") == 0.11
    assert entity_distance("Marsh", "rnarsh") == 0.33  # 2 edits / 6 characters of the longer
    assert surface((Token("Messrs", space_after=False), Token("."), Token("Kay"))) == "Messrs. Kay"


def test_twins_of_unequal_length_are_refused():
    one, two = Document("d", (Token("a"),)), Document("d", (Token("a"), Token("b")))
    with pytest.raises(ValueError, match="1 tokens, its twin 2"):
        with_distances(one, two)


def test_every_reading_is_a_reading():
    for source, readings in TWIN_CONFUSIONS.items():
        assert 1 <= len(source) <= 2
        assert readings
        assert source not in readings
        assert all(reading and not reading.isspace() for reading in readings)


def test_strength_varies_between_documents_and_follows_seed_and_id():
    words = ["The", "barque", "Halcyon", "from", "Liverpool", "was", "towed", "into", "the", "river"] * 52
    documents = [Document(f"d{i}", tuple(map(Token, words))) for i in range(40)]
    twins = noisy_twin(documents, 7)
    shares = [sum(a.text != w for a, w in zip(t.tokens, words, strict=True)) / len(words) for t in twins]
    # Beta(1.44, 6.56): mean .18, standard deviation .128, so .02 for the mean of 40
    assert abs(sum(shares) / len(shares) - 0.18) < 0.08
    assert min(shares) < 0.08
    assert max(shares) > 0.3
    assert noisy_twin(documents[5:6], 7) == twins[5:6]
    assert noisy_twin(documents[5:6], 8) != twins[5:6]
