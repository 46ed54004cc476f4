"""Noise drawn from a style: vectorised over a whole text, millions of characters a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.noise.learned.contexts import CLASSES, EDGE, FREQUENT, Alphabet, character_class, log_odds, triples
from ocr_neurons.noise.learned.gaps import draw_gaps
from ocr_neurons.noise.learned.model import Style
from ocr_neurons.noise.learned.tables import Tables
from ocr_neurons.noise.learned.units import KINDS, kind
from ocr_neurons.text.align import Alignment

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LONGEST_CHAIN = 12
"""Units of a drawn segment at most."""
TOLERANCE = 0.01
"""The rate is searched until it is this near to the one asked for, relative, or cannot come nearer."""
PASSES = 24
"""Steps of the search at most."""
BREAKS = "\n\r"
"""Characters that are never changed: lines are structure."""


@dataclass(frozen=True)
class _Drawn:
    """Units of a text in order: where they stand in the clean text, and what is read instead."""

    starts: Ints
    ends: Ints
    units: Ints

    def segments(self, lengths: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Units that touch, as segments: clean start and end, noisy start and end."""
        grown = np.cumsum(lengths[self.units] - (self.ends - self.starts))
        noisy_ends = self.ends + grown
        noisy_starts = noisy_ends - lengths[self.units]
        first = np.ones(len(self.starts), dtype=bool)
        first[1:] = self.starts[1:] != self.ends[:-1]
        last = np.roll(first, -1)
        return self.starts[first], self.ends[last], noisy_starts[first], noisy_ends[last]


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
        self._units: dict[tuple[str, str], int] = {}
        self._index()
        self.targets = [target for _, target in self._units]
        self.target_lengths = np.array([len(target) for _, target in self._units], dtype=np.int64)
        self.source_lengths = np.array([len(source) for source, _ in self._units], dtype=np.int64)
        self.kinds = np.array([kind(unit) for unit in self._units], dtype=np.int64)
        sources = np.full((len(self._units), 3), -1, dtype=np.int64)
        for (source, _), number in self._units.items():
            sources[number, : len(source)] = [self.alphabet.id(c) for c in source]
        self.sources = sources
        chain = np.array(style.chain, dtype=np.float64)
        chain[..., 0] += 1e-9  # a chain that was never seen ends
        self.chain = np.cumsum(chain / chain.sum(-1, keepdims=True), axis=-1)

    def _index(self) -> None:
        """Distributions of units by context, from three characters down to none."""
        size, alphabet = self.alphabet.size, self.alphabet
        full: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        right: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        left: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        single: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        by_class: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for context, sources in self.style.changes.items():
            before, at, after = (alphabet.id(c) for c in context)
            for source, targets in sources.items():
                for target, count in targets.items():
                    unit = self._units.setdefault((source, target), len(self._units))
                    full[(before * size + at) * size + after][unit] += count
                    right[at * size + after][unit] += count
                    left[before * size + at][unit] += count
                    if len(source) <= 1:
                        single[at][unit] += count
                        by_class[character_class(context[1])][unit] += count
        later: list[dict[int, dict[int, int]]] = [defaultdict(lambda: defaultdict(int)) for _ in KINDS]
        for source, targets in self.style.later.items():
            for target, count in targets.items():
                unit = self._units.setdefault((source, target), len(self._units))
                later[kind((source, target))][alphabet.id(source[0]) if source else 0][unit] += count
        self.full, self.full_rows = _tables(full, size**3)
        self.right, self.right_rows = _tables(right, size**2)
        self.left, self.left_rows = _tables(left, size**2)
        self.single, self.single_rows = _tables(single, size)
        everything: dict[int, int] = defaultdict(int)
        for row in by_class.values():
            for unit, count in row.items():
                everything[unit] += count
        for number in range(len(CLASSES)):
            by_class.setdefault(number, everything)
        self.by_class, self.class_rows = _tables(by_class, len(CLASSES))
        self.later = [_tables(table, size) for table in later]

    def corrupt(self, text: str, cer: float, rng: np.random.Generator) -> Alignment:
        """``text`` with noise at the rate ``cer``: unit edits of the script / characters.

        Odds of every context are multiplied by one factor, found by bisection over the same random numbers; ratios
        between characters stay. On short texts the rate can only be met to the nearest edit or so, and none above what
        the style can do.
        """
        if not text or cer <= 0:
            return Alignment(text, text, ())
        ids = self.alphabet.encode(text)
        places = triples(ids, self.alphabet.size, self.alphabet.id(EDGE))
        contexts, inverse = _contexts(places, len(self.log_odds))
        odds = self.log_odds[contexts].astype(np.float64)
        fixed = np.array([i for mark in BREAKS for i in _find(text, mark)], dtype=np.int64)
        draw = _Numbers(rng, self.style)
        wanted = cer * len(text)
        amount = np.bincount(inverse, minlength=len(contexts))
        cost = max(1.0, self._cost())
        low, high = -12.0, 14.0
        scale = _solve(odds, amount, wanted / cost)
        best = float("inf")
        chosen: tuple[tuple[Ints, Ints, Ints, Ints], _Drawn] | None = None
        while draw.passes < PASSES:
            draw.passes += 1
            rates = 1 / (1 + np.exp(-(odds + scale)))
            drawn = self._draw(text, ids, places, np.asarray(rates[inverse]), fixed, draw)
            segments = drawn.segments(self.target_lengths)
            reached = int(np.maximum(segments[1] - segments[0], segments[3] - segments[2]).sum())
            if abs(reached - wanted) < best:
                best, chosen = abs(reached - wanted), (segments, drawn)
            if abs(reached - wanted) <= max(TOLERANCE * wanted, 0.5) or high - low < 1e-4:
                break
            low, high = (scale, high) if reached < wanted else (low, scale)
            # where the last step leads if edits grow with the expected number of segments; kept inside the bracket
            expected = float(amount @ rates)
            guess = _solve(odds, amount, expected * wanted / max(reached, 1))
            scale = guess if low < guess < high else (low + high) / 2
        return self._written(text, *chosen) if chosen else Alignment(text, text, ())

    def _cost(self) -> float:
        """Unit edits of a segment on average, as learned."""
        segments = sum(self.style.hit.values())
        return self.style.cer * self.style.characters / max(1, segments)

    def _draw(self, text: str, ids: Ints, places: Ints, rates: Floats, fixed: Ints, draw: _Numbers) -> _Drawn:
        """Units for the whole text."""
        rates = rates.copy()
        rates[fixed] = 0.0
        rates[-1] = rates[-1] if len(text) else 0.0
        running = np.cumsum(rates)
        starts = draw.starts(running)
        units = self._first(ids, places, starts, draw)
        at = np.arange(len(starts))
        all_starts, all_units, owner = [starts], [units], [at]
        ends = np.minimum(starts + self.source_lengths[units], len(text))
        alive = at
        for index in range(LONGEST_CHAIN - 1):
            row = self.chain[min(index, len(self.chain) - 1), self.kinds[units]]
            step = (draw.uniform(("chain", index), len(at))[alive, None] >= row).sum(1)
            going = (step > 0) & (step < 4) & ((step == 2) | (ends[alive] < len(text)))
            alive, step = alive[going], step[going] - 1
            if not len(alive):
                break
            place = ends[alive]
            units = self._next(ids, place, step, draw.uniform(("unit", index), len(at))[alive])
            known = units >= 0
            alive, units, place = alive[known], units[known], place[known]
            if not len(alive):
                break
            ends[alive] = np.minimum(place + self.source_lengths[units], len(text))
            all_starts.append(place)
            all_units.append(units)
            owner.append(alive)
        # a segment that begins before the one ahead has ended is dropped whole; so is one that would only touch it
        reach = np.maximum.accumulate(ends)
        keep = np.ones(len(starts), dtype=bool)
        keep[1:] = starts[1:] > reach[:-1]
        if len(fixed):
            before = np.searchsorted(fixed, starts)
            keep &= (before == len(fixed)) | (fixed[np.minimum(before, len(fixed) - 1)] >= ends)
        whose, begins, what = np.concatenate(owner), np.concatenate(all_starts), np.concatenate(all_units)
        order = np.argsort(whose, kind="stable")
        order = order[keep[whose[order]]]
        begins, what = begins[order], what[order]
        return _Drawn(begins, np.minimum(begins + self.source_lengths[what], len(text)), what)

    def _first(self, ids: Ints, places: Ints, starts: Ints, draw: _Numbers) -> Ints:
        """The first unit of the segments that begin at ``starts``."""
        size = self.alphabet.size
        context = places[starts]
        before, at, after = context // size**2, context // size % size, context % size
        levels = (
            (self.full, self.full_rows[context]),
            (self.right, self.right_rows[at * size + after]),
            (self.left, self.left_rows[before * size + at]),
            (self.single, self.single_rows[at]),
        )
        units = np.full(len(starts), -1, dtype=np.int64)
        for number, (tables, rows) in enumerate(levels):
            open_ = np.flatnonzero((units < 0) & (rows >= 0))
            last = number == len(levels) - 1
            # between the character with its right and its left neighbour one is taken at random
            share = tables.trust[rows[open_]] * (0.5 if number == 1 else 1.0)
            taken = open_ if last else open_[draw.uniform(("level", number), len(starts))[open_] < share]
            found = tables.draw(rows[taken], draw.uniform(("first", number), len(starts))[taken])
            units[taken] = np.where(self._fits(ids, starts[taken], found), found, -1)
        rest = np.flatnonzero(units < 0)
        classes = np.array([*range(len(CLASSES)), *(character_class(c) for c in self.alphabet.characters)])
        found = self.by_class.draw(self.class_rows[classes[at[rest]]], draw.uniform(("class",), len(starts))[rest])
        units[rest] = found
        return units

    def _fits(self, ids: Ints, starts: Ints, units: Ints) -> NDArray[np.bool_]:
        """Whether the text has the units' sources there; the first character always counts as fitting."""
        fits = np.ones(len(starts), dtype=bool)
        for offset in (1, 2):
            long = self.source_lengths[units] > offset
            place = starts + offset
            inside = place < len(ids)
            same = ids[np.minimum(place, len(ids) - 1)] == self.sources[units, offset]
            fits &= ~long | (inside & same)
        return fits

    def _next(self, ids: Ints, places: Ints, kinds: Ints, numbers: Floats) -> Ints:
        """Later units of the given kinds at ``places``; -1 where the style knows none that fits."""
        units = np.full(len(places), -1, dtype=np.int64)
        for which in range(len(KINDS)):
            mine = np.flatnonzero(kinds == which)
            tables, rows = self.later[which]
            row = rows[0 * mine if which == 1 else ids[np.minimum(places[mine], len(ids) - 1)]]
            mine, row = mine[row >= 0], row[row >= 0]
            if len(mine):
                found = tables.draw(row, numbers[mine])
                units[mine] = np.where(self._fits(ids, places[mine], found), found, -1)
        return units

    def _written(self, text: str, segments: tuple[Ints, Ints, Ints, Ints], drawn: _Drawn) -> Alignment:
        pieces: list[str] = []
        position = 0
        targets = self.targets
        for start, end, unit in zip(drawn.starts.tolist(), drawn.ends.tolist(), drawn.units.tolist(), strict=True):
            pieces.append(text[position:start])
            pieces.append(targets[unit])
            position = end
        pieces.append(text[position:])
        edits = zip(*(column.tolist() for column in segments), strict=True)
        return Alignment(text, "".join(pieces), tuple(edits))


