"""Clean twins of AjMC: planted entities by hand, and the real data against their own counts."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.datasets import SPLITS, Dataset, load_dataset
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import format_hipe, parse_hipe, write_hipe
from ocr_neurons.text.led import surface
from ocr_neurons.text.named import DATA_VARIABLE
from ocr_neurons.text.transcripts import (
    COLUMNS,
    FILE,
    MARK,
    TranscriptRow,
    clean_twin,
    clean_twins,
    noisy_entities,
    read_transcripts,
)

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (REAL / "derived" / FILE).is_file(), reason=f"{FILE} is not in ../shared/data/derived beside the repository"
)


def document(*tokens: Token, name: str = "p1") -> Document:
    return Document(name, tokens, "fr", metadata=(f"# hipe2022:document_id = {name}", "# hipe2022:language = fr"))


def entity(words: str, kind: str, led: float) -> list[Token]:
    """Tokens of an entity; ``|`` stands where no space follows."""
    pieces = words.replace("|", "| ").split()
    return [
        Token(piece.removesuffix("|"), not piece.endswith("|"), f"{'I' if index else 'B'}-{kind}", led)
        for index, piece in enumerate(pieces)
    ]


def twin_of(ocr: str, transcript: str, led: float, *after: Token) -> list[Token]:
    """The tokens of the twin's entity, between ``dans`` and what comes after."""
    tokens = (Token("dans"), *entity(ocr, "work", led), *after)
    end = 1 + len(ocr.replace("|", "| ").split())
    row = TranscriptRow(0, "p1", 1, end, "work", surface(tokens[1:end]), transcript, led)
    twin = clean_twin(document(*tokens), [row])
    assert twin.tokens[0] == tokens[0]
    assert twin.tokens[len(twin.tokens) - len(after) :] == after
    assert [(e.type, e.start) for e in twin.entities()] == [("work", 1)]
    return list(twin.tokens[1 : len(twin.tokens) - len(after)])


def told(tokens: list[Token]) -> str:
    return "".join(token.text + ("/" if token.space_after else "|") for token in tokens)


def test_an_entity_is_replaced() -> None:
    tokens = twin_of("OE|: 1|. Co!|.", "OEd. Col.", 0.44, Token("et"))
    assert told(tokens) == "OEd|./Col|./"
    assert [t.label for t in tokens] == ["B-work", "I-work", "I-work", "I-work"]
    assert {t.led for t in tokens} == {0.0}
    assert told(twin_of("4199.4204|", "1199-1204", 0.33, Token(","))) == "1199|-|1204|"  # as AjMC cuts figures
    assert told(twin_of("Agamemuon's", "Agamemnon's", 0.09)) == "Agamemnon's/"


def test_marks_that_the_annotators_left_out_stay() -> None:
    # distances by hand: 1 of 7 letters, 1 of 8 with the comma
    assert told(twin_of("dlceste,", "Alceste", 0.14)) == "Alceste,/"
    assert told(twin_of("dlceste,", "Alceste", 0.25)) == "Alceste/"  # the comma is an error here
    assert told(twin_of("(Anlig.]|", "Antig", 0.2)) == "(Antig.]|"
    assert told(twin_of("Anlig|,", "Antig", 0.2)) == "Antig/"  # a mark of its own is part of the entity


def test_the_hyphen_of_a_line_end_goes() -> None:
    assert told(twin_of("Odysneus", "Odys- seus", 0.12)) == "Odysseus/"
    assert told(twin_of("Xerxcs- Bau", "Xerxes- Bau", 0.09)) == "Xerxes|-/Bau/"  # explained as it stands


def test_words_of_the_next_entity_are_not_doubled() -> None:
    after = (Token("II", False, "B-scope", 0.0), Token(",", label="I-scope", led=0.0))
    tokens = (*entity("Lexie. Sophocl|.", "work", 0.07), *after)
    row = TranscriptRow(0, "p1", 0, 3, "work", "Lexie. Sophocl.", "Lexic. Sophocl. II", 0.07)
    twin = clean_twin(document(*tokens), [row])
    assert told(list(twin.tokens)) == "Lexic|./Sophocl|./II|,/"


