"""Strategies of the same comparison that were made in other folders: on other cards, or on other machines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in, replacing_folder
from ocr_neurons.common.manifest import Manifest
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.shown import carry
from ocr_neurons.strategies.strategy import MADE, NOTHING, Strategy
from ocr_neurons.strategies.table import STRATEGIES

PROBE = "probe"
Keys = Callable[[Sequence[Strategy]], Mapping[str, str]]
"""The keys of strategies, by name."""


@dataclass(frozen=True)
class Part:
    """A folder of another call, and the keys of what in it belongs to this comparison, by the strategies' names."""

    folder: Path
    keys: Mapping[str, str]


def parts_of(bench: Bench, folders: Sequence[Path], keys: Keys, doors: ExitStack) -> list[Part]:
    """Look into folders from which strategies are to be taken over, before anything is written.

    Each is kept to ourselves as long as ``doors`` is open. The bench's own folder is passed over.

    Raises:
        UserError: no tagger was given, so that each folder has another plain one; a folder that is no comparison, in
            which another process works, or in which nothing fits.
    """
    if folders and bench.given is None:
        raise UserError(
            f"--join with the model {bench.config.model} given: each folder would have a plain tagger of its own; "
            "train one with ocr-neurons train, and give its folder to all calls"
        )
    found: dict[Path, Part] = {}
    for folder in folders:
        if not Manifest(folder).path.exists():
            raise UserError(f"{folder}: no comparison of strategies; wanted a folder that was --out of one")
        place = folder.resolve()
        if place != bench.out.resolve() and place not in found:
            doors.enter_context(alone_in(folder))
            found[place] = _part(bench, folder, keys)
    return list(found.values())


def _part(bench: Bench, folder: Path, keys_of: Keys) -> Part:
    there = Manifest(folder)
    keys = keys_of([strategy for name, strategy in STRATEGIES.items() if name in there.value["steps"]])
    fits = {name: key for name, key in keys.items() if there.done(name, key, [folder / name / MADE])}
    if not fits:
        raise UserError(
            f"{folder}: nothing in it was made from {bench.config.model} and {bench.data.name} with these settings and "
            "this version, in this precision; wanted calls that differ in --only, --out and --device alone"
        )
    return Part(folder, fits)


def take_over(bench: Bench, parts: Sequence[Part]) -> None:
    """Copy into the bench's folder what was made in others with the same keys and is not here, with its test scores.

    Raises:
        UserError: a file that cannot be copied.
    """
    for part in parts:
        _from_one(bench, part)


def _from_one(bench: Bench, part: Part) -> None:
    there, folder = Manifest(part.folder), part.folder
    new = [name for name, key in part.keys.items() if not bench.manifest.done(name, key, [bench.folder(name) / MADE])]
    for name in new:
        _copy(folder / name, bench.folder(name))
        _record(bench, there, [name, f"test {name}", f"random {name}"])
    carry(bench.manifest, there)
    if PROBE not in bench.manifest.value["steps"]:
        _record(bench, there, [PROBE])  # what it took is part of what they took
    taken = [name for name in new if name != NOTHING]
    bench.reporter.say(f"{folder}: {', '.join(taken) or 'nothing new'} taken over")
    begun = {line.split()[0] for line in there.value.get("begun", ())}
    for name in STRATEGIES:
        if name in part.keys or name not in begun | there.value["steps"].keys():
            continue
        whole = name in there.value["steps"] and (folder / name / MADE).exists()
        why = "made with other settings" if whole else "not finished there"
        bench.reporter.say(f"  {name} is not taken over: {why}")


def _copy(source: Path, target: Path) -> None:
    with replacing_folder(target) as part:
        try:
            shutil.copytree(source, part, dirs_exist_ok=True)
        except shutil.Error as error:
            file, _, why = error.args[0][0]
            raise UserError(f"{file}: cannot be copied ({why}); make it readable, or make room for it") from None


def _record(bench: Bench, there: Manifest, steps: Sequence[str]) -> None:
    for step in steps:
        if known := there.value["steps"].get(step):
            bench.manifest.record(step, known["key"], known["seconds"])
