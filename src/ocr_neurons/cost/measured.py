"""What the OCR errors that are there cost: recall by how much they damaged an entity, and the clean twins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ocr_neurons.score.bins import BinRecall, recall_by_led
from ocr_neurons.score.evaluate import MODES, Mode, Scores, evaluate
from ocr_neurons.score.intervals import Difference, compare
from ocr_neurons.score.table import difference_to_dict, to_dict
from ocr_neurons.text.align import align
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document

BIN_NAMES = {"0-0": "clean", "0.001-0.1": "light", "0.1-0.3": "medium", "0.3-1.1": "heavy"}


@dataclass(frozen=True)
class Twin:
    """The same tagger on the clean twins of the same documents.

    ``scope`` says what is clean in them: their ``text``, or their ``entities`` alone, and then the cost is theirs
    alone. ``differences`` are clean minus OCR, by mode. ``cer`` is the character error rate of the OCR against the
    twins (unit edits per character), ``None`` where only entities are clean. ``still_noisy`` counts entities that
    are noisy in the twins too.
    """

    scores: Scores
    scope: str
    differences: dict[Mode, Difference]
    cer: float | None
    still_noisy: int


@dataclass(frozen=True)
class MeasuredCost:
    """Scores on the documents as OCR read them, recall by noise bin, and the clean twins where there are any."""

    scores: Scores
    bins: list[BinRecall]
    twin: Twin | None

    def entry(self, seed: int) -> dict[str, Any]:
        """The values of ``noise_cost`` in a run's summary."""
        twin = None
        if self.twin is not None:
            twin = to_dict(self.twin.scores, seed=seed) | {
                "difference": difference_to_dict(self.twin.differences["strict"]),
                "difference_fuzzy": difference_to_dict(self.twin.differences["fuzzy"]),
                "scope": self.twin.scope,
                "cer": self.twin.cer,
                "still_noisy": self.twin.still_noisy,
            }
        return {"recall_by_bin": [_bin_entry(entry) for entry in self.bins], "clean_twin": twin}


def measure_cost(
    data: Dataset, split: str, tagged: Sequence[Document], tagged_twins: Sequence[Document], seed: int
) -> MeasuredCost:
    """The cost on one split, from what a tagger said of its documents and of their clean twins (or nothing)."""
    gold = data.split(split)
    scores = evaluate(gold, tagged)
    twin = _twin(data, split, scores, tagged_twins, seed) if tagged_twins else None
    return MeasuredCost(scores, recall_by_led(gold, tagged, seed=seed), twin)


def _twin(data: Dataset, split: str, noisy: Scores, tagged: Sequence[Document], seed: int) -> Twin:
    twins = data.clean_twins[split]
    clean = evaluate(twins, tagged)
    return Twin(
        clean,
        data.twin_scope,
        {mode: compare(clean, noisy, mode, seed=seed) for mode in MODES},
        _error_rate(twins, data.split(split)) if data.twin_scope == "text" else None,
        data.still_noisy(split) or 0,
    )


def _error_rate(clean: Sequence[Document], noisy: Sequence[Document]) -> float:
    """Unit edits per character of the clean side, over all documents."""
    aligned = [align(true.text(), read.text()) for true, read in zip(clean, noisy, strict=True)]
    return sum(one.distance for one in aligned) / max(1, sum(len(one.clean) for one in aligned))


def _bin_entry(entry: BinRecall) -> dict[str, Any]:
    return {
        "low": entry.low,
        "high": entry.high,
        "label": BIN_NAMES.get(entry.name, entry.name),
        "entities": entry.entities,
        "recall_strict": entry.recall_strict if entry.entities else None,
        "recall_fuzzy": entry.recall_fuzzy if entry.entities else None,
        "ci95": list(entry.interval_strict) if entry.entities else None,
    }
