"""Controls: as many edits as the real pair, by rapidfuzz; never the clean or the noisy side; seeds from names."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.controls import CONTROLS, _by_word, control_pairs, shuffled
from ocr_neurons.noise.prepare import LONGEST
from ocr_neurons.noise.presets import corrupt_word
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.pairs import TextPair

LETTERS = "abcdefghijklmnoprstuvwyzABDEHLMST"
ALPHABET = TextPair(LETTERS, LETTERS + "?", "low", "alphabet", left="(")
"""A pair that lends its letters to every list it is in."""


@st.composite
def word_pair(draw: st.DrawFn) -> TextPair:
    clean = draw(st.text(LETTERS + "'-1", min_size=1, max_size=12))
    noisy = clean
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(noisy)))
        end = draw(st.integers(start, min(len(noisy), start + 2)))
        noisy = noisy[:start] + draw(st.text("abl1 .", max_size=2)) + noisy[end:]
    left, right = draw(st.sampled_from([("", ""), ("the ", ""), ("in ", " of May")]))
    return TextPair(clean, noisy, draw(st.sampled_from(["low", "high"])), "set/1 (context)", left, right)


WORDS = st.lists(word_pair(), min_size=1, max_size=8).map(
    lambda pairs: [*(replace(pair, source=f"set/{n} (context)") for n, pair in enumerate(pairs)), ALPHABET]
)
TEXTS = st.lists(st.text("abcdemno1É,", min_size=1, max_size=9), min_size=2, max_size=25).map(" ".join)


@st.composite
def text_pair(draw: st.DrawFn) -> TextPair:
    clean = draw(TEXTS)
    noisy = clean
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(noisy)))
        end = draw(st.integers(start, min(len(noisy), start + 4)))
        noisy = noisy[:start] + draw(st.text("xyz .", max_size=4)) + noisy[end:]
    return TextPair(clean, noisy, "real", "set/1")


def edits(pair: TextPair) -> int:
    return int(Levenshtein.distance(pair.clean, pair.noisy))


def check_kept(control: TextPair, pair: TextPair, kind: str) -> None:
    """The control is its pair's but for the noisy side, and neither of its sides."""
    assert control.noisy not in (pair.clean, pair.noisy)
    assert control.source == f"{pair.source} (control: {kind})"
    assert Alignment(control.clean, control.noisy, control.edits).rebuild() == control.noisy
    assert replace(control, noisy=pair.noisy, source=pair.source, edits=pair.edits) == pair


def matched(pairs: list[TextPair], kind: str, seed: int = 1, **more: object) -> list[tuple[TextPair, TextPair]]:
    """Each control with its pair, told by the source."""
    left_out: list[str] = []
    controls = control_pairs(pairs, kind, seed, left_out=left_out, **more)  # type: ignore[arg-type]
    by_source = {f"{pair.source} (control: {kind})": pair for pair in pairs}
    found = [(control, by_source.pop(control.source)) for control in controls]
    assert [pair.clean for pair in by_source.values()] == left_out
    return found


@settings(max_examples=80, deadline=None)
@given(WORDS, st.integers(0, 3))
def test_letters_have_the_edits_of_the_pair(pairs: list[TextPair], seed: int) -> None:
    for control, pair in matched(pairs, "letters", seed):
        check_kept(control, pair, "letters")
        assert 0 < edits(control) <= edits(pair)
        assert len(control.noisy) == len(pair.noisy)
        new = Counter(control.noisy) - Counter(control.clean)
        assert set(new) <= {c for p in pairs for c in p.clean if c.isalpha()}


@settings(max_examples=100, deadline=None)
@given(word_pair())
def test_a_pair_with_letters_put_in_is_never_left_out(pair: TextPair) -> None:
    put_in = any(d > c for _, _, c, d in align(pair.clean, pair.noisy).edits)
    kept = pair in [real for _, real in matched([pair, ALPHABET], "letters")]
    assert kept or not put_in


def test_deletions_that_give_the_noisy_side_are_left_out() -> None:
    pairs = [TextPair("aa", "a", "low", "1"), TextPair("ab", "a", "low", "2"), TextPair("to", "", "low", "3")]
    found = matched([*pairs, ALPHABET], "letters")
    assert [(control.noisy, pair) for control, pair in found if pair != ALPHABET] == [("b", pairs[1])]


def test_nearly_all_draws_have_as_many_edits() -> None:
    words = [
        "government",
        "Liverpool",
        "harbour",
        "letters",
        "arrived",
        "Monday",
        "ship",
        "minister",
        "colony",
        "troops",
    ]
    pairs = [
        replace(corrupt_word(word, level, generator(0, word, level, draw)), source=f"{word} {level} {draw}")
        for word in words
        for level in ("low", "medium", "high")
        for draw in range(10)
    ]
    pairs = [pair for pair in pairs if pair.noisy != pair.clean]
    assert len(pairs) > 250
    found = matched(pairs, "letters")
    assert len(found) == len(pairs)
    assert sum(edits(control) == edits(pair) for control, pair in found) >= 0.99 * len(pairs)


