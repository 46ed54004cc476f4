"""Sentences that changed, with the clean stretch that stands in their place."""

from __future__ import annotations

from ocr_neurons.report.changed import examples_entry
from ocr_neurons.text.document import Document, Token


def document(text: str, entities: dict[str, str] | None = None) -> Document:
    entities = entities or {}
    words = text.split()
    return Document(
        "d",
        tuple(Token(word, label=entities.get(word, "O"), sentence_end=word.endswith(".")) for word in words),
    )


def test_the_clean_stretch_is_the_sentence_and_nothing_of_its_neighbours() -> None:
    noisy = document("The s hip left. Mr. Thorntou arr ived at Liverpool. It rained.", {"Thorntou": "B-pers"})
    clean = document("The ship left. Mr. Thornton arrived at Liverpool. It rained.", {"Thornton": "B-pers"})
    edited = noisy.with_labels(["O"] * len(noisy.tokens))
    tagged = clean.with_labels(["B-loc" if token.text == "Liverpool." else "O" for token in clean.tokens])
    (found,) = examples_entry([noisy], [noisy], [edited], [clean], [tagged])
    assert [token["text"] for token in found["tokens"]] == ["Thorntou", "arr", "ived", "at", "Liverpool."]
    assert [token["text"] for token in found["clean"]] == ["Thornton", "arrived", "at", "Liverpool."]
    assert [token["gold"] for token in found["clean"]] == ["B-pers", "O", "O", "O"]
    assert [token["baseline"] for token in found["clean"]] == ["O", "O", "O", "B-loc"]


def test_without_twins_there_is_no_clean_text() -> None:
    noisy = document("a b.", {"a": "B-pers"})
    (found,) = examples_entry([noisy], [noisy], [noisy.with_labels(["O", "O"])])
    assert "clean" not in found
    assert examples_entry([noisy], [noisy], [noisy]) == []


def test_at_most_so_many_and_so_long() -> None:
    long = document(" ".join([*(f"w{i}" for i in range(99)), "end."]), {"w50": "B-pers"})
    plain = long.with_labels(["O"] * 100)
    found = examples_entry([long] * 3, [long] * 3, [plain] * 3, limit=2)
    assert len(found) == 2
    assert [token["text"] for token in found[0]["tokens"]] == [f"w{i}" for i in range(20, 80)]
