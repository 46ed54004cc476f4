"""Ranks of single neurons, against sorting all scores."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_neurons.explore.neurons import Scores
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.methods import PROFILED, score
from ocr_neurons.rank.specific import paired, specific


@pytest.mark.parametrize(("layer", "index"), [(0, 0), (2, 17), (3, 47)])
def test_places_under_every_method(session, layer, index):
    profiles = session.run.profiles
    profile, control = profiles.noise, profiles.control
    found = {row["method"]: row for row in session.neuron(layer, index)["methods"]}
    assert set(found) == set(PROFILED)
    for name, row in found.items():
        noise, placebo = score(name, profile), score(name, control)
        both = profile.mean() + control.mean()
        beyond = paired(noise, score(name, profiles.contrast), both) if name == "effect" else specific(noise, placebo)
        for shown, scored in (
            (row["noise"], noise),
            (row["placebo"], placebo),
            (row["beyond"], beyond),
        ):
            ordered = sorted(scored.score.flatten().tolist(), reverse=True)
            assert shown["place"] == 1 + ordered.index(scored.score[layer, index])
            assert shown["of"] == 192
            assert shown["p"] == (None if scored.p is None else pytest.approx(scored.p[layer, index]))


def test_moments_are_the_profiles(session):
    found, profile = session.neuron(1, 9)["moments"], session.run.profiles.noise
    assert found["difference"] == pytest.approx(profile.mean()[1, 9])
    assert found["noisy"] - found["clean"] == pytest.approx(found["difference"])
    assert found["deviation"] == pytest.approx(profile.clean_deviation()[1, 9])
    assert found["words"] == 12


def test_without_a_placebo(session):
    rows = Scores(Profiles(session.run.profiles.noise), 1.0).ranks(1, 9)
    assert all(row.placebo is None and row.beyond is None for row in rows)
    assert len({row.noise.place for row in rows}) > 1
    assert np.isfinite([row.noise.score for row in rows]).all()
