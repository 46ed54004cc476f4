"""CoNLL columns against a naive parser; IOB1 and IOB2 mean the same entities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.conll import read_conll
from ocr_neurons.text.formats.detect import detect

IOB1 = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
call NN I-NP O

Peter NNP I-NP I-PER

Blackburn NNP I-NP I-PER
Paris NNP I-NP I-LOC
London NNP B-NP B-LOC
town NNP I-NP I-LOC

-DOCSTART- -X- O O

# NN I-NP O
"""


def naive(labels: list[str]) -> list[tuple[str, int, int]]:
    """Entities of one sentence, read as Tjong Kim Sang's ``conlleval`` reads chunks of IOB1 or IOB2."""
    found: list[list[object]] = []
    before = "O"
    for index, label in enumerate(labels):
        if label != "O":
            begins = label[0] == "B" or before == "O" or before[2:] != label[2:]
            if begins:
                found.append([label[2:], index, index])
            found[-1][2] = index + 1
        before = label
    return [tuple(entity) for entity in found]  # type: ignore[misc]


def test_documents_sentences_and_iob1():
    first, second = read_conll(IOB1.encode(), "x", "eng.testa")
    assert first.text() == "EU rejects German call Peter Blackburn Paris London town"
    assert first.sentences() == [(0, 4), (4, 5), (5, 9)]
    assert first.labels() == ["B-ORG", "O", "B-MISC", "O", "B-PER", "B-PER", "B-LOC", "B-LOC", "I-LOC"]
    assert [t.text for t in second.tokens] == ["#"]
    assert [first.id, second.id] == ["eng.testa-1", "eng.testa-2"]
    assert detect(IOB1.encode(), "eng.testa") == "conll"


@given(
    st.lists(
        st.lists(st.sampled_from(["O", "I-A", "B-A", "I-B", "B-B"]), min_size=1, max_size=6), min_size=1, max_size=4
    )
)
def test_entities_against_a_naive_reading(sentences):
    text = "\n\n".join("\n".join(f"w{i} X Y {label}" for i, label in enumerate(labels)) for labels in sentences)
    (document,) = read_conll(text.encode(), "x", "x")
    wanted, offset = [], 0
    for labels in sentences:
        wanted += [(kind, offset + start, offset + end) for kind, start, end in naive(labels)]
        offset += len(labels)
    assert [(e.type, e.start, e.end) for e in document.entities()] == wanted
    assert not any(
        label[0] == "I" and before[2:] != label[2:]
        for before, label in zip(["O", *document.labels()], document.labels(), strict=False)
    ), "not IOB2"


def test_other_columns_and_separators():
    german = b"Paris Paris NE I-NC I-LOC\n. . $. O O\n"
    tabs = b"New York\tB-LOC\r\n.\tO\r\n"
    assert read_conll(german, "x", "x")[0].labels() == ["B-LOC", "O"]
    assert [t.text for t in read_conll(tabs, "x", "x")[0].tokens] == ["New York", "."]
    assert detect(german, "x") == detect(tabs, "x.txt") == "conll"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a X Y O\nb X O\n", "x, line 2: 3 columns, 4 before"),
        ("a X Y O\nb X Y PER\n", "x, line 2: label 'PER'"),
        ("-DOCSTART- -X- O O\n\n", "no token in it"),
        ("a\nb\n", "x, line 1: 1 columns"),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(UserError, match=message):
        read_conll(text.encode(), "x", "x")


def test_white_space_that_is_a_token_or_in_one():
    rows = [("\u00a0", "O"), ("10\u00a0000", "O"), ("\u3000", "O"), ("Liverpool", "B-loc")]
    for between in "\t", " ":
        text = "".join(f"{token}{between}{label}\n" for token, label in rows)
        (document,) = read_conll(text.encode(), "x", "x")
        assert document.labels() == [label for _, label in rows]
        assert document.tokens[3].text == "Liverpool"