@settings(max_examples=80, deadline=None)
@given(WORDS, st.integers(0, 3))
def test_cased_letters_are_capitals_only_where_one_stood(pairs: list[TextPair], seed: int) -> None:
    for control, pair in matched(pairs, "cased-letters", seed):
        check_kept(control, pair, "cased-letters")
        assert 0 < edits(control) <= edits(pair)
        assert len(control.noisy) == len(pair.noisy)
        capitals = [sum(map(str.isupper, side)) for side in (control.noisy, control.clean)]
        shouted = pair.clean.isupper() and len(pair.clean) > 1
        assert shouted or capitals[0] <= capitals[1]


@settings(max_examples=80, deadline=None)
@given(WORDS, st.integers(0, 3))
def test_signs_are_those_that_the_noise_put_in(pairs: list[TextPair], seed: int) -> None:
    put_in = {
        sign for p in pairs for tag, *_, c, d in Levenshtein.opcodes(p.clean, p.noisy)
        if tag != "equal" for sign in p.noisy[c:d]
    }  # fmt: skip
    for control, pair in matched(pairs, "signs", seed):
        check_kept(control, pair, "signs")
        assert 0 < edits(control) <= edits(pair)
        assert set(Counter(control.noisy) - Counter(control.clean)) <= put_in - {" "}


def test_signs_come_as_often_as_the_noise_puts_them_in() -> None:
    """Three in four changes are a 1 for an l; a placebo puts the same at any letter of the word."""
    noise = ["al1oy", "al1oy", "al1oy", "alloc"]
    rows = [TextPair("alloy", noise[n % 4], "low", f"{n}", left=f"{n} ") for n in range(2000)]
    rows = [
        replace(row, noisy=row.noisy.replace("al1oy", "a1loy") if n % 8 else row.noisy) for n, row in enumerate(rows)
    ]
    found = Counter(
        (place, c.noisy[place])
        for c in control_pairs(rows, "signs", 5)
        for place in range(5) if c.noisy[place] != c.clean[place]
    )  # fmt: skip
    assert set(found) == {(place, sign) for place in range(5) for sign in "1c"}
    ones = sum(count for (_, sign), count in found.items() if sign == "1")
    assert abs(ones / sum(found.values()) - 0.75) < 0.04


@pytest.mark.parametrize(
    ("clean", "noisy", "shape"),
    [
        ("Ship", "5hip", "Aaaa"),  # one letter for another, at any place
        ("ship", "sh1ip", "aaaaa"),  # one put in
        ("SHIP", "SH1P", "AAAA"),
        ("SHIP", "SHI1P", "AAAAA"),
        ("ship", "5hip", "aaaa"),
    ],
)
def test_case_stays_where_it_was(clean: str, noisy: str, shape: str) -> None:
    rows = [TextPair(clean, noisy, "low", f"{n}", left=f"{n} ") for n in range(60)]
    rows.append(replace(ALPHABET, clean=ALPHABET.clean.swapcase()))  # the alphabet is of small letters all the same
    found = [c for c in control_pairs(rows, "cased-letters", 3) if c.clean == clean]
    assert len(found) == 60
    for control in found:
        assert "".join("A" if letter.isupper() else "a" for letter in control.noisy) == shape


def test_places_and_letters_are_uniform() -> None:
    rows = [TextPair("meno", "mcno", "low", f"{n}", left=f"{n} ") for n in range(3000)]
    controls = control_pairs(rows, "letters", 5)
    places = Counter(next(i for i in range(4) if c.noisy[i] != c.clean[i]) for c in controls)
    letters = Counter(next(b for a, b in zip(c.clean, c.noisy, strict=True) if a != b) for c in controls)
    assert set(letters) == set("meno")
    for counts in (places, letters):
        for number in counts.values():
            assert abs(number - 750) < 5 * math.sqrt(3000 * 0.25 * 0.75)


def test_every_way_to_place_two_segments_is_equally_likely() -> None:
    rows = [TextPair("abcde", "xbydef", "low", "", left=f"{n} ") for n in range(1500)]
    assert [(b - a, d - c) for a, b, c, d in align("abcde", "xbydef").edits] == [(1, 1), (1, 1), (0, 1)]
    rows = [replace(row, noisy="xbyde") for row in rows] + [TextPair("ZQ", "Z", "low", "")]
    found = Counter(
        tuple(i for i in range(5) if c.noisy[i] != c.clean[i]) for c in control_pairs(rows, "letters", 2)[:1500]
    )
    ways = [(i, j) for i in range(5) for j in range(i + 2, 5)]  # two places that do not touch
    assert set(found) == set(ways)
    for number in found.values():
        assert abs(number - 1500 / len(ways)) < 6 * math.sqrt(1500 / len(ways))


