"""What the explorer takes from a run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.manifest import Manifest
from ocr_neurons.config import Config, load_config
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import CARD
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.steps import PROFILE, load_profiles
from ocr_neurons.text.datasets import Dataset, load_dataset

SETTINGS, RANKING, EDIT = "run.toml", "ranking.json", "edit.json"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, read.

    Attributes:
        tagger: the folder of the run's tagger.
        profiles: what noise does, and a placebo where one was read.
        edit: what dev chose, None where the run has not come so far.
        data: the documents; empty where they are not on this machine.
        no_data: why they are not, in a sentence; empty where they are.
    """

    name: str
    config: Config
    tagger: Path
    ranking: NeuronSet
    profiles: Profiles
    edit: Edits | None
    data: Dataset
    no_data: str


def open_run(folder: Path) -> RunFolder:
    """Read what is needed of a run's folder; the tagger's weights are loaded elsewhere.

    Raises:
        UserError: no folder, or one without the settings, tagger, profile or ranking of a run, or with broken ones.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; wanted that of an `ocr-neurons run`")
    missing = [name for name in (SETTINGS, PROFILE, RANKING) if not (folder / name).is_file()]
    config = Config() if SETTINGS in missing else load_config(folder / SETTINGS)
    given = Path(config.model)
    tagger = given if SETTINGS not in missing and (given / CARD).is_file() else folder / "tagger"
    if not (tagger / CARD).is_file():
        missing.append(f"tagger/{CARD}")
    if missing == [f"tagger/{CARD}"] and not given.is_absolute() and not _trained_here(folder):
        raise UserError(
            f"{folder}: its tagger, given as {given}, is not found from here; start where the run was started"
        )
    if missing:
        raise UserError(
            f"{folder}: no {', '.join(missing)} in it; wanted the folder of an `ocr-neurons run` that has ranked its "
            "neurons; the run's own command goes on where it stopped"
        )
    data, no_data = _data(config.data)
    edit = folder / EDIT
    return RunFolder(
        folder.resolve().name,
        config,
        tagger,
        NeuronSet.load(folder / RANKING),
        load_profiles(config, folder),
        Edits.load(edit) if edit.is_file() else None,
        data,
        no_data,
    )


def _trained_here(folder: Path) -> bool:
    """Whether the run trained a tagger of its own."""
    manifest = folder / "manifest.json"
    return not manifest.is_file() or "train" in Manifest(folder).value["steps"]


def _data(name: str) -> tuple[Dataset, str]:
    """The run's documents; a run may have been made on another machine, and a pasted text needs none."""
    try:
        return load_dataset(name), ""
    except UserError as error:
        return Dataset(name), f"The run's documents are not on this machine: {error}."
