"""Contexts: log-odds against a plain dictionary version of the same back-off, numbers against naive loops."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.noise.learned.contexts import CLASSES, EDGE, PRIOR, Alphabet, character_class, codes, log_odds, triples

CHARACTERS = "ab q7"


def share(hit: float, seen: float, prior: float) -> float:
    return (hit + PRIOR * prior) / (seen + PRIOR)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


class Naive:
    """The same back-off over dictionaries: class, character, with left or right neighbour, all three."""

    def __init__(self, known: str, seen: dict[str, int], hit: dict[str, int]) -> None:
        self.known = known
        self.seen: Counter[tuple[str | None, ...]] = Counter()
        self.hit: Counter[tuple[str | None, ...]] = Counter()
        self.overall = (sum(hit.values()) + 0.5) / (sum(seen.values()) + 100)
        for context, number in seen.items():
            before, at, after = map(self.name, context)
            for key in {("class", self.kind(at)), (None, at, None), (before, at, None), (None, at, after)}:
                self.seen[key] += number
                self.hit[key] += hit.get(context, 0)
            self.seen[before, at, after] += number
            self.hit[before, at, after] += hit.get(context, 0)

    def name(self, character: str) -> str:
        return character if character in self.known else CLASSES[character_class(character)]

    def kind(self, name: str) -> str:
        return CLASSES[character_class(name)] if len(name) == 1 else name

    def log_odds(self, before: str, at: str, after: str) -> float:
        b, a, c = self.name(before), self.name(at), self.name(after)
        key = ("class", self.kind(a))
        by_class = share(self.hit[key], self.seen[key], self.overall)
        single = share(self.hit[None, a, None], self.seen[None, a, None], by_class)
        left = share(self.hit[b, a, None], self.seen[b, a, None], single)
        right = share(self.hit[None, a, c], self.seen[None, a, c], single)
        moved = logit(left) + logit(right) - logit(single)
        return logit(share(self.hit[b, a, c], self.seen[b, a, c], 1 / (1 + math.exp(-moved))))


def seeded(seed: int) -> Random:
    """A generator of the standard library: many single draws are fast with it."""
    return Random(seed)


def counted(text: str, random: Random, rates: dict[str, float]) -> tuple[Counter[str], Counter[str]]:
    around = EDGE + text + EDGE + EDGE
    seen: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for place in range(len(text) + 1):
        context = around[place : place + 3]
        seen[context] += 1
        hit[context] += random.random() < rates.get(context[:2], rates.get(context[1], 0.02))
    return seen, hit


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 3000), st.sets(st.sampled_from(CHARACTERS)))
def test_log_odds_are_those_of_plain_dictionaries(seed, length, known):
    random = seeded(seed)
    text = "".join(random.choices(CHARACTERS + "ZÖ", k=length))
    seen, hit = counted(text, random, {"a": 0.2, "qb": 0.6, "Z": 0.4})
    alphabet = Alphabet(known)
    found = log_odds(alphabet, seen, hit)
    naive = Naive("".join(known), seen, hit)
    assert found.shape == (alphabet.size,) * 3
    characters = [*CHARACTERS, "Z", "Ö", "x", "?", "漢"]
    wanted = [naive.log_odds(b, a, c) for b in characters for a in characters for c in characters]
    ids = [alphabet.id(c) for c in characters]
    got = [found[b, a, c] for b in ids for a in ids for c in ids]
    np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_expected_hits_are_those_counted_and_contexts_differ():
    random = seeded(3)
    text = "".join(random.choices(CHARACTERS, k=40_000))
    seen, hit = counted(text, random, {"a": 0.2, "qb": 0.6})
    alphabet = Alphabet(CHARACTERS)
    rate = 1 / (1 + np.exp(-log_odds(alphabet, seen, hit).astype(float)))
    expected = sum(number * rate[tuple(alphabet.id(c) for c in context)] for context, number in seen.items())
    assert expected == pytest.approx(sum(hit.values()), rel=0.02)
    assert rate[alphabet.id("q"), alphabet.id("b"), alphabet.id("a")] == pytest.approx(0.6, abs=0.08)
    assert rate[alphabet.id("a"), alphabet.id("b"), alphabet.id("a")] == pytest.approx(0.02, abs=0.03)
    assert rate[alphabet.id("b"), alphabet.id("a"), alphabet.id("7")] == pytest.approx(0.2, abs=0.05)


def test_limits_stay_finite():
    sure = log_odds(Alphabet("a"), {"aaa": 10**9}, {"aaa": 10**9})
    never = log_odds(Alphabet("a"), {"aaa": 10**9}, {})
    assert np.isfinite(sure).all()
    assert np.isfinite(never).all()
    here = (Alphabet("a").id("a"),) * 3
    assert sure[here] > 15
    assert never[here] < -15
    nothing = log_odds(Alphabet(""), {}, {})
    np.testing.assert_allclose(nothing, logit(0.5 / 100), atol=1e-5)


def test_unknown_characters_share_the_rate_of_their_class():
    alphabet = Alphabet("a .")
    assert [alphabet.id(c) for c in "zéſ"] == [CLASSES.index("lower")] * 3
    assert [alphabet.id(c) for c in "ZÄ"] == [CLASSES.index("upper")] * 2
    assert [alphabet.id(c) for c in "7³"] == [CLASSES.index("digit")] * 2
    assert [alphabet.id(c) for c in "\0!—😀\u0301"] == [CLASSES.index("mark")] * 5
    assert alphabet.id("漢") == CLASSES.index("other")
    seen = {" a ": 500, " b ": 300, " c ": 100, " B ": 400}
    hit = {" b ": 90, " c ": 30, " B ": 4}
    table = log_odds(alphabet, seen, hit)
    rate = 1 / (1 + np.exp(-table[alphabet.id(" "), alphabet.id("x"), alphabet.id(" ")].astype(float)))
    # 120 of the 400 rare small letters were hit, none of the 500 a's
    assert rate == pytest.approx(0.3, abs=0.02)
    assert table[alphabet.id(" "), alphabet.id("X"), alphabet.id(" ")] < math.log(0.03)


def test_line_breaks_and_tabs_count_as_spaces():
    alphabet = Alphabet("a b\n\t")
    assert alphabet.characters == [" ", "a", "b"]
    assert {alphabet.id(c) for c in " \n\r\t"} == {alphabet.id(" ")}
    assert {Alphabet("ab").id(c) for c in " \n\r\t"} == {CLASSES.index("mark")}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([1, 700]))
def test_encoding_and_triples_as_plain_loops(text, times):
    text = text * times  # long texts take another way
    alphabet = Alphabet("abe \n")
    ids = alphabet.encode(text)
    assert ids.tolist() == [alphabet.id(c) for c in text]
    assert [chr(point) for point in codes(text)] == list(text)
    size, edge = alphabet.size, alphabet.id(EDGE)
    around = [edge, *ids.tolist(), edge, edge]
    wanted = [(around[i] * size + around[i + 1]) * size + around[i + 2] for i in range(len(text) + 1)]
    assert triples(ids, size, edge).tolist() == wanted