class _Numbers:
    """The random numbers of one call: the same ones at every step of the search."""

    def __init__(self, rng: np.random.Generator, style: Style) -> None:
        self.seed = int(rng.integers(2**63))
        self.style = style
        self.totals = np.zeros(0)
        self.passes = 0
        self.drawn: dict[tuple[object, ...], Floats] = {}

    def _generator(self, *names: object) -> np.random.Generator:
        return np.random.default_rng([self.seed, *(hash_name(name) for name in names)])

    def uniform(self, name: tuple[object, ...], count: int) -> Floats:
        """``count`` numbers in [0, 1) called ``name``: a longer series begins as a shorter one does."""
        held = self.drawn.get(name)
        if held is None or len(held) < count:
            held = self._generator(*name).random(max(count, 16) * 2)
            self.drawn[name] = held
        return held[:count]

    def starts(self, running: Floats) -> Ints:
        """Where segments begin, given the running sum of the error probabilities."""
        total = float(running[-1]) if len(running) else 0.0
        count = max(64, int(len(self.totals) or total * 1.5))
        while not len(self.totals) or self.totals[-1] <= total:
            count = int(count * 1.5)
            gaps = draw_gaps(
                count, self.style.gaps, self.style.gap_share, self.style.gap_persistence, self._generator("gaps", count)
            )
            gaps[0] *= self._generator("first").random()
            self.totals = np.cumsum(gaps)
        places = np.searchsorted(running, self.totals[self.totals < total], side="right")
        places = places[places < len(running)]
        return np.asarray(places[np.concatenate([[True], places[1:] > places[:-1]])] if len(places) else places)


