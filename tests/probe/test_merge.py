"""Merged profiles equal the profile of all pairs together, whatever was cut, in any order; others are refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from naive_neurons import Sample, chunked, fed, grid, sample

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.merge import merge
from ocr_neurons.probe.profile import Profile, freeze

WHOLE = sample(1, 50, offset=30.0)
EDGES = grid(WHOLE)
CHUNKS = chunked(WHOLE, [20, 14, 9, 7])
ABOUT = {"fingerprint": "f", "site": "neuron", "read": [0, 1, 2], "protocol": "words", "pool": "mean", "seed": 1}


def part(numbers: list[int], *, shift: float = 30.0, shards: list[str] | None = None, skipped: int = 0) -> Profile:
    """The profile of some of the chunks, clean activations counted from ``shift``."""
    how: dict[str, Any] = {"edges": EDGES, "shift": torch.full((3, 7), shift)}
    accumulator = fed([CHUNKS[numbers[0]]], first=numbers[0], **how)
    for number in numbers[1:]:
        accumulator.merge(fed([CHUNKS[number]], first=number, **how))
    accumulator.skip("no sub-word", skipped)
    return freeze(accumulator, ABOUT | ({"shards": shards} if shards else {}))


def check_equal(one: Profile, two: Profile) -> None:
    assert one.levels == two.levels
    np.testing.assert_array_equal(one.shift, two.shift)
    for name, array in two.arrays.items():
        assert one.arrays[name].dtype == array.dtype
        np.testing.assert_allclose(one.arrays[name], array, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parts_in_any_order_are_the_whole(order: tuple[int, ...]) -> None:
    parts = [part([0, 2], skipped=1), part([3], skipped=2), part([1])]
    merged = merge([parts[number] for number in order])
    check_equal(merged, part([0, 1, 2, 3]))
    assert merged.about["skipped"] == {"no sub-word": 3}
    assert merged.about["merged"] == 3


def test_merging_is_associative_and_leaves_the_parts_alone() -> None:
    a, b, c = part([0]), part([1, 3]), part([2])
    before = {name: array.copy() for name, array in a.arrays.items()}
    check_equal(merge([merge([a, b]), c]), merge([a, merge([b, c])]))
    for name, array in a.arrays.items():
        np.testing.assert_array_equal(array, before[name])
    check_equal(merge([a]), a)


def test_parts_counted_from_elsewhere() -> None:
    """Another shift changes sums, not what they say; the first profile's is taken."""
    merged = merge([part([0, 1], shift=30.0), part([2], shift=-4.0), part([3], shift=28.0)])
    check_equal(merged, part([0, 1, 2, 3], shift=30.0))


def test_levels_are_those_of_all() -> None:
    """``low, high`` and ``high, new``: rows of one name are added, those of one profile stay."""
    other = sample(2, 30, offset=30.0)
    first = freeze(fed([WHOLE], edges=EDGES), ABOUT)
    second = freeze(fed([other], levels=("high", "new"), first=1, edges=EDGES), ABOUT)
    together = fed([WHOLE], levels=("low", "high", "new"), edges=EDGES)
    moved = Sample(other.clean, other.noisy, other.level + 1, other.word, other.dose)
    together.merge(fed([moved], levels=("low", "high", "new"), first=1, edges=EDGES))
    check_equal(merge([first, second]), freeze(together, ABOUT))
    assert merge([second, first]).levels == ("high", "new", "low")
    swapped = merge([second, first])
    for group in ("low", "high", "new", "poor", "half-2", None):
        np.testing.assert_allclose(swapped.effect(group), merge([first, second]).effect(group), rtol=1e-9)
    np.testing.assert_array_equal(swapped.share(1.0, "low"), first.share(1.0, "low"))
    np.testing.assert_array_equal(swapped.auroc("new"), second.auroc("new"))


# --- what does not belong together


@pytest.mark.parametrize("name", ["fingerprint", "site", "read", "protocol", "pool", "seed"])
def test_profiles_made_in_other_ways_are_refused(name: str) -> None:
    other = replace(part([1]), about=ABOUT | {name: "other"})
    with pytest.raises(UserError, match=f"profiles of {name} .* and 'other' given; wanted"):
        merge([part([0]), other])


def test_other_histograms_and_other_widths_are_refused() -> None:
    first, second = part([0]), part([1])
    assert second.edges is not None
    near = merge([first, replace(second, edges=second.edges * (1 + 1e-5))])  # as another card draws them
    assert np.array_equal(near.edges, first.edges)
    for edges in (None, second.edges + 1, second.edges[..., :-1]):
        with pytest.raises(UserError, match="different histograms given; probe the second with --like"):
            merge([first, replace(second, edges=edges)])
    with pytest.raises(UserError, match="neurons given"):
        merge([first, replace(second, shift=np.zeros((3, 8)))])
    with pytest.raises(UserError, match="no profile to merge"):
        merge([])


def test_pairs_are_not_counted_twice() -> None:
    a, b, c = part([0], shards=["1/2 of x"]), part([1], shards=["2/2 of x"]), part([2], shards=["1/1 of y"])
    merged = merge([a, b, c])
    assert merged.about["shards"] == ["1/2 of x", "2/2 of x", "1/1 of y"]
    with pytest.raises(UserError, match="shard 2/2 of x given twice"):
        merge([merged, b])
    for overlapping in ("1/1 of x", "3/3 of x"):
        with pytest.raises(UserError, match="different numbers of parts"):
            merge([merged, part([3], shards=[overlapping])])
