"""Alignment: scripts that rebuild, distances against rapidfuzz, spans against a walk, long texts with planted edits."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ocr_neurons.text.align import DIRECT, Alignment, align

# combining marks, an emoji, line breaks, NUL, a private character, scripts of three kinds; only lone surrogates are out
CHARACTER = st.one_of(st.sampled_from("aab \n\0é\u0301😀ſςЖ\ue000"), st.characters(exclude_categories=["Cs"]))
ANY = st.text(CHARACTER, max_size=40)
NARROW = st.text("ab ", max_size=14)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    """A text and the same with a few stretches replaced, inserted or deleted."""
    clean = draw(ANY)
    noisy = clean
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(noisy)))
        end = draw(st.integers(start, min(len(noisy), start + 4)))
        noisy = noisy[:start] + draw(st.text(CHARACTER, max_size=4)) + noisy[end:]
    return clean, noisy


PAIR = st.one_of(damaged(), st.tuples(NARROW, NARROW), st.tuples(ANY, ANY))


def applied(clean: str, noisy: str, edits: tuple[tuple[int, int, int, int], ...]) -> str:
    """The script applied from the back, as a reader of the file would."""
    for start, end, noisy_start, noisy_end in reversed(edits):
        clean = clean[:start] + noisy[noisy_start:noisy_end] + clean[end:]
    return clean


def check_script(made: Alignment, clean: str, noisy: str) -> None:
    assert (made.clean, made.noisy) == (clean, noisy)
    assert applied(clean, noisy, made.edits) == noisy
    assert made.rebuild() == noisy
    for a, b, c, d in made.edits:
        assert a <= b
        assert c <= d
        assert clean[a:b] != noisy[c:d]
    for (_, b, _, d), (e, _, g, _) in pairwise(made.edits):
        assert e > b
        assert e - b == g - d  # the same unchanged characters lie between them on both sides
    back = made.inverse()
    assert applied(noisy, clean, back.edits) == clean
    assert back.rebuild() == clean
    assert back.inverse() == made


@settings(max_examples=250, deadline=None)
@given(PAIR)
def test_any_two_texts_give_a_shortest_script_that_rebuilds(pair):
    clean, noisy = pair
    made = align(clean, noisy)
    check_script(made, clean, noisy)
    distance = Levenshtein.distance(clean, noisy)
    assert made.distance == distance
    assert made.inverse().distance == distance
    assert made.cer == distance / max(1, len(clean))
    assert made.similarity == pytest.approx(1 - distance / max(1, len(clean), len(noisy)))


@pytest.mark.parametrize(
    ("clean", "noisy", "edits"),
    [
        ("", "", ()),
        ("same", "same", ()),
        ("", "ab", ((0, 0, 0, 2),)),
        ("ab", "", ((0, 2, 0, 0),)),
        ("the corn", "the com", ((6, 8, 6, 7),)),  # rn → m is one segment
        ("Paris", "Parls", ((3, 4, 3, 4),)),
        ("a b", "ab", ((1, 2, 1, 1),)),
        ("x filii y", "x fil11 y", ((5, 7, 5, 7),)),
    ],
)
def test_scripts_by_hand(clean, noisy, edits):
    assert align(clean, noisy).edits == edits


def test_figures_of_a_script_by_hand():
    made = Alignment("the corn", "tbe com!", ((1, 2, 1, 2), (6, 8, 6, 8)))
    assert made.distance == 3
    assert made.cer == 3 / 8
    assert made.similarity == 5 / 8
    assert Alignment("", "abc", ((0, 0, 0, 3),)).cer == 3
    assert align("", "").similarity == 1


def test_a_block_that_one_text_lacks_stays_one_block():
    block = " and the whole of this line of the page was left out by the machine"
    clean = "It was a fine day" + block + " and the ship arrived in the harbour."
    made = align(clean, clean.replace(block, ""))
    assert len(made.edits) == 1
    start, end, noisy_start, noisy_end = made.edits[0]
    assert end - start == len(block)
    assert noisy_start == noisy_end


def walked(made: Alignment) -> tuple[list[int], list[int]]:
    """For each clean character, where in the noisy text it begins and ends."""
    starts, ends, place = [], [], 0
    for index in range(len(made.clean)):
        for a, b, c, d in made.edits:
            if a <= index < b:
                starts.append(c + round((index - a) * (d - c) / (b - a)))
                ends.append(c + round((index + 1 - a) * (d - c) / (b - a)))
                place = d
                break
            if a == b == index:
                place = d
        else:
            starts.append(place)
            ends.append(place + 1)
            place += 1
    return starts, ends


@settings(max_examples=200, deadline=None)
@given(PAIR, st.data())
def test_spans_are_mapped_as_a_walk_along_the_text_maps_them(pair, data):
    clean, noisy = pair
    made = align(clean, noisy)
    changed = {index for a, b, _, _ in made.edits for index in range(a, b)}
    inserted = {a for a, b, _, _ in made.edits if a == b}
    if clean:
        starts, ends = walked(made)
        start = data.draw(st.integers(0, len(clean) - 1))
        end = data.draw(st.integers(start + 1, len(clean)))
        found = made.to_noisy(start, end)
        assert found == (starts[start], ends[end - 1])
        if not changed & set(range(start, end)) and not inserted & set(range(start + 1, end)):
            assert noisy[found[0] : found[1]] == clean[start:end]
            assert made.to_clean(*found) == (start, end)
    if noisy:
        start = data.draw(st.integers(0, len(noisy) - 1))
        end = data.draw(st.integers(start + 1, len(noisy)))
        starts, ends = walked(made.inverse())
        assert made.to_clean(start, end) == (starts[start], ends[end - 1])


def test_spans_at_the_edges_of_changes_by_hand():
    made = Alignment("ab cd ef", "abXXcd f", ((2, 3, 2, 4), (6, 7, 7, 7)))
    assert made.to_noisy(0, 2) == (0, 2)
    assert made.to_noisy(2, 3) == (2, 4)
    assert made.to_noisy(3, 5) == (4, 6)
    assert made.to_noisy(6, 7) == (7, 7)  # deleted
    assert made.to_noisy(0, 8) == (0, 8)
    inserted = Alignment("abc", "a--bc", ((1, 1, 1, 3),))
    assert inserted.to_noisy(0, 1) == (0, 1)  # what was inserted at an edge stays outside
    assert inserted.to_noisy(1, 3) == (3, 5)
    assert inserted.to_noisy(0, 3) == (0, 5)


@settings(max_examples=100, deadline=None)
@given(PAIR, st.integers(1, 12))
def test_pages_are_the_whole_cut_at_unchanged_spaces(pair, size):
    made = align(*pair)
    pages = made.pages(size)
    assert "".join(page.clean for page in pages) == made.clean
    assert "".join(page.noisy for page in pages) == made.noisy
    assert sum(page.distance for page in pages) == made.distance
    for page in pages:
        check_script(page, page.clean, page.noisy)
    for page in pages[:-1]:
        assert len(page.clean) >= size
    for page in pages[1:]:
        assert page.clean.startswith(" ")
        assert page.noisy.startswith(" ")


def seeded(seed: int) -> Random:
    """A generator of the standard library: many single draws are fast with it."""
    return Random(seed)


def prose(length: int, random: Random) -> str:
    """Words of random letters, so that few strings of some length occur twice."""
    words: list[str] = []
    left = length
    while left > 0:
        words.append("".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(1, 9))))
        left -= len(words[-1]) + 1
    return " ".join(words)[:length]


def spoiled(text: str, rate: float, random: Random) -> tuple[str, int]:
    """``text`` with single substitutions, insertions and deletions by planted capitals, and their number."""
    pieces, number = [], 0
    for character in text:
        chance = random.random() / rate
        if chance < 1:
            number += 1
            pieces.append("Q" if chance < 0.6 else character + "W" if chance < 0.8 else "")
        else:
            pieces.append(character)
    return "".join(pieces), number


def test_a_long_text_is_aligned_as_well_as_in_one_piece():
    random = seeded(5)
    clean = prose(3 * DIRECT, random)
    noisy, planted = spoiled(clean, 0.08, random)
    made = align(clean, noisy)
    check_script(made, clean, noisy)
    assert Levenshtein.distance(clean, noisy) <= made.distance <= planted * 1.01
    assert made.distance >= planted * 0.97


def test_blocks_missing_on_either_side_of_a_long_text_are_found():
    random = seeded(6)
    clean = prose(3 * DIRECT, random)
    foreign = prose(2500, random).upper()
    dropped, put = (15_000, 21_000), 40_000
    parts = [clean[: dropped[0]], clean[dropped[1] : put], clean[put:]]
    spoilt = [spoiled(part, 0.03, random) for part in parts]
    noisy = spoilt[0][0] + spoilt[1][0] + foreign + spoilt[2][0]
    made = align(clean, noisy)
    check_script(made, clean, noisy)
    planted = sum(number for _, number in spoilt) + (dropped[1] - dropped[0]) + len(foreign)
    assert made.distance == pytest.approx(planted, rel=0.02)
    # a shortest script may keep a letter of the block here and there, in place of one that was misread near its edge
    lost = sum(b - a - (d - c) for a, b, c, d in made.edits if dropped[0] - 200 < a and b < dropped[1] + 200)
    assert lost == pytest.approx(dropped[1] - dropped[0], abs=20)
    missing, added = (max(made.edits, key=lambda e, side=side: e[2 * side + 1] - e[2 * side]) for side in (0, 1))
    assert missing[1] - missing[0] > 0.5 * (dropped[1] - dropped[0])
    assert missing[3] - missing[2] < 30
    assert dropped[0] - 200 < missing[0] < missing[1] < dropped[1] + 200
    assert added[3] - added[2] == pytest.approx(len(foreign), abs=30)
    assert abs(added[0] - put) < 30
    others = [e for e in made.edits if e != added and not dropped[0] - 200 < e[0] < dropped[1] + 200]
    assert max(max(b - a, d - c) for a, b, c, d in others) < 10


@pytest.mark.parametrize(
    ("clean", "noisy"),
    [
        ("ab" * DIRECT, "ab" * (DIRECT - 7)),  # no string occurs once
        ("", "x" * (DIRECT + 5)),
        ("x y " * DIRECT, ""),
        ("abc " * 6000 + "The end.", "The start. " + "abc " * 6001),
    ],
    ids=["repeats", "empty-clean", "empty-noisy", "nearly-repeats"],
)
def test_long_texts_without_anchors_still_rebuild(clean, noisy):
    made = align(clean, noisy)
    check_script(made, clean, noisy)
    assert made.distance == Levenshtein.distance(clean, noisy)


def test_long_texts_that_have_nothing_in_common_rebuild():
    random = seeded(7)
    clean, noisy = prose(DIRECT + 2000, random), prose(DIRECT + 1000, random).upper()
    check_script(align(clean, noisy), clean, noisy)


def test_a_moved_paragraph_does_not_break_the_order_of_the_script():
    random = seeded(8)
    one, two, three = (prose(9000, random) for _ in range(3))
    clean, noisy = one + two + three, two + one + three
    made = align(clean, noisy)
    check_script(made, clean, noisy)
    assert made.distance <= 2 * 9000 + 100  # one of the two stays in place


def test_a_piece_moved_from_one_end_to_the_other_does_not_drag_the_rest_along():
    random = seeded(9)
    moved, rest = prose(9000, random), prose(2 * DIRECT, random)
    for clean, noisy in ((moved + rest, rest + moved), (rest + moved, moved + rest)):
        made = align(clean, noisy)
        check_script(made, clean, noisy)
        assert made.distance <= 2 * len(moved)
