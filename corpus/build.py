"""Build the embedded corpus: ``python corpus/build.py`` turns ``corpus/gazette/*.txt`` into six HIPE TSV files.

The source form is described in ``corpus/gazette/GUIDE.md``. ``--check`` writes nothing and exits with status 1 if the
files in the package are not what the source gives.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import read_text, write_text
from ocr_neurons.noise.twin import noisy_twin, with_distances
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import format_hipe

ROOT = Path(__file__).resolve().parent
SOURCE = ROOT / "gazette"
TARGET = ROOT.parent / "src" / "ocr_neurons" / "resources" / "gazette"
SEED = 1847
SPLITS = ("train", "dev", "test")
TYPES = ("pers", "loc", "org", "time", "prod")
KEYS = ("id", "title", "genre", "date", "split")
SIDES = ("clean", "ocr")

TOKEN = re.compile(
    r"""
    's(?![\w-])                      # possessive
    | \w+                            # a word or figure, which goes on with
      (?: -\w+                       #   a hyphen
        | '(?!s(?![\w-]))\w+         #   an apostrophe that is no possessive: o'clock, St. Martin's-le-Grand
        | (?<=\d)[.,/](?=\d)\w+      #   a point, comma or stroke between figures: 1,200, 7/8d
      )*
    | \S                             # any other mark stands alone
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """One source file: its header, and the document it holds."""

    title: str
    genre: str
    split: str
    document: Document


def tokenise(text: str) -> list[tuple[int, int]]:
    """Character spans ``[start, end)`` of the tokens, cut as HIPE cuts English: points and commas alone."""
    return [match.span() for match in TOKEN.finditer(text)]