@settings(max_examples=80, deadline=None)
@given(WORDS)
def test_case_changes_as_many_letters(pairs: list[TextPair]) -> None:
    found = matched(pairs, "case")
    for control, pair in found:
        check_kept(control, pair, "case")
        assert control.noisy.lower() == pair.clean.lower()
        changed = sum(a != b for a, b in zip(control.clean, control.noisy, strict=True))
        assert changed == min(max(1, edits(pair)), sum(c.isalpha() for c in pair.clean))
    kept = [pair for _, pair in found]
    for pair in pairs:
        if not any(c.isalpha() for c in pair.clean):
            assert pair not in kept
        elif pair.noisy.lower() != pair.clean.lower():
            assert pair in kept


def test_letters_without_a_way_back_keep_their_case() -> None:
    pairs = [TextPair("ßſßı", "ßlßı", "low", ""), TextPair("ßaſ", "ßoſ", "low", "")]
    left_out: list[str] = []
    assert [c.noisy for c in control_pairs(pairs, "case", 1, left_out=left_out)] == ["ßAſ"]
    assert left_out == ["ßſßı"]


@settings(max_examples=80, deadline=None)
@given(WORDS, st.lists(st.text(LETTERS, min_size=1, max_size=12), max_size=10))
def test_words_are_the_nearest_in_length(pairs: list[TextPair], vocabulary: list[str]) -> None:
    known = {pair.clean for pair in pairs} | set(vocabulary)
    found = matched(pairs, "words", vocabulary=vocabulary)
    for control, pair in found:
        check_kept(control, pair, "words")
        others = {w for w in known if w.casefold() not in (pair.clean.casefold(), pair.noisy.casefold())}
        assert control.noisy in others
        off = abs(len(control.noisy) - len(pair.clean))
        assert off == min(abs(len(word) - len(pair.clean)) for word in others)
    assert len(found) == len(pairs)  # the alphabet is a word that none of the pairs is near


def test_words_of_the_same_distance_are_equally_likely() -> None:
    pairs = [TextPair("ship", "sbip", "low", "", left=f"{n} ") for n in range(1000)]
    drawn = Counter(c.noisy for c in control_pairs(pairs, "words", 3, ["SHIP", "sbip", "of", "man", "ports", "lands"]))
    assert set(drawn) == {"man", "ports", "lands"}
    assert all(abs(number - 1000 / 3) < 75 for number in drawn.values())


def test_a_word_without_another_is_left_out() -> None:
    left_out: list[str] = []
    assert control_pairs([TextPair("ship", "sbip", "low", "")], "words", 1, ["Ship"], left_out) == []
    assert left_out == ["ship"]


