"""Measuring noise: counted by hand on small pairs, by brute force on random ones."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.measured.measure import KINDS, LAGS, NEAR, count, describe, figures_table, measure, total
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.pairs import TextPair

TEXT = st.text("abcé ,\n", max_size=80)


def pair(clean: str, noisy: str, source: str = "") -> TextPair:
    return TextPair(clean, noisy, "real", source)


def naive_distance(a, b) -> int:
    rows = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, rows[0] = rows[0], i
        for j, y in enumerate(b, 1):
            last, rows[j] = rows[j], min(rows[j] + 1, rows[j - 1] + 1, last + (x != y))
    return rows[-1]


def test_a_line_counted_by_hand():
    #         0123456789012345678901234567
    clean = "The modern rn of clay fills"
    noisy = "Tbe modem mof clay . fiIls"
    # h→b (1:1), rn→m (2:1), "rn "→"m" (3:1), insertion of ". " or " ." (0:2), l→I (1:1)
    counts = measure([pair(clean, noisy)]).total
    assert counts.characters == 27
    assert counts.segments == 5
    assert counts.shapes == {"1:1": 2, "2:1": 1, "3:1": 1, "0:2": 1}
    assert counts.kinds == {"substitution": 4, "deletion": 3, "insertion": 2}
    assert counts.distance == 9 == naive_distance(clean, noisy)
    assert counts.marks == {"missing space": 1, "spurious space": 1}
    assert counts.confusions[("rn", "m")] == counts.confusions[("h", "b")] == counts.confusions[("l", "I")] == 1
    # words: The, modern, rn, fills changed; "rn" + "of" became "mof"; "." came in
    assert counts.words == 6
    assert counts.word_edits == naive_distance(clean.split(), noisy.split()) == 6
    # touched clean characters: 1 + 2 + 3 + 1 (before which the insertion stands) + 1
    assert counts.touched == 8


@pytest.mark.parametrize(
    ("source", "target", "shape", "units", "marks"),
    [
        ("h", "b", "1:1", (1, 0, 0), ()),
        ("", ",", "0:1", (0, 1, 0), ()),
        ("ab", "", "2:0", (0, 0, 2), ()),
        ("rn", "m", "2:1", (1, 0, 1), ()),
        ("abcd", "x", "long", (1, 0, 3), ()),
        ("", " ", "0:1", (0, 1, 0), ("spurious space",)),
        (" ", "", "1:0", (0, 0, 1), ("missing space",)),
        (" ", "-", "1:1", (1, 0, 0), ("missing space",)),
        ("\n", " ", "1:1", (1, 0, 0), ()),
        ("s", "S", "1:1", (1, 0, 0), ("case",)),
        ("É", "é", "1:1", (1, 0, 0), ("case",)),
        ("é", "e", "1:1", (1, 0, 0), ("accent",)),
        ("É", "e", "1:1", (1, 0, 0), ("accent",)),
        ("e\u0301", "è", "2:1", (1, 0, 1), ("accent",)),
        ("\u0301", "", "1:0", (0, 0, 1), ("accent",)),
        ("ſ", "s", "1:1", (1, 0, 0), ()),
        ("ſ", "f", "1:1", (1, 0, 0), ()),
    ],
)
def test_what_a_segment_is(source, target, shape, units, marks):
    assert describe(source, target) == (shape, units, marks)


def naive_touched(alignment: Alignment) -> list[bool]:
    flags = [False] * len(alignment.clean)
    for start, end, _, _ in alignment.edits:
        for place in range(start, max(end, start + 1)):
            if place < len(flags):
                flags[place] = True
    return flags


@given(clean=TEXT, noisy=TEXT)
@settings(max_examples=150)
def test_burstiness_against_brute_force(clean, noisy):
    alignment = align(clean, noisy)
    counts = count(alignment)
    flags = naive_touched(alignment)
    assert counts.touched == sum(flags)
    for lag in LAGS:
        row = [counts.lags[lag, name] for name in ("places", "first", "second", "both")]
        ahead = [(flags[i], flags[i + lag]) for i in range(len(flags)) if i + lag < len(flags)]
        assert row == [len(ahead), sum(a for a, _ in ahead), sum(b for _, b in ahead), sum(a and b for a, b in ahead)]
    starts = {edit[0] for edit in alignment.edits}
    ends = [edit[1] for edit in alignment.edits if edit[1] + NEAR <= len(clean)]
    assert counts.followed == len(ends)
    assert counts.near == sum(any(end + gap in starts for gap in range(1, NEAR + 1)) for end in ends)


@given(clean=TEXT, noisy=TEXT)
@settings(max_examples=150)
def test_words_hit_against_brute_force(clean, noisy):
    alignment = align(clean, noisy)
    counts = count(alignment)
    words, place = [], 0
    for word in clean.split():
        start = clean.index(word, place)
        place = start + len(word)
        words.append((start, place))
    hit = set()
    for start, end, low, high in alignment.edits:
        between = clean[start:end] + noisy[low:high]
        if not between.strip():  # white space: harmless unless it parts or joins two letters
            left, right = clean[:start][-1:] or " ", clean[end:][:1] or " "
            if (start < end and low < high) or left.isspace() or right.isspace():
                continue
        hit |= {word for word in words if word[0] <= end and start <= word[1]}
    assert counts.words == len(words)
    assert counts.words_hit == len(hit) == counts.bins.total()
    assert counts.word_edits == naive_distance(clean.split(), noisy.split())


@given(clean=TEXT, noisy=TEXT)
def test_units_add_up_to_the_distance_and_segments_to_their_shapes(clean, noisy):
    counts = count(align(clean, noisy))
    assert counts.kinds.total() == counts.distance
    assert counts.shapes.total() == counts.segments
    assert counts.distance == naive_distance(clean, noisy)
    assert counts.confusions.total() == counts.segments - counts.shapes["long"]


def test_similarity_bins_see_what_was_put_at_a_words_edge():
    # "lace" → "xxlace": 2 of 6; "tin" → "ton": 1 of 3; "cathedral" → "cathedrals": 1 of 10; "gone" is gone
    counts = measure([pair("a lace b tin c cathedral d gone", "a xxlace b ton c cathedrals d ")]).total
    assert counts.words_hit == 4
    assert counts.bins == {"average": 2, "good": 1, "poor": 1}


def test_joining_hits_both_words_and_line_ends_hit_none():
    assert measure([pair("of the sea", "ofthe sea")]).total.words_hit == 2
    assert measure([pair("of\nthe sea", "of the  sea")]).total.words_hit == 0
    assert measure([pair("of the sea", "of t he sea")]).total.words_hit == 1


def test_rates_by_document_pairs_of_one_source_are_one_document():
    pairs = [pair("abcdefghij", "abcdefghix", "a")] * 2 + [pair("abcdefghij", "xxxxxfghij", "b")]
    statistics = measure([*pairs, pair("abcdefghij", "abcdefghij"), pair("abcdefghij", "abcdefghij")])
    figures = statistics.figures()
    assert figures["pairs"] == 5
    assert figures["documents"] == 4
    assert figures["CER"] == pytest.approx(7 / 50)
    cers = [0.1, 0.5, 0.0, 0.0]
    assert figures["CER median"] == pytest.approx(np.median(cers))
    assert figures["CER p90"] == pytest.approx(np.percentile(cers, 90))
    assert figures["of these in one document"] == pytest.approx(5 / 7)
    assert figures["words hit"] == pytest.approx(3 / 5)


def test_planted_bursts_are_found_and_independent_errors_are_not():
    rng = np.random.default_rng(5)
    length, rate = 120_000, 0.03
    even = rng.random(length) < rate
    bursts = np.zeros(length, dtype=bool)
    state = False
    for place, (stay, begin) in enumerate(rng.random((length, 2))):  # a chain: stays wrong 4 times in 10
        state = stay < 0.4 if state else begin < 0.02
        bursts[place] = state
    found = []
    for flags in (even, bursts):
        clean = "".join(rng.choice(list("abcdefgh"), length))
        noisy = "".join("X" if flag else c for c, flag in zip(clean, flags, strict=True))
        found.append(measure([pair(clean, noisy)]))
    independent, chained = found
    assert independent.after_error()[0] == pytest.approx(rate, abs=0.006)
    assert independent.lag_curve()[1] == pytest.approx(1, abs=0.2)
    assert independent.near_ratio() == pytest.approx(1, abs=0.1)
    assert chained.after_error()[0] == pytest.approx(0.4, abs=0.03)
    assert chained.after_error()[1] == pytest.approx(0.02, abs=0.002)
    assert chained.near_ratio() == pytest.approx(1, abs=0.15)  # runs are long, but do not attract one another


def test_total_adds_up_and_leaves_its_parts_alone():
    parts = [count(align("abc def", "abx  def")), count(align("rn", "m")), count(align("", "x"))]
    before = [dict(part.confusions) for part in parts]
    summed = total(parts)
    assert [dict(part.confusions) for part in parts] == before
    assert summed.pairs == 3
    assert summed.characters == 9
    assert summed.distance == sum(part.distance for part in parts)
    assert summed.confusions[("rn", "m")] == 1
    assert summed.lags[1, "places"] == 6 + 1 + 0
    assert total([]).pairs == 0


def test_a_hopeless_pair_is_refused_and_counted():
    pairs = [pair("abcdefghij", "abcdefghix", "a"), pair("abcdefghij", "zzzzzzzzzz", "b")]
    statistics = measure(pairs, floor=0.5)
    assert statistics.refused == 1
    assert statistics.total.distance == 1
    assert measure(pairs).refused == 0
    with pytest.raises(UserError, match="2 pairs, 2 refused"):
        measure(pairs, floor=0.99)


@pytest.mark.parametrize("pairs", [[], [pair("", "")], [pair("", "noise")]])
def test_nothing_to_measure_is_an_error(pairs):
    with pytest.raises(UserError, match="no clean character"):
        measure(pairs)


def test_odd_texts_are_measured():
    statistics = measure([pair("μῆνιν ἄειδε", "prjviv deide"), pair("a\x0cb\tc", "a\x00b\tc"), pair("", "ink")])
    assert statistics.total.controls == 2
    assert statistics.total.distance == naive_distance("μῆνιν ἄειδε", "prjviv deide") + 1 + 3
    assert measure([pair("a" * 300, "b" * 300)]).total.shapes == {"long": 1}


def test_json_and_table_say_the_same_and_clean_text_has_no_shares():
    statistics = measure([pair("modern morning", "modem moming"), pair("a clean line", "a clean line")])
    value = json.loads(json.dumps(statistics.to_json(), allow_nan=False))
    assert value["confusions"] == [["rn", "m", 2]]
    assert value["shapes"] == {"2:1": 2}
    assert value["figures"]["shape 2:1"] == 1.0
    table = statistics.table()
    assert "'rn' → 'm'  2  (100.00%)" in table
    assert f"{value['figures']['CER']:.4f}" in table
    clean = measure([pair("same", "same")])
    assert all(clean.figures()[kind] is None for kind in KINDS)
    json.dumps(clean.to_json(), allow_nan=False)
    lines = figures_table({"one": statistics, "two": clean}).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert len({len(line) for line in lines}) == 1


def test_a_long_line_takes_seconds():
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghilmnorstu"), size)) for size in rng.integers(1, 11, 4000)]
    clean = " ".join(words[index] for index in rng.integers(0, len(words), 150_000))
    noisy = "".join("X" if hit else c for c, hit in zip(clean, rng.random(len(clean)) < 0.05, strict=True))
    start = time.monotonic()
    counts = measure([pair(clean, noisy)]).total
    assert time.monotonic() - start < 15
    assert counts.distance == pytest.approx(sum(a != b for a, b in zip(clean, noisy, strict=True)), rel=0.001)


DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "icdar2017-postocr" / "eng_periodical"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ICDAR 2017 post-OCR texts in ../shared/data")
def test_real_noise_looks_as_published():
    pairs = []
    for path in sorted(DATA.glob("*.txt"))[:3]:
        ocr, gold = (line.partition("] ")[2] for line in path.read_text(encoding="utf-8-sig").splitlines()[1:3])
        kept = [(a, b) for a, b in zip(gold, ocr, strict=False) if a != "#"]
        clean, noisy = ("".join(side).replace("@", "") for side in zip(*kept, strict=True))
        pairs.append(pair(clean, noisy, path.name))
    statistics = measure(pairs)
    figures = statistics.figures()
    assert 0.4 < figures["substitution"] < 0.8
    assert 0.06 < figures["space edits"] < 0.3
    assert 4 < statistics.lag_curve()[1] < 15
    assert statistics.near_ratio() > 1.5
