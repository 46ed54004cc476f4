"""What a data set holds, counted and laid out; counts are planted."""

from __future__ import annotations

import pytest

from ocr_neurons.text.aligned.read import AlignedSet, Refusal
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.overview import aligned_facts, facts, label_table, led_counts, noisy_share, overview
from ocr_neurons.text.pairs import TextPair

BINS = ((0.0, 0.0), (0.001, 0.1), (0.1, 0.3), (0.3, 1.1))


def document(*entities: tuple[str, float | None]) -> Document:
    tokens = [token for kind, led in entities for token in (Token("w", label=f"B-{kind}", led=led), Token("v"))]
    return Document("d", tuple(tokens), "en")


TRAIN = (document(("pers", 0.0), ("pers", 0.09), ("loc", 0.1)), document(("loc", 0.3), ("loc", 1.0), ("org", None)))
TEST = (document(("time", 0.0)),)
OURS = Dataset("ours", TRAIN, test=TEST)
LED = {"0-0": 1, "0.001-0.1": 1, "0.1-0.3": 1, "0.3-1.1": 2, "unknown": 1}


def test_entities_by_led() -> None:
    assert led_counts(TRAIN, BINS) == LED
    assert sum(led_counts(TRAIN, BINS).values()) == sum(len(d.entities()) for d in TRAIN)
    told = overview(OURS, BINS)
    assert told["splits"]["train"]["led"] == LED
    assert told["splits"]["train"]["entities"] == {"loc": 3, "org": 1, "pers": 2}
    assert set(facts(OURS, BINS)) == {"train", "test"}  # dev is empty
    assert "clean_twins" not in facts(OURS, BINS)["train"]


def test_share_of_noisy_entities_is_over_all_splits_and_known_led() -> None:
    assert noisy_share(facts(OURS, BINS)) == pytest.approx(4 / 6)
    assert noisy_share(facts(Dataset("ours", (document(("loc", None)),)), BINS)) is None


def test_table_of_labels() -> None:
    assert label_table(facts(OURS, BINS)) == "\n".join(
        [
            "                     train      test       all",
            "documents                2         1         3",
            "sentences                2         1         3",
            "tokens                  12         2        14",
            "entities                 6         1         7",
            "  loc                    3         0         3",
            "  org                    1         0         1",
            "  pers                   2         0         2",
            "  time                   0         1         1",
            "LED 0                    1         1         2",
            "LED below 0.1            1         0         1",
            "LED 0.1 to 0.3           1         0         1",
            "LED 0.3 and more         2         0         2",
            "LED unknown              1         0         1",
        ]
    )


def test_aligned_texts() -> None:
    pairs = (TextPair("abcdef", "abxdef", "real", "a"), TextPair("ghij", "gh", "real", "b"))
    told = aligned_facts(AlignedSet("ours", pairs, (Refusal("c", "empty"),)))
    assert told == {"documents": 2, "characters": 10, "cer": 0.3, "refused": {"empty": 1}}


def test_a_led_between_two_bins_is_told_as_unknown():
    token = Token("Oldham", label="B-loc", led=0.0005)
    assert led_counts([Document("d", (token,))], BINS)["unknown"] == 1
