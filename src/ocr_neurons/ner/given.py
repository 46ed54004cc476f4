"""A tagger that is given in place of a model: how it was trained, so that others can be trained in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json
from ocr_neurons.ner.model import CARD, base_of
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.text.datasets import Dataset


@dataclass(frozen=True)
class Given:
    """A tagger's folder and what its card says: base model, labels, recipe, seed, data and their hash, edits folded in.

    ``data_hash`` is that of :meth:`Dataset.digest`, ``dtype`` the precision of the training, ``noise_hash`` that of the
    file of its noise model; empty where the card has none.
    """

    folder: Path
    base: str
    labels: tuple[str, ...]
    recipe: Recipe
    seed: int
    data: str
    data_hash: str
    edits: int
    dtype: str = ""
    noise_hash: str = ""

    def other_data(self, data: Dataset) -> bool:
        """Whether it was trained on other data than these, by their hash; not where the card has none."""
        return self.data_hash not in ("", data.digest())


def read_given(folder: Path) -> Given | None:
    """What the card in ``folder`` says, or None where there is no tagger in it.

    Raises:
        UserError: the card lacks recipe or seed, names a base model that is not there, or tells of a training under an
            edit, which the card does not hold, so that nothing can be trained alike.
    """
    if not (folder / CARD).is_file():
        return None
    card = read_json(folder / CARD, "a tagger's card")
    base = base_of(folder)
    if isinstance(card, dict) and card.get("edit"):
        raise UserError(
            f"{folder}: this tagger was trained with an edit active (`train --edit`), which is in nothing that is "
            "trained or tagged here; wanted a tagger trained without an edit, or a model"
        )
    try:
        return Given(
            folder,
            base or str(card["base"]),
            tuple(card["labels"]),
            Recipe(**card["recipe"]),
            int(card["seed"]),
            str(card.get("data", "")),
            str(card.get("data_hash", "")),
            len(card.get("edits", ())),
            str(card.get("dtype", "")),
            str(card.get("noise_hash") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder / CARD}: does not say by which recipe and seed the tagger was trained ({error!r}); wanted a "
            "tagger of `ocr-neurons train`; train it again"
        ) from None
