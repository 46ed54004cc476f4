"""One page in every format that ``tag`` reads: the same names, with places where the format has them."""

from __future__ import annotations

import pytest
from tagged_folders import alto, records, tag, text_of

import planted
from ocr_neurons.common.progress import Reporter

GOLD = planted.planted(1, 2)[0]
WORDS = text_of(2).split()


def page_xml() -> str:
    words = "".join(
        f"<Word><Coords points='{10 * i},5 {10 * i + 9},5 {10 * i + 9},13 {10 * i},13'/>"
        f"<TextEquiv><Unicode>{word}</Unicode></TextEquiv></Word>"
        for i, word in enumerate(WORDS)
    )
    space = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
    return f"<PcGts xmlns='{space}'><Page><TextRegion><TextLine>{words}</TextLine></TextRegion></Page></PcGts>"


def hocr() -> str:
    words = " ".join(
        f"<span class='ocrx_word' title='bbox {10 * i} 5 {10 * i + 9} 13'>{word}</span>" for i, word in enumerate(WORDS)
    )
    return f"<html><body><div class='ocr_page'><span class='ocr_line'>{words}</span></div></body></html>"


def conll() -> str:
    return "".join(f"{token.text} O\n" for token in GOLD.tokens)


FORMATS = {
    "text": ("p.txt", lambda: " ".join(WORDS)),
    "alto": ("p.xml", lambda: alto(" ".join(WORDS))),
    "page": ("p.xml", page_xml),
    "hocr": ("p.hocr", hocr),
    "conll": ("p.conll", conll),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_names_are_found(tagger, tmp_path, kind):
    name, make = FORMATS[kind]
    (tmp_path / name).write_text(make())
    assert tag(tagger, tmp_path / name, "--out", tmp_path / "out.jsonl", "--language", "en") == 0
    (found,) = records(tmp_path / "out.jsonl")
    assert found["kind"] == kind
    wanted = [(e.type, " ".join(t.text for t in GOLD.tokens[e.start : e.end])) for e in GOLD.entities()]
    assert [(entity["type"], entity["form"]) for entity in found["entities"]] == wanted
    assert len(wanted) > 1
    for entity in found["entities"]:
        first, count = len(found["text"][: entity["start"]].split()), len(entity["form"].split())
        boxes = [part.get("box") for part in entity["parts"]]
        assert boxes == ([None] if kind in ("text", "conll") else [[10 * first, 5, 10 * count - 1, 8]])


def test_progress_counts_the_files(tagger, pages, tmp_path, monkeypatch):
    told = []
    track = Reporter.track

    def watched(self, items, what, total=None, every=20.0):
        for item in track(self, items, what, total, every):
            if not self.quiet:
                told.append((what, total))
            yield item

    monkeypatch.setattr(Reporter, "track", watched)
    assert tag(tagger, pages, "--out", tmp_path / "out") == 0
    assert told == [("tagging", 5)] * 5