def parse_sentence(line: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The sentence without brackets, and its entities as ``(start, end, type)`` in characters.

    Raises:
        UserError: brackets or types that the guide does not allow.
    """
    pieces: list[str] = []
    entities: list[tuple[int, int, str]] = []
    length = 0
    opened: tuple[int, str] | None = None
    for part in re.split(r"(\[[^\s\[\]]*[ ]?|\])", line):
        if part.startswith("["):
            kind = part[1:].rstrip(" ")
            if opened:
                raise UserError(f"bracket {part!r} opens inside another; entities are not nested")
            if kind not in TYPES or not part.endswith(" "):
                raise UserError(f"bracket {part!r}; wanted '[type surface]', the type one of {', '.join(TYPES)}")
            opened = (length, kind)
        elif part == "]":
            if not opened:
                raise UserError("a ']' without '['")
            start, kind = opened
            surface = "".join(pieces)[start:]
            if not surface.strip() or surface != surface.strip():
                raise UserError(f"entity [{kind} {surface}] is empty or has a space at its edge")
            entities.append((start, length, kind))
            opened = None
        else:
            pieces.append(part)
            length += len(part)
    if opened:
        raise UserError(f"bracket '[{opened[1]} …' is not closed on its line")
    return "".join(pieces), entities


def sentence_tokens(line: str) -> list[Token]:
    """The tokens of one line of source, labelled ``B-``/``I-``; the last one ends the sentence."""
    text, entities = parse_sentence(line)
    cut = tokenise(text)
    labels = ["O"] * len(cut)
    starts = {start: index for index, (start, _) in enumerate(cut)}
    ends = {end: index for index, (_, end) in enumerate(cut)}
    for start, end, kind in entities:
        if start not in starts or end not in ends:
            raise UserError(f"entity [{kind} {text[start:end]}] begins or ends inside a word")
        first, last = starts[start], ends[end]
        labels[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first)]
    return [
        Token(
            text[start:end], space_after=text[end : end + 1] in ("", " "), label=label, sentence_end=end == cut[-1][1]
        )
        for (start, end), label in zip(cut, labels, strict=True)
    ]


def parse_source(text: str, name: str) -> Source:
    """Read a source file's ``text``; ``name``, its file name, stands in messages.

    Raises:
        UserError: naming file and line, where the text is not as the guide says.
    """
    lines = text.removesuffix("\n").split("\n")
    body = lines.index("") if "" in lines else len(lines)
    header = _parse_header(lines[:body], name)
    tokens: list[Token] = []
    for number, line in enumerate(lines[body + 1 :], body + 2):
        try:
            _check_line(line)
            tokens += sentence_tokens(line) if line else []
        except UserError as error:
            raise UserError(f"{name}, line {number}: {error}") from None
    if not tokens:
        raise UserError(f"{name}: no text; wanted a header, a blank line and one sentence a line")
    metadata = (
        f"# hipe2022:document_id = {header['id']}",
        f"# hipe2022:date = {header['date']}",
        "# hipe2022:language = en",
        "# hipe2022:dataset = gazette",
        f"# hipe2022:document_type = {header['genre']}",
        "# hipe2022:applicable_columns = TOKEN NE-COARSE-LIT MISC",
        f"# gazette:title = {header['title']}",
    )
    document = Document(header["id"], tuple(tokens), "en", header["date"], metadata)
    return Source(header["title"], header["genre"], header["split"], with_distances(document, document))


def _check_line(line: str) -> None:
    if line != line.strip() or "  " in line or any(c.isspace() and c != " " for c in line):
        raise UserError("a space at the edge, a double space or a tab; wanted single spaces between words")
    if line != unicodedata.normalize("NFC", line):
        raise UserError("a letter with its accent apart; wanted composed letters (Unicode NFC)")


def _parse_header(lines: list[str], name: str) -> dict[str, str]:
    header: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, colon, value = line.partition(": ")
        if not colon or not value.strip() or value != value.strip():
            raise UserError(f"{name}, line {number}: {line[:40]!r}; wanted 'key: value' until a blank line")
        if key not in KEYS or key in header:
            raise UserError(f"{name}, line {number}: key {key!r} is unknown or repeated{nearest(key, KEYS)}")
        header[key] = value
    missing = [key for key in KEYS if key not in header]
    if missing:
        raise UserError(f"{name}, line 1: the header lacks {', '.join(missing)}")
    places = {key: f"{name}, line {1 + list(header).index(key)}" for key in KEYS}
    try:
        date.fromisoformat(header["date"])
    except ValueError:
        raise UserError(f"{places['date']}: date {header['date']!r}; wanted YYYY-MM-DD") from None
    if header["split"] not in SPLITS:
        raise UserError(f"{places['split']}: split {header['split']!r}; wanted one of {', '.join(SPLITS)}")
    stem = f"{header['genre']}-{header['date']}"
    if header["id"] != name.removesuffix(".txt") or not re.fullmatch(rf"{re.escape(stem)}(-[b-z])?", header["id"]):
        raise UserError(f"{places['id']}: id {header['id']!r}; wanted the file's name, {stem} (or {stem}-b)")
    return header


def read_sources(folder: Path) -> list[Source]:
    """All documents of a source folder, ordered by id."""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise UserError(f"{folder}: no .txt file in it; wanted the corpus in its source form")
    return [parse_source(read_text(path, "a document of the corpus"), path.name) for path in paths]


def build(sources: list[Source]) -> dict[str, dict[str, list[Document]]]:
    """Documents by side (``clean``, ``ocr``) and split, ordered by id."""
    built: dict[str, dict[str, list[Document]]] = {side: {} for side in SIDES}
    for split in SPLITS:
        clean = sorted((s.document for s in sources if s.split == split), key=lambda document: document.id)
        built["clean"][split] = clean
        note = f"# gazette:noise = stand-in character confusions, seed {SEED}"
        built["ocr"][split] = [replace(d, metadata=(*d.metadata, note)) for d in noisy_twin(clean, SEED)]
    return built


def rendered(built: dict[str, dict[str, list[Document]]]) -> Iterator[tuple[str, str]]:
    """Each file's path under the target folder, and its text."""
    for side, splits in built.items():
        for split, documents in splits.items():
            yield f"{side}/gazette-{split}-en.tsv", format_hipe(documents)


def stale(source: Path = SOURCE, target: Path = TARGET) -> list[str]:
    """The files under ``target`` that are missing or not what ``source`` gives."""
    files = rendered(build(read_sources(source)))
    return [name for name, text in files if not _holds(target / name, text)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def error_rate(clean: Document, noisy: Document) -> float:
    """Character error rate: Levenshtein distance of the running texts / length of the clean one."""
    return float(Levenshtein.distance(clean.text(), noisy.text())) / len(clean.text())


def summary(built: dict[str, dict[str, list[Document]]]) -> Iterator[str]:
    """Lines that say what was built: counts, character error rate and share of noisy entities by split."""
    for split in SPLITS:
        clean, noisy = built["clean"][split], built["ocr"][split]
        characters = sum(len(d.text()) for d in clean)
        edits = sum(Levenshtein.distance(c.text(), n.text()) for c, n in zip(clean, noisy, strict=True))
        types = Counter(entity.type for d in clean for entity in d.entities())
        distances = [d.tokens[entity.start].led or 0.0 for d in noisy for entity in d.entities()]
        rates = sorted(error_rate(c, n) for c, n in zip(clean, noisy, strict=True))
        yield (
            f"{split}: {len(clean)} documents, {sum(len(d.sentences()) for d in clean)} sentences, "
            f"{sum(len(d.tokens) for d in clean)} tokens; "
            + ", ".join(f"{kind} {types[kind]}" for kind in TYPES)
            + f"; CER {edits / characters:.1%} (documents {rates[0]:.1%} to {rates[-1]:.1%})"
            + f"; noisy entities {sum(d > 0 for d in distances) / len(distances):.0%}"
        )


def main(arguments: list[str] | None = None) -> int:
    """Build, or check; the exit status."""
    parser = argparse.ArgumentParser(description="Build the embedded corpus from its source form.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the files are out of date")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            old = stale()
            print(f"out of date: {', '.join(old)}; run python corpus/build.py" if old else "up to date")
            return 1 if old else 0
        built = build(read_sources(SOURCE))
        for name, text in rendered(built):
            write_text(TARGET / name, text)
        print("\n".join(summary(built)))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
