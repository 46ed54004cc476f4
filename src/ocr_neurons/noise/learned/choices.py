"""Which unit a changed segment begins with and goes on with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.noise.learned.contexts import CLASSES, Alphabet, character_class
from ocr_neurons.noise.learned.model import Style
from ocr_neurons.noise.learned.numbers import Numbers
from ocr_neurons.noise.learned.tables import Tables
from ocr_neurons.noise.learned.units import KINDS, cut, kind

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Choices:
    """The units of a style by number, and their distributions by context.

    ``targets`` are their texts; ``source_lengths``, ``target_lengths``, ``kinds`` (indices in ``KINDS``) and
    ``target_codes`` (the code point of targets of one character, -1 otherwise) are arrays by number.
    """

    def __init__(self, style: Style, alphabet: Alphabet) -> None:
        self.style = style
        self.alphabet = alphabet
        self.classes = np.array([*range(len(CLASSES)), *map(character_class, self.alphabet.characters)])
        self._units: dict[tuple[str, str], int] = {}
        self._index()
        self.targets = [target for _, target in self._units]
        self.target_lengths = np.array([len(target) for _, target in self._units], dtype=np.int64)
        self.source_lengths = np.array([len(source) for source, _ in self._units], dtype=np.int64)
        self.target_codes = np.array([ord(target) if len(target) == 1 else -1 for target in self.targets])
        self.kinds = np.array([kind(unit) for unit in self._units], dtype=np.int64)
        sources = np.full((len(self._units), 3), -1, dtype=np.int64)
        for (source, _), number in self._units.items():
            sources[number, : len(source)] = [self.alphabet.id(c) for c in source]
        self.sources = sources

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
                table = later[kind((source, target))]
                table[alphabet.id(source[0]) if source else size][unit] += count
                if len(source) == 1:
                    table[size][unit] += count
        self.full, self.full_rows = _tables(full, size**3)
        self.right, self.right_rows = _tables(right, size**2)
        self.left, self.left_rows = _tables(left, size**2)
        self.single, self.single_rows = _tables(single, size)
        everything: dict[int, int] = defaultdict(int)
        for row in by_class.values():
            for unit, count in row.items():
                everything[unit] += count
        if not everything:  # confusions of several characters alone were seen: take them apart
            for sources in self.style.changes.values():
                for source, targets in sources.items():
                    for target, count in targets.items():
                        for part in cut((source, target), Counter()):
                            everything[self._units.setdefault(part, len(self._units))] += count
        for number in range(len(CLASSES)):
            by_class.setdefault(number, everything)
        self.by_class, self.class_rows = _tables(by_class, len(CLASSES))
        self.later = [_tables(table, size + 1) for table in later]

    def first(self, ids: Ints, places: Ints, starts: Ints, numbers: Ints, draw: Numbers) -> Ints:
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
            if not len(open_):
                continue
            last = number == len(levels) - 1
            share = tables.trust[rows[open_]]
            taken = open_ if last else open_[draw.uniform(("level", number), numbers[open_]) < share]
            found = tables.draw(rows[taken], draw.uniform(("first", number), numbers[taken]))
            units[taken] = np.where(self._fits(ids, starts[taken], found), found, -1)
        rest = np.flatnonzero(units < 0)
        if len(rest):
            rows = self.class_rows[self.classes[at[rest]]]
            units[rest] = self.by_class.draw(rows, draw.uniform(("class",), numbers[rest]))
        return units

    def _fits(self, ids: Ints, starts: Ints, units: Ints) -> NDArray[np.bool_]:
        """Whether the text has the units' sources there; the first character always counts as fitting."""
        fits = np.ones(len(starts), dtype=bool)
        lengths = self.source_lengths[units]
        for offset in (1, 2):
            long = np.flatnonzero(lengths > offset)
            if len(long):
                place = starts[long] + offset
                same = ids[np.minimum(place, len(ids) - 1)] == self.sources[units[long], offset]
                fits[long] &= same & (place < len(ids))
        return fits

    def later_units(self, ids: Ints, places: Ints, kinds: Ints, trusting: Floats, numbers: Floats) -> Ints:
        """Later units of the given kinds at ``places``; -1 where the style knows none at all.

        Drawn from those seen at the character, as far as they are to be trusted, or from all of the kind.
        """
        units = np.full(len(places), -1, dtype=np.int64)
        for which, (tables, rows) in enumerate(self.later):
            mine = np.flatnonzero(kinds == which)
            if not len(mine) or rows[-1] < 0:
                continue
            row = rows[ids[np.minimum(places[mine], len(ids) - 1)]]
            row = np.where((row >= 0) & (trusting[mine] < tables.trust[row]), row, rows[-1])
            found = tables.draw(row, numbers[mine])
            misfit = ~self._fits(ids, places[mine], found)
            found[misfit] = tables.draw(np.full(int(misfit.sum()), rows[-1]), numbers[mine][misfit])
            units[mine] = found
        return units


def _tables(rows: Mapping[int, Mapping[int, int]], size: int) -> tuple[Tables, NDArray[np.int32]]:
    """Distributions, and the row of each key, -1 for keys without one."""
    place = np.full(size, -1, dtype=np.int32)
    place[list(rows)] = np.arange(len(rows))
    return Tables(list(rows.values())), place
