"""Pairs made ready: what is refused and cut out is counted, and what stays rebuilds."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.noise.prepare import LONGEST, PAGE, SHORTEST, TIMES, evened, prepare
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.pairs import TextPair

LINE = "It was the best of times for all the printers of the town."


def seeded(seed: int) -> Random:
    """A generator of the standard library: many single draws are fast with it."""
    return Random(seed)


def pair(clean: str, noisy: str, source: str = "set/1") -> TextPair:
    return TextPair(clean, noisy, "real", source)


def test_empty_and_unaligned_pairs_are_refused_and_counted():
    made = prepare(
        [
            pair(LINE, LINE.replace("best", "hest")),
            pair("", "something"),
            pair("something", " \n\t"),
            pair(LINE, "0123456789" * 6),
            pair(LINE, "XYZ" * 20),
        ]
    )
    assert made.left_out == {"empty": 2, "unaligned": 2, "blocks": 0, "block characters": 0}
    assert [piece.clean for piece in made.pieces] == [LINE]
    assert made.pieces[0].edits == ((11, 12, 11, 12),)


def test_the_floor_is_the_similarity_below_which_a_pair_is_refused():
    half = pair("a" * 40, "a" * 20 + "b" * 20)  # similarity exactly a half
    assert len(prepare([half], longest=99).pieces) == 1
    assert prepare([half], longest=99, floor=0.51).left_out["unaligned"] == 1


@pytest.mark.parametrize("side", ["clean", "noisy"])
def test_a_block_that_only_one_side_holds_is_cut_out(side):
    block = "[" + "x" * LONGEST + "]"
    whole, rest = LINE + block + " " + LINE.upper(), LINE + " " + LINE.upper().replace("T", "7", 1)
    made = prepare([pair(whole, rest) if side == "clean" else pair(rest, whole)], floor=0.3)
    assert made.left_out["blocks"] == 1
    assert made.left_out["block characters"] == len(block)
    one, two = made.pieces
    assert one.edits == ()
    assert one.clean == one.noisy == LINE
    assert two.edits == ((2, 3, 2, 3),)
    assert {two.clean[1], two.clean[2], two.noisy[2]} == {"I", "T", "7"}
    assert two.rebuild() == two.noisy


def test_a_segment_of_just_the_longest_length_is_noise_and_one_more_is_a_block():
    for extra, blocks in ((0, 0), (1, 1)):
        made = prepare([pair(LINE + LINE.upper(), LINE + "#" * (LONGEST + extra) + LINE.upper())])
        assert made.left_out["blocks"] == blocks
        assert sum(piece.distance for piece in made.pieces) == (0 if blocks else LONGEST)


def test_short_remains_are_left_out():
    short = "s" * (SHORTEST - 1)
    block = "#" * (LONGEST + 1)
    made = prepare([pair(short + LINE + LINE.upper(), short + block + LINE + LINE.upper())])
    assert [piece.clean for piece in made.pieces] == [LINE + LINE.upper()]
    assert prepare([pair(short, short)]).documents == {}


def test_pieces_are_kept_by_source_in_order():
    made = prepare([pair(LINE, LINE, "b/2"), pair(LINE.upper(), LINE.upper(), "a/1"), pair(LINE * 2, LINE * 2, "b/2")])
    assert list(made.documents) == ["b/2", "a/1"]
    assert [piece.clean for piece in made.pieces] == [LINE, LINE * 2, LINE.upper()]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_pieces_rebuild_and_with_the_blocks_they_are_the_whole(seed, blocks):
    random = seeded(seed)
    pieces = ["".join(random.choices("abcdefgh \n", k=random.randint(60, 200))) for _ in range(blocks + 1)]
    clean = noisy = pieces[0]
    for piece in pieces[1:]:
        block = "".join(random.choices("XYZ", k=random.randint(LONGEST + 10, 60)))
        if random.random() < 0.5:
            clean += block
        else:
            noisy += block
        clean += piece
        noisy += "".join("#" if random.random() < 0.05 else character for character in piece)
    made = prepare([pair(clean, noisy)], floor=0.1)
    whole = align(clean, noisy)
    for piece in made.pieces:
        assert piece.rebuild() == piece.noisy
        assert piece.inverse().rebuild() == piece.clean
        assert piece.clean in clean
        assert piece.noisy in noisy
        assert all(max(b - a, d - c) <= LONGEST for a, b, c, d in piece.edits)
    assert made.left_out["blocks"] == blocks
    short = sum(1 for a, b, c, d in whole.edits if max(b - a, d - c) <= LONGEST)
    assert sum(len(piece.edits) for piece in made.pieces) == short
    assert sum(piece.distance for piece in made.pieces) == whole.distance - made.left_out["block characters"]


def document(length: int) -> tuple[Alignment, ...]:
    text = ("a word or two " * (length // 14 + 1))[:length]
    return (Alignment(text, text, ()),)


def test_one_book_among_articles_is_thinned_to_pages_at_even_distances():
    words = " ".join(f"w{number}" for number in range(16_000))
    book = align(words, words.replace("w1", "v1"))
    articles = {f"a{number}": document(3000) for number in range(9)}
    made = evened({**articles, "book": (book,)})
    most = TIMES * 3000
    assert {name: made[name] for name in articles} == articles
    kept = sum(len(piece.clean) for piece in made["book"])
    assert kept == pytest.approx(most, rel=0.1)
    places = [words.index(piece.clean) for piece in made["book"]]
    assert places == sorted(places)
    steps = [b - a for a, b in pairwise(places)]
    assert max(steps) - min(steps) <= 1.5 * PAGE
    assert max(places) > 0.85 * len(words)
    assert all(piece.rebuild() == piece.noisy for piece in made["book"])
    assert made["book"][0].edits


def test_short_documents_are_never_thinned():
    few = {"a": document(10), "b": document(TIMES * PAGE)}
    assert evened(few) == few
    assert evened({}) == {}
