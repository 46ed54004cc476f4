"""False-discovery control: scipy and loops as oracles, rates over simulated nulls and alternatives."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, false_discovery_control, norm

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.discovery import discoveries, null_share, q_values

SEEDS = 200
TESTS = 1000

p_tables = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=st.floats(0, 1))


def simulated(seed: int, effects: int, shift: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided p-values of ``TESTS`` normal scores, the first ``effects`` of them shifted; and which are shifted."""
    scores = np.random.default_rng(seed).standard_normal(TESTS)
    scores[:effects] += shift
    return 2 * norm.sf(np.abs(scores)), np.arange(TESTS) < effects


@given(p_tables, st.sampled_from(["bh", "by"]))
def test_q_values_are_scipys(p: np.ndarray, method: str) -> None:
    expected = false_discovery_control(p.ravel(), method=method).reshape(p.shape)
    np.testing.assert_allclose(q_values(p, method), expected, rtol=1e-12, atol=0)


@given(p_tables, st.sampled_from([0.01, 0.05, 0.3]))
def test_step_up_written_as_a_loop(p: np.ndarray, q: float) -> None:
    flat = sorted(p.ravel())
    threshold = -1.0
    for i, value in enumerate(flat):
        if value <= q * (i + 1) / len(flat):
            threshold = value
    # p-values within rounding of the line may go either way
    near = np.any([np.isclose(v, q * (i + 1) / len(flat), rtol=1e-9, atol=0) for i, v in enumerate(flat)])
    if not near:
        assert np.array_equal(discoveries(p, q).mask, p <= threshold)


@given(p_tables, st.data(), st.sampled_from(["bh", "by", "storey"]))
def test_nan_is_no_test(p: np.ndarray, data: st.DataObject, method: str) -> None:
    """As if the tests were not there: not counted, not found."""
    gone = data.draw(arrays(bool, p.shape))
    some = np.where(gone, np.nan, p)
    found = discoveries(some, 0.2, method)
    alone = discoveries(p[~gone], 0.2, method)
    assert np.array_equal(found.q_values[~gone], alone.q_values)
    assert np.isnan(found.q_values[gone]).all()
    assert not found.mask[gone].any()
    assert np.array_equal(found.mask[~gone], alone.mask)
    assert (found.tested, found.found, found.pi0) == ((~gone).sum(), alone.mask.sum(), alone.pi0)


def test_by_hand() -> None:
    """The example of Benjamini & Hochberg (1995): 15 p-values, four rejected at 0.05 where Bonferroni rejects three."""
    low = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p = np.array([*low, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    found = discoveries(p.reshape(3, 5))
    assert found.mask.shape == (3, 5)
    assert found.found == 4
    assert found.mask.ravel()[:4].all()
    assert (p <= 0.05 / 15).sum() == 3
    assert found.pi0 == pytest.approx((4 + 1) / (15 * 0.5))
    assert null_share(p, 0.7) == pytest.approx((2 + 1) / (15 * 0.3))
    np.testing.assert_allclose(q_values(p, "storey")[:4], q_values(p)[:4] * 5 / 7.5)
    assert json.loads(json.dumps(found.to_json())) == {
        "method": "bh",
        "q": 0.05,
        "tested": 15,
        "found": 4,
        "pi0": found.pi0,
    }


@pytest.mark.parametrize("method", ["bh", "by", "storey"])
def test_under_the_null_something_is_found_at_the_rate_asked_for(method: str) -> None:
    hits = sum(discoveries(simulated(seed, 0)[0], 0.05, method).found > 0 for seed in range(SEEDS))
    rate = 0.05 / (1 / np.arange(1, TESTS + 1)).sum() if method == "by" else 0.05
    assert hits <= binom.ppf(0.999, SEEDS, rate)
    if method == "bh":  # exact there, not only a bound
        assert hits >= binom.ppf(0.001, SEEDS, rate)


@pytest.mark.parametrize(("method", "q"), [("bh", 0.05), ("bh", 0.2), ("by", 0.2), ("storey", 0.05), ("storey", 0.2)])
def test_false_share_among_discoveries(method: str, q: float) -> None:
    """600 nulls, 400 alternatives: the mean share of false ones is 0.6 q (bh), up to q (storey), less (by)."""
    shares, power = [], []
    for seed in range(SEEDS):
        p, real = simulated(seed, 400)
        mask = discoveries(p, q, method).mask
        shares.append((mask & ~real).sum() / max(1, mask.sum()))
        power.append((mask & real).sum() / 400)
    mean, error = np.mean(shares), np.std(shares) / np.sqrt(SEEDS)
    expected = {"bh": 0.6 * q, "by": 0.6 * q / (1 / np.arange(1, TESTS + 1)).sum(), "storey": q}[method]
    assert mean <= expected + 4 * error
    if method != "storey":
        assert mean >= expected - 4 * error
    assert np.mean(power) > 0.5


def test_dependence_does_not_break_it() -> None:
    """Neurons that move together in blocks: the false-discovery rate of bh stays at most q."""
    shares = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        scores = np.sqrt(0.7) * np.repeat(rng.standard_normal(50), 20) + np.sqrt(0.3) * rng.standard_normal(TESTS)
        scores[:200] += 3
        mask = discoveries(norm.sf(scores), 0.1).mask
        shares.append(mask[200:].sum() / max(1, mask.sum()))
    assert np.mean(shares) <= 0.1 * 0.8 + 4 * np.std(shares) / np.sqrt(SEEDS)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 900))
def test_null_share_is_close_and_not_below(seed: int, effects: int) -> None:
    """The truth or a little more: of alternatives shifted by 3 one in a hundred lies above 0.5."""
    p, _ = simulated(seed, effects)
    truth = 1 - effects / TESTS
    spread = 5 * np.sqrt(max(truth, 0.02) / TESTS)
    assert truth - spread <= null_share(p) <= min(1, truth + 0.02 + spread)


def test_storey_finds_more_where_much_is_real() -> None:
    p, _ = simulated(3, 700)
    assert discoveries(p, 0.05, "storey").found > discoveries(p, 0.05, "bh").found > discoveries(p, 0.05, "by").found
    # at its proof's limit: nothing above Storey's lambda is a discovery, however generous q is
    every = np.array([1e-9] * 99 + [0.6])
    assert discoveries(every, 0.5, "storey").found == 99


def test_nothing_tested() -> None:
    found = discoveries(np.full((2, 3), np.nan))
    assert (found.found, found.tested, found.pi0) == (0, 0, 1.0)
    assert discoveries(np.empty((0, 3)), 0.05, "storey").mask.shape == (0, 3)


@pytest.mark.parametrize(
    ("message", "p", "q", "method"),
    [
        ("p-value 1.5 given; wanted numbers from 0 to 1", [0.1, 1.5], 0.05, "bh"),
        ("p-value -0.1 given", [-0.1], 0.05, "storey"),
        ("false-discovery rate 0 given", [0.1], 0, "bh"),
        ("method 'bhh' given; wanted one of bh, by, storey", [0.1], 0.05, "bhh"),
    ],
)
def test_bad_input(message: str, p: list[float], q: float, method: str) -> None:
    with pytest.raises(UserError, match=message):
        discoveries(np.array(p), q, method)
    with pytest.raises(UserError, match="tuning 1 given"):
        null_share(np.array([0.1]), 1)
