"""The catalogue: complete, consistent, and equal to what the data and their published figures say."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from ocr_neurons.common.files import sha256
from ocr_neurons.text.catalogue import RAW, catalogue, plain_terms
from ocr_neurons.text.overview import noisy_share

SCRIPT = Path(__file__).resolve().parents[2] / "corpus" / "catalogue.py"
specification = importlib.util.spec_from_file_location("corpus_catalogue", SCRIPT)
assert specification
assert specification.loader
script = importlib.util.module_from_spec(specification)
sys.modules["corpus_catalogue"] = script
specification.loader.exec_module(script)

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (REAL / "MANIFEST.tsv").is_file(),
    reason="the data and their manifest are not in ../shared/data beside the repository",
)


@pytest.mark.parametrize("name", catalogue())
def test_entries_are_consistent(name: str) -> None:
    entry = catalogue()[name]
    paths = [f"{entry.folder}/{file.path}" for file in entry.files]
    assert len(set(paths)) == len(paths) > 0
    assert any(path == entry.place or path.startswith(f"{entry.place}/") for path in paths)
    assert not any(".." in path or path.startswith("/") for path in paths)
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.bytes > 0 for file in entry.files)
    assert all(re.fullmatch("[a-z]{2}", language) for language in entry.languages)
    assert entry.languages
    assert entry.licence
    assert entry.cite
    assert entry.companion in ("", *catalogue())
    assert bool(entry.repository) == bool(entry.source) == bool(re.fullmatch("[0-9a-f]{40}", entry.commit))


@pytest.mark.parametrize(
    ("licence", "terms"),
    [
        ("CC BY 4.0", ""),
        ("CC0", ""),
        ("CC BY-NC 4.0", "not for commercial use"),
        ("CC BY-SA 3.0", "what is made of it and passed on comes under the same licence"),
        ("CC BY NC SA 3.0", "not for commercial use; what is made of it and passed on comes under the same licence"),
        ('mixed, "free to use for non-commercial uses"', "not for commercial use"),
        ("Attribution-NonCommercial", "not for commercial use"),
        ("Research use only", "for research only"),
    ],
)
def test_restrictions_are_told_plainly(licence: str, terms: str) -> None:
    assert plain_terms(licence) == terms


def test_figures_are_the_published_ones() -> None:
    """Entities with LED above 0 in AjMC, and sizes and error rates of HIPE-OCRepair, as counted by others."""
    noisy = {
        language: [
            sum(part["led"].values()) - part["led"]["0-0"]
            for part in (catalogue()[f"hipe2022:ajmc-{language}"].facts[split] for split in ("train", "dev", "test"))
        ]
        for language in ("en", "de", "fr")
    }
    assert noisy == {"en": [200, 70, 36], "de": [240, 46, 42], "fr": [498, 142, 99]}
    assert noisy_share(catalogue()["hipe2022:ajmc-en"].facts) == pytest.approx(306 / 2587)
    english, french = (catalogue()[f"ocrepair:icdar2017-{language}"].facts for language in ("en", "fr"))
    assert english == {"documents": 100, "characters": 171_756, "cer": 0.0315, "refused": {}}
    assert french == {"documents": 100, "characters": 272_633, "cer": 0.0248, "refused": {}}
    assert sum(catalogue()["ajmc:transcripts"].facts.values()) == 1360


@needs_real
def test_every_file_of_the_manifest_is_in_the_catalogue() -> None:
    listed = {
        f"{entry.folder}/{file.path}": (unquote(entry.url(file)), file.bytes, file.sha256)
        for entry in catalogue().values()
        for file in entry.files
        if entry.repository
    }
    rows = [line.split("\t") for line in (REAL / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    assert listed == {
        name: (f"{RAW}/{repository}/{commit}/{path}", int(size), digest)
        for name, repository, commit, path, size, digest, *_ in rows
    }
    licences = {row[0]: row[6] for row in rows}
    stated = {
        name: {licences[f"{entry.folder}/{file.path}"] for file in entry.files}
        for name, entry in catalogue().items()
        if entry.repository and not entry.licence.startswith(("non-commercial", "CC BY-NC 4.0 (in"))
    }
    assert stated == {name: {catalogue()[name].licence} for name in stated}


def test_catalogue_is_as_the_script_writes_it() -> None:
    text = script.TARGET.read_text(encoding="utf-8")
    assert script.render(json.loads(text)["sets"]) == text
    assert [told.name for told in script.SETS] == list(catalogue())


LARGE = ("icdar2017:eng_monograph", "icdar2017:fr_periodical")
"""Seconds to align; ``corpus/catalogue.py --check`` counts them too."""


@needs_real
@pytest.mark.parametrize("told", script.SETS, ids=[told.name for told in script.SETS])
def test_hashes_and_figures_are_those_of_the_data(told) -> None:
    entry = catalogue()[told.name]
    for file in entry.files:
        path = entry.path(REAL, file)
        assert (path.stat().st_size, sha256(path)) == (file.bytes, file.sha256)
    if told.name in LARGE:
        assert entry.facts["documents"] == len(entry.files)
        return
    assert script.measured(told, REAL) == (list(entry.languages), list(entry.years), entry.facts)
