"""What is fixed from a pilot sample, and how near the AUROC from histograms comes to the one from all pairs."""

from __future__ import annotations

import naive_neurons as naive
import numpy as np
import pytest
import torch
from naive_neurons import Sample, fed

from ocr_neurons.probe import accumulate, fields, pilot
from ocr_neurons.probe.fields import EDGES
from ocr_neurons.probe.profile import freeze


def normal(pairs: int, effect: float, seed: int = 0) -> Sample:
    """Independent sides, ``[pairs, 2, 5]``, the noisy one ``effect`` standard deviations higher, far from zero."""
    rng = np.random.default_rng([seed, pairs])
    centre, spread = rng.normal(0, 100, (2, 5)), rng.uniform(0.1, 10, (2, 5))
    clean, noisy = (centre + spread * rng.normal(mean, 1, (pairs, 2, 5)) for mean in (0, effect))
    return Sample(clean, noisy, np.zeros(pairs, int), np.array([f"{i}" for i in range(pairs)]), np.full(pairs, 0.5))


def sides(given: Sample) -> tuple[torch.Tensor, torch.Tensor]:
    clean, noisy = (torch.from_numpy(side).transpose(0, 1) for side in (given.clean, given.noisy))
    return clean, noisy


def test_the_shift_is_the_mean_clean_activation() -> None:
    given = normal(30, 1.0)
    clean, _ = sides(given)
    np.testing.assert_allclose(pilot.shift(clean).numpy(), given.clean.mean(0), rtol=1e-12)
    assert pilot.shift(clean.float()).dtype == torch.float64


def test_edges_are_quantiles_of_both_sides() -> None:
    given = normal(40, 1.0)
    found = pilot.edges(*sides(given)).numpy()
    both = np.concatenate([given.clean, given.noisy])
    assert found.shape == (EDGES, 2, 5)
    np.testing.assert_allclose(found, np.quantile(both, np.arange(1, 16) / 16, axis=0), rtol=1e-9)
    counts = np.stack([(naive.above(found, both) == number).sum(0) for number in range(EDGES + 1)])
    assert (abs(counts - 80 / 16) <= 1).all()  # bins of equal mass


@pytest.mark.parametrize("effect", [-3.0, -0.7, 0.0, 0.2, 1.0, 2.0, 4.0])
def test_sixteen_bins_are_within_two_hundredths(effect: float) -> None:
    """Edges from a pilot of 96 pairs, then all of 500."""
    given = normal(500, effect)
    first = pilot.edges(*sides(given.part(slice(96))))
    found = freeze(fed([given], edges=first), {}).auroc("low")
    np.testing.assert_allclose(found, naive.auroc(given.clean, given.noisy), rtol=0, atol=0.02)


def test_values_of_few_sorts_are_exact() -> None:
    """Sixteen whole numbers, one a bin: ties are ties, and the histogram loses nothing."""
    rng = np.random.default_rng(2)
    given = normal(60, 0.0)
    clean, noisy = rng.integers(0, 16, given.clean.shape), rng.integers(3, 16, given.clean.shape)
    given = Sample(clean.astype(float), noisy.astype(float), given.level, given.word, given.dose)
    between = torch.from_numpy(np.broadcast_to(np.arange(15.0)[:, None, None] + 0.5, (15, 2, 5)).copy())
    found = freeze(fed([given], edges=between), {}).auroc("low")
    np.testing.assert_allclose(found, naive.auroc(given.clean, given.noisy), rtol=1e-12)


def test_finer_edges_come_nearer_to_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    given = normal(200, 1.0)
    expected = naive.auroc(given.clean, given.noisy)
    errors = []
    for count in (3, 15, 63, 255):
        for module in (fields, pilot, accumulate):
            monkeypatch.setattr(module, "EDGES", count)
        profile = freeze(fed([given], edges=pilot.edges(*sides(given))), {})
        errors.append(abs(profile.auroc("low") - expected).max())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 < errors[0]
