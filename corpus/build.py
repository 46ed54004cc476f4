"""Build the embedded corpus: ``python corpus/build.py`` turns ``corpus/gazette`` into HIPE TSV files in the package.

``corpus/gazette/LANGUAGE/*.txt`` is the text as we wrote it, in the form that ``corpus/gazette/GUIDE.md`` describes;
``corpus/printed/LANGUAGE-STRENGTH.jsonl`` what was read of it after printing. ``--print`` prints, wears and recognises
it anew, which needs Tesseract and the typefaces; without it the committed readings are used. ``--check`` writes nothing
and exits with status 1 if the files in the package are not what text and readings give.
"""

from __future__ import annotations

import argparse
import json
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
from ocr_neurons.common.progress import Reporter
from ocr_neurons.text.align import Alignment
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import format_hipe
from ocr_neurons.text.led import with_zero_distances
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs
from ocr_neurons.text.project import project
from ocr_neurons.text.tokenise import tokenise

ROOT = Path(__file__).resolve().parent
SOURCE = ROOT / "gazette"
PRINTED = ROOT / "printed"
TARGET = ROOT.parent / "src" / "ocr_neurons" / "resources" / "gazette"
SEED = 1847
LANGUAGES = ("en", "fr", "de")
STRENGTHS = {"light": 0.25, "heavy": 0.6}
"""How worn the printed pages are, from 0 to 1: about 2 % and 8 % of the characters are misread."""
SPLITS = ("train", "dev", "test")
TYPES = ("pers", "loc", "org", "time", "prod")
KEYS = ("id", "title", "genre", "date", "split")
SIDES = ("clean", *STRENGTHS)


@dataclass(frozen=True, slots=True)
class Source:
    """One source file: its header, and the document it holds."""

    title: str
    genre: str
    split: str
    document: Document


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


def sentence_tokens(line: str, language: str) -> list[Token]:
    """The tokens of one line of source, labelled ``B-``/``I-``; the last one ends the sentence."""
    text, entities = parse_sentence(line)
    cut = tokenise(text, language)
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


def parse_source(text: str, name: str, language: str = "en") -> Source:
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
            tokens += sentence_tokens(line, language) if line else []
        except UserError as error:
            raise UserError(f"{name}, line {number}: {error}") from None
    if not tokens:
        raise UserError(f"{name}: no text; wanted a header, a blank line and one sentence a line")
    metadata = (
        f"# hipe2022:document_id = {header['id']}",
        f"# hipe2022:date = {header['date']}",
        f"# hipe2022:language = {language}",
        "# hipe2022:dataset = gazette",
        f"# hipe2022:document_type = {header['genre']}",
        "# hipe2022:applicable_columns = TOKEN NE-COARSE-LIT MISC",
        f"# gazette:title = {header['title']}",
    )
    document = Document(header["id"], tuple(tokens), language, header["date"], metadata)
    return Source(header["title"], header["genre"], header["split"], with_zero_distances(document))


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


def read_sources(folder: Path, language: str = "en") -> list[Source]:
    """All documents of a source folder, ordered by id."""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise UserError(f"{folder}: no .txt file in it; wanted the corpus in its source form")
    return [parse_source(read_text(path, "a document of the corpus"), path.name, language) for path in paths]


Built = dict[tuple[str, str, str], list[Document]]
"""Documents by side, split and language, ordered by id."""


