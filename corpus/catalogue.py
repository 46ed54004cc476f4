"""Write the catalogue of data sets that can be fetched: ``python corpus/catalogue.py FOLDER``.

``FOLDER`` holds the data and ``MANIFEST.tsv``, which names the repository, commit, path, size and hash of each file.
Titles, licences and what to cite are told here; everything that can be counted is counted by our readers. ``--check``
writes nothing and exits with status 1 if the catalogue in the package is another.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text, sha256, write_text
from ocr_neurons.score.bins import BINS
from ocr_neurons.text.aligned.read import read_aligned
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.overview import aligned_facts, facts, transcript_facts
from ocr_neurons.text.transcripts import read_transcripts

TARGET = Path(__file__).resolve().parent.parent / "src" / "ocr_neurons" / "resources" / "data-sets.json"
ABOUT = "written by corpus/catalogue.py from the data sets themselves; not to be changed by hand"

HIPE2022 = "Ehrmann et al. 2022, Extended Overview of HIPE-2022, https://doi.org/10.5281/zenodo.6979577"
HIPE2020 = "Ehrmann et al. 2020, Extended Overview of CLEF HIPE 2020, https://doi.org/10.5281/zenodo.4117566"
ICDAR2017 = "Chiron et al. 2017, ICDAR2017 Competition on Post-OCR Text Correction"
ICDAR2019 = "Rigaud et al. 2019, ICDAR 2019 Competition on Post-OCR Text Correction"
OCREPAIR = "HIPE-OCRepair-2026, https://github.com/hipe-eval/HIPE-OCRepair-2026-eval"
AJMC = "Romanello & Najem-Meyer 2024, AjMC-NE-corpus, https://github.com/AjaxMultiCommentary/AjMC-NE-corpus"
FREE = 'non-commercial use ("free to use for non-commercial uses, according to sources in details": '
DTA = "CC BY-NC 4.0 (in the guidelines), CC BY-SA 4.0 (in its records)"


YEAR = re.compile(r"\d{4}(?!\d)")


@dataclass(frozen=True, slots=True)
class Told:
    """What cannot be counted: the name, and what its makers say."""

    name: str
    kind: str
    title: str
    place: str
    cite: str
    licence: str = ""  # that of the manifest where it is empty
    beside: tuple[str, ...] = ()  # files of the set outside its place
    companion: str = ""


def _hipe2022(name: str, language: str, title: str) -> Told:
    ajmc = name == "ajmc"
    return Told(
        f"hipe2022:{name}-{language}",
        "entities",
        title,
        f"hipe2022-v2.1/{name}/{language}",
        HIPE2022,
        beside=(f"hipe2022-v2.1/ajmc/ajmc-entity-ocr-correction-{language}.tsv",) if ajmc else (),
        companion="ajmc:transcripts" if ajmc else "",
    )


def _icdar(year: int, name: str, title: str, licence: str = "") -> Told:
    cite = ICDAR2017 if year == 2017 else ICDAR2019
    return Told(f"icdar{year}:{name}", "aligned", title, f"icdar{year}-postocr/{name}", cite, licence)


def _repair(name: str, folder: str, stem: str, title: str, licence: str = "") -> Told:
    place = f"hipe-ocrepair-bench/{folder}/hipe-ocrepair-bench_v0.9_{stem}.jsonl"
    return Told(f"ocrepair:{name}", "aligned", title, place, OCREPAIR, licence)


SETS = (
    *(_hipe2022("ajmc", x, "commentaries on Sophocles' Ajax (AjMC)") for x in ("en", "de", "fr")),
    _hipe2022("topres19th", "en", "English newspapers (TopRes19th)"),
    _hipe2022("hipe2020", "en", "American newspapers (HIPE-2020, form of 2022, no LED)"),
    _hipe2022("newseye", "fr", "French newspapers (NewsEye), without train"),
    Told("hipe2020:en", "entities", "American newspapers (HIPE-2020)", "hipe2020-v1.4/en", HIPE2020),
    Told("hipe2020:de", "entities", "Swiss and Luxembourgish newspapers (HIPE-2020)", "hipe2020-v1.4/de", HIPE2020),
    Told(
        "ajmc:transcripts", "transcripts", "what the page says for the noisy entities of hipe2022:ajmc-*",
        "derived/ajmc-entity-transcripts.tsv", AJMC, "CC BY-NC-SA 4.0 (its badge), CC BY 4.0 (its text)",
    ),
    _icdar(2017, "eng_monograph", "English monographs (British Library)", f"{FREE}CC PD)"),
    _icdar(2017, "eng_periodical", "English periodicals (British Library)", f"{FREE}CC PD)"),
    _icdar(2017, "fr_periodical", "French periodicals (BnF)", f"{FREE}Gallica's terms)"),
    _icdar(2019, "EN1", "English (IMPACT, British Library)"),
    _icdar(2019, "FR2", "French (IMPACT, National Library of France)"),
    _icdar(2019, "DE1", "German, front pages of the NZZ"),
    _repair("icdar2017-en", "icdar2017", "icdar2017_v1.1_test_en", "ICDAR 2017 English, realigned; CER below 0.15"),
    _repair("icdar2017-fr", "icdar2017", "icdar2017_v1.1_test_fr", "ICDAR 2017 French, realigned; CER below 0.15"),
    *(
        _repair(f"dta19-l{n}", "dta19", f"dta19-l{n}_v0.1_test_de", f"German books, artificial wear {n} of 0-2", DTA)
        for n in range(3)
    ),
)  # fmt: skip


def manifest(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of ``MANIFEST.tsv`` by file."""
    lines = read_text(folder / "MANIFEST.tsv", "a manifest of the data").splitlines()
    return {row["file"]: row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}


