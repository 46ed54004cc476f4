"""The one error a user may cause."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """Bad input: says in one line what was given, what was wanted and what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """``"; nearest: a, b"`` for the names most like ``name``, or all names when few, or nothing."""
    names = sorted(known)
    close = get_close_matches(name, names, n=count, cutoff=0.5) or (names if len(names) <= 8 else [])
    return f"; nearest: {', '.join(close)}" if close else ""
