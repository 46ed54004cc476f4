"""The embedded corpus: its source form is read exactly, and the files in the package are what it gives."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_text
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe
from ocr_neurons.text.led import surface
from ocr_neurons.text.pairs import TextPair, write_pairs

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
    return [line[start:end] for start, end in build.tokenise(line, "en")]


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
    document = Document("d", tuple(build.sentence_tokens(line, "en")))
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


def small_corpus(tmp_path: Path) -> tuple[Path, Path]:
    """A document a split and language, and readings in which every ``Hull`` is ``Hu11``."""
    for language in build.LANGUAGES:
        folder = tmp_path / "source" / language
        folder.mkdir(parents=True)
        for split, day in (("dev", "03"), ("train", "04"), ("test", "05")):
            header = HEADER.replace("-03", f"-{day}").replace("dev", split)
            (folder / f"letters-1850-02-{day}.txt").write_text(f"{header}\nA [loc Hull] man.\n", encoding="utf-8")
        sources = build.read_sources(folder, language)
        for strength in build.STRENGTHS:
            texts = [(source.document.id, source.document.text()) for source in sources]
            pairs = [TextPair(text, "A Hu11 man.", strength, name, edits=((4, 6, 4, 6),)) for name, text in texts]
            write_pairs(tmp_path / "printed" / f"{language}-{strength}.jsonl", pairs)
    return tmp_path / "source", tmp_path / "printed"


def test_stale_files_are_noticed(tmp_path):
    source, printed = small_corpus(tmp_path)
    target = tmp_path / "target"
    assert len(build.stale(source, printed, target)) == 3 * 3 * 3
    for name, text in build.rendered(build.built_from(source, printed)):
        write_text(target / name, text)
    assert build.stale(source, printed, target) == []
    (target / "heavy" / "gazette-dev-fr.tsv").write_text("other", encoding="utf-8")
    assert build.stale(source, printed, target) == ["heavy/gazette-dev-fr.tsv"]


def test_readings_become_documents_with_labels_and_led(tmp_path):
    built = build.built_from(*small_corpus(tmp_path))
    (document,) = built["light", "dev", "de"]
    assert [(t.text, t.label, t.led) for t in document.tokens] == [
        ("A", "O", None), ("Hu11", "B-loc", 0.5), ("man", "O", None), (".", "O", None),
    ]  # fmt: skip
    assert any("printed, worn and recognised" in line for line in document.metadata)


def test_a_text_that_changed_since_it_was_printed_is_refused(tmp_path):
    source, printed = small_corpus(tmp_path)
    path = source / "de" / "letters-1850-02-03.txt"
    path.write_text(path.read_text("utf-8").replace("man.", "woman."), encoding="utf-8")
    with pytest.raises(UserError, match=r"de-light: letters-1850-02-03 was not printed as it stands now; .*--print"):
        build.built_from(source, printed)


LANGUAGES = ("en", "fr", "de")
Corpus = dict[str, dict[str, list[Document]]]


@pytest.fixture(scope="module", params=LANGUAGES)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    """The packaged files of a language, read as anybody reads them."""
    root = Path(str(files("ocr_neurons.resources"))) / "gazette"
    return {
        side: {split: read_hipe(root / side / f"gazette-{split}-{request.param}.tsv") for split in SPLITS}
        for side in ("clean", "light", "heavy")
    }


def language_of(corpus: Corpus) -> str:
    return corpus["clean"]["dev"][0].language


def test_size_dates_and_order(corpus):
    documents = [d for split in SPLITS for d in corpus["clean"][split]]
    sentences = sum(len(d.sentences()) for d in documents)
    assert sentences >= (240 if language_of(corpus) == "en" else 100)
    assert {d.language for d in documents} == {language_of(corpus)}
    assert all(1800 <= date.fromisoformat(d.date or "").year < 1900 for d in documents)
    assert len({d.id for d in documents}) == len(documents)
    for split in SPLITS:
        ids = [d.id for d in corpus["clean"][split]]
        assert ids == sorted(ids) == [d.id for d in corpus["light"][split]] == [d.id for d in corpus["heavy"][split]]


def test_all_five_types_occur_in_every_split(corpus):
    for split in SPLITS:
        counts = Counter(entity.type for d in corpus["clean"][split] for entity in d.entities())
        assert set(counts) == TYPES
        assert min(counts.values()) >= (20 if language_of(corpus) == "en" else 16)


def test_no_sentence_occurs_twice(corpus):
    sentences = Counter(
        " ".join(token.text for token in d.tokens[start:end])
        for split in SPLITS
        for d in corpus["clean"][split]
        for start, end in d.sentences()
    )
    assert [sentence for sentence, count in sentences.items() if count > 1] == []


def test_text_is_the_source_without_brackets(corpus):
    source = Path(BUILD).parent / "gazette" / language_of(corpus)
    for split in SPLITS:
        for document in corpus["clean"][split]:
            text = (source / f"{document.id}.txt").read_text(encoding="utf-8").split("\n\n", 1)[1]
            for kind in TYPES:
                text = text.replace(f"[{kind} ", "")
            assert document.text() == " ".join(text.replace("]", "").split())


@pytest.mark.parametrize(
    ("strength", "lowest", "highest", "damaged"), [("light", 0.01, 0.07, 0.1), ("heavy", 0.06, 0.13, 0.35)]
)
def test_noise_is_of_the_intended_strength(corpus, strength, lowest, highest, damaged):
    """Rates and LED are computed again from the two texts."""
    clean = [d for split in SPLITS for d in corpus["clean"][split]]
    noisy = [d for split in SPLITS for d in corpus[strength][split]]
    rates = [Levenshtein.distance(c.text(), n.text()) / len(c.text()) for c, n in zip(clean, noisy, strict=True)]
    assert lowest <= sum(rates) / len(rates) <= highest
    distances = [d.tokens[entity.start].led for d in noisy for entity in d.entities()]
    assert sum(distance > 0 for distance in distances) / len(distances) >= damaged
    assert {token.led for d in clean for token in d.tokens} == {None, 0.0}
    for before, after in zip(clean, noisy, strict=True):
        if len(before.entities()) == len(after.entities()):
            for one, other in zip(before.entities(), after.entities(), strict=True):
                surfaces = surface(before.tokens[one.start : one.end]), surface(after.tokens[other.start : other.end])
                expected = Levenshtein.normalized_distance(*surfaces)
                assert after.tokens[other.start].led == pytest.approx(expected, abs=0.006)
    entities = [sum(len(d.entities()) for d in side) for side in (clean, noisy)]
    assert 0.99 * entities[0] <= entities[1] <= entities[0]


def test_half_of_the_german_pages_are_blackletter():
    for strength in ("light", "heavy"):
        facts = json.loads((Path(BUILD).parent / "printed" / f"de-{strength}.json").read_text("utf-8"))
        assert facts["typefaces"]["blankenburg"] >= 0.4 * facts["documents"]
