"""The page of a tagged folder: what was found, which names, where to look first. One HTML file, no scripts."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from ocr_neurons import __version__
from ocr_neurons.common.files import write_text
from ocr_neurons.noise.learned.apply import SHIPPED
from ocr_neurons.report.page import engine, style
from ocr_neurons.tagging.found import DOUBTFUL, Found, read_found
from ocr_neurons.tagging.plan import many

PAGE = "report.html"
NAMES, FILES = 60, 2_000
"""How many are shown."""
MARKED = 20
"""Files to mark by hand."""


def write_page(folder: Path, out: Path | None = None) -> Path:
    """Write the page of a folder that ``tag`` wrote to ``out`` (default ``report.html`` in it), and return its path.

    Raises:
        UserError: the folder was tagged into another format than JSON Lines, or a file is missing or broken.
    """
    path = out or folder
    if path.is_dir():
        path = path / PAGE
    write_text(path, render(read_found(folder)))
    return path


def render(found: Found) -> str:
    """The page as HTML; equal folders give equal text."""
    return (
        engine(Path(__file__).parent)
        .get_template("page.html.j2")
        .render(
            name=", ".join(Path(given).name for given in found.facts.get("inputs") or []) or "a folder",
            css=style(),
            tagger=found.facts.get("tagger") or "",
            trained=trained(found.facts),
            measured=measured(found),
            shipped=", ".join(SHIPPED),
            edit=found.facts.get("edit"),
            lead=lead(found),
            tiles=tiles(found),
            types=type_rows(found),
            names=found.names[:NAMES],
            more_names=f"{len(found.names):,}" if len(found.names) > NAMES else "",
            doubtful=found.doubtful,
            files=file_rows(found),
            left_out=f"{len(found.files):,}" if len(found.files) > FILES else "",
            refused=[
                *(found.facts.get("refused") or {}).values(),
                *(f"{name}: tagged once; what was written for it is gone" for name in found.missing),
            ],
            version=__version__,
        )
    )


def trained(facts: Mapping[str, Any]) -> str:
    """What the tagger was trained on and which types it knows, as far as the record says."""
    types, languages = (", ".join(map(str, facts.get(name) or [])) for name in ("types", "languages"))
    data = str(facts.get("trained_on") or "") or (languages and "text")
    known = f"knows the types {types}" if types else ""
    if not data:
        return f"The tagger {known}." if known else ""
    source = f"The tagger was trained on {data}" + (f" ({languages})" if languages else "")
    return f"{source}; it {known}." if known else f"{source}."


def measured(found: Found) -> dict[str, str]:
    """The commands that measure the tagger on the first files, once somebody has marked those.

    ``guessed`` is the language that they name where the files do not say theirs, ``noise`` how the last one is told
    which noise to add where their language does not say that.
    """
    facts, own = found.facts, [str(name) for name in found.facts.get("languages") or []]
    said = [*found.languages, *(own if len(own) == 1 else [])]
    language = said[0] if said else "en"
    start = f"ocr-neurons tag {shlex.quote(str(facts.get('tagger') or 'TAGGER'))}"
    end = f" --edit {shlex.quote(facts['edit'])}" if facts.get("edit") else ""
    gold, cost = shlex.quote(f"my-pages-test-{language}.tsv"), start.replace(" tag ", " cost ", 1)
    sure = language in SHIPPED and len(found.languages) < 2
    noise = "" if sure else f" --noise {language if language in SHIPPED else 'en'}"
    again = f"{start} {gold}{end} --out predicted.tsv"
    return {
        "mark": f"{start} {_first(found)} --language {shlex.quote(language)}{end} --out {gold}",
        "score": f"{again}\nocr-neurons score {gold} predicted.tsv\n{cost} {gold}{noise}",
        "gold": gold,
        "guessed": "" if said else language,
        "noise": noise,
    }


def _first(found: Found) -> str:
    """The first files by the way they were given, ready for a shell; a word in their place where that is not known."""
    paths = [_given(found.facts, file.name) for file in found.files[:MARKED]]
    return " ".join(shlex.quote(path) for path in paths if path) if paths and all(paths) else f"FIRST-{MARKED}-FILES"


def _given(facts: Mapping[str, Any], name: str) -> str:
    """A file as ``tag`` was given it: an input of that name, or the file in a folder that was; else empty."""
    origin = PurePath(str(facts["files"][name].get("from", ""))).parts
    for given in map(PurePath, facts.get("inputs") or []):
        for path in (given, given / name):
            if path.name == PurePath(name).name and origin[-len(path.parts) :] == path.parts:
                return path.as_posix()
    return ""


def lead(found: Found) -> str:
    """One sentence: how much of what was found."""
    kinds = sorted(found.types.items(), key=lambda item: (-len(item[1]), item[0]))
    parts = ", ".join(f"{len(sure):,} {kind}" for kind, sure in kinds)
    counted = f"{found.entities:,} entit{'y' if found.entities == 1 else 'ies'}"
    inside = f"{many(len(found.files), 'file')} of {many(found.words, 'word')}"
    return f"{counted} in {inside}: {parts}." if parts else f"No entity in {inside}."


def tiles(found: Found) -> list[dict[str, str]]:
    """How dense, how doubtful, how many names."""
    sure = [value for values in found.types.values() for value in values]
    low = sum(value < DOUBTFUL for value in sure)
    share = f"{low / len(sure):.0%}" if sure else "–"
    dense = f"{100 * len(sure) / found.words:.1f}" if found.words else "–"
    once = sum(name.times == 1 and not name.perhaps for name in found.names)
    rows = (
        ("Entities in a hundred words", dense, "over all files"),
        ("Doubtful", share, f"{low:,} of {len(sure):,} with a confidence below {DOUBTFUL}"),
        ("Names", f"{len(found.names):,}", f"like forms gathered; {once:,} of them stand once"),
    )
    return [dict(zip(("title", "value", "detail"), row, strict=True)) for row in rows]


def type_rows(found: Found) -> list[list[Any]]:
    """Type, entities, forms, median confidence, how many are doubtful."""
    forms = Counter(one.type for name in found.names for one in (name, *name.perhaps))
    rows: list[list[Any]] = []
    for kind, sure in found.types.items():
        low = sum(value < DOUBTFUL for value in sure)
        rows.append([kind, f"{len(sure):,}", f"{forms[kind]:,}", f"{statistics.median(sure):.2f}", f"{low:,}"])
    return rows


def file_rows(found: Found) -> list[list[str]]:
    """Name, words, entities, entities a hundred words, mean confidence."""
    return [
        [
            file.name,
            f"{file.words:,}",
            f"{file.entities:,}",
            f"{100 * file.entities / file.words:.1f}" if file.words else "–",
            "–" if file.confidence is None else f"{file.confidence:.2f}",
        ]
        for file in found.files[:FILES]
    ]
