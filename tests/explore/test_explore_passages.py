"""Documents in passages: nothing is lost, everything stands where it should."""

from __future__ import annotations

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.explore.passages import MOST, Passages
from ocr_neurons.text.datasets import Dataset, load_dataset
from ocr_neurons.text.document import Document, Token


@pytest.fixture(scope="module")
def gazette():
    return load_dataset("gazette")


def test_the_passages_of_a_document_are_the_document(gazette):
    passages = Passages(gazette)
    listed = passages.listed()
    assert [row["split"] for row in listed] == [
        split for split in ("test", "dev", "train") for _ in gazette.split(split)
    ]
    for row in listed[:5]:
        number = int(str(row["key"]).partition(":")[2])
        found = [passages.passage(str(row["key"]), part) for part in range(int(str(row["parts"])))]
        assert " ".join(one.clean for one in found) == gazette.clean_twins["test"][number].text()
        read = "".join("".join(one.ocr or "" for one in found).split())
        assert read == "".join(gazette.test[number].text().split()), (
            "the OCR of all passages is the OCR of the document"
        )
        twin = gazette.clean_twins["test"][number]
        running = twin.running_text()
        marked = [one.clean[a:b] for one in found for a, b, _ in one.gold]
        assert marked == [running.text[running.starts[e.start] : running.ends[e.end - 1]] for e in twin.entities()]


def test_without_a_clean_twin_the_text_is_the_documents_own():
    document = Document("a", (Token("Liverpool", label="B-loc"), Token("burns", space_after=False), Token(".")), "en")
    found = Passages(Dataset("one", test=(document,))).passage("test:0", 0)
    assert (found.clean, found.ocr, found.gold) == ("Liverpool burns.", None, ((0, 9, "loc"),))


def test_a_sentence_without_end_is_cut():
    document = Document("long", tuple(Token("word") for _ in range(1000)), "en")
    passages = Passages(Dataset("one", test=(document,)))
    parts = int(str(passages.listed()[0]["parts"]))
    found = [passages.passage("test:0", part).clean for part in range(parts)]
    assert parts > 3
    assert max(map(len, found)) <= MOST
    assert " ".join(found) == document.text()


@pytest.mark.parametrize(
    ("key", "part"), [("test:99", 0), ("test:-1", 0), ("other:0", 0), ("", 0), ("test:0", 99), ("test:0", -1)]
)
def test_what_is_not_there(gazette, key, part):
    with pytest.raises(UserError, match="Pick one"):
        Passages(gazette).passage(key, part)