def hash_name(name: object) -> int:
    """A small number for a name, the same in every process."""
    return int.from_bytes(str(name).encode("utf-8"), "big") % (2**61 - 1)


def _tables(rows: Mapping[int, Mapping[int, int]], size: int) -> tuple[Tables, NDArray[np.int32]]:
    """Distributions, and the row of each key, -1 for keys without one."""
    place = np.full(size, -1, dtype=np.int32)
    place[list(rows)] = np.arange(len(rows))
    return Tables(list(rows.values())), place


def _contexts(places: Ints, size: int) -> tuple[Ints, NDArray[np.int32]]:
    """The contexts that occur, and which of them each place has."""
    present = np.zeros(size, dtype=bool)
    present[places] = True
    contexts = np.flatnonzero(present)
    number = np.zeros(size, dtype=np.int32)
    number[contexts] = np.arange(len(contexts))
    return contexts, number[places]


def _solve(odds: Floats, amount: Ints, wanted: float) -> float:
    """The shift of log-odds at which ``wanted`` segments are expected."""
    low, high = -14.0, 16.0
    for _ in range(40):
        middle = (low + high) / 2
        if float(amount @ (1 / (1 + np.exp(-(odds + middle))))) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _find(text: str, mark: str) -> list[int]:
    places = []
    place = text.find(mark)
    while place >= 0:
        places.append(place)
        place = text.find(mark, place + 1)
    return places
