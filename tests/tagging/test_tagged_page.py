"""The page of a tagged folder says what its files say."""

from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.tagging.found import DOUBTFUL, read_found
from ocr_neurons.tagging.page import render, write_page

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
