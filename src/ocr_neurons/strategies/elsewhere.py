"""Strategies of the same comparison that were made in other folders: on other cards, or on other machines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in, replacing_folder
from ocr_neurons.common.manifest import Manifest
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.strategy import MADE, NOTHING, Strategy
from ocr_neurons.strategies.table import STRATEGIES

PROBE = "probe"
Keys = Callable[[Sequence[Strategy]], Mapping[str, str]]
"""The keys of strategies, by name."""


def check_folders(bench: Bench, folders: Sequence[Path]) -> None:
    """Refuse folders from which nothing can be taken over, before anything is written.

    Raises:
        UserError: no tagger was given, so that each folder has another plain one; or a folder that is no comparison.
    """
    if folders and bench.given is None:
        raise UserError(
            f"--join with the model {bench.config.model} given: each folder would have a plain tagger of its own; "
            "train one with ocr-neurons train, and give its folder to all calls"
        )
    for folder in folders:
        if not Manifest(folder).path.exists():
            raise UserError(f"{folder}: no comparison of strategies; wanted a folder that was --out of one")


def take_over(bench: Bench, folders: Sequence[Path], keys: Keys) -> None:
    """Copy into the bench's folder what was made in others with the same keys and is not here, with its test scores.

    Raises:
        UserError: a folder in which nothing fits; names the first.
    """
    for folder in folders:
        if not folder.samefile(bench.out):
            with alone_in(folder):
                _from_one(bench, folder, keys)


def _from_one(bench: Bench, folder: Path, keys_of: Keys) -> None:
    there = Manifest(folder)
    keys = keys_of([strategy for name, strategy in STRATEGIES.items() if name in there.value["steps"]])
    fits = [name for name, key in keys.items() if there.done(name, key, [folder / name / MADE])]
    if not fits:
        raise UserError(
            f"{folder}: nothing in it was made from {bench.config.model} and {bench.data.name} with these settings and "
            "this version, in this precision; wanted calls that differ in --only, --out and --device alone"
        )
    new = [name for name in fits if not bench.manifest.done(name, keys[name], [bench.folder(name) / MADE])]
    for name in new:
        with replacing_folder(bench.folder(name)) as part:
            shutil.copytree(folder / name, part, dirs_exist_ok=True)
        _record(bench, there, [name, f"test {name}", f"random {name}"])
    if PROBE not in bench.manifest.value["steps"]:
        _record(bench, there, [PROBE])  # what it took is part of what they took
    taken = [name for name in new if name != NOTHING]
    left = [name for name in there.value["steps"] if name in STRATEGIES and name not in fits]
    bench.reporter.say(f"{folder}: {', '.join(taken) or 'nothing new'} taken over")
    if left:
        bench.reporter.say(f"  not taken over, made with other settings: {', '.join(left)}")


def _record(bench: Bench, there: Manifest, steps: Sequence[str]) -> None:
    for step in steps:
        if known := there.value["steps"].get(step):
            bench.manifest.record(step, known["key"], known["seconds"])
