"""Regions of layers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.regions import describe, region, regions

BANDS = ("band-early", "band-middle", "band-late")


@given(st.integers(1, 200))
def test_thirds_partition_the_layers_in_order(layers: int) -> None:
    found = regions(layers)
    thirds = [found.get(name, []) for name in ("first", "middle", "last")]
    assert [layer for third in thirds for layer in third] == list(range(layers)) == found["all"]
    sizes = [len(third) for third in thirds]
    assert max(sizes) - min(sizes) <= 1
    if layers >= 3:
        assert min(sizes) >= 1


@given(st.integers(1, 200))
def test_every_region_is_a_run_of_layers_of_the_model(layers: int) -> None:
    for members in regions(layers).values():
        assert members
        assert members == list(range(members[0], members[-1] + 1))
        assert members[0] >= 0
        assert members[-1] < layers


@given(st.integers(8, 200))
def test_bands_are_in_order_and_apart(layers: int) -> None:
    early, middle, late = (regions(layers)[name] for name in BANDS)
    assert early[-1] < middle[0]
    assert middle[-1] < late[0]
    assert early[0] == 0
    # at the depth of the paper's, to within the rounding to whole layers
    for band, (first, last) in zip((early, middle, late), ((0, 2), (11, 13), (23, 28)), strict=True):
        assert abs(band[0] / layers - first / 32) <= 0.5 / layers + 1e-9
        assert abs((band[-1] + 1) / layers - (last + 1) / 32) <= 1 / layers + 1e-9


def test_the_papers_depth_gives_the_papers_layers() -> None:
    found = regions(32)
    assert found["band-early"] == [0, 1, 2]
    assert found["band-middle"] == [11, 12, 13]
    assert found["band-late"] == [23, 24, 25, 26, 27, 28]
    assert [len(found[name]) for name in ("first", "middle", "last")] == [11, 10, 11]


def test_regions_by_number() -> None:
    assert region("layer-7", 30) == [7]
    assert region("layers-8,0-2,1", 30) == [0, 1, 2, 8]
    for name in ("layer-30", "layers-0-3,30"):
        with pytest.raises(UserError, match=f"region '{name}' given; wanted layer-0 to layer-29"):
            region(name, 30)
    for name in ("layers-3-1", "layers-", "layers-1,,2", "layers-a", "layers-0-3000000000", "layer-3000000000"):
        with pytest.raises(UserError, match=r"region .*layer.* given; wanted"):
            region(name, 30)


def test_region_by_name() -> None:
    assert region("last", 30) == list(range(20, 30))
    with pytest.raises(UserError, match="region 'end' given; wanted one of first, middle, last, band-early"):
        region("end", 30)


@given(st.sets(st.integers(0, 60)))
def test_description_reads_back(layers: set[int]) -> None:
    text = describe(sorted(layers, reverse=True))
    back: list[int] = []
    for run in filter(None, text.split(", ")):
        first, _, last = run.partition("-")
        back += range(int(first), int(last or first) + 1)
    assert back == sorted(layers)
    # as short as can be: neighbouring layers are in one run
    assert len([r for r in text.split(", ") if r]) == sum(layer - 1 not in layers for layer in layers)


def test_description() -> None:
    assert describe([4, 0, 1, 2, 7, 8]) == "0-2, 4, 7-8"
    assert describe([]) == ""
