"""What the tests of ``tag`` share: pages as OCR leaves them, the command, what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import planted
from ocr_neurons.cli import main

HEAD = "<alto xmlns='http://www.loc.gov/standards/alto/ns-v4#'><Layout><Page ID='p'><PrintSpace>"
TAIL = "</PrintSpace></Page></Layout></alto>"


def text_of(seed: int) -> str:
    return planted.planted(1, seed)[0].text()


def alto(text: str) -> str:
    strings = "<SP/>".join(
        f"<String CONTENT='{word}' HPOS='{10 * i}' VPOS='5' WIDTH='9' HEIGHT='8'/>"
        for i, word in enumerate(text.split())
    )
    return f"{HEAD}<TextBlock><TextLine>{strings}</TextLine></TextBlock>{TAIL}"


def tag(*arguments: object) -> int:
    return main(["tag", *map(str, arguments), "--dtype", "float32"])


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


OUTPUTS = ["1.txt.jsonl", "2.xml.jsonl", "4.tsv.jsonl", "b/3.xml.jsonl", "b/blank.xml.jsonl", "tagging.json"]
