"""Damage to page images: each kind alone, all together, and none."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.printed import degrade as room
from ocr_neurons.noise.printed.degrade import MAXIMUM, Wear, degrade, ink_share, worn
from ocr_neurons.noise.printed.typeset import Layout, typeset

TEXT = "Advices from Lisbon of the 12th mention that the packet has been delayed by foul winds."


@pytest.fixture(scope="module")
def page() -> Image.Image:
    return typeset(TEXT, "pillow", Layout(measure=600, margin=40))[0].image


def rng(name: object = "x") -> np.random.Generator:
    return generator(1, name)


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float64) / 255


def test_strength_0_keeps_the_bits(page: Image.Image) -> None:
    copy = degrade(page, 0, rng())
    assert copy.tobytes() == page.tobytes()
    assert copy is not page


def test_the_page_itself_is_not_changed(page: Image.Image) -> None:
    before = page.tobytes()
    worn_page = degrade(page, 1, rng())
    assert page.tobytes() == before
    assert (worn_page.size, worn_page.mode) == (page.size, "L")


def test_the_same_seed_gives_the_same_bits(page: Image.Image) -> None:
    assert degrade(page, 0.5, rng(1)).tobytes() == degrade(page, 0.5, rng(1)).tobytes()
    assert degrade(page, 0.5, rng(1)).tobytes() != degrade(page, 0.5, rng(2)).tobytes()


def test_randomness_taken_does_not_depend_on_strength(page: Image.Image) -> None:
    after = []
    for strength in (0.0, 0.3, 1.0):
        source = rng()
        degrade(page, strength, source)
        after.append(source.random())
    assert len(set(after)) == 1


def test_damage_grows_with_strength(page: Image.Image) -> None:
    clean = array(page)
    off = [np.abs(array(degrade(page, s, rng())) - clean).mean() for s in (0, 0.1, 0.25, 0.5, 1, 2)]
    assert off == sorted(off)
    assert off[0] == 0 < off[1]


@settings(deadline=None)
@given(st.floats(0, MAXIMUM), st.floats(0, MAXIMUM))
def test_every_kind_of_wear_grows_with_strength(one: float, other: float) -> None:
    low, high = Wear.at(min(one, other)), Wear.at(max(one, other))
    low, high = (replace(wear, resolution=-wear.resolution) for wear in (low, high))  # fewer dots are more damage
    assert all(a <= b for a, b in zip(astuple(low), astuple(high), strict=True))


def test_ink_share_grows_with_spread(page: Image.Image) -> None:
    shares = [ink_share(worn(page, Wear(spread=pixels), rng())) for pixels in (0, 0.5, 1, 2)]
    assert shares == sorted(set(shares))


def test_spread_moves_an_edge_by_about_its_pixels() -> None:
    bar = np.full((300, 300), 255, dtype=np.uint8)
    bar[:, 100:200] = 0
    grown = worn(Image.fromarray(bar), Wear(spread=1.0), rng())
    width = (np.asarray(grown) < 128).sum(axis=1).mean()
    assert 101 < width < 103  # one pixel a side, unevenly


def test_ink_share_falls_with_loss(page: Image.Image) -> None:
    shares = [ink_share(worn(page, Wear(loss=share), rng())) for share in (0, 0.3, 0.6, 1)]
    assert shares == sorted(set(shares), reverse=True)


def test_bleed_through_darkens_where_the_mirrored_verso_has_ink() -> None:
    white = Image.new("L", (400, 300), 255)
    back = np.full((300, 400), 255, dtype=np.uint8)
    back[:, :120] = 0  # ink on the left of the verso shows on the right
    image = array(worn(white, Wear(bleed=0.4), rng(), verso=Image.fromarray(back)))
    assert image[:, 320:380].mean() < 0.9
    assert image[:, 30:200].mean() > 0.99


def test_warp_moves_ink_and_keeps_it(page: Image.Image) -> None:
    for wear in (Wear(skew=1.0), Wear(warp=4.0)):
        moved = worn(page, wear, rng())
        assert moved.tobytes() != page.tobytes()
        assert (1 - array(moved)).sum() == pytest.approx((1 - array(page)).sum(), rel=0.05)


def test_skew_is_a_rotation() -> None:
    bar = np.full((200, 1000), 255, dtype=np.uint8)
    bar[98:102] = 0
    turned = array(worn(Image.fromarray(bar), Wear(skew=1.0), rng()))
    centres = [np.average(np.arange(200), weights=1 - turned[:, x] + 1e-9) for x in (200, 500, 800)]
    left, right = centres[1] - centres[0], centres[2] - centres[1]
    assert abs(left) > 0.5
    assert left == pytest.approx(right, abs=0.3)


def test_speckle_covers_about_its_share() -> None:
    white = Image.new("L", (800, 800), 255)
    assert ink_share(worn(white, Wear(speckle=0.01), rng())) == pytest.approx(0.01, rel=0.35)


def test_shade_is_uneven_and_only_darkens_paper() -> None:
    image = array(worn(Image.new("L", (1500, 1500), 255), Wear(shade=0.8), rng()))
    assert image.max() <= 1
    assert image.min() >= 1 - 0.5 * 0.8 - 0.01
    assert image.std() > 0.03


@pytest.mark.parametrize("wear", [Wear(resolution=100), Wear(blur=2.0)])
def test_a_poor_scan_has_fewer_sharp_edges(page: Image.Image, wear: Wear) -> None:
    assert np.abs(np.diff(array(worn(page, wear, rng())))).max() < np.abs(np.diff(array(page))).max()


def test_grain_has_its_deviation() -> None:
    grey = Image.new("L", (500, 500), 128)
    assert array(worn(grey, Wear(grain=0.05), rng())).std() == pytest.approx(0.05, rel=0.15)


def test_fields_are_of_mean_0_and_unit_deviation() -> None:
    for scale in (3, 7, 40):
        field = room._field((600, 700), scale, rng(scale))
        assert field.shape == (600, 700)
        assert field.std() == pytest.approx(1, rel=0.15)
        assert abs(field.mean()) < 0.3


@pytest.mark.parametrize("strength", [-0.1, MAXIMUM + 1, float("nan")])
def test_strength_out_of_range(page: Image.Image, strength: float) -> None:
    with pytest.raises(UserError, match="wanted a number from 0"):
        degrade(page, strength, rng())
