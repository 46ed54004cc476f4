"""Several runs side by side: what each found, seeds of one model and data together, and what sets them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.report.inputs import Difference, Run, read_run
from ocr_neurons.report.made import flatten

OWN = ("model", "data", "seed")
"""Settings in which runs are meant to differ."""
VERSIONS = ("ocr-neurons", "torch", "transformers", "peft")


@dataclass(frozen=True)
class Member:
    """A run among others: its folder, what it found, and the name it goes by in figures and tables."""

    folder: Path
    run: Run
    name: str

    @property
    def group(self) -> tuple[str, str]:
        """Model and data; runs that share them differ in seed or settings."""
        return self.run.model, self.run.data

    @property
    def recipe(self) -> tuple[tuple[str, str], ...] | None:
        """All settings but the seed, by which repeated trainings are known; None where the tagger was given."""
        if not self.run.trained:
            return None
        return tuple(row for row in flatten(self.run.manifest.get("config")) if row[0] not in OWN)

    @property
    def cost(self) -> Difference | None:
        """What OCR noise costs in strict F1: clean twin minus OCR text."""
        return self.run.twin.difference if self.run.twin else None

    @property
    def short_verdict(self) -> str:
        """The verdict's first clause."""
        return self.run.verdict.partition(":")[0].rstrip(".")


@dataclass(frozen=True)
class Spread:
    """A number over the runs of a group: mean, least and greatest, and of how many."""

    mean: float
    least: float
    most: float
    count: int


@dataclass(frozen=True)
class Group:
    """Runs of one model on one data set."""

    model: str
    data: str
    members: tuple[Member, ...]

    @property
    def seeds(self) -> bool:
        """Whether these are trainings of one tagger that differ in their seed and in nothing else that was set."""
        seeds, recipes = {m.run.seed for m in self.members}, {m.recipe for m in self.members}
        return len(self.members) > 1 and len(seeds) == len(self.members) and len(recipes) == 1 and None not in recipes

    @property
    def title(self) -> str:
        """Model and data, short."""
        return f"{_short(self.model)} · {_short(self.data)}"

    def spread(self, of: Callable[[Member], float | None]) -> Spread | None:
        """Mean and range of a number over the runs that have it; None where fewer than two do."""
        values = [value for member in self.members if (value := of(member)) is not None]
        return Spread(fmean(values), min(values), max(values), len(values)) if len(values) > 1 else None


def read_runs(folders: Sequence[Path]) -> list[Member]:
    """Read run folders and name them; runs of one model and data stand together, by seed, in the order first given.

    Raises:
        UserError: a folder is no finished run, or is given twice.
    """
    seen: set[Path] = set()
    for folder in folders:
        if not (folder / "summary.json").is_file():
            raise UserError(f"{folder}: no summary.json in it; wanted the folder of a finished `ocr-neurons run`")
        if folder.resolve() in seen:
            raise UserError(f"{folder}: given twice; wanted different runs to compare")
        seen.add(folder.resolve())
    runs = [(folder, read_run(folder)) for folder in folders]
    order = list(dict.fromkeys((run.model, run.data) for _, run in runs))
    runs.sort(key=lambda item: (order.index((item[1].model, item[1].data)), item[1].seed))
    plain = [f"{_short(run.model)} · {_short(run.data)} · seed {run.seed}" for _, run in runs]
    again = Counter(plain)
    return [
        Member(folder, run, f"{name} ({folder.resolve().name})" if again[name] > 1 else name)
        for (folder, run), name in zip(runs, plain, strict=True)
    ]


def groups(members: Sequence[Member]) -> list[Group]:
    """The runs by model and data, in their order."""
    found: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        found.setdefault(member.group, []).append(member)
    return [Group(*key, tuple(inside)) for key, inside in found.items()]


def apart(members: Sequence[Member]) -> list[str]:
    """What stands in the way of comparing the runs number by number, in sentences; empty if nothing does."""
    said = [*_data(members), *_twins(members), *_versions(members), *_settings(members)]
    unknown = [member.name for member in members if not member.run.manifest]
    if unknown:
        said.append(f"Without a manifest, so that versions, data and settings are not known: {'; '.join(unknown)}.")
    return said


def _data(members: Sequence[Member]) -> list[str]:
    said = []
    names = list(dict.fromkeys(member.run.data for member in members))
    if len(names) > 1:
        said.append(
            f"The runs are on different data ({', '.join(names)}): scores, and points gained or lost, are of other "
            "documents, and only their signs and intervals can be set beside one another."
        )
    for name in names:
        same = [member for member in members if member.run.data == name]
        tests = {(member.run.test_documents, member.run.entities) for member in same}
        hashes = {_at(member, "hashes", "data") for member in same} - {None}
        if len(tests) > 1:
            sizes = "; ".join(
                f"{documents or 'an unknown number of'} documents with {entities or 'an unknown number of'} entities"
                for documents, entities in sorted(tests, key=str)
            )
            said.append(f"Different test documents under the name {name}: {sizes}.")
        elif len(hashes) > 1:
            said.append(
                f"The data called {name} differ in documents or labels between runs: their hashes are not the same."
            )
    return said


def _twins(members: Sequence[Member]) -> list[str]:
    scopes = {member.run.twin.whole for member in members if member.run.twin}
    if len(scopes) > 1:
        return ["What noise costs is measured on wholly clean text in some runs, on clean entities alone in others."]
    return []


def _versions(members: Sequence[Member]) -> list[str]:
    said = []
    for package in VERSIONS:
        found = sorted({str(version) for m in members if (version := _at(m, "versions", package)) is not None})
        if len(found) > 1:
            said.append(f"{package} {' and '.join(found)}")
    for key, what in (("dtype", "precision"), ("device", "device")):
        found = sorted({str(value) for m in members if (value := m.run.manifest.get(key)) is not None})
        if len(found) > 1:
            said.append(f"{what} {' and '.join(found)}")
    return [f"Not all were made with the same program or machine: {'; '.join(said)}."] if said else []


def _settings(members: Sequence[Member], most: int = 8) -> list[str]:
    tables = [dict(flatten(m.run.manifest.get("config"))) for m in members if m.run.manifest.get("config")]
    names = list(dict.fromkeys(name for table in tables for name in table if name not in OWN))
    differ = [name for name in names if len({table.get(name) for table in tables}) > 1]
    if not differ:
        return []
    more = f" and {len(differ) - most} more" if len(differ) > most else ""
    return [f"Settings differ beyond model, data and seed: {', '.join(differ[:most])}{more}."]


def _at(member: Member, *keys: str) -> Any:  # noqa: ANN401 - whatever the manifest holds
    value: Any = member.run.manifest
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _short(name: str) -> str:
    """The last part of a path; names as they are."""
    return Path(name).name or name
