"""Which test scores were on the table before which strategies were asked for: whoever saw them chose with them.

Dev chooses among the strategies of the table; who adds one after a look at test may do so because of what test said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_neurons.common.manifest import Manifest
from ocr_neurons.strategies.strategy import NOTHING

SHOWN, CARRIED = "shown", "shown_elsewhere"
Table = Mapping[str, str]
"""Keys of the strategies in a table, by name."""


def show(manifest: Manifest, keys: Table) -> list[Table]:
    """Write down what stands in a table that is shown now; returns all that were, the first one first.

    Tables over another plain tagger, or other data, or of another version, are those of another comparison: they are
    forgotten.
    """
    tables: list[Table] = [table for table in manifest.value.get(SHOWN, ()) if table.get(NOTHING) == keys.get(NOTHING)]
    if not tables or tables[-1] != keys:
        tables.append(dict(keys))
    manifest.note(**{SHOWN: tables})
    return tables


def afterwards(tables: Sequence[Table]) -> list[str]:
    """Notes on the strategies of the last table that came into it when test scores of others had been shown.

    One that was there before with other settings counts as new, one that went back to earlier settings as well.
    """
    late: dict[int, list[str]] = {}
    for name, key in tables[-1].items() if tables else ():
        since = len(tables) - 1
        while since and tables[since - 1].get(name) == key:
            since -= 1
        if name != NOTHING:
            late.setdefault(since, []).append(name)
    notes = []
    for since, names in sorted(late.items()):
        if before := {name for table in tables[:since] for name in table} - {NOTHING}:
            notes.append(
                f"`{'`, `'.join(names)}`: made after test scores of `{'`, `'.join(sorted(before))}` had been shown "
                "(a strategy that is named twice stood there with other settings). If those led to it, what is chosen "
                "here was partly chosen on test."
            )
    return notes


def carry(manifest: Manifest, there: Manifest) -> None:
    """Keep what is to be said of a comparison whose strategies are taken over from another folder."""
    known = manifest.value.get(CARRIED, [])
    new = [*there.value.get(CARRIED, ()), *afterwards(there.value.get(SHOWN, ()))]
    if new:
        manifest.note(**{CARRIED: list(dict.fromkeys([*known, *new]))})


def said(manifest: Manifest, keys: Table) -> list[str]:
    """Show a table, and all that must be said of when its strategies were asked for."""
    return list(dict.fromkeys([*manifest.value.get(CARRIED, ()), *afterwards(show(manifest, keys))]))
