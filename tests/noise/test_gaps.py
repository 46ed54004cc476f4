"""Burstiness: planted gaps come back from the fit, and drawn gaps are as fitted."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from scipy.stats import norm

from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.gaps import FEWEST, SCORES, Burstiness, Gaps, draw_gaps, fit_gaps

NEAR = (0.15, 0.08, 0.03, 0.02)


def placed(near: np.ndarray, far: np.ndarray, rng: np.random.Generator) -> Gaps:
    """A document whose segments were put ``near`` characters on, or where the characters' chances sum up to ``far``."""
    chances = rng.choice([0.005, 0.01, 0.04], size=400_000)
    running = np.concatenate([[0.0], np.cumsum(chances)])
    rows = []
    free = 0
    for characters, gap in zip(near.tolist(), far.tolist(), strict=True):
        start = free + characters - 1
        if not characters:
            start = int(np.searchsorted(running, running[free] + gap, side="right")) - 1
        rows.append((start - free + 1, running[start] - running[free], running[start + 1] - running[free]))
        free = start + 2  # one character of its own, one unchanged
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    half = len(rows) // 2
    characters, before, after = ([column[:half], column[half:]] for column in columns)
    return Gaps(characters, before, after)


def planted(
    name: str, *, near: tuple[float, ...] = (), share: float = 0.0, persistence: float = 0.9, documents: int = 8
) -> list[Gaps]:
    """Documents with planted gaps: the normal score of each is a slow autoregression and a part of its own.

    The lowest scores are near gaps, the others exponential. Documents differ in rate, which must not matter.
    """
    rng = generator(0, "planted gaps", name)
    made = []
    for _ in range(documents):
        slow = [float(rng.standard_normal())]
        for step in rng.standard_normal(1499):
            slow.append(persistence * slow[-1] + np.sqrt(1 - persistence**2) * step)
        position = norm.cdf(np.sqrt(share) * np.array(slow) + np.sqrt(1 - share) * rng.standard_normal(1500))
        characters = np.array([next((k for k, b in enumerate(accumulate(near), 1) if p < b), 0) for p in position])
        far = -np.log1p(-np.maximum(position - sum(near), 0) / (1 - sum(near)))
        made.append(placed(characters, far / rng.uniform(0.5, 1.5), rng))
    return made


def test_independent_errors_are_seen_to_be_so():
    burst = fit_gaps(planted("independent"))
    assert sum(burst.near) < 0.04
    assert burst.share < 0.06
    far = np.array(burst.far) / np.interp(0.0, SCORES, burst.far) * np.log(2)
    middle = np.abs(SCORES) < 1.3
    np.testing.assert_allclose(far[middle], -np.log(norm.sf(SCORES[middle])), rtol=0.15)


def test_planted_near_gaps_come_back():
    burst = fit_gaps(planted("near", near=NEAR))
    assert burst.near[: len(NEAR)] == pytest.approx(NEAR, abs=0.015)
    assert sum(burst.near[len(NEAR) :]) < 0.02
    assert burst.share < 0.06


@pytest.mark.parametrize(("share", "persistence"), [(0.4, 0.9), (0.6, 0.7), (0.25, 0.97)])
def test_planted_correlations_come_back(share, persistence):
    burst = fit_gaps(planted(f"slow {share}", share=share, persistence=persistence))
    assert burst.share == pytest.approx(share, abs=0.07)
    assert burst.persistence == pytest.approx(persistence, abs=0.06)
    assert sum(burst.near) < 0.03


def test_near_gaps_and_correlations_come_back_together():
    burst = fit_gaps(planted("both", near=NEAR, share=0.4, persistence=0.9, documents=12))
    assert burst.near[: len(NEAR)] == pytest.approx(NEAR, abs=0.02)
    assert burst.share == pytest.approx(0.4, abs=0.08)
    assert burst.persistence == pytest.approx(0.9, abs=0.06)


def test_few_gaps_say_nothing():
    def of(number: int) -> list[Gaps]:
        return [Gaps([np.ones(number, int)], [np.zeros(number)], [np.full(number, 0.02)])]

    assert fit_gaps([]) == fit_gaps([Gaps([], [], [])]) == fit_gaps(of(FEWEST - 1)) == Burstiness.independent()
    assert fit_gaps(of(FEWEST)) != Burstiness.independent()


def test_independent_gaps_are_drawn_exponential():
    near, far = draw_gaps(200_000, Burstiness.independent(), generator(2, "gaps"))
    assert not near.any()
    assert far.mean() == pytest.approx(1, abs=0.02)
    shares = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.97])
    np.testing.assert_allclose(np.quantile(far, shares), -np.log1p(-shares), rtol=0.03)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_drawn_gaps_are_distributed_as_the_burstiness_says(share):
    far = tuple(np.round(np.exp(0.8 * SCORES) / 3, 4).tolist())  # another shape, and a mean that is not 1
    burst = Burstiness(NEAR, far, share, 0.9)
    near, expected = draw_gaps(400_000, burst, generator(3, "gaps", share))
    assert ((near > 0) == (expected == 0)).all()
    found = np.bincount(near, minlength=len(NEAR) + 1)[1:] / len(near)
    assert len(found) == len(NEAR)
    assert found == pytest.approx(NEAR, abs=0.006)
    assert expected.mean() == pytest.approx(1, abs=0.04)  # near ones count nothing, far ones make up for them
    quantiles = np.quantile(expected[near == 0], norm.cdf(SCORES))
    ratio = quantiles / np.array(far)
    assert ratio[4:-4] == pytest.approx(np.full(len(ratio) - 8, np.median(ratio)), rel=0.08)


@pytest.mark.parametrize(("near", "tolerance"), [((), 0.015), (NEAR, 0.05)])
def test_drawn_gaps_follow_one_another_as_the_burstiness_says(near, tolerance):
    burst = Burstiness(near, Burstiness.independent().far, 0.4, 0.9)
    characters, far = draw_gaps(400_000, burst, generator(6, "gaps", near))
    # near ones lowest; which of them is not remembered, so the tolerance is wider
    order = np.where(characters > 0, characters - 100.0, far)
    scores = norm.ppf((np.argsort(np.argsort(order)) + 0.5) / len(order))
    for lag in (1, 3, 10):
        found = np.corrcoef(scores[:-lag], scores[lag:])[0, 1]
        assert found == pytest.approx(0.4 * 0.9**lag, abs=tolerance)


def test_the_same_state_gives_the_same_series_and_the_state_matters():
    burst = Burstiness(NEAR, Burstiness.independent().far, 0.4, 0.9)
    one, two, other = (draw_gaps(500, burst, generator(4, name)) for name in ("a", "a", "b"))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])
    assert not np.array_equal(one[1], other[1])


def test_what_is_drawn_is_what_is_fitted_again():
    burst = Burstiness(NEAR, Burstiness.independent().far, 0.4, 0.9)
    rng = generator(5, "again")
    documents = [placed(*draw_gaps(1500, burst, rng), rng) for _ in range(8)]
    again = fit_gaps(documents)
    assert again.near[: len(NEAR)] == pytest.approx(NEAR, abs=0.03)
    assert again.share == pytest.approx(0.4, abs=0.08)
    assert again.persistence == pytest.approx(0.9, abs=0.06)
