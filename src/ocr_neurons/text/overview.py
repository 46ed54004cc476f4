"""What a data set holds, to be looked at before it is used: counts, labels, how damaged its entities are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ocr_neurons.text.align import align
from ocr_neurons.text.aligned.read import AlignedSet
from ocr_neurons.text.datasets import SPLITS, Dataset, describe
from ocr_neurons.text.document import Document
from ocr_neurons.text.transcripts import TranscriptRow

Bin = tuple[float, float]
UNKNOWN = "unknown"


def overview(dataset: Dataset, bins: Sequence[Bin]) -> dict[str, Any]:
    """:func:`describe`, with the entities of each split by LED in ``bins``: ``low <= LED < high``, or equal to both.

    Counts stand under ``low-high``; under ``unknown`` those of entities without a LED. An entity's LED is that of its
    first token.
    """
    told = describe(dataset)
    for split, part in told["splits"].items():
        part["led"] = led_counts(dataset.split(split), bins)
    return told


def led_counts(documents: Iterable[Document], bins: Sequence[Bin]) -> dict[str, int]:
    """How many entities have a LED in each of ``bins``, and how many have none, or one between bins."""
    counts = {f"{low:g}-{high:g}": 0 for low, high in bins} | {UNKNOWN: 0}
    for document in documents:
        for entity in document.entities():
            led = document.tokens[entity.start].led
            inside = (
                f"{low:g}-{high:g}" for low, high in bins if led is not None and (low <= led < high or low == led)
            )
            counts[UNKNOWN if led is None else next(inside, UNKNOWN)] += 1
    return counts


def facts(dataset: Dataset, bins: Sequence[Bin]) -> dict[str, Any]:
    """The overview of the splits that hold documents, without what depends on files beside the data set."""
    parts = overview(dataset, bins)["splits"]
    return {
        split: {key: value for key, value in part.items() if key != "clean_twins"}
        for split, part in parts.items()
        if part["documents"]
    }


def aligned_facts(pairs: AlignedSet) -> dict[str, Any]:
    """Documents, characters of the clean side, character error rate, and what was refused, of texts beside their OCR.

    The rate is unit edits / clean characters over all documents, nothing normalised: line ends and quotes count.
    """
    edits = sum(align(pair.clean, pair.noisy).distance for pair in pairs.pairs)
    return {
        "documents": len(pairs.pairs),
        "characters": pairs.characters,
        "cer": round(edits / max(1, pairs.characters), 4),
        "refused": pairs.refused_by_reason(),
    }


def transcript_facts(rows: dict[tuple[str, str], list[TranscriptRow]]) -> dict[str, Any]:
    """How many entities have a transcript, by ``language split``."""
    return {f"{language} {split}": len(found) for (language, split), found in sorted(rows.items())}


def noisy_share(splits: dict[str, Any]) -> float | None:
    """The share of noisy entities (LED above 0) among those of all splits whose LED is known; ``None`` without any."""
    total: Counter[str] = Counter()
    for part in splits.values():
        total.update(part["led"])
    known = total.total() - total[UNKNOWN]
    return 1 - total["0-0"] / known if known else None


def label_table(splits: dict[str, Any]) -> str:
    """Entities by type and split, then by LED and split, as a plain text table; empty splits are left out."""
    names = [split for split in SPLITS if splits.get(split, {}).get("documents")]
    types = sorted({kind for name in names for kind in splits[name]["entities"]})
    grades = list(splits[names[0]]["led"]) if names else []
    rows: list[tuple[str, list[int]]] = [
        (what, [splits[name][what] for name in names]) for what in ("documents", "sentences", "tokens")
    ]
    rows.append(("entities", [sum(splits[name]["entities"].values()) for name in names]))
    rows += [(f"  {kind}", [splits[name]["entities"].get(kind, 0) for name in names]) for kind in types]
    rows += [
        (_grade(grade), counts) for grade in grades if any(counts := [splits[name]["led"][grade] for name in names])
    ]
    width = max(len(label) for label, _ in rows)
    lines = [" " * width + "".join(f"{name:>10}" for name in [*names, "all"])]
    lines += [
        f"{label:<{width}}" + "".join(f"{count:>10,}" for count in [*counts, sum(counts)]) for label, counts in rows
    ]
    return "\n".join(lines)


def _grade(name: str) -> str:
    if name == UNKNOWN:
        return "LED unknown"
    low, high = map(float, name.split("-"))
    if low == high:
        return f"LED {low:g}"
    if high > 1:
        return f"LED {low:g} and more"
    return f"LED {low:g} to {high:g}" if low >= 0.01 else f"LED below {high:g}"  # LED is given in hundredths
