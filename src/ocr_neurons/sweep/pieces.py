"""Long texts as several attributes of a study or trial: MySQL and MariaDB hold at most 65,535 bytes in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, takewhile
from typing import Any

PIECE = 30_000
"""Characters of a piece: of ASCII, as all is that is kept so, JSON writes each as two bytes at most."""


def pieces(name: str, text: str, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values, to be written in this order: ``name`` itself, which says that the text is there, comes last.

    ``known`` are the attributes that are there; where a longer text stood under the name, it is ended.
    """
    parts = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    keys = _keys(name)
    named = [(next(keys), part) for part in parts]
    after = next(keys)
    if known.get(after):
        yield after, ""
    yield from reversed(named)


def whole(name: str, known: Mapping[str, Any]) -> str:
    """The text that was written in pieces, of the attributes ``known``; empty where there is none."""
    return "".join(takewhile(bool, (str(known.get(key, "")) for key in _keys(name))))


def _keys(name: str) -> Iterator[str]:
    """``scores``, ``scores 2``, ``scores 3`` …"""
    yield name
    yield from (f"{name} {number}" for number in count(2))
