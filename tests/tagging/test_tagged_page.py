"""The page of a tagged folder says what its files say."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.tagging.found import DOUBTFUL, read_found
from ocr_neurons.tagging.page import measured, render, trained, write_page

EVIL = "<script>alert(1)</script>"


def entity(text: str, form: str, kind: str, confidence: float) -> dict[str, object]:
    start = text.index(form)
    return {
        "type": kind, "form": form, "surface": form, "start": start, "end": start + len(form),
        "confidence": confidence, "parts": [{"start": start, "end": start + len(form), "page": 1}],
    }  # fmt: skip


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """Two files: three entities, one of them doubtful, and a separator of lines inside a text."""
    one = f"The ship came to Liverpool\u2028with {EVIL} on board."
    two = "From Liverpoo1 to London."
    records = {
        "a.xml": [one, [entity(one, "Liverpool", "loc", 0.9), entity(one, EVIL, "pers", 0.2)]],
        "b/c.xml": [two, [entity(two, "Liverpoo1", "loc", 0.4), entity(two, "London", "loc", 0.8)]],
    }
    files = {}
    for name, (text, entities) in records.items():
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        line = {"document": name, "text": text, "pages": [{"page": 1, "id": "p1"}], "entities": entities}
        path.write_text(json.dumps(line, ensure_ascii=False) + "\n")
        counts = {"documents": 1, "pages": 1, "words": len(text.split()), "entities": len(entities)}
        files[name] = {"output": path.name, "counts": counts}
    facts = {"format": "jsonl", "inputs": ["some/pages"], "tagger": "my-tagger", "edit": None, "files": files}
    (tmp_path / "tagging.json").write_text(json.dumps(facts | {"refused": {"z.xml": "z.xml: broken XML"}}))
    return tmp_path


def test_counts_are_those_of_the_files(tagged):
    found = read_found(tagged)
    every = [
        one
        for path in (tagged / "a.xml.jsonl", tagged / "b" / "c.xml.jsonl")
        for one in json.loads(path.read_text())["entities"]
    ]
    assert {kind: len(sure) for kind, sure in found.types.items()} == Counter(one["type"] for one in every)
    low = sorted((one["confidence"], one["form"]) for one in every if one["confidence"] < DOUBTFUL)
    assert [(one.confidence, one.form) for one in found.doubtful] == low
    assert [(file.name, file.entities, file.confidence) for file in found.files] == [
        ("a.xml", 2, pytest.approx(0.55)), ("b/c.xml", 2, pytest.approx(0.6)),
    ]  # fmt: skip
    assert found.doubtful[1].before == "From "
    assert found.doubtful[1].after == " to London."
    assert found.doubtful[0].page == "p1"


def test_the_least_sure_are_kept_when_there_are_many(tagged):
    assert [one.form for one in read_found(tagged, shown=1).doubtful] == [EVIL]


def test_data_cannot_become_markup(tagged):
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    page = write_page(tagged).read_text()
    parser.feed(page)
    assert "script" not in tags
    assert "&lt;script&gt;" in page
    assert "<h1>Entities in pages</h1>" in page
    assert "z.xml: broken XML" in page
    assert page == render(read_found(tagged))


def test_a_removed_output_is_told(tagged):
    (tagged / "a.xml.jsonl").unlink()
    found = read_found(tagged)
    assert found.missing == ("a.xml",)
    assert "a.xml: tagged once" in render(found)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"text": 3, "pages": [], "entities": [{}]}'])
def test_a_broken_output_is_named(tagged, content):
    (tagged / "a.xml.jsonl").write_text(content)
    with pytest.raises(UserError, match=r"a\.xml\.jsonl, line 1: cannot be read"):
        read_found(tagged)


def test_another_format_is_refused(tagged):
    facts = json.loads((tagged / "tagging.json").read_text())
    (tagged / "tagging.json").write_text(json.dumps(facts | {"format": "csv"}))
    with pytest.raises(UserError, match="tagged as csv; wanted JSON Lines"):
        read_found(tagged)


def test_the_command_writes_the_page_again(tagged, tmp_path, capsys):
    assert main(["report", str(tagged), "--out", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text() == render(read_found(tagged))
    assert main(["report", str(tagged), "--tables", str(tmp_path / "t")]) == 2
    assert "a tagged folder, which has a page alone" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def note(folder: Path, **facts: object) -> None:
    """More in the record of the folder."""
    known = json.loads((folder / "tagging.json").read_text())
    (folder / "tagging.json").write_text(json.dumps(known | facts))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"trained_on": "gazette", "types": ["loc", "pers"], "languages": ["en"]},
            "The tagger was trained on gazette (en); it knows the types loc, pers.",
        ),
        ({"trained_on": "gazette"}, "The tagger was trained on gazette."),
        ({"types": ["loc"]}, "The tagger knows the types loc."),
        ({"languages": ["de", "fr"]}, "The tagger was trained on text (de, fr)."),
        ({"trained_on": "", "types": [], "languages": None}, ""),
        ({}, ""),
    ],
)
def test_what_the_tagger_is_for(tagged, facts, said):
    assert trained(facts) == said
    note(tagged, **facts)
    page = render(read_found(tagged))
    assert (f">{said}<" in page) if said else ("The tagger was" not in page and "it knows" not in page)


def test_the_commands_name_the_first_files_as_they_were_given(tagged):
    files = json.loads((tagged / "tagging.json").read_text())["files"]
    files["a.xml"]["from"], files["b/c.xml"]["from"] = "/elsewhere/some/pages/a.xml", "/elsewhere/some/pages/b/c.xml"
    note(tagged, files=files, tagger="my tagger", edit="edit.json")
    said = measured(read_found(tagged))
    assert said["mark"] == (
        "ocr-neurons tag 'my tagger' some/pages/a.xml some/pages/b/c.xml --language en --edit edit.json "
        "--out my-pages-test-en.tsv"
    )
    assert said["score"].split("\n") == [
        "ocr-neurons tag 'my tagger' my-pages-test-en.tsv --edit edit.json --out predicted.tsv",
        "ocr-neurons score my-pages-test-en.tsv predicted.tsv",
        "ocr-neurons cost 'my tagger' my-pages-test-en.tsv",
    ]
    note(tagged, inputs=["elsewhere"])  # links: where they were is not how they were called
    assert "ocr-neurons tag 'my tagger' FIRST-20-FILES --language en" in measured(read_found(tagged))["mark"]


@pytest.mark.parametrize(
    ("own", "languages", "gold", "guessed", "noise"),
    [
        ({}, None, "my-pages-test-en.tsv", "en", ""),
        ({}, ["fr"], "my-pages-test-fr.tsv", "", ""),
        ({}, ["de", "fr"], "my-pages-test-en.tsv", "en", ""),
        ({"a.xml": "de"}, ["fr"], "my-pages-test-de.tsv", "", ""),
        ({"a.xml": "fr", "b/c.xml": "de"}, None, "my-pages-test-de.tsv", "", " --noise de"),
        ({"a.xml": "lb"}, None, "my-pages-test-lb.tsv", "", " --noise en"),
    ],
)
def test_the_commands_name_the_language(tagged, own, languages, gold, guessed, noise):
    for name, language in own.items():
        path = tagged / f"{name}.jsonl"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"language": language}))
    note(tagged, languages=languages)
    found = read_found(tagged)
    said = measured(found)
    assert (said["gold"], said["guessed"], said["noise"]) == (gold, guessed, noise)
    page = render(found)
    assert ("The files do not say their language" in page) is bool(guessed)
    assert ("Learned noise comes with the program for en, fr, de alone" in page) is bool(noise)


def test_every_command_of_the_page_runs(tagger, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages").mkdir()
    for name in ("a", "b"):
        (tmp_path / "pages" / f"{name}.txt").write_text("The ship came to Liverpool with John Thornton.\n")
    assert main(["tag", str(tagger), "pages", "--out", "tagged", "--quiet"]) == 0
    page = (tmp_path / "tagged" / "report.html").read_text()
    lines = [line for block in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL) for line in block.split("\n")]
    commands = [shlex.split(unescape(line)) for line in lines]
    assert [command[:2] for command in commands] == [
        ["ocr-neurons", name] for name in ("tag", "tag", "score", "cost")
    ]  # fmt: skip
    assert commands[0][3:5] == ["pages/a.txt", "pages/b.txt"]
    for _, *command in commands:
        assert main(command) in (None, 0), command
    assert "strict" in capsys.readouterr().out


def test_on_a_phone_names_wrap_and_files_are_a_number(tagged):
    page = render(read_found(tagged))
    narrow = page[page.index("@media (max-width: 38rem)") : page.index("@page")]
    assert ".names tbody th { white-space: normal;" in narrow
    assert ".names .which { display: none; }" in narrow
    assert '<td>1<span class="which">: a.xml</span></td>' in page
