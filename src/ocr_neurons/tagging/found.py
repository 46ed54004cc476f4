"""What stands in a folder that ``tag`` wrote: counts, names, and the entities to look at first."""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePath
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, read_text
from ocr_neurons.tagging.names import Name, gathered
from ocr_neurons.tagging.record import FILE

DOUBTFUL = 0.5
"""A confidence below which the model itself holds other readings together for likelier."""
AROUND = 70
"""Characters of context on either side."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity in its context; ``page`` is empty where the file has no pages."""

    type: str
    form: str
    before: str
    after: str
    confidence: float
    file: str
    page: str


@dataclass(frozen=True, slots=True)
class File:
    """A tagged file; ``confidence`` is the mean of its entities', None without any."""

    name: str
    words: int
    entities: int
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """All that was found. ``types`` holds the confidences of each type's entities; ``doubtful`` begins with the least
    sure.
    """

    facts: dict[str, Any]
    files: tuple[File, ...]
    types: dict[str, list[float]]
    names: tuple[Name, ...]
    doubtful: tuple[Mention, ...]
    missing: tuple[str, ...]
    """Files that were tagged once and whose output was removed since."""
    languages: tuple[str, ...] = ()
    """Those that the documents say they are in, the most frequent first."""

    @property
    def words(self) -> int:
        """Tokens with a letter or figure."""
        return sum(file.words for file in self.files)

    @property
    def entities(self) -> int:
        """Of all types."""
        return sum(map(len, self.types.values()))


def is_tagged(folder: Path) -> bool:
    """Whether ``tag`` wrote the folder."""
    return (folder / FILE).is_file()


def read_found(folder: Path, shown: int = 40) -> Found:
    """Read a folder of JSON Lines that ``tag`` wrote; of the doubtful entities the ``shown`` least sure.

    Raises:
        UserError: another format, or a file that is missing or broken.
    """
    facts = read_json(folder / FILE, "the record of a folder that `ocr-neurons tag` wrote")
    if not isinstance(facts, dict) or not isinstance(facts.get("files"), dict):
        raise UserError(f"{folder / FILE}: no record of `ocr-neurons tag`; wanted a folder that it wrote")
    if facts.get("format") != "jsonl":
        raise UserError(f"{folder}: tagged as {facts.get('format')}; wanted JSON Lines: tag it with --format jsonl")
    names: dict[tuple[str, str], Name] = {}
    types: dict[str, list[float]] = defaultdict(list)
    files: list[File] = []
    missing: list[str] = []
    order = count(0, -1)
    doubts: list[tuple[float, int, Mention]] = []  # a heap, the surest on top
    languages: Counter[str] = Counter()
    for name, noted in sorted(facts["files"].items()):
        path = folder / PurePath(name).parent / noted["output"]
        if not path.is_file():
            missing.append(name)
            continue
        sure = []
        for mention in _mentions(path, name, languages):
            names.setdefault((mention.type, mention.form), Name(mention.type, mention.form)).add(
                name, mention.confidence
            )
            types[mention.type].append(mention.confidence)
            sure.append(mention.confidence)
            if mention.confidence < DOUBTFUL:
                entry = (-mention.confidence, next(order), mention)
                (heapq.heappush if len(doubts) < shown else heapq.heappushpop)(doubts, entry)
        counts = noted["counts"]
        files.append(File(name, counts["words"], counts["entities"], sum(sure) / len(sure) if sure else None))
    doubtful = tuple(mention for *_, mention in sorted(doubts, reverse=True))
    return Found(
        facts, tuple(files), dict(sorted(types.items())), tuple(gathered(names.values())), doubtful, tuple(missing),
        tuple(sorted(languages, key=lambda name: (-languages[name], name))),
    )  # fmt: skip


def _mentions(path: Path, file: str, languages: Counter[str]) -> Iterator[Mention]:
    """The entities of a file; the languages of its documents are counted on the way."""
    for number, line in enumerate(read_text(path, "a tagged file (JSON Lines)").split("\n"), 1):
        if number > 1 and not line.strip():
            continue
        try:
            record = json.loads(line)
            text, pages = record["text"], {page["page"]: page.get("id", "") for page in record.get("pages", ())}
            if language := record.get("language"):
                languages[str(language)] += 1
            for entity in record["entities"]:  # one that was added by hand may have its place and type alone
                start, end = entity["start"], entity["end"]
                numbers = [part["page"] for part in entity.get("parts", ()) if "page" in part]
                page = (pages.get(numbers[0]) or f"page {numbers[0]}") if numbers else ""
                yield Mention(
                    entity["type"], entity.get("form") or _flat(text[start:end]).strip(),
                    _flat(text[max(0, start - AROUND) : start]), _flat(text[end : end + AROUND]),
                    float(entity.get("confidence", 1)), file, page,
                )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            wanted = "a line that `ocr-neurons tag` wrote; correct it, or remove the file and tag again"
            raise UserError(f"{path}, line {number}: cannot be read ({error}); wanted {wanted}") from None


def _flat(text: str) -> str:
    """On one line; a space at either end stays."""
    inner = " ".join(text.split())
    return " " * text[:1].isspace() + inner + " " * (text[-1:].isspace() and bool(inner))
