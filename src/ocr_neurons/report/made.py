"""How a run was made, as tables: the data, the settings, versions, hardware, times. Shows what the files hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocr_neurons.report.chart import Table
from ocr_neurons.report.inputs import Run
from ocr_neurons.report.phrase import NONE, seconds, whole

PAGE = "report"
"""The step that writes the page, which is not done when the page is first written: no part of it."""
SHOWN = ("begun", "command", "started", "versions", "hardware", "seed", "config", "hashes", "steps")


def data_table(described: Mapping[str, Any]) -> Table:
    """Documents, sentences, tokens and entities of each split."""
    splits = {name: split for name, split in _mapping(described.get("splits")).items() if isinstance(split, Mapping)}
    types = sorted({str(kind) for split in splits.values() for kind in _mapping(split.get("entities"))})
    rows = []
    for name, split in splits.items():
        entities = _mapping(split.get("entities"))
        share = split.get("noisy_entities")
        rows.append(
            (
                str(name),
                *(_count(split.get(what)) for what in ("documents", "sentences", "tokens")),
                _count(sum(n for n in entities.values() if isinstance(n, int))),
                *(_count(entities.get(kind, 0)) for kind in types),
                f"{100 * share:.0f} %" if isinstance(share, int | float) else NONE,
            )
        )
    return Table(("split", "documents", "sentences", "tokens", "entities", *types, "noisy"), rows)


def fact_tables(run: Run) -> dict[str, Table]:
    """Settings, versions, hardware, times and hashes by title; those that the run does not record are left out."""
    manifest = run.manifest
    steps = {name: step for name, step in _mapping(manifest.get("steps")).items() if name != PAGE}
    rest = {name: value for name, value in manifest.items() if name not in SHOWN}
    config = [row for row in flatten(manifest.get("config")) if run.trained or not row[0].startswith("train.")]
    tables = {
        "Settings": Table(("setting", "value"), config),
        "Versions": Table(("package", "version"), flatten(manifest.get("versions"))),
        "Hardware": Table(("part", "what"), flatten(manifest.get("hardware"))),
        "Times": Table(("step", "time"), [(name, seconds(time)) for name, time in run.timings.items() if name != PAGE]),
        "Hashes": Table(("file", "hash"), flatten(manifest.get("hashes"))),
        "Steps": Table(("step", "key"), flatten(steps)),
        "Other facts": Table(("name", "value"), flatten(rest)),
    }
    return {title: table for title, table in tables.items() if table.rows}


def flatten(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested objects as rows of dotted name and value; lists on one line."""
    if isinstance(value, Mapping):
        return [
            row for name, part in value.items() for row in flatten(part, f"{prefix}.{name}" if prefix else str(name))
        ]
    if value is None and not prefix:
        return []
    shown = ", ".join(map(str, value)) if isinstance(value, list) else NONE if value is None else str(value)
    return [(prefix, shown)]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> str:
    return whole(value) if isinstance(value, int) else NONE
