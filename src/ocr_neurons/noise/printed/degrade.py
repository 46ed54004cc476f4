"""Wear on a page image, from the press to the scanner, as strong as asked for.

Every step is a function of its own. Pages are float32 arrays ``[height, width]``, 0 ink, 1 paper. Random fields are
smooth, so that damage comes in patches, and each step has a generator of its own: with the same seed a stronger page
shows the same patches, worse. Strength has no unit; :mod:`ocr_neurons.noise.printed.typeset` holds what puts typefaces
on about one scale, and docs/print shows what it does to character error rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.printed.typeset import DPI

Array: TypeAlias = NDArray[np.float32]

MAXIMUM = 4.0
"""The greatest strength: nothing can be read any more."""
_INK = 1.1  # pixels: how soft the edge of a letter is before ink is added or taken away


@dataclass(frozen=True, slots=True)
class Wear:
    """How much of each damage; all 0 but ``resolution`` leaves the page as it is."""

    spread: float = 0.0
    """Ink that runs over the edge of letters, in pixels."""
    loss: float = 0.0
    """Ink that did not take: the share of a letter's depth lost where loss is worst."""
    bleed: float = 0.0
    """Darkness of the verso showing through, 0 to 1."""
    skew: float = 0.0
    """Rotation in degrees, the standard deviation of a page's."""
    warp: float = 0.0
    """How far lines bend, in pixels."""
    shade: float = 0.0
    """Contrast lost in the darkest corner, 0 to 1, half of it to shadow and half to fading."""
    speckle: float = 0.0
    """Share of the page under specks of dirt, and of ink under specks of paper."""
    resolution: float = DPI
    """What the page is scanned at, in dots an inch."""
    blur: float = 0.0
    """Softness of the lens, standard deviation in pixels."""
    grain: float = 0.0
    """Noise of the scanner, standard deviation, 0 to 1."""

    @classmethod
    def at(cls, strength: float) -> Wear:
        """The damage that belongs to a strength; every kind of it grows with strength."""
        if not 0 <= strength <= MAXIMUM:
            raise UserError(f"strength {strength:g}: wanted a number from 0 to {MAXIMUM:g}; 1 is a very bad page")
        # recognisers bear much before they fail, and then fail all at once: rise fast, then slowly
        amount = 0.9 * strength**0.4
        return cls(
            spread=1.1 * math.sqrt(amount),
            loss=0.3 * amount,
            bleed=min(0.5, 0.2 * amount),
            skew=0.35 * amount,
            warp=3.5 * amount,
            shade=min(0.9, 0.4 * amount),
            speckle=0.0006 * amount,
            resolution=DPI / (1 + 1.2 * amount),
            blur=1.5 * amount,
            grain=0.05 * amount,
        )


def degrade(
    image: Image.Image, strength: float, rng: np.random.Generator, verso: Image.Image | None = None
) -> Image.Image:
    """A worn copy of a page image (8-bit grey, same size); at strength 0 the very same bits.

    ``verso`` is what the other side of the sheet shows, the page itself unless given. Takes the same amount of
    randomness from ``rng`` at every strength.

    Raises:
        UserError: a strength outside 0 to ``MAXIMUM``.
    """
    return worn(image, Wear.at(strength), rng, verso)


def worn(image: Image.Image, wear: Wear, rng: np.random.Generator, verso: Image.Image | None = None) -> Image.Image:
    """A page image with exactly this wear; see :func:`degrade`."""
    seeds = rng.integers(2**63, size=8)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    if wear == Wear():
        return image.convert("L").copy()
    page = _array(image)
    page = ink_spread(page, wear.spread, rngs[0])
    page = ink_loss(page, wear.loss, rngs[1])
    page = bleed_through(page, _array(verso or image), wear.bleed, rngs[2])
    page = warp(page, wear.skew, wear.warp, rngs[3])
    page = speckle(page, wear.speckle, rngs[4])
    page = shade(page, wear.shade, rngs[5])
    page = scan(page, wear.resolution, wear.blur)
    page = grain(page, wear.grain, rngs[6])
    return _image(page)


def ink_spread(page: Array, pixels: float, rng: np.random.Generator) -> Array:
    """Letters grown by about ``pixels`` on each side, unevenly: from half of it to half as much again."""
    if not pixels:
        return page
    field = 1 + 0.25 * (_field(page.shape, 40, rng) + _field(page.shape, 7, rng))
    return _inked(page, np.asarray(pixels * np.clip(field, 0.0, 2.0), dtype=np.float32))


def ink_loss(page: Array, share: float, rng: np.random.Generator) -> Array:
    """Letters thinned and broken in patches where the type took no ink: a third of the page more or less."""
    if not share:
        return page
    patches = np.clip(_field(page.shape, 90, rng) + 0.3, 0.0, 2.0)
    holes = np.clip(_field(page.shape, 5, rng) + 0.5 * _field(page.shape, 14, rng), 0.0, 3.0)
    lost = np.clip(share * patches * (0.35 + holes), 0.0, 1.0)
    return np.asarray(1 - (1 - page) * (1 - _smoothstep(lost)), dtype=np.float32)


def bleed_through(page: Array, verso: Array, darkness: float, rng: np.random.Generator) -> Array:
    """The verso, mirrored, blurred and displaced, showing through where the paper is thin."""
    if not darkness:
        return page
    height, width = page.shape
    back = np.ones_like(page)
    h, w = min(height, verso.shape[0]), min(width, verso.shape[1])
    back[:h, :w] = verso[:h, :w]
    rows, columns = rng.integers(-60, 61), rng.integers(-20, 21)
    back = _blurred(np.roll(back[:, ::-1], (rows, columns), (0, 1)), 2.0)
    thin = np.clip(0.6 + 0.4 * _field(page.shape, 250, rng), 0.0, 1.5)
    return np.asarray(page * (1 - np.clip(darkness * thin, 0, 0.9) * (1 - back)), dtype=np.float32)


