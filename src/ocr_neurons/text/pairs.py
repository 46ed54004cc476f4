"""Pairs of clean and noisy text, and their file: JSON Lines, one pair a line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import overload

from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text, write_text
from ocr_neurons.text.align import DIRECT, align

WANTED = "pairs, as `ocr-neurons pairs` writes them"


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


class PairFile(Sequence[TextPair]):
    """The pairs of a file, read as they are asked for: memory holds where each line begins, and nothing else.

    Raises:
        UserError: the file is absent or holds no pair; a line that is no pair, when it is asked for.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"{path}: no such file; wanted {WANTED}")
        self.path = path
        starts = array("Q")
        lines = array("L")
        position = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    starts.append(position)
                    lines.append(number)
                position += len(line)
        if not starts:
            raise UserError(f"{path}: no pair in it; wanted {WANTED}")
        self._starts, self._lines = starts, lines
        self._file = path.open("rb")

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> TextPair: ...
    @overload
    def __getitem__(self, index: slice) -> list[TextPair]: ...
    def __getitem__(self, index: int | slice) -> TextPair | list[TextPair]:
        """One pair, or some."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        self._file.seek(self._starts[index])
        try:
            line = self._file.readline().decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{self.path}, line {self._lines[index]}: not UTF-8 text; wanted {WANTED}") from None
        return _pair(line, self.path, self._lines[index])

    def close(self) -> None:
        """Close the file; no pair can be asked for after."""
        self._file.close()


def read_pairs(path: Path) -> list[TextPair]:
    """Read pairs from JSON Lines.

    Raises:
        UserError: a line is no pair, or the file holds none.
    """
    lines = enumerate(read_text(path, WANTED).split("\n"), 1)
    pairs = [_pair(line, path, number) for number, line in lines if line.strip()]
    if not pairs:
        raise UserError(f"{path}: no pair in it; wanted {WANTED}")
    return pairs


def _pair(line: str, path: Path, number: int) -> TextPair:
    try:
        row = json.loads(line)
        texts = [row["clean"], row["noisy"], row["level"], row["source"], row.get("left", ""), row.get("right", "")]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("clean, noisy, level, source, left and right are to be text")
        "".join(texts).encode()  # half a surrogate is no text: a ValueError
        clean, noisy, level, source, left, right = texts
        return TextPair(
            clean, noisy, level, source, left, right, tuple((a, b, c, d) for a, b, c, d in row.get("edits", ()))
        )
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}, line {number}: not a pair ({error!r}); wanted {WANTED}") from None
