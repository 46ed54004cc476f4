"""Columns and tables of types."""

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import evaluate, ignored_predictions
from ocr_neurons.score.reading import COLUMN_NAMES, Reading, column_named, load_mapping, select, unmapped
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import COLUMNS, parse_hipe

APPLICABLE = "# hipe2022:applicable_columns = TOKEN NE-COARSE-LIT NE-FINE-LIT MISC"


def document(rows, metadata=("# hipe2022:document_id = d",), name="d"):
    """``rows``: ``{column: label}`` a token."""
    made = []
    for row in rows:
        fields = tuple(row.get(column, "O") if column.startswith("NE-") else "_" for column in COLUMNS)
        made.append(Token("w", label=fields[1], fields=("w", *fields[1:])))
    return Document(name, tuple(made), metadata=metadata)


def test_each_column_is_read_from_its_place():
    for number, column in enumerate(COLUMN_NAMES.values()):
        gold = document([{column: f"B-t{number}"}, {column: f"I-t{number}"}, {}])
        assert Reading(column).labels(gold, [0, 1, 2]) == [f"B-T{number}", f"I-T{number}", "O"]
        assert evaluate([gold], [gold], Reading(column)).total() == Counts(1, 0, 0)
        for other in set(COLUMN_NAMES.values()) - {column}:
            assert evaluate([gold], [gold], Reading(other)).total() == Counts()


def test_a_predicted_column_is_scored_against_the_same_column():
    gold = document([{"NE-FINE-LIT": "B-pers.ind", "NE-COARSE-LIT": "B-pers"}, {"NE-COARSE-LIT": "B-loc"}])
    guess = document([{"NE-FINE-LIT": "B-pers.author", "NE-COARSE-LIT": "B-pers"}, {}])
    assert evaluate([gold], [guess]).total() == Counts(1, 0, 1)
    assert evaluate([gold], [guess], Reading("NE-FINE-LIT")).total() == Counts(0, 0, 1)  # a type gold does not have
    assert ignored_predictions([gold], [guess], Reading("NE-FINE-LIT")) == {"PERS.AUTHOR": 1}


def test_columns_by_name():
    assert column_named("fine") == column_named("ne-fine-lit") == "NE-FINE-LIT"
    with pytest.raises(UserError, match=r"'fien'.*nearest: fine"):
        column_named("fien")
    with pytest.raises(UserError, match="NEL-LIT"):
        column_named("NEL-LIT")


def test_columns_that_were_not_annotated_are_left_out():
    said = document([{"NE-NESTED": "O"}], ("# hipe2022:document_id = a", APPLICABLE), "a")
    unsaid = document([{}], name="b")
    empty = document([{"NE-NESTED": "_"}], name="c")
    assert [Reading("NE-NESTED").annotated(d) for d in (said, unsaid, empty)] == [False, True, False]
    assert Reading("NE-FINE-LIT").annotated(said)
    chosen = select([said, unsaid, empty], [said, unsaid, empty], Reading("NE-NESTED"))
    assert ([d.id for d in chosen.gold], [d.id for d in chosen.predicted], chosen.left_out) == (["b"], ["b"], 2)
    with pytest.raises(UserError, match=r"NE-NESTED is not annotated in any of the 1 .*\(coarse, fine\)"):
        select([said], [said], Reading("NE-NESTED"))


def test_documents_made_here_have_no_other_column():
    plain = Document("d", (Token("w", label="B-loc"),))
    assert not Reading("NE-FINE-LIT").annotated(plain)
    assert Reading("NE-FINE-LIT").labels(plain, [0]) == ["_"]


def test_labels_that_are_none_are_refused():
    gold = document([{"NE-FINE-LIT": "pers.ind"}])
    with pytest.raises(UserError, match=r"label 'pers\.ind' in NE-FINE-LIT"):
        evaluate([gold], [gold], Reading("NE-FINE-LIT"))


def test_mapped_types_are_renamed_and_dropped_on_both_sides():
    gold = document([{"NE-COARSE-LIT": label} for label in ("B-PER", "I-PER", "B-time", "I-loc", "I-org")])
    guess = document([{"NE-COARSE-LIT": label} for label in ("B-pers", "I-pers", "O", "B-LOC", "B-date")])
    reading = Reading(mapping={"PER": "PERS", "TIME": "", "ORG": "LOC", "DATE": ""})
    scores = evaluate([gold], [guess], reading)
    # two entities of types that become one stay two
    assert scores.by_type() == {"LOC": Counts(1, 0, 1), "PERS": Counts(1, 0, 0)}
    assert unmapped([gold, guess], reading) == []
    assert unmapped([gold, guess], Reading(mapping={"PER": "PERS"})) == ["DATE", "LOC", "ORG", "TIME"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.tsv", "from\tto\nPER\tpers\nTime\t\n"),
        ("m.tsv", "\ufeffPER\tpers\r\nTime\t\r\n"),
        ("m.toml", 'PER = "pers"\nTime = ""\n'),
    ],
)
def test_tables_of_types(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert load_mapping(tmp_path / name) == {"PER": "PERS", "TIME": ""}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.tsv", "PER pers\n", "line 1: 1 columns"),
        ("m.tsv", "a\tb\tc\n", "line 1: 3 columns"),
        ("m.tsv", "\tpers\n", "'' to 'pers'"),
        ("m.tsv", "PER\tpers\nper\tloc\n", "stands twice"),
        ("m.tsv", "from\tto\n", "no entry"),
        ("m.toml", "PER = 3\n", "'PER' to 3"),
        ("m.toml", "PER\n", "not TOML"),
    ],
)
def test_bad_tables_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        load_mapping(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_with_few_columns_has_no_fine_labels():
    documents = parse_hipe("TOKEN\tNE-COARSE-LIT\tMISC\nLondon\tB-loc\t_\n", "f.tsv")
    assert not Reading("NE-FINE-LIT").annotated(documents[0])
    assert Reading().annotated(documents[0])
