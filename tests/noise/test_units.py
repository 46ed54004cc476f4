"""Segments cut into units: they rebuild, and the cut is the likeliest one a brute-force search finds."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.noise.learned.units import LONGEST_CUT, LONGEST_UNIT, Unit, count_units, cut, kind

SHORT = st.text("abmnr", max_size=4)
SEGMENT = st.tuples(SHORT, SHORT).filter(lambda s: s[0] != s[1])
KNOWN = st.lists(SEGMENT, max_size=12).map(lambda found: Counter(count_units(found * 2 + found[:3])))


def joined(units: list[Unit]) -> Unit:
    return "".join(source for source, _ in units), "".join(target for _, target in units)


def cost(units: list[Unit], known: Counter[Unit]) -> float:
    total = sum(known.values()) + 1
    return -sum(math.log((known[unit] + 0.1) / total) for unit in units)


def every_cut(source: str, target: str, known: Counter[Unit]) -> list[list[Unit]]:
    """All sequences of units that may be used: single ones always, longer ones if seen twice."""
    if not source and not target:
        return [[]]
    found = []
    for n in range(min(len(source), LONGEST_UNIT) + 1):
        for m in range(min(len(target), LONGEST_UNIT) + 1):
            unit = (source[:n], target[:m])
            if unit[0] != unit[1] and (max(n, m) <= 1 or known[unit] > 1):
                found += [[unit, *rest] for rest in every_cut(source[n:], target[m:], known)]
    return found


@settings(max_examples=120, deadline=None)
@given(SEGMENT, KNOWN)
def test_the_cut_is_the_likeliest_of_all(segment, known):
    units = cut(segment, known)
    assert joined(units) == segment
    if known[segment] > 1 or max(map(len, segment)) <= 1:  # one character for another is never taken apart
        assert units == [segment]
    else:
        assert cost(units, known) == pytest.approx(min(cost(one, known) for one in every_cut(*segment, known)))


@settings(max_examples=120, deadline=None)
@given(st.tuples(st.text("abc", max_size=40), st.text("xyzé", max_size=40)).filter(any), KNOWN)
def test_units_rebuild_the_segment_whatever_its_length(segment, known):
    units = cut(segment, known)
    assert joined(units) == segment
    assert all(source != target and max(len(source), len(target)) <= LONGEST_UNIT for source, target in units)


def test_a_long_segment_that_shares_characters_rebuilds_too():
    # an equal character may stand at the same place by chance
    source, target = "a" + "b" * LONGEST_CUT, "x" + "y" * 10 + "b" + "y" * LONGEST_CUT
    assert joined(cut((source, target), Counter())) == (source, target)


def test_frequent_confusions_of_several_characters_win():
    known = Counter({("rn", "m"): 50, ("e", "c"): 30, ("r", "m"): 5, ("n", ""): 9, ("ii", "n"): 2, ("h", "li"): 4})
    assert cut(("rn", "m"), known) == [("rn", "m")]
    assert cut(("rne", "mc"), known) == [("rn", "m"), ("e", "c")]
    assert cut(("ernh", "cmli"), known) == [("e", "c"), ("rn", "m"), ("h", "li")]
    assert cut(("eii", "cn"), known) == [("e", "c"), ("ii", "n")]
    assert cut(("xyz", "q"), known)[0][0] in ("x", "")  # never seen: one by one
    assert len(cut(("xyz", "q"), known)) == 3


def test_a_confusion_of_several_characters_must_have_been_seen_by_itself_twice():
    assert cut(("rne", "mc"), Counter({("rn", "m"): 1, ("e", "c"): 5})) != [("rn", "m"), ("e", "c")]
    assert cut(("rne", "mc"), Counter({("rn", "m"): 2, ("e", "c"): 5})) == [("rn", "m"), ("e", "c")]


def test_only_short_segments_are_counted():
    found = count_units([("rn", "m"), ("rn", "m"), ("abcd", "x"), ("x", "abcd"), ("abc", "xyz"), ("", "."), ("e", "")])
    assert found == {("rn", "m"): 2, ("abc", "xyz"): 1, ("", "."): 1, ("e", ""): 1}


def test_kinds():
    assert [kind(("a", "b")), kind(("", "b")), kind(("a", "")), kind(("rn", "m"))] == [0, 1, 2, 0]
