"""Contexts of three characters: how likely a change begins at the middle one, with back-off to fewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGE = " "
"""Stands for what lies before the first and after the last character; line breaks and tabs count as spaces too."""
CLASSES = ("lower", "upper", "digit", "mark", "other")
PRIOR = 10.0
"""Characters' worth of evidence that the shorter context counts for against the longer one."""
FREQUENT = 10
"""Characters seen less often than this share the rate of their class."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def codes(text: str) -> NDArray[np.uint32]:
    """The code point of each character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def character_class(character: str) -> int:
    """The index in ``CLASSES``."""
    if character.islower():
        return 0
    if character.isupper():
        return 1
    if character.isdigit():
        return 2
    return 3 if not character.isalpha() else 4


class Alphabet:
    """Characters as small numbers: ``CLASSES`` first, for characters that are not known, then the known ones."""

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = sorted(set(characters) - {"\n", "\r", "\t"})
        self.ids = {character: len(CLASSES) + index for index, character in enumerate(self.characters)}
        for space in "\n\r\t":
            self.ids[space] = self.ids.get(EDGE, CLASSES.index("mark"))
        self.size = len(CLASSES) + len(self.characters)

    def id(self, character: str) -> int:
        """The number of a character."""
        return self.ids.get(character, character_class(character))

    def encode(self, text: str) -> Ints:
        """The number of each character."""
        points = codes(text)
        found, inverse = np.unique(points, return_inverse=True) if len(points) < 4096 else _distinct(points)
        return np.array([self.id(chr(point)) for point in found], dtype=np.int64)[inverse]


def _distinct(points: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Ints]:
    """As ``np.unique`` with its inverse, without sorting."""
    present = np.zeros(int(points.max()) + 1, dtype=bool)
    present[points] = True
    found = np.flatnonzero(present)
    place = np.zeros(len(present), dtype=np.int64)
    place[found] = np.arange(len(found))
    return found.astype(np.uint32), place[points]


def triples(ids: Ints, size: int, edge: int) -> Ints:
    """The number of the context of each character and of the end: ``(before * size + at) * size + after``."""
    around = np.empty(len(ids) + 3, dtype=np.int64)
    around[0] = around[-1] = around[-2] = edge
    around[1:-2] = ids
    return (around[:-2] * size + around[1:-1]) * size + around[2:]


def log_odds(alphabet: Alphabet, seen: Mapping[str, int], hit: Mapping[str, int]) -> NDArray[np.float32]:
    """The log-odds that a change begins at a character, ``[before, at, after]``.

    A context's own count is weighed against what its parts predict: the log-odds of the character, moved by those of
    the character with its left and with its right neighbour; these against the character alone, and it against its
    class. Each step counts for ``PRIOR`` characters.
    """
    size = alphabet.size
    keys = np.array([[alphabet.id(c) for c in context] for context in seen], dtype=np.int64).reshape(-1, 3)
    number: Floats = np.array(list(seen.values()), dtype=np.float64)
    begun = np.array([hit.get(context, 0) for context in seen], dtype=np.float64)

    def counted(columns: list[int]) -> tuple[Floats, Floats]:
        shape = (size,) * len(columns)
        index = np.ravel_multi_index(tuple(keys[:, column] for column in columns), shape)
        flat = size ** len(columns)
        return (
            np.bincount(index, weights=number, minlength=flat).astype(np.float64).reshape(shape),
            np.bincount(index, weights=begun, minlength=flat).astype(np.float64).reshape(shape),
        )

    overall = (begun.sum() + 0.5) / (number.sum() + 100.0)
    alone, alone_hit = counted([1])
    kinds = np.array([*range(len(CLASSES)), *(character_class(c) for c in alphabet.characters)])
    class_seen = np.bincount(kinds, weights=alone, minlength=len(CLASSES))
    class_hit = np.bincount(kinds, weights=alone_hit, minlength=len(CLASSES))
    by_class = _share(class_hit, class_seen, overall)[kinds]
    single = _share(alone_hit, alone, by_class)
    left, left_hit = counted([0, 1])
    right, right_hit = counted([1, 2])
    with_left = _share(left_hit, left, single[None, :])
    with_right = _share(right_hit, right, single[:, None])
    table = _logit(with_left)[:, :, None] + (_logit(with_right) - _logit(single)[:, None])[None, :, :]
    index = (keys[:, 0] * size + keys[:, 1]) * size + keys[:, 2]
    flat = table.astype(np.float32).reshape(-1)
    predicted = 1 / (1 + np.exp(-flat[index].astype(np.float64)))
    # contexts that share an index (rare characters of one class) are added up
    _, place = np.unique(index, return_inverse=True)
    total = np.bincount(place, weights=number)
    total_hit = np.bincount(place, weights=begun)
    flat[index] = _logit(_share(total_hit[place], total[place], predicted)).astype(np.float32)
    return flat.reshape(size, size, size)


def _share(hit: NDArray[Any], seen: NDArray[Any], prior: Floats | float) -> Floats:
    return np.asarray((hit + PRIOR * prior) / (seen + PRIOR))


def _logit(share: Floats) -> Floats:
    share = np.clip(share, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(share / (1 - share)))
