"""Which test scores were on the table before which strategies were asked for: whoever saw them chose with them.

Dev chooses among the strategies of the table; who adds one after a look at test may do so because of what test said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_neurons.common.manifest import Manifest
from ocr_neurons.strategies.strategy import NOTHING

SHOWN = "shown"


def show(manifest: Manifest, keys: Mapping[str, str]) -> list[dict[str, str]]:
    """Write down what stands in a table that is shown now: keys of strategies by name, a dictionary a table.

    Each dictionary holds what is new in its table. Returns all, the first table's first.
    """
    tables: list[dict[str, str]] = list(manifest.value.get(SHOWN, ()))
    new = {name: key for name, key in keys.items() if not any(table.get(name) == key for table in tables)}
    if new:
        tables.append(new)
        manifest.note(**{SHOWN: tables})
    return tables


def afterwards(tables: Sequence[Mapping[str, str]], keys: Mapping[str, str]) -> list[str]:
    """Notes on the strategies in the table of now (``keys``) that were made when others' test scores were known."""
    notes, before = [], set[str]()
    for table in tables:
        late = [name for name, key in table.items() if keys.get(name) == key and name != NOTHING]
        if late and before:
            notes.append(
                f"`{'`, `'.join(late)}`: made after test scores of `{'`, `'.join(sorted(before))}` had been shown in "
                "this folder (strategies made again stood there with other settings, data or version). If those led to "
                "it, what is chosen here was partly chosen on test."
            )
        before |= table.keys() - {NOTHING}
    return notes
