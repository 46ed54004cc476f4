"""Noise drawn from a style: vectorised over a whole text, millions of characters a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from ocr_neurons.noise.learned.choices import Choices
from ocr_neurons.noise.learned.contexts import EDGE, FREQUENT, Alphabet, log_odds
from ocr_neurons.noise.learned.drawn import Drawn
from ocr_neurons.noise.learned.model import Style
from ocr_neurons.noise.learned.numbers import Bursts, Numbers
from ocr_neurons.noise.learned.page import BREAK_CODES, RANGE, Page
from ocr_neurons.text.align import Alignment

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LONGEST_BURST = 20
"""Segments of a burst at most."""
LONGEST_CHAIN = 30
"""Units of a drawn segment at most."""
TOLERANCE = 0.02
"""The rate is searched until it is this near to the one asked for, relative, or cannot come nearer."""
PUSHES = 5
"""Times that colliding segments are moved on; those that still collide are dropped."""
COARSE = 0.03
"""The same for texts so long that a step of the search is felt."""
FEW = 20
"""Edits below which the number is met exactly where it can be; above, one more or less will do."""
PASSES = 24
"""Steps of the search at most."""
SAMPLE = 100_000
"""Characters of a long text that the search begins with, in slices from all over it."""
CHECKED = 10_000
"""Characters on which the script is compared with a shortest one; shorter texts are compared at every step."""


class Sampler:
    """A style made ready to draw from.

    A segment begins where the running sum of the characters' error probabilities reaches the next of a bursty series of
    gaps. Its first unit is drawn from the units seen in its context, with back-off to the character with its right or
    left neighbour, the character, and its class; how it goes on, from the style's chain.
    """

    def __init__(self, style: Style) -> None:
        self.style = style
        counts: dict[str, int] = defaultdict(int)
        for context, number in style.seen.items():
            counts[context[1]] += number
        self.alphabet = Alphabet(c for c, number in counts.items() if number >= FREQUENT)
        self.log_odds = log_odds(self.alphabet, style.seen, style.hit).reshape(-1)
        self.choices = Choices(style, self.alphabet)
        self.blank = self.alphabet.id(EDGE)
        chain = np.array(style.chain, dtype=np.float64)
        chain[..., 0] += 1e-9  # a chain that was never seen ends
        self.chain = np.cumsum(chain / chain.sum(-1, keepdims=True), axis=-1)

    def corrupt(self, text: str, cer: float, rng: np.random.Generator) -> Alignment:
        """``text`` with noise at the rate ``cer``: Levenshtein distance / characters.

        Odds of every context are multiplied by one factor, searched with the same random numbers at every step; ratios
        between characters stay. The script may hold a few edits more than a shortest one; how many is measured on a
        part of the text and allowed for. On short texts the rate can only be met to the nearest edit or so, and
        none above what the style can do. Line breaks stay.
        """
        if not text or cer <= 0:
            return Alignment(text, text, ())
        draw = Numbers(rng, self.style.burst)
        whole = Page.of(text, self.alphabet, self.log_odds)
        if len(text) <= CHECKED:
            shortest = partial(self._shortest, text)
            return self._written(text, self._search(whole, cer, None, draw, shortest)[1])
        sample = text if len(text) <= 2 * SAMPLE else _sampled(text)
        part = whole if sample is text else Page.of(sample, self.alphabet, self.log_odds)
        scale, drawn = self._search(part, cer, None, draw, self._scripted)
        spare = self._spare(self._written(sample, drawn))
        if spare > 1.005:
            expected = float(part.amount @ part.rates(scale))
            scale = part.shift(expected * cer * spare * len(sample) / max(1, self._scripted(drawn)), scale)
            scale, drawn = self._search(part, cer * spare, scale, draw, self._scripted)
        if part is not whole:
            _, drawn = self._search(whole, cer * spare, scale, draw, self._scripted)
        return self._written(text, drawn)

    def _scripted(self, drawn: Drawn) -> int:
        """Unit edits of the script."""
        return drawn.distance(self.choices.target_lengths)

    def _shortest(self, text: str, drawn: Drawn) -> int:
        """Unit edits of a shortest script."""
        return Levenshtein.distance(text, self._written(text, drawn).noisy)

    def _spare(self, drawn: Alignment) -> float:
        """How many times as many edits the script has as a shortest one, on the first ``CHECKED`` characters."""
        end = min(len(drawn.clean), CHECKED)
        edits = [edit for edit in drawn.edits if edit[1] <= end]
        beginning = Alignment(drawn.clean[:end], drawn.noisy, tuple(edits))  # of the noisy text only what it puts in
        return beginning.distance / max(1, Levenshtein.distance(beginning.clean, beginning.rebuild()))

    def _search(
        self, page: Page, cer: float, scale: float | None, draw: Numbers, edits: Callable[[Drawn], int]
    ) -> tuple[float, Drawn]:
        """The shift of log-odds that reaches ``cer``, or comes nearest, and what is drawn with it; ``edits`` counts."""
        wanted = cer * len(page.ids)
        low, high = RANGE
        if scale is None:
            scale = page.shift(wanted / max(1.0, self._cost()))
        best, found = float("inf"), (scale, Drawn.nothing())
        for _ in range(PASSES):
            rates = page.rates(scale)
            drawn = self._draw(page, rates, draw)
            reached = edits(drawn)
            if abs(reached - wanted) < best:
                best, found = abs(reached - wanted), (scale, drawn)
            tolerance = TOLERANCE if len(page.ids) <= SAMPLE else COARSE
            if best <= max(tolerance * wanted, 0.5 if wanted < FEW else 1.0) or high - low < 1e-4:
                break
            low, high = (scale, high) if reached < wanted else (low, scale)
            # where the last step leads if edits grow with the expected number of segments; kept inside the bracket
            guess = page.shift(float(page.amount @ rates) * wanted / max(reached, 1), scale)
            scale = guess if low < guess < high else (low + high) / 2
        return found

    def _cost(self) -> float:
        """Unit edits of a segment on average, as learned."""
        segments = sum(self.style.hit.values())
        return self.style.cer * self.style.characters / max(1, segments)

    def _draw(self, page: Page, by_context: Floats, draw: Numbers) -> Drawn:
        """Units for the whole text."""
        breaks, length = page.breaks, len(page.ids)
        rates = by_context[page.inverse]
        rates[breaks] = 0.0
        if len(breaks) and breaks[-1] == length - 1:
            rates[length] = 0.0  # nothing is put in behind the last line
        running = np.cumsum(rates)
        bursts = draw.bursts(running)
        starts = bursts.starts
        ends = np.zeros_like(starts)
        whose: Ints = np.zeros(0, dtype=np.int64)
        begins, what = whose, whose
        changed = np.arange(len(starts))
        for _ in range(PUSHES):
            fresh = self._burst(page, bursts, starts, changed, draw)
            kept = ~np.isin(whose, changed)
            whose = np.concatenate([whose[kept], fresh[0]])
            begins, what = np.concatenate([begins[kept], fresh[1]]), np.concatenate([what[kept], fresh[2]])
            ends[changed] = fresh[3]
            # a burst that begins before the one ahead has ended waits for its gap from there
            reach = np.maximum.accumulate(ends)
            changed = 1 + np.flatnonzero(starts[1:] <= reach[:-1])
            if not len(changed):
                break
            ahead = running[np.minimum(reach[changed - 1], length)]
            moved = np.searchsorted(running, ahead + bursts.gaps[changed], side="right")
            starts[changed] = np.minimum(moved, length)
        reach = np.maximum.accumulate(ends)
        keep = np.ones(len(starts), dtype=bool)
        keep[1:] = starts[1:] > reach[:-1]
        keep[changed] = False  # moved once more, but not drawn there
        order = np.argsort(whose, kind="stable")
        order = order[keep[whose[order]]]
        begins, what = begins[order], what[order]
        ends = begins + self.choices.source_lengths[what]
        # no unit may reach beyond the end or over a line break, nor leave the text as it is
        good = ends <= length
        if len(breaks):
            before = np.searchsorted(breaks, begins)
            good &= (before == len(breaks)) | (breaks[np.minimum(before, len(breaks) - 1)] >= ends)
            ended = np.isin(page.codes[np.maximum(begins - 1, 0)], BREAK_CODES)
            ends_here = (begins == length) | np.isin(page.codes[np.minimum(begins, length - 1)], BREAK_CODES)
            good &= ~(ended & ends_here & (begins == ends))  # an empty line stays empty
        single = self.choices.source_lengths[what] == 1
        good &= ~(single & (self.choices.target_codes[what] == page.codes[np.minimum(begins, length - 1)]))
        return Drawn(begins[good], ends[good], what[good])

    def _burst(
        self, page: Page, bursts: Bursts, starts: Ints, chosen: Ints, draw: Numbers
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """The bursts ``chosen``, each a segment at its start and near ones after it, in order of place within each.

        Returns the burst of each unit, its place, the unit; and the end of each burst chosen.
        """
        owner, places, units, ends = self._grow(page, starts[chosen], bursts.first[chosen], draw)
        parts = [(chosen[owner], places, units)]
        alive = np.arange(len(chosen))
        for index in range(1, LONGEST_BURST):
            number = bursts.first[chosen[alive]] + index
            going = index <= bursts.followers[chosen[alive]]
            place = ends[alive] + bursts.characters[np.minimum(number, len(bursts.characters) - 1)]
            going &= place < len(page.ids)
            alive, number, place = alive[going], number[going], place[going]
            if not len(alive):
                break
            owner, places, units, ends[alive] = self._grow(page, place, number, draw)
            parts.append((chosen[alive[owner]], places, units))
        owners, all_places, all_units = (np.concatenate(column) for column in zip(*parts, strict=True))
        return owners, all_places, all_units, ends

    def _grow(self, page: Page, starts: Ints, numbers: Ints, draw: Numbers) -> tuple[Ints, Ints, Ints, Ints]:
        """Segments at ``starts``: for each unit its segment's index, its place and the unit; each segment's end.

        ``numbers`` are those of the segments in the whole text, which say what random numbers they take.
        """
        ids, length = page.ids, len(page.ids)
        units = self.choices.first(ids, page.places, starts, numbers, draw)
        alive = np.arange(len(starts))
        owner, places, all_units = [alive], [starts], [units]
        ends = np.minimum(starts + self.choices.source_lengths[units], length)
        for index in range(LONGEST_CHAIN - 1):
            blank = ids[np.minimum(ends[alive], length - 1)] == self.blank
            row = self.chain[min(index, len(self.chain) - 1), self.choices.kinds[units], blank.astype(np.int64)]
            step = (draw.uniform(("chain", index), numbers[alive])[:, None] >= row).sum(1)
            going = (step > 0) & (step < 4) & ((step == 2) | (ends[alive] < length))
            alive, step = alive[going], step[going] - 1
            if not len(alive):
                break
            place, mine = ends[alive], numbers[alive]
            units = self.choices.later_units(
                ids, place, step, draw.uniform(("trust", index), mine), draw.uniform(("unit", index), mine)
            )
            known = units >= 0
            alive, units, place = alive[known], units[known], place[known]
            if not len(alive):
                break
            ends[alive] = np.minimum(place + self.choices.source_lengths[units], length)
            owner.append(alive)
            places.append(place)
            all_units.append(units)
        return np.concatenate(owner), np.concatenate(places), np.concatenate(all_units), ends

    def _written(self, text: str, drawn: Drawn) -> Alignment:
        pieces: list[str] = []
        position = 0
        targets = self.choices.targets
        for start, end, unit in zip(drawn.starts.tolist(), drawn.ends.tolist(), drawn.units.tolist(), strict=True):
            pieces.append(text[position:start])
            pieces.append(targets[unit])
            position = end
        pieces.append(text[position:])
        edits = zip(*(column.tolist() for column in drawn.segments(self.choices.target_lengths)), strict=True)
        return Alignment(text, "".join(pieces), tuple(edits))


def _sampled(text: str) -> str:
    """``SAMPLE`` characters of a text, in twenty slices at even distances."""
    size = SAMPLE // 20
    return "".join(text[start : start + size] for start in range(0, len(text) - size, len(text) // 20))
