"""Names that were found, and forms that OCR may have made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

ALIKE = 0.8
"""Similarity (1 − Levenshtein / longer length, case ignored) from which a rarer form may be another one misread."""
SHORTEST = 5
"""Characters that a form must have for that: among shorter ones, one letter makes another name."""
TARGETS = 1_000
"""The most frequent forms of a type, which alone can be what a rarer one was meant to be."""


@dataclass(slots=True)
class Name:
    """A form of one type: how often, in which files, how sure at best; ``perhaps``: rarer forms much like it."""

    type: str
    form: str
    times: int = 0
    files: set[str] = field(default_factory=set)
    best: float = 0.0
    perhaps: list[Name] = field(default_factory=list)

    def add(self, file: str, confidence: float) -> None:
        """Count a mention."""
        self.times += 1
        self.files.add(file)
        self.best = max(self.best, confidence)


def gathered(names: Iterable[Name]) -> list[Name]:
    """The names, most frequent first, rarer forms under the one of their type that they resemble most.

    Nothing is merged: a form stands under another as ``perhaps``, and only under one that is more frequent and not
    itself under a third. Two names that differ by a letter (*Jansen*, *Janssen*) may be gathered wrongly.
    """
    by_type: dict[str, list[Name]] = defaultdict(list)
    for name in sorted(names, key=_order):
        by_type[name.type].append(name)
    return sorted((name for some in by_type.values() for name in _gather(some)), key=_order)


def _order(name: Name) -> tuple[int, float, str, str]:
    return -name.times, -name.best, name.form, name.type


def _gather(names: list[Name]) -> list[Name]:
    heads: list[Name] = []
    keys: list[str] = []
    for name in names:  # most frequent first
        key = name.form.casefold()
        found = None
        if len(key) >= SHORTEST and keys:
            found = process.extractOne(key, keys, scorer=Levenshtein.normalized_similarity, score_cutoff=ALIKE)
        if found and heads[found[2]].times > name.times:
            heads[found[2]].perhaps.append(name)
            continue
        heads.append(name)
        if len(keys) < TARGETS:
            keys.append(key)
    return heads
