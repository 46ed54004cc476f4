"""Printed, recognised by Tesseract (ALTO, hOCR, text), tagged: coordinates against its own table and the ink.

Skipped where Tesseract or its English model is not installed.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import planted
from ocr_neurons.cli import main
from ocr_neurons.noise.printed.recognise import installed_models
from ocr_neurons.noise.printed.typeset import DPI, Layout, typeset
from ocr_neurons.text.document import Document

pytestmark = pytest.mark.skipif(
    not shutil.which("tesseract") or "eng" not in installed_models(),
    reason="Tesseract or its English model is absent; run: apt-get install tesseract-ocr-eng",
)
DOCUMENTS = planted.planted(6, 7)
Entity = dict[str, Any]


def broken_setting() -> tuple[str, int, tuple[str, ...]]:
    """Text, measure and printed lines, one of which ends in ``Liver-``; found by trying measures."""
    text = "\n".join(document.text() for document in DOCUMENTS)
    for measure in range(900, 1400, 10):
        (page, *more) = typeset(text, "pillow", Layout(size=11, measure=measure), hyphenate=True)
        if not more and any(line.endswith("Liver-") for line in page.lines):
            return text, measure, page.lines
    pytest.fail("no measure cuts the name")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Tesseract writes for one printed page: image, ALTO, hOCR, text, table."""
    folder = tmp_path_factory.mktemp("printed")
    text, measure, _ = broken_setting()
    (page,) = typeset(text, "pillow", Layout(size=11, measure=measure), hyphenate=True)
    page.image.save(folder / "p.png")
    subprocess.run(
        ["tesseract", "p.png", "p", "-l", "eng", "--psm", "6", "--dpi", str(DPI), "alto", "hocr", "txt", "tsv"],
        cwd=folder, env=os.environ | {"OMP_THREAD_LIMIT": "1"}, check=True, capture_output=True,
    )  # fmt: skip
    (folder / "p.tsv").rename(folder / "table")
    return folder


@pytest.fixture(scope="module")
def found(printed: Path, tagger: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The record of each of the three texts, by kind, as the command writes them."""
    out = tmp_path_factory.mktemp("tagged") / "out"
    assert main([*f"tag {tagger} {printed} --dtype float32 --quiet --out".split(), str(out)]) == 0
    records = [json.loads(path.read_text()) for path in sorted(out.glob("*.jsonl"))]
    assert [record["file"] for record in records] == ["p.hocr", "p.txt", "p.xml"]
    return {record["kind"]: record for record in records}


def table(printed: Path) -> list[tuple[str, list[int]]]:
    """Tesseract's own table: words and boxes (left, top, width, height)."""
    with (printed / "table").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["level"] == "5"]
    return [
        (row["text"], [int(row[key]) for key in ("left", "top", "width", "height")])
        for row in rows
        if row["text"].strip()
    ]


def whole(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entity["type"], entity["form"]) for entity in record["entities"]]


def test_the_planted_names_are_found_in_every_format(found):
    """What was printed: two places and a person a document; OCR and a tiny tagger may lose one in ten."""
    wanted = [e for document in DOCUMENTS for e in names(document)]
    for record in found.values():
        hits = sum(min(whole(record).count(name), wanted.count(name)) for name in set(wanted))
        assert hits >= 0.9 * len(wanted), whole(record)
    assert whole(found["alto"]) == whole(found["hocr"]) == whole(found["text"])


def names(document: Document) -> list[tuple[str, str]]:
    running = document.running_text()
    return [(e.type, running.text[running.starts[e.start] : running.ends[e.end - 1]]) for e in document.entities()]


def test_offsets(found):
    for record in found.values():
        for entity in record["entities"]:
            assert record["text"][entity["start"] : entity["end"]] == entity["surface"]


@pytest.mark.parametrize("kind", ["alto", "hocr"])
def test_boxes_are_those_of_tesseracts_table(found, printed, kind):
    """Every word of every part of every entity, in order: its box, joined line by line, is the table's."""
    record, rows = found[kind], table(printed)
    assert record["text"].split() == [text for text, _ in rows]
    checked = 0
    for entity in record["entities"]:
        for part in entity["parts"]:
            first = len(record["text"][: part["start"]].split())
            # a part that begins inside a word (after a quote mark) belongs to that word
            first -= not record["text"][: part["start"]][-1:].isspace() and part["start"] > 0
            count = len(record["text"][part["start"] : part["end"]].split())
            boxes = np.array([box for _, box in rows[first : first + count]])
            corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
            left, top, right, bottom = *corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)
            assert part["box"] == [left, top, right - left, bottom - top]
            checked += 1
    assert checked >= 15


def test_a_name_cut_by_a_line_end_has_both_boxes(found, printed):
    for kind in ("alto", "hocr"):
        (entity, *_) = (e for e in found[kind]["entities"] if e["surface"].startswith("Liver-\npool"))
        assert entity["form"] == "Liverpool"
        rows = table(printed)
        at = next(i for i, (text, _) in enumerate(rows) if text == "Liver-")
        assert [part["box"] for part in entity["parts"]] == [rows[at][1], rows[at + 1][1]]
        assert rows[at + 1][1][0] < 200 < rows[at][1][0], "the second part begins a line"


def test_boxes_hold_the_ink_of_the_name(found, printed):
    """On the image: the ink inside a box, widened by three pixels, reaches to its edges and not beyond."""
    page = np.asarray(Image.open(printed / "p.png").convert("L")) < 128
    for entity in found["alto"]["entities"]:
        for part in entity["parts"]:
            x, y, w, h = part["box"]
            window = page[y - 3 : y + h + 3, x - 3 : x + w + 3]
            rows, columns = np.flatnonzero(window.any(axis=1)), np.flatnonzero(window.any(axis=0))
            assert abs(columns[0] - 3) <= 3
            assert abs(columns[-1] - (w + 2)) <= 3
            assert abs(rows[0] - 3) <= 4
            assert abs(rows[-1] - (h + 2)) <= 4


def test_pages_name_the_image(found):
    for kind in ("alto", "hocr"):
        (page,) = found[kind]["pages"]
        assert Path(page["image"]).name == "p.png"
        assert page["width"] > 900
