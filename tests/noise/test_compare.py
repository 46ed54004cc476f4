"""Comparing two sets of pairs: distances by hand, planted differences, intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.measured.compare import Distance, compare, total_variation
from ocr_neurons.noise.measured.measure import measure
from ocr_neurons.text.pairs import TextPair

WORDS = ["the", "barque", "came", "from", "liverpool", "with", "corn", "and", "sheets", "of", "iron", "morning"]


def noisy_set(table: dict[str, str], documents: int, name: str, seed: int = 0, share: float = 0.2) -> list[TextPair]:
    """Documents in which each occurrence of a key of ``table`` becomes its value with the chance ``share``."""
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(documents):
        clean = " ".join(WORDS[index] for index in rng.integers(0, len(WORDS), 120))
        noisy = "".join(table.get(c, c) if rng.random() < share else c for c in clean)
        pairs.append(TextPair(clean, noisy, name, f"{name}/{number}"))
    return pairs


def test_distances_by_hand():
    real = [TextPair("abcd efgh", "xbcd eXXgh", "r", "r")]  # a→x, f→XX: 2 substitutions and 1 insertion
    synthetic = [TextPair("abcd efgh", "xbcdefgh", "s", "s")]  # a→x, a space dropped
    comparison = compare(real, synthetic)
    # kinds: (2/3, 1/3, 0) and (1/2, 0, 1/2)
    assert comparison.kinds == Distance(pytest.approx((1 / 6 + 1 / 3 + 1 / 2) / 2))
    # shapes: 1:1 ½ ½; 1:2 ½; 1:0 ½
    assert comparison.shapes.value == pytest.approx(0.5)
    # confusions: a→x ½ ½; f→XX ½ 0; others 0 ½
    assert comparison.confusions.value == pytest.approx(0.5)
    assert comparison.frequencies() == [("a", "x", 0.5, 0.5), ("f", "XX", 0.5, 0.0)]
    assert comparison.differences()["missing space"] == (0.0, 0.5, 0.5)


def test_only_the_hundred_most_frequent_confusions_of_the_real_set_count():
    letters = [chr(0x4E00 + index) for index in range(150)]
    # the first hundred letters are misread twice, fifty others once
    real = [TextPair("-".join(letters[:count]), "-".join("x" * count), "r", str(count)) for count in (100, 150)]
    synthetic = [TextPair("-".join(letters[100:]), "-".join("x" * 50), "s", "s")]
    comparison = compare(real, synthetic)
    assert len(comparison.frequencies()) == 100
    # all of the synthetic is "other", as is a fifth of the real
    assert comparison.confusions.value == pytest.approx(0.8)
    assert compare(synthetic, real).confusions.value == pytest.approx(0.8)


def test_a_set_is_at_no_distance_from_itself():
    pairs = noisy_set({"c": "o", "h": "li", "m": "rn"}, 12, "a")
    comparison = compare(pairs, measure(pairs))
    assert comparison.kinds.value == comparison.shapes.value == comparison.confusions.value == 0
    assert all(row[2] == 0 for row in comparison.differences().values())


def test_like_noise_is_as_near_as_two_halves_and_other_noise_is_not():
    real = noisy_set({"c": "o", "h": "li", "m": "rn", "e": "c"}, 30, "real", 1)
    like = noisy_set({"c": "o", "h": "li", "m": "rn", "e": "c"}, 30, "like", 2)
    other = noisy_set({"o": "0", "e": "", "h": "b", "m": "n"}, 30, "other", 3)
    near, far = compare(real, like, draws=400, seed=4), compare(real, other, draws=400, seed=4)
    for close, distant in ((near.kinds, far.kinds), (near.shapes, far.shapes), (near.confusions, far.confusions)):
        assert close.within == distant.within  # it speaks of the real set alone
        assert close.within is not None
        assert close.interval is not None
        assert distant.interval is not None
        assert close.value < 2 * close.within
        assert distant.interval[0] > 3 * close.within
        assert distant.interval[0] <= distant.value <= distant.interval[1]
    assert compare(real, like, draws=400, seed=4) == near
    assert compare(real, like, draws=400, seed=5).kinds.interval != near.kinds.interval


def test_the_interval_is_as_wide_as_repeated_samples_say():
    table = {"c": "o", "h": "li", "e": ""}
    other = {"c": "o", "h": "", "e": "c"}
    values = [
        compare(noisy_set(table, 10, "r", seed), noisy_set(other, 10, "s", 500 + seed)).kinds.value
        for seed in range(60)
    ]
    interval = compare(noisy_set(table, 10, "r", 900), noisy_set(other, 10, "s", 901), draws=1000).kinds.interval
    assert interval is not None
    wide = np.percentile(values, 97.5) - np.percentile(values, 2.5)
    assert 0.5 < (interval[1] - interval[0]) / wide < 2


SHARES = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


@given(p=SHARES, q=SHARES)
def test_total_variation_is_the_most_any_set_of_classes_differs_by(p, q):
    a, b = np.array(p, dtype=float), np.array(q, dtype=float)
    subsets = [[bool(bits >> place & 1) for place in range(4)] for bits in range(16)]
    most = max(abs(a[s].sum() / a.sum() - b[s].sum() / b.sum()) for s in subsets)
    assert float(total_variation(a, b)) == pytest.approx(most, abs=1e-12)


def test_one_document_has_no_interval():
    one, many = noisy_set({"c": "o"}, 1, "one"), noisy_set({"c": "e"}, 5, "many")
    assert compare(one, many, draws=50).kinds.interval is None
    assert compare(many, one, draws=50).kinds.within is None


def test_a_set_without_edits_is_refused():
    clean, noisy = noisy_set({}, 2, "clean"), noisy_set({"c": "o"}, 2, "noisy")
    with pytest.raises(UserError, match=r"the synthetic pairs \(2\) hold no edit"):
        compare(noisy, clean)
    with pytest.raises(UserError, match="the real pairs"):
        compare(clean, noisy)


def test_json_and_table():
    comparison = compare(noisy_set({"c": "o", "h": "b"}, 4, "a"), noisy_set({"c": "e"}, 4, "b"), draws=20)
    value = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert value["distances"]["shapes"]["value"] == comparison.shapes.value
    assert value["figures"]["CER"]["difference"] == pytest.approx(
        value["figures"]["CER"]["synthetic"] - value["figures"]["CER"]["real"]
    )
    table = comparison.table()
    assert f"{comparison.confusions.value:.4f}" in table
    assert "'c' → 'o'" in table