def test_flags_and_columns_are_kept() -> None:
    misc = "InPrimaryReference|LED0.50"
    fields = ("l. 5", "B-work", "_", "B-work.primlit", "_", "_", "O", "Q1", "_", misc)
    old = (
        Token("a"),
        Token("I1.5", False, "B-work", 0.5, line_end=True, sentence_end=True, fields=fields),
        Token("b", label="B-pers", led=0.3),
    )
    twin = clean_twin(document(*old), [TranscriptRow(0, "p1", 1, 2, "work", "I1.5", "Il. 5", 0.5)])
    first, point, last = twin.tokens[1:4]
    assert (first.fields[3], last.fields[3]) == ("B-work.primlit", "I-work.primlit")
    assert [t.sentence_end for t in (first, point, last)] == [False, False, True]
    assert [t.line_end for t in (first, point, last)] == [False, False, True]
    assert [t.space_after for t in (first, point, last)] == [False, True, False]
    assert noisy_entities(twin) == 1
    (back,) = parse_hipe(format_hipe([twin]), "twin")
    assert back.metadata[-1] == MARK == "# ocr-neurons:twin = entities only"
    assert [replace(t, fields=()) for t in back.tokens] == [replace(t, fields=()) for t in twin.tokens]
    assert back.tokens[1].fields[9] == "InPrimaryReference|NoSpaceAfter|LED0.00"


def test_what_is_not_noisy_is_not_touched() -> None:
    given = document(*entity("Ajax", "pers", 0.0), Token("x"), *entity("1|.5", "scope", 0.2))
    twins = clean_twins([given, given], [TranscriptRow(1, "p1", 2, 4, "scope", "1.5", "I.5", 0.2)])
    assert (twins.replaced, twins.left) == (1, 1)
    assert twins.documents[0] == replace(given, metadata=(*given.metadata, MARK))
    assert twins.documents[1].tokens[:2] == given.tokens[:2]
    assert given.text() == "Ajax x 1.5"
    assert twins.documents[1].text() == "Ajax x I.5"


GOOD = TranscriptRow(0, "p1", 0, 1, "pers", "Aiax", "Ajax", 0.25)


@pytest.mark.parametrize(
    "row",
    [
        replace(GOOD, ocr="Aias"),
        replace(GOOD, document_id="p2"),
        replace(GOOD, end=2),
        replace(GOOD, type="work"),
        replace(GOOD, start=7, end=8),
    ],
)
def test_transcripts_of_other_data_are_refused(row: TranscriptRow) -> None:
    given = document(*entity("Aiax", "pers", 0.25), Token("x"))
    assert clean_twin(given, [GOOD]).text() == "Ajax x"
    with pytest.raises(UserError, match=r"document 'p1', tokens \d-\d: .* wanted those of this version of the data$"):
        clean_twin(given, [row])
    with pytest.raises(UserError, match="tokens 0-1"):
        clean_twin(given, [GOOD, GOOD])
    with pytest.raises(UserError, match="document 1 of 1"):
        clean_twins([given], [replace(GOOD, document=1)])


