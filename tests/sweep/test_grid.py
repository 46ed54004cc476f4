"""Settings and the neurons they mean."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.regions import region
from ocr_neurons.sweep.grid import CHOSEN, EditMaker, Setting, check_grid, grid

RANKED = planted.everything_ranked()


def test_every_combination_once_each_beside_its_draws():
    regions, shares, factors = ["first", "last", "all"], [0.1, 0.5, 1.0], [0.0, 0.5, 2.0]
    settings = grid(RANKED, regions, shares, factors, draws=2)
    assert len(settings) == len(set(settings)) == 3 * 3 * 3 * 3
    for name in regions:
        sizes = {round(share * len(region(name, 4)) * 48) for share in shares}
        of_region = [setting for setting in settings if setting.region == name]
        assert {setting.count for setting in of_region} == sizes
        assert {setting.factor for setting in of_region} == set(factors)
        assert sum(setting.draw == CHOSEN for setting in of_region) == 9
    firsts = [min(region(setting.region, 4)) for setting in settings]
    assert firsts == sorted(firsts), "states go through the network once, upwards"


def test_the_ranked_neurons_are_the_best_of_the_region():
    setting = Setting("last", 7, 0.5)
    chosen = setting.neurons(RANKED, seed=1)
    inside = {(layer, n) for layer in region("last", 4) for n in range(48)}
    score = {
        (layer, n): s for layer in range(4) for n, s in zip(RANKED.indices[layer], RANKED.scores[layer], strict=True)
    }
    wanted = sorted(inside, key=lambda key: -score[key])[:7]
    assert {(layer, n) for layer, members in chosen.indices.items() for n in members} == set(wanted)
    assert setting.edit(RANKED, seed=1).factor == 0.5


@given(count=st.integers(1, 48), draw=st.integers(0, 1100), seed=st.integers(0, 5))
def test_random_draws_have_the_shape_of_the_ranked(count, draw, seed):
    best = Setting("first", count, 0.0).neurons(RANKED, seed)
    drawn = Setting("first", count, 0.0, draw).neurons(RANKED, seed)
    assert drawn.counts() == best.counts()
    assert drawn.indices == Setting("first", count, 2.0, draw).neurons(RANKED, seed).indices, "paired over factors"
    if 8 <= count <= 40:  # equal by chance in one of 48! / (8! 40!) draws at most
        assert drawn.indices != Setting("first", count, 0.0, draw + 1).neurons(RANKED, seed).indices


def test_random_draws_cover_the_layer_evenly():
    hits = dict.fromkeys(range(48), 0)
    draws = 400
    for draw in range(draws):
        drawn = Setting("band-late", 24, 0.0, draw).neurons(RANKED, seed=3)
        for neuron in drawn.indices.get(3, ()):
            hits[neuron] += 1
    expected = sum(hits.values()) / 48
    chi_square = sum((count - expected) ** 2 / expected for count in hits.values())
    assert chi_square < 80, "47 degrees of freedom: 80 is far out in the tail"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regions": []}, "at least one region"),
        ({"shares": []}, "at least one region, one share"),
        ({"factors": []}, "one factor"),
        ({"draws": -1}, "draws of 0 or more"),
        ({"regions": ["frist"]}, "region 'frist' given; wanted one of first"),
        ({"shares": [0.0]}, "wanted shares above 0"),
        ({"shares": [1.5]}, "wanted shares above 0"),
        ({"factors": [1.0]}, "other than 1"),
        ({"factors": [0.0], "operations": ["mean"]}, "other than 0"),
        ({"factors": [-0.5]}, "factors of 0 or more"),
        ({"factors": [math.nan]}, "factors of 0 or more"),
        ({"factors": [math.inf]}, "factors of 0 or more"),
        ({"operations": []}, "one operation"),
        ({"operations": ["zeros"]}, "operation 'zeros' given; wanted one of scale, zero, mean, shift; nearest: zero"),
    ],
)
def test_grids_that_make_no_sense(changes, message):
    options = {"regions": ["first"], "shares": [0.1], "factors": [0.5], "draws": 1} | changes
    for work in (lambda: check_grid(**options), lambda: grid(RANKED, **options)):
        with pytest.raises(UserError, match=message) as caught:
            work()
        assert "\n" not in str(caught.value)


def test_too_few_ranked_neurons():
    few = RANKED.top(10)
    with pytest.raises(UserError, match=r"48 neurons of region 'first' asked for, \d+ are ranked there; rank more"):
        grid(few, ["first"], [1.0], [0.0], 0)


def test_a_share_below_one_neuron_takes_one():
    assert {setting.count for setting in grid(RANKED, ["first"], [0.001], [0.0], 0)} == {1}


def test_description():
    assert Setting("last", 7, 0.5).describe(30) == "7 most sensitive neurons of layers 20-29 (last) times 0.5"
    assert Setting("all", 7, 2.0, 3).describe(4) == "7 random neurons of layers 0-3 (all) times 2"
    assert Setting("layer-2", 7, 0.0, operation="zero", ranking="paper").describe(4) == (
        "7 most sensitive (paper) neurons of layer 2 zero"
    )


def test_operations_without_strength_stand_once():
    found = grid(RANKED, ["first"], [0.1, 0.5], [0.5, 2.0], 1, ["scale", "zero"])
    assert len(found) == len(set(found)) == 2 * (2 + 1) * 2
    (zero, *_) = [setting for setting in found if setting.operation == "zero"]
    assert zero.factor == 0.0
    assert zero.edit(RANKED, 1).gains(torch.device("cpu"), torch.float32)[0].eq(0).sum() == zero.count


def test_means_and_shifts_need_a_profile_and_say_what_they_do():
    settings = grid(RANKED, ["first"], [0.1], [0.5, 1.0], 0, ["mean", "shift"])
    assert [(one.operation, one.factor) for one in settings] == [
        ("mean", 0.5), ("mean", 1.0), ("shift", 0.5), ("shift", 1.0),
    ]  # fmt: skip
    assert settings[0].describe(4).endswith("replaced by their mean on clean words, at strength 0.5")
    assert settings[3].describe(4).endswith("moved by 1 x (clean mean - noisy mean)")
    with pytest.raises(UserError, match="operation 'mean' given without a profile"):
        EditMaker(RANKED, 1).of(settings[0])


@given(st.sampled_from(["first", "last", "all", "layer-2"]), st.integers(1, 40), st.integers(-1, 3), st.integers(0, 3))
def test_edits_are_those_of_the_settings(name, count, draw, seed):
    setting, edits = Setting(name, count, 0.5, draw), EditMaker(RANKED, seed)
    wanted = setting.edit(RANKED, seed)
    assert edits.of(setting) == edits.of(setting) == wanted
    assert edits.first(setting) == wanted.first_layer()


def test_a_factor_counts_where_the_operation_has_one():
    for operation, factor in (("zero", 0.0), ("scale", 0.5)):
        given = {"region": "last", "count": 10, "factor": 0.5, "operation": operation}
        assert Setting.from_json(given).factor == factor


def test_whole_numbers_may_be_written_with_a_point():
    given = {"region": "last", "count": 10.0, "factor": 1, "draw": 0.0}
    made = Setting.from_json(given)
    assert made.neurons(RANKED, 3) == Setting("last", 10, 1.0, 0).neurons(RANKED, 3)
    for name in ("count", "draw"):
        for value in (1.5, math.nan, math.inf):
            with pytest.raises(UserError, match="wanted whole numbers"):
                Setting.from_json(given | {name: value})


def test_what_is_idle_for_one_operation_is_tried_with_the_other():
    found = grid(RANKED, ["last"], [0.1], [0.0, 1.0], 0, ["scale", "mean"])
    assert [(setting.operation, setting.factor) for setting in found] == [("scale", 0.0), ("mean", 1.0)]


@given(st.builds(Setting, st.sampled_from(["first", "layer-77"]), st.integers(1, 99), st.floats(0, 9), st.integers(-1)))
def test_settings_survive_json(setting):
    assert Setting.from_json(json.loads(json.dumps(setting.to_json()))) == setting