@settings(max_examples=60, deadline=None)
@given(WORDS, st.sampled_from(sorted(CONTROLS)), st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(pairs: list[TextPair], kind: str, random: object) -> None:
    other = list(pairs)
    random.shuffle(other)  # type: ignore[attr-defined]
    one, two = control_pairs(pairs, kind, 7), control_pairs(other, kind, 7)
    assert sorted(map(repr, one)) == sorted(map(repr, two))
    assert control_pairs(pairs, kind, 7) == one
    assert sorted(map(repr, shuffled(pairs, 7))) == sorted(map(repr, shuffled(other, 7)))


@pytest.mark.parametrize("kind", sorted(CONTROLS))
def test_another_seed_draws_others(kind: str) -> None:
    words = [f"{a}{b}{c}word" for a in "abcdefgh" for b in "klm" for c in "xyz"]
    pairs = [TextPair(word, word[:-1] + "cl", "low", "") for word in words]
    one, two = control_pairs(pairs, kind, 1), control_pairs(pairs, kind, 2)
    assert sum(a.noisy != b.noisy for a, b in zip(one, two, strict=True)) > 40


# whole texts


@settings(max_examples=100, deadline=None)
@given(text_pair(), st.sampled_from(["letters", "cased-letters", "case"]))
def test_texts_change_inside_words_and_never_by_more(pair: TextPair, kind: str) -> None:
    for control, real in matched([pair], kind):
        check_kept(control, real, kind)
        if kind == "case":
            assert control.noisy.lower() == pair.clean.lower()
            continue
        assert edits(control) <= edits(pair)
        assert re.sub(r"\w", "", control.noisy) == re.sub(r"\w", "", pair.clean)


@settings(max_examples=150, deadline=None)
@given(text_pair())
def test_segments_are_shared_out_without_loss(pair: TextPair) -> None:
    script = align(pair.clean, pair.noisy).edits
    words = [match.span() for match in re.finditer(r"\w+", pair.clean)]
    parts = [size for sizes in _by_word(script, words).values() for size in sizes]
    kept = [(b - a, d - c) for a, b, c, d in script if max(b - a, d - c) <= LONGEST]
    if words:
        for side in (0, 1):
            assert sum(part[side] for part in parts) == sum(size[side] for size in kept)
        assert sum(map(max, parts)) == sum(map(max, kept))


def real_text(count: int = 2000) -> tuple[TextPair, list[tuple[int, int]]]:
    """A text of which one word in five has one or two letters replaced; and (length, letters replaced) of each."""
    rng = generator(3, "text")
    clean, noisy, done = [], [], []
    for _ in range(count):
        word = "".join(rng.choice(list("aeinorstlu"), size=int(rng.integers(2, 11))))
        other = word
        if rng.random() < 0.2:
            places = rng.choice(len(word), size=min(len(word) - 1, int(rng.integers(1, 3))), replace=False)
            other = "".join("#" if i in places else c for i, c in enumerate(word))
            done.append((len(word), len(places)))
        clean.append(word)
        noisy.append(other)
    return TextPair(", ".join(clean), ", ".join(noisy), "real", "x"), sorted(done)


@pytest.mark.parametrize("kind", ["letters", "cased-letters", "signs", "case"])
def test_texts_have_as_many_changed_words_of_each_length(kind: str) -> None:
    pair, done = real_text()
    (control,) = control_pairs([pair], kind, 1)
    found, moved = [], 0
    for a, b, real in zip(*(side.split(", ") for side in (pair.clean, control.noisy, pair.noisy)), strict=True):
        if a != b:
            found.append((len(a), sum(x != y for x, y in zip(a, b, strict=True))))
            moved += a == real
    assert sorted(found) == done
    assert moved > 0.6 * len(done)  # the words are others: four in five were clean
    assert edits(control) == edits(pair)


def test_texts_are_not_given_lines_that_are_too_many() -> None:
    pair, _ = real_text(300)
    middle = pair.noisy.index(", ", len(pair.noisy) // 2)
    column = ", and here stands a column that the page has beside it" * 3
    longer = replace(pair, noisy=pair.noisy[:middle] + column + pair.noisy[middle:])
    (control,) = control_pairs([longer], "letters", 1)
    assert edits(control) == edits(pair)
    assert len(control.noisy) == len(pair.clean)


def test_edits_find_room_where_words_are_short() -> None:
    pair = TextPair("a bc. . . .d e", "a e", "real", "x")  # more deleted than any word holds
    (control,) = control_pairs([pair], "letters", 1)
    assert re.sub(r"\w", "", control.noisy) == re.sub(r"\w", "", pair.clean)
    assert 0 < edits(control) <= edits(pair)


def test_what_cannot_be_done() -> None:
    text = TextPair("the ship sails", "tbe ship sails", "real", "x")
    with pytest.raises(UserError, match="'words' given for a whole text") as error:
        control_pairs([text], "words", 1)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="control 'letter' is unknown; nearest: letters"):
        control_pairs([text], "letter", 1)
    same = [TextPair("the ship", "the ship", "real", "x"), TextPair("ship", "ship", "low", "x")]
    for kind, wanted in (("letters", ["the ship", "ship"]), ("case", ["the ship"])):
        left_out: list[str] = []
        control_pairs(same, kind, 1, left_out=left_out)
        assert left_out == wanted
    figures: list[str] = []
    assert (
        control_pairs([TextPair("1848", "1843", "low", ""), TextPair("1 2", "1 3", "low", "")], "case", 1, (), figures)
        == []
    )
    assert figures == ["1848", "1 2"]
    for kind in CONTROLS:
        assert control_pairs([], kind, 1) == []


# shuffled sides


def test_shuffled_swaps_about_half() -> None:
    pairs = [TextPair("ship", "sbip", "low", "x", f"{n} ", " .", ((1, 2, 1, 2),)) for n in range(1000)]
    made = shuffled(pairs, 1)
    swapped = 0
    for pair, other in zip(pairs, made, strict=True):
        assert {other.clean, other.noisy} == {"ship", "sbip"}
        assert Alignment(other.clean, other.noisy, other.edits).rebuild() == other.noisy
        assert (other.left, other.right, other.level, other.source) == (pair.left, " .", "low", "x (shuffled)")
        swapped += other.clean == "sbip"
    assert abs(swapped - 500) < 5 * math.sqrt(250)
    assert shuffled(pairs[::-1], 1)[::-1] == made
    assert shuffled(pairs, 2) != made


@given(word_pair())
def test_shuffled_scripts_still_rebuild(pair: TextPair) -> None:
    (other,) = shuffled([replace(pair, edits=align(pair.clean, pair.noisy).edits)], 4)
    assert Alignment(other.clean, other.noisy, other.edits).rebuild() == other.noisy
