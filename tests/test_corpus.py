"""The embedded corpus: its source form is read exactly, and the files in the package are what it gives."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe

BUILD = Path(__file__).resolve().parents[1] / "corpus" / "build.py"
specification = importlib.util.spec_from_file_location("gazette_build", BUILD)
assert specification
assert specification.loader
build = importlib.util.module_from_spec(specification)
sys.modules["gazette_build"] = build
specification.loader.exec_module(build)

TYPES = {"pers", "loc", "org", "time", "prod"}
SPLITS = ("train", "dev", "test")
HEADER = "id: letters-1850-02-03\ntitle: A letter\ngenre: letters\ndate: 1850-02-03\nsplit: dev\n"


def texts(line: str) -> list[str]:
    return [line[start:end] for start, end in build.tokenise(line)]


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("Messrs. Kay and Co., of Hull", "Messrs . Kay and Co . , of Hull"),
        ("Capt. Hale's brig", "Capt . Hale 's brig"),
        ("the Vintners' Company at Lloyd's.", "the Vintners ' Company at Lloyd 's ."),
        ("at ten o'clock, sir", "at ten o'clock , sir"),
        ("in St. Martin's-le-Grand", "in St . Martin's-le-Grand"),
        ("the foot-way of 1612-13", "the foot-way of 1612-13"),
        ("£1,200 at 4s. 7/8d.", "£ 1,200 at 4s . 7/8d ."),
        ("Sir,—I ask: 1, 2", "Sir , — I ask : 1 , 2"),
        ('he said "stop," &c.', 'he said " stop , " & c .'),
        ("M. Dvořák (ii. 552)", "M . Dvořák ( ii . 552 )"),
    ],
)
def test_tokens_are_cut_as_hipe_cuts(line, tokens):
    assert texts(line) == tokens.split(" ")


def test_a_source_file_becomes_a_document():
    body = "[pers Capt. Hale]'s [prod Ann], of [loc Hull],\n\ncame in [time 1847].\n"
    source = build.parse_source(f"{HEADER}\n{body}", "letters-1850-02-03.txt")
    document = source.document
    assert (source.split, source.genre, source.title) == ("dev", "letters", "A letter")
    assert (document.id, document.date, document.language) == ("letters-1850-02-03", "1850-02-03", "en")
    assert [(t.text, t.label) for t in document.tokens] == [
        ("Capt", "B-pers"), (".", "I-pers"), ("Hale", "I-pers"), ("'s", "O"), ("Ann", "B-prod"), (",", "O"),
        ("of", "O"), ("Hull", "B-loc"), (",", "O"), ("came", "O"), ("in", "O"), ("1847", "B-time"), (".", "O"),
    ]  # fmt: skip
    assert document.text() == "Capt. Hale's Ann, of Hull, came in 1847."
    assert document.sentences() == [(0, 9), (9, 13)]
    assert "# hipe2022:document_type = letters" in document.metadata
    assert "# gazette:title = A letter" in document.metadata


WORD = st.from_regex(r"\A[A-Za-zéü]{1,6}(-[a-z]{1,3})?\Z")
CHUNK = st.tuples(
    st.sampled_from(["", '"', "(", "£"]),
    st.lists(WORD, min_size=1, max_size=3).map(" ".join),
    st.sampled_from(["", ",", ".", "'s", "',", ";", '."', ".—"]),
    st.sampled_from(["", *sorted(TYPES)]),
)


@given(st.lists(CHUNK, min_size=1, max_size=8))
def test_round_trip(chunks):
    """Text and entities come back from the tokens as they went into the source."""
    line = " ".join(f"{a}[{kind} {words}]{z}" if kind else f"{a}{words}{z}" for a, words, z, kind in chunks)
    bare = " ".join(f"{a}{words}{z}" for a, words, z, _ in chunks)
    document = Document("d", tuple(build.sentence_tokens(line)))
    running = document.running_text()
    assert running.text == bare
    found = [(e.type, running.text[running.starts[e.start] : running.ends[e.end - 1]]) for e in document.entities()]
    assert found == [(kind, words) for _, words, _, kind in chunks if kind]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "\nA [pers Hale went.", r"line 7: .*not closed"),
        (HEADER + "\nFine.\nA Hale] went.", r"line 8: a '\]' without"),
        (HEADER + "\nA [pers Mr. [loc Hale]] went.", r"line 7: .*not nested"),
        (HEADER + "\nA [person Hale] went.", r"line 7: .*\[person .*one of pers, loc"),
        (HEADER + "\nA [Hale] went.", r"line 7: .*wanted '\[type surface\]'"),
        (HEADER + "\nA [pers Hale ] went.", r"line 7: .*space at its edge"),
        (HEADER + "\nA [pers Hale]ish man.", r"line 7: .*inside a word"),
        (HEADER + "\nA  man.", r"line 7: .*double space"),
        (HEADER + "\nA caf" + "e\u0301.", r"line 7: .*NFC"),
        (HEADER + "\n", r"no text"),
        (HEADER.replace("split: dev", "split: devel") + "\nFine.", r"line 5: split 'devel'"),
        (HEADER.replace("date: 1850-02-03", "date: 1850-02-30") + "\nFine.", r"line 4: date '1850-02-30'"),
        (HEADER.replace("id: letters-1850-02-03", "id: letters-1850") + "\nFine.", r"line 1: id 'letters-1850'"),
        (HEADER.replace("title: A letter\n", "") + "\nFine.", r"lacks title"),
        (HEADER.replace("genre", "gender") + "\nFine.", r"line 3: key 'gender'.*genre"),
        (HEADER + "Fine.", r"line 6: 'Fine.'"),
    ],
)
def test_errors_name_file_and_line(text, message):
    with pytest.raises(UserError, match=rf"^letters-1850-02-03\.txt.*{message}"):
        build.parse_source(text, "letters-1850-02-03.txt")


def test_files_in_the_package_are_up_to_date():
    assert build.stale() == [], "run python corpus/build.py"


def test_stale_files_are_noticed(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "letters-1850-02-03.txt").write_text(f"{HEADER}\nA [loc Hull] man.\n", encoding="utf-8")
    with pytest.raises(UserError, match="no document to write"):  # three splits are wanted
        build.stale(source, tmp_path)
    for split, day in (("train", "04"), ("test", "05")):
        text = HEADER.replace("-03", f"-{day}").replace("dev", split)
        (source / f"letters-1850-02-{day}.txt").write_text(f"{text}\nA [loc Hull] man.\n", encoding="utf-8")
    assert len(build.stale(source, tmp_path)) == 6
    for name, text in build.rendered(build.build(build.read_sources(source))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert build.stale(source, tmp_path) == []
    (tmp_path / "ocr" / "gazette-dev-en.tsv").write_text("other", encoding="utf-8")
    assert build.stale(source, tmp_path) == ["ocr/gazette-dev-en.tsv"]


@pytest.fixture(scope="module")
def corpus() -> dict[str, dict[str, list[Document]]]:
    """The packaged files, read as anybody reads them."""
    root = Path(str(files("ocr_neurons.resources"))) / "gazette"
    return {
        side: {split: read_hipe(root / side / f"gazette-{split}-en.tsv") for split in SPLITS}
        for side in ("clean", "ocr")
    }


def test_size_dates_and_order(corpus):
    documents = [d for split in SPLITS for d in corpus["clean"][split]]
    assert len(documents) >= 40
    assert sum(len(d.sentences()) for d in documents) >= 240
    assert all(1800 <= date.fromisoformat(d.date or "").year < 1900 for d in documents)
    assert len({d.id for d in documents}) == len(documents)
    for split in SPLITS:
        ids = [d.id for d in corpus["clean"][split]]
        assert ids == sorted(ids) == [d.id for d in corpus["ocr"][split]]


def test_all_five_types_occur_in_every_split(corpus):
    for split in SPLITS:
        counts = Counter(entity.type for d in corpus["clean"][split] for entity in d.entities())
        assert set(counts) == TYPES
        assert min(counts.values()) >= 20


def test_no_sentence_occurs_twice(corpus):
    sentences = Counter(
        " ".join(token.text for token in d.tokens[start:end])
        for split in SPLITS
        for d in corpus["clean"][split]
        for start, end in d.sentences()
    )
    assert [sentence for sentence, count in sentences.items() if count > 1] == []


def test_text_is_the_source_without_brackets(corpus):
    source = Path(BUILD).parent / "gazette"
    for split in SPLITS:
        for document in corpus["clean"][split]:
            text = (source / f"{document.id}.txt").read_text(encoding="utf-8").split("\n\n", 1)[1]
            for kind in TYPES:
                text = text.replace(f"[{kind} ", "")
            assert document.text() == " ".join(text.replace("]", "").split())


def test_twins_match_and_noise_is_of_the_intended_strength(corpus):
    clean = [d for split in SPLITS for d in corpus["clean"][split]]
    noisy = [d for split in SPLITS for d in corpus["ocr"][split]]
    assert [[t.label for t in d.tokens] for d in clean] == [[t.label for t in d.tokens] for d in noisy]
    rates = [build.error_rate(c, n) for c, n in zip(clean, noisy, strict=True)]
    assert 0.04 <= sum(rates) / len(rates) <= 0.07
    assert max(rates) > 3 * min(rates)
    distances = [d.tokens[entity.start].led for d in noisy for entity in d.entities()]
    assert 0.25 <= sum(distance > 0 for distance in distances) / len(distances) <= 0.35
    assert {token.led for d in clean for token in d.tokens} == {None, 0.0}


def test_check_says_whether_files_are_up_to_date(capsys):
    assert build.main(["--check"]) == 0
    assert capsys.readouterr().out == "up to date\n"
