"""Settings whose edit acts while a tagger is trained as well: the paper's first experiment (arXiv 2409.16934)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.ner.examples import Corrupt
from ocr_neurons.ner.given import Given, read_given
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import train
from ocr_neurons.noise.training import noise_file, training_noise
from ocr_neurons.sweep.grid import EditMaker, Setting
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document


@dataclass(frozen=True)
class Retraining:
    """Taggers like a given one, each trained under the edit of a setting, with the given one's recipe and seed."""

    given: Given
    data: Dataset
    edits: EditMaker
    corrupt: Corrupt | None
    dtype: torch.dtype
    device: torch.device

    def tag(self, setting: Setting, documents: Sequence[Document]) -> list[Document]:
        """Train a tagger under the setting's edit, and tag the documents under it. The tagger is not kept."""
        given, edit = self.given, self.edits.of(setting)
        with tempfile.TemporaryDirectory(prefix="ocr-neurons-retrained-") as folder:
            train(
                self.data.train, given.base, Path(folder) / "tagger", dev=self.data.dev, recipe=given.recipe,
                labels=given.labels, corrupt=self.corrupt, during=edit.on, seed=given.seed, dtype=self.dtype,
                device=self.device, data=given.data,
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
        UserError: no train split; a tagger that does not say how it was trained, whose weights hold an edit, or that
            was trained in another precision or with a noise model that is no longer there.
    """
    data.require("train")
    given = read_given(folder)
    if given is None:
        raise UserError(f"{folder}: no tagger; wanted the folder of one that `ocr-neurons train` wrote")
    if given.edits:
        raise UserError(f"{folder}: an edit is folded into its weights; wanted the tagger before it was baked")
    here = str(dtype).removeprefix("torch.")
    if given.dtype not in ("", here):
        raise UserError(f"{folder}: was trained in {given.dtype}; {here} would be used here; say --dtype {given.dtype}")
    noise = given.recipe.noise
    if given.noise_hash and noise_file(noise) != given.noise_hash:
        raise UserError(f"{folder}: the noise model {noise} is not the one it was trained with; put that file there")
    if reporter and given.other_data(data):
        reporter.warn(
            f"{folder} was trained on other data ({given.data}) than {data.name}, which taggers are trained on here; "
            "the difference to it is not that of the edit alone"
        )
    corrupt = training_noise(noise, data) if given.recipe.noise_share else None
    return Retraining(given, data, edits, corrupt, dtype, device)


@contextmanager
def aside(tagger: Tagger) -> Iterator[None]:
    """Keep a tagger off its card meanwhile, to make room for one that is trained there."""
    device = tagger.device
    tagger.model.to("cpu")
    try:
        yield
    finally:
        tagger.model.to(device)