def build(sources: dict[str, list[Source]], readings: dict[tuple[str, str], Reading]) -> Built:
    """The clean documents, and what was read of them at each strength, with labels and LED.

    Raises:
        UserError: a document that was not printed, or has changed since.
    """
    built: Built = {}
    for language, texts in sources.items():
        for split in SPLITS:
            clean = sorted((s.document for s in texts if s.split == split), key=lambda document: document.id)
            built["clean", split, language] = clean
            for strength in STRENGTHS:
                reading = readings[language, strength]
                built[strength, split, language] = [reading.of(document) for document in clean]
    return built


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of the printed documents of one language at one strength."""

    name: str
    pairs: dict[str, TextPair]

    def of(self, document: Document) -> Document:
        """The document as it was read."""
        pair = self.pairs.get(document.id)
        if pair is None or pair.clean != document.text():
            raise UserError(f"{self.name}: {document.id} was not printed as it stands now; run corpus/build.py --print")
        noisy = project(document, pair.noisy, Alignment(pair.clean, pair.noisy, pair.edits)).document
        note = f"# gazette:noise = {pair.level}; printed, worn and recognised, see corpus/printed/{self.name}.json"
        return replace(noisy, metadata=(*noisy.metadata, note))


def read_readings(folder: Path) -> dict[tuple[str, str], Reading]:
    """The committed readings, by language and strength."""
    found = {}
    for language in LANGUAGES:
        for strength in STRENGTHS:
            name = f"{language}-{strength}"
            pairs = {pair.source: pair for pair in read_pairs(folder / f"{name}.jsonl")}
            found[language, strength] = Reading(name, pairs)
    return found


def print_all(sources: dict[str, list[Source]], folder: Path) -> None:
    """Print, wear and recognise every document at every strength; write the readings and what they were made with."""
    from ocr_neurons.noise.printed.printing import print_documents, printing_facts
    from ocr_neurons.noise.printed.printing import summary as told

    for language, texts in sources.items():
        for strength, value in STRENGTHS.items():
            documents = [source.document for source in texts]
            printed = print_documents(documents, seed=SEED, strength=value, workers=2, reporter=Reporter())
            facts = told(printed) | {"printed with": printing_facts(language=language), "seed": SEED}
            write_pairs(folder / f"{language}-{strength}.jsonl", [one.pair for one in printed])
            write_text(folder / f"{language}-{strength}.json", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")


def rendered(built: Built) -> Iterator[tuple[str, str]]:
    """Each file's path under the target folder, and its text."""
    for (side, split, language), documents in built.items():
        yield f"{side}/gazette-{split}-{language}.tsv", format_hipe(documents)


def built_from(source: Path, printed: Path) -> Built:
    """All documents of the corpus."""
    return build({name: read_sources(source / name, name) for name in LANGUAGES}, read_readings(printed))


def stale(source: Path = SOURCE, printed: Path = PRINTED, target: Path = TARGET) -> list[str]:
    """The files under ``target`` that are missing or not what ``source`` and ``printed`` give."""
    return [name for name, text in rendered(built_from(source, printed)) if not _holds(target / name, text)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def error_rate(clean: Document, noisy: Document) -> float:
    """Character error rate: Levenshtein distance of the running texts / length of the clean one."""
    return float(Levenshtein.distance(clean.text(), noisy.text())) / len(clean.text())


def summary(built: Built) -> Iterator[str]:
    """Lines that say what was built: counts, and for each strength character error rate and share of noisy entities."""
    for language in LANGUAGES:
        for split in SPLITS:
            clean = built["clean", split, language]
            types = Counter(entity.type for document in clean for entity in document.entities())
            line = (
                f"{language} {split}: {len(clean)} documents, {sum(len(d.sentences()) for d in clean)} sentences, "
                f"{sum(len(d.tokens) for d in clean)} tokens; " + ", ".join(f"{kind} {types[kind]}" for kind in TYPES)
            )
            for strength in STRENGTHS:
                noisy = built[strength, split, language]
                rates = sorted(error_rate(c, n) for c, n in zip(clean, noisy, strict=True))
                leds = [d.tokens[entity.start].led or 0.0 for d in noisy for entity in d.entities()]
                line += (
                    f"; {strength}: CER {sum(rates) / len(rates):.1%} ({rates[0]:.1%} to {rates[-1]:.1%}), "
                    f"{sum(led > 0 for led in leds) / len(leds):.0%} of {len(leds)} entities noisy"
                )
            yield line


def main(arguments: list[str] | None = None) -> int:
    """Build, or check; the exit status."""
    parser = argparse.ArgumentParser(description="Build the embedded corpus from its source form.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the files are out of date")
    parser.add_argument("--print", action="store_true", help="print, wear and recognise the text anew first")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            old = stale()
            print(f"out of date: {', '.join(old)}; run python corpus/build.py" if old else "up to date")
            return 1 if old else 0
        if options.print:
            print_all({name: read_sources(SOURCE / name, name) for name in LANGUAGES}, PRINTED)
        built = built_from(SOURCE, PRINTED)
        for name, text in rendered(built):
            write_text(TARGET / name, text)
        print("\n".join(summary(built)))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
