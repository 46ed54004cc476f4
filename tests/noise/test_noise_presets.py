"""The paper's presets against nlpaug's table, written out here, and against counts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.presets import (
    CONFUSIONS,
    PRESETS,
    confusable,
    corrupt_text,
    corrupt_word,
    similarity_bin,
)

# What nlpaug 1.1.11 itself predicts for each character (nlpaug.model.char.Ocr on its en.json), order aside.
NLPAUG = {
    "0": "89oOD", "1": "47lI", "2": "zZ", "5": "8", "6": "b", "8": "sS@&05", "9": "gq0", "o": "u0", "r": "k",
    "C": "G", "O": "DU0", "E": "B", "D": "0O", "4": "1", "7": "1", "l": "1", "I": "1", "z": "2", "Z": "2", "b": "6",
    "s": "8", "S": "8", "@": "8", "&": "8", "g": "9", "q": "9", "u": "o", "k": "r", "G": "C", "U": "O", "B": "E",
}  # fmt: skip


def test_table_is_nlpaugs():
    assert {key: sorted(values) for key, values in CONFUSIONS.items()} == {k: sorted(v) for k, v in NLPAUG.items()}


@pytest.mark.parametrize(
    ("level", "word", "changed"),
    [
        ("low", "colours", 1),  # max(1, ceil(.7)) = 1
        ("low", "soulbrookglobuskro", 1),  # 18 letters, 2 by share, at most 1
        ("medium", "so", 2),  # ceil(1.2) = 2
        ("medium", "lusks", 3),  # ceil(3.0)
        ("medium", "soulbrooks", 5),  # ceil(6.0), at most 5
        ("medium", "them", 0),
        ("medium", "thorn", 2),  # 3 by share, only o and r can change
        ("high", "so", 2),  # 3 by least, only 2 there
        ("high", "soulbrooks", 9),
        ("high", "soulbrookglobuskro", 10),  # 17 by share, at most 10
    ],
)
def test_number_of_changed_characters(level, word, changed):
    pair = corrupt_word(word, level, np.random.default_rng(0))
    assert sum(a != b for a, b in zip(pair.clean, pair.noisy, strict=True)) == changed
    assert pair.level == level


@given(word=st.text("abcdelorsuCGO0158z", max_size=25), level=st.sampled_from(sorted(PRESETS)), seed=st.integers(0, 99))
def test_every_change_is_in_the_table(word, level, seed):
    pair = corrupt_word(word, level, np.random.default_rng(seed))
    for clean, noisy in zip(pair.clean, pair.noisy, strict=True):
        assert clean == noisy or noisy in NLPAUG[clean]
    assert (pair.noisy != word) == confusable(word) == any(c in NLPAUG for c in word)
    rebuilt, position = "", 0
    for start, end, other_start, other_end in pair.edits:
        rebuilt += word[position:start] + pair.noisy[other_start:other_end]
        position = end
    assert rebuilt + word[position:] == pair.noisy


def test_positions_and_readings_are_drawn_evenly():
    rng = np.random.default_rng(1)
    noisy = [corrupt_word("oxo", "low", rng).noisy for _ in range(4000)]
    counts = {form: noisy.count(form) for form in set(noisy)}
    assert set(counts) == {"uxo", "0xo", "oxu", "ox0"}
    # 1,000 each expected; the standard deviation is 27
    assert all(abs(count - 1000) < 5 * 28 for count in counts.values())


@pytest.mark.parametrize(("level", "changed"), [("low", 2), ("medium", 12), ("high", 18)])
def test_share_of_words(level, changed):
    text = ", ".join(["sooks"] * 20)
    pair = corrupt_text(text, level, np.random.default_rng(3))
    words = pair.noisy.split(", ")
    assert len(words) == 20
    assert sum(word != "sooks" for word in words) == changed


def test_a_text_of_one_word_is_always_hit_and_an_empty_one_stays():
    assert corrupt_text("(sooks)", "low", np.random.default_rng(0)).noisy != "(sooks)"
    assert corrupt_text("", "high", np.random.default_rng(0)).noisy == ""
    assert corrupt_text(" — ", "high", np.random.default_rng(0)).noisy == " — "


def test_similarity_bins_at_their_edges():
    assert [similarity_bin(v) for v in (0.0, 1 - 2 / 5, 0.61, 1 - 1 / 5, 0.81, 1.0)] == [
        "poor", "poor", "average", "average", "good", "good",
    ]  # fmt: skip
    assert similarity_bin(0.1 + 0.7) == "average"  # 0.7999…
    assert similarity_bin(0.1 + 0.2 + 0.3) == "poor"  # 0.6000…01
    with pytest.raises(ValueError, match=r"from 0 to 1"):
        similarity_bin(1.2)


def test_unknown_level_names_the_nearest():
    with pytest.raises(UserError, match=r"'hihg'.*high"):
        corrupt_word("word", "hihg", np.random.default_rng(0))