def entry(told: Told, folder: Path, rows: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The catalogue's entry of a data set. Its files are those of the manifest at and below its place."""
    paths = [name for name in rows if name == told.place or name.startswith(f"{told.place}/")] + list(told.beside)
    own = [rows[path] for path in paths]
    top, source = _split(own) if own else (told.place.split("/")[0], "")
    languages, years, counted = measured(told, folder)
    return {
        "kind": told.kind,
        "title": told.title,
        "languages": languages,
        "years": years,
        "licence": told.licence or _only(row["licence"] for row in own),
        "cite": told.cite,
        "place": told.place,
        "folder": top,
        "repository": _only(row["repository"] for row in own),
        "commit": _only(row["commit"] for row in own),
        "source": source,
        "companion": told.companion,
        "facts": counted,
        "files": [
            [path.removeprefix(f"{top}/"), (folder / path).stat().st_size, sha256(folder / path)]
            for path in paths or [told.place]
        ],
    }


def measured(told: Told, folder: Path) -> tuple[list[str], list[int], dict[str, Any]]:
    """Languages, first and last year where documents are dated, and figures, by the reader of the set's kind."""
    path = folder / told.place
    if told.kind == "aligned":
        found = read_aligned(path)
        return list(found.languages), [], aligned_facts(found)
    if told.kind == "transcripts":
        rows = read_transcripts(path)
        return sorted({language for language, _ in rows}), [], transcript_facts(rows)
    dataset = load_dataset(str(path))
    documents = (*dataset.train, *dataset.dev, *dataset.test)
    years = [int(year[0]) for document in documents if (year := YEAR.match(document.date or ""))]
    languages = sorted({document.language for document in documents})
    return languages, [min(years), max(years)] if years else [], facts(dataset, BINS)


def _split(rows: list[dict[str, str]]) -> tuple[str, str]:
    """Where the files' paths begin here and in their repository: what comes before the part that both share."""
    starts = set()
    for row in rows:
        here, there = row["file"].split("/"), row["path"].split("/")
        shared = 0
        while shared < len(here) - 1 and here[-1 - shared] == there[-1 - shared]:
            shared += 1
        starts.add(("/".join(here[:-shared]), "/".join(there[:-shared])))
    (start,) = starts
    return start


def _only(values: Iterator[str]) -> str:
    found = set(values)
    if len(found) > 1:
        raise UserError(f"{', '.join(sorted(found))}: several in one data set; wanted one")
    return found.pop() if found else ""


def catalogue_text(folder: Path) -> str:
    """The catalogue of what is in ``folder``.

    Raises:
        UserError: a file of the manifest that is missing here, of another hash, or in no data set.
    """
    rows = manifest(folder)
    sets = {told.name: entry(told, folder, rows) for told in SETS}
    listed = {f"{value['folder']}/{path}": digest for value in sets.values() for path, _, digest in value["files"]}
    for name, row in rows.items():
        if listed.get(name) != row["sha256"]:
            raise UserError(f"{name}: SHA-256 {listed.get(name)}; the manifest has {row['sha256']}")
    return render(sets)


def render(sets: dict[str, dict[str, Any]]) -> str:
    """The catalogue as JSON, a line for each field and each file."""
    parts = []
    for name, value in sets.items():
        fields = [
            f"   {json.dumps(key)}: {json.dumps(field, ensure_ascii=False)}"
            for key, field in value.items()
            if key != "files"
        ]
        fields.append('   "files": [\n' + ",\n".join(f"    {json.dumps(file)}" for file in value["files"]) + "\n   ]")
        parts.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(fields) + "\n  }")
    return f'{{\n "about": {json.dumps(ABOUT)},\n "sets": {{\n' + ",\n".join(parts) + "\n }\n}\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit status."""
    parser = argparse.ArgumentParser(description="Write the catalogue of data sets that can be fetched.")
    parser.add_argument("folder", type=Path, help="folder of the data, with MANIFEST.tsv in it")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if the catalogue is another")
    options = parser.parse_args(arguments)
    try:
        text = catalogue_text(options.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if options.check:
        return int(read_text(TARGET, "the catalogue") != text)
    write_text(TARGET, text)
    print(f"{len(SETS)} data sets, {len(text) / 1000:.0f} kB: {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
