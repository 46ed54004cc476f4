"""Settings whose edit acts while a tagger is trained as well: the paper's first experiment (arXiv 2409.16934)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.ner.given import Given, read_given
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.train import train
from ocr_neurons.noise.training import training_noise
from ocr_neurons.sweep.grid import EditMaker, Setting
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document


@dataclass(frozen=True)
class Retraining:
    """Taggers like a given one, each trained under the edit of a setting, with the given one's recipe and seed."""

    given: Given
    data: Dataset
    edits: EditMaker
    dtype: torch.dtype
    device: torch.device

    def tag(self, setting: Setting, documents: Sequence[Document]) -> list[Document]:
        """Train a tagger under the setting's edit, and tag the documents under it. The tagger is not kept."""
        given, recipe, edit = self.given, self.given.recipe, self.edits.of(setting)
        with tempfile.TemporaryDirectory(prefix="ocr-neurons-retrained-") as folder:
            train(
                self.data.train, given.base, Path(folder) / "tagger", dev=self.data.dev, recipe=recipe,
                labels=given.labels, corrupt=training_noise(recipe.noise, self.data) if recipe.noise_share else None,
                during=edit.on, seed=given.seed, dtype=self.dtype, device=self.device, data=given.data,
            )  # fmt: skip
            tagger = load_tagger(Path(folder) / "tagger", dtype=self.dtype, device=self.device)
        with edit.on(tagger.model):
            return list(tagger.tag(documents))


def retraining(
    folder: Path,
    data: Dataset,
    edits: EditMaker,
    dtype: torch.dtype,
    device: torch.device,
    reporter: Reporter | None = None,
) -> Retraining:
    """What trains the tagger in ``folder`` anew; ``reporter`` is told where that was trained on other data.

    Raises:
        UserError: no train split; a tagger that does not say how it was trained, or whose weights hold an edit.
    """
    data.require("train")
    given = read_given(folder)
    if given is None:
        raise UserError(f"{folder}: no tagger; wanted the folder of one that `ocr-neurons train` wrote")
    if given.edits:
        raise UserError(f"{folder}: an edit is folded into its weights; wanted the tagger before it was baked")
    if reporter and given.data_hash and given.data_hash != data.digest():
        reporter.warn(
            f"{folder} was trained on other data ({given.data}) than {data.name}, which taggers are trained on here; "
            "the difference to it is not that of the edit alone"
        )
    return Retraining(given, data, edits, dtype, device)
