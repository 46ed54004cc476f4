"""Pairs of clean and noisy text, and their file: JSON Lines, one pair a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text, write_text
from ocr_neurons.text.align import DIRECT, align


@dataclass(frozen=True, slots=True)
class TextPair:
    """A clean text, its noisy counterpart, and where they stand.

    ``edits`` lists what differs as ``(clean start, clean end, noisy start, noisy end)``, character offsets, in order.
    ``left`` and ``right`` are the context on either side, equal for both, spaces included; empty when fed alone.
    """

    clean: str
    noisy: str
    level: str
    source: str
    left: str = ""
    right: str = ""
    edits: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def similarity(self) -> float:
        """1 - Levenshtein distance / length of the longer text; 1 for two empty texts."""
        return similarity(self.clean, self.noisy)


def similarity(clean: str, noisy: str) -> float:
    """1 - Levenshtein distance / length of the longer text; 1 for two empty texts.

    The distance of texts above ``DIRECT`` characters is that of their alignment, which may be a little longer.
    """
    if max(len(clean), len(noisy)) > DIRECT:
        return align(clean, noisy).similarity
    return float(Levenshtein.normalized_similarity(clean, noisy))


def write_pairs(path: Path, pairs: Iterable[TextPair]) -> None:
    """Write pairs as JSON Lines; ``similarity`` is added for readers of the file."""
    lines = [json.dumps(asdict(p) | {"similarity": round(p.similarity, 4)}, ensure_ascii=False) for p in pairs]
    write_text(path, "".join(line + "\n" for line in lines))


def read_pairs(path: Path) -> list[TextPair]:
    """Read pairs from JSON Lines.

    Raises:
        UserError: a line is no pair, or the file holds none.
    """
    pairs: list[TextPair] = []
    wanted = "pairs, as `ocr-neurons pairs` writes them"
    for number, line in enumerate(read_text(path, wanted).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            pair = TextPair(
                clean=row["clean"],
                noisy=row["noisy"],
                level=row["level"],
                source=row["source"],
                left=row.get("left", ""),
                right=row.get("right", ""),
                edits=tuple((a, b, c, d) for a, b, c, d in row.get("edits", ())),
            )
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}, line {number}: not a pair ({error!r}); wanted {wanted}") from None
        pairs.append(pair)
    if not pairs:
        raise UserError(f"{path}: no pair in it; wanted {wanted}")
    return pairs