def warp(page: Array, degrees: float, pixels: float, rng: np.random.Generator) -> Array:
    """The page turned by an angle of that standard deviation and its lines bent by about ``pixels``."""
    angle = math.radians(degrees) * float(np.clip(rng.standard_normal(), -2, 2))
    bend, stretch = _field(page.shape, 450, rng), _field(page.shape, 450, rng)
    if not degrees and not pixels:
        return page
    height, width = page.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = x - width / 2, y - height / 2
    return _sampled(
        page,
        y + math.sin(angle) * across + (math.cos(angle) - 1) * down + pixels * bend,
        x - math.sin(angle) * down + (math.cos(angle) - 1) * across + pixels / 2 * stretch,
    )


def speckle(page: Array, share: float, rng: np.random.Generator) -> Array:
    """Specks of dirt on that share of the page, and as many white ones; two or three pixels each, some larger."""
    dirt, dust = (_speck_field(page.shape, rng) for _ in range(2))
    if not share:
        return page
    limit = NormalDist().inv_cdf(1 - min(share, 0.5))
    page = np.where(dirt > limit, np.minimum(page, np.float32(0.15)), page)
    return np.asarray(np.where(dust > limit, np.float32(1.0), page), dtype=np.float32)


def shade(page: Array, share: float, rng: np.random.Generator) -> Array:
    """Shadow on the paper and fading of the ink, by turns, over distances of some centimetres."""
    shadow, fading = (_field(page.shape, 500, rng) for _ in range(2))
    if not share:
        return page
    paper = 1 - 0.5 * share * np.clip(0.5 + 0.5 * shadow, 0, 1)
    faded = 1 - share * np.clip(0.3 + 0.5 * fading, 0, 1)
    return np.asarray(paper * (1 - (1 - page) * faded), dtype=np.float32)


def scan(page: Array, resolution: float, blur: float) -> Array:
    """What a scanner of that resolution (dots an inch) and softness (pixels) sees, brought back to the same size."""
    if blur:
        page = _blurred(page, blur)
    if resolution >= DPI:
        return page
    height, width = page.shape
    small = (max(1, round(width * resolution / DPI)), max(1, round(height * resolution / DPI)))
    image = Image.fromarray(page).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def grain(page: Array, deviation: float, rng: np.random.Generator) -> Array:
    """Noise of that standard deviation, half of it in grains of some pixels."""
    if not deviation:
        return page
    noise = rng.standard_normal(page.shape, dtype=np.float32) + _field(page.shape, 3, rng)
    return np.asarray(page + deviation / math.sqrt(2) * noise, dtype=np.float32)


def ink_share(image: Image.Image) -> float:
    """The share of a page that is nearer to ink than to paper."""
    return float(np.mean(np.asarray(image.convert("L")) < 128))


def _inked(page: Array, pixels: Array) -> Array:
    """Edges moved outwards by that many pixels: the soft page cut at a depth that lies so far from the edge."""
    soft = _blurred(page, _INK)
    # a straight edge blurred by _INK has the depth of the normal distribution; a logistic curve is near enough to it
    cut = 1 / (1 + np.exp(-1.702 * pixels / _INK))
    return np.asarray(np.clip((soft - cut) / 0.25 + 0.5, 0, 1), dtype=np.float32)


def _field(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Array:
    """Smooth noise of mean 0 and about unit deviation that changes over ``scale`` pixels."""
    height, width = shape
    coarse = rng.standard_normal((math.ceil(height / scale) + 3, math.ceil(width / scale) + 3), dtype=np.float32)
    size = (round(coarse.shape[1] * scale), round(coarse.shape[0] * scale))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    return np.asarray(smooth[top : top + height, left : left + width] / 0.72, dtype=np.float32)


def _speck_field(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Noise of unit deviation with peaks of two or three pixels, some of them larger."""
    field = 0.8 * _field(shape, 2.5, rng) + 0.6 * _field(shape, 6, rng)
    return np.asarray(field / field.std(), dtype=np.float32)


def _smoothstep(value: Array) -> Array:
    return np.asarray(value * value * (3 - 2 * value), dtype=np.float32)


def _blurred(page: Array, deviation: float) -> Array:
    return _array(_image(page).filter(ImageFilter.GaussianBlur(deviation)))


def _sampled(page: Array, y: Array, x: Array) -> Array:
    """The page at fractional positions, between its four neighbours; paper outside."""
    padded = np.pad(page, 1, constant_values=1)
    y, x = np.clip(y + 1, 0, padded.shape[0] - 1.001), np.clip(x + 1, 0, padded.shape[1] - 1.001)
    row, column = y.astype(np.int32), x.astype(np.int32)
    down, right = y - row, x - column
    upper = padded[row, column] * (1 - right) + padded[row, column + 1] * right
    lower = padded[row + 1, column] * (1 - right) + padded[row + 1, column + 1] * right
    return np.asarray(upper * (1 - down) + lower * down, dtype=np.float32)


def _array(image: Image.Image) -> Array:
    return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def _image(page: Array) -> Image.Image:
    return Image.fromarray(np.asarray(np.clip(page * 255 + 0.5, 0, 255), dtype=np.uint8))