def write_table(path: Path, *rows: str, header: str = "\t".join(COLUMNS)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


ROW = 'fr\ttest\t0\tp1\t0\t1\tpers\tpers.myth\t"Aiax\t"Ajax\t0.2'


def test_table_is_read_without_quoting(tmp_path: Path) -> None:
    path = write_table(tmp_path / FILE, ROW, "", ROW.replace("fr", "de"))
    row = TranscriptRow(0, "p1", 0, 1, "pers", '"Aiax', '"Ajax', 0.2)
    assert read_transcripts(path) == {("fr", "test"): [row], ("de", "test"): [row]}


@pytest.mark.parametrize(
    ("row", "header", "told"),
    [
        (ROW, "a\tb", "line 1: header 'a"),
        (ROW.replace("\t1\t", "\tx\t"), "\t".join(COLUMNS), "line 2: not a transcript"),
        (ROW + "\tmore", "\t".join(COLUMNS), "line 2: not a transcript"),
        (ROW.replace('"Ajax', " "), "\t".join(COLUMNS), "line 2: no transcript"),
        (ROW.replace("0\t1", "1\t1"), "\t".join(COLUMNS), "line 2: no transcript or no token"),
    ],
)
def test_broken_tables_are_told(tmp_path: Path, row: str, header: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        read_transcripts(write_table(tmp_path / FILE, row, header=header))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder laid out like the published data, with two test documents and transcripts for one entity."""
    given = document(*entity('"Aiax', "pers", 0.2), Token("x"), *entity("Sopliocle", "pers", 0.22))
    write_hipe(tmp_path / "hipe2022-v2.1" / "ajmc" / "fr" / "ours-test-fr.tsv", [given, replace(given, id="p2")])
    write_table(tmp_path / "derived" / FILE, ROW)
    return tmp_path


def check_twins(dataset: Dataset) -> None:
    assert list(dataset.clean_twins) == ["test"]
    assert [d.text() for d in dataset.clean_twins["test"]] == ['"Ajax x Sopliocle', '"Aiax x Sopliocle']
    assert [d.id for d in dataset.clean_twins["test"]] == [d.id for d in dataset.test]
    assert dataset.twin_scope == "entities"
    assert (dataset.still_noisy("test"), dataset.still_noisy("train")) == (3, None)
    assert dataset.clean_text("test") == dataset.test  # words around the entities are not clean
    bare = replace(dataset, clean_twins={})
    assert dataset.digest(twins=False) == bare.digest() == bare.digest(twins=False) != dataset.digest()


def test_data_sets_find_their_transcripts(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = release / "hipe2022-v2.1" / "ajmc" / "fr"
    check_twins(load_dataset(str(folder)))
    monkeypatch.chdir(folder)
    check_twins(load_dataset("."))
    monkeypatch.setenv(DATA_VARIABLE, str(release))
    check_twins(load_dataset("hipe2022:ajmc-fr"))


def test_data_sets_without_transcripts_have_no_twins(release: Path, tmp_path: Path) -> None:
    folder = release / "hipe2022-v2.1" / "ajmc" / "fr"
    shutil.copytree(folder, release / "hipe2022-v2.1" / "other" / "fr")
    assert load_dataset(str(release / "hipe2022-v2.1" / "other" / "fr")).clean_twins == {}
    moved = shutil.move(release / "derived" / FILE, tmp_path / "mine.tsv")
    without = load_dataset(str(folder))
    assert (without.clean_twins, without.twin_scope) == ({}, "")
    check_twins(load_dataset(str(folder), transcripts=moved))
    write_table(moved, ROW.replace("fr\t", "de\t"))
    with pytest.raises(UserError, match="no transcript for the splits and language of"):
        load_dataset(str(folder), transcripts=moved)


def test_gazette_is_clean_throughout() -> None:
    assert load_dataset("gazette").twin_scope == "text"


# noisy entities, and those without a transcript, counted in the files with other means
COUNTS = {
    "en": {"train": (200, 0), "dev": (70, 0), "test": (36, 0)},
    "de": {"train": (240, 2), "dev": (46, 1), "test": (42, 3)},
    "fr": {"train": (498, 2), "dev": (142, 1), "test": (99, 4)},
}


@needs_real
@pytest.mark.parametrize("language", COUNTS)
def test_real_twins(language: str) -> None:
    dataset = load_dataset(str(REAL / "hipe2022-v2.1" / "ajmc" / language))
    rows = read_transcripts(REAL / "derived" / FILE)
    exact = total = 0
    for split in SPLITS:
        noisy, clean = dataset.split(split), dataset.clean_twins[split]
        before, left = COUNTS[language][split]
        assert sum(noisy_entities(d) for d in noisy) == before
        assert dataset.still_noisy(split) == left
        assert len(rows[language, split]) == before - left
        assert [d.id for d in clean] == [d.id for d in noisy]
        for old, new in zip(noisy, clean, strict=True):
            assert [e.type for e in old.entities()] == [e.type for e in new.entities()]
            assert len(old.sentences()) == len(new.sentences())
            outside = [[t.text for t in d.tokens if t.label == "O"] for d in (old, new)]
            assert outside[0] == outside[1]
            # the data's own LED is the distance of the two surfaces, but for marks and hyphens left out of it
            for a, b in zip(old.entities(), new.entities(), strict=True):
                led = old.tokens[a.start].led
                if led and new.tokens[b.start].led == 0:
                    texts = surface(old.tokens[a.start : a.end]), surface(new.tokens[b.start : b.end])
                    exact += abs(Levenshtein.normalized_distance(*texts) - led) < 0.0051
                    total += 1
    assert exact / total > 0.94
