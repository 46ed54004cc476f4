"""Where sentences end: cases by hand, and the gazette's own sentences."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.sentences import sentence_ends
from ocr_neurons.text.tokenise import tokenise


def cut(text: str) -> list[str]:
    tokens = tokenise(text)
    starts = [0, *(end + 1 for end in sorted(sentence_ends(text, tokens)))]
    return [text[tokens[a][0] : tokens[b - 1][1]] for a, b in pairwise(starts)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("He came. She left.", ["He came.", "She left."]),
        ("Mr. J. Brown came on the 3. March. Then?", ["Mr. J. Brown came on the 3. March.", "Then?"]),
        ('"He came." "Why?" said he.', ['"He came."', '"Why?" said he.']),
        ("THE TIMES\n\nLondon, Monday", ["THE TIMES", "London, Monday"]),
        ("THE TIMES\r\rLondon, Monday", ["THE TIMES", "London, Monday"]),
        ("THE TIMES\r\n\r\nLondon, Monday", ["THE TIMES", "London, Monday"]),
        ("THE TIMES\r\nLondon, Monday", ["THE TIMES\r\nLondon, Monday"]),
        ("THE TIMES\r\r\nLondon\rMonday", ["THE TIMES\r\r\nLondon\rMonday"]),
        ("at 1.30 and. not here", ["at 1.30 and. not here"]),
        ("He came!\nShe left in 1870. It rained", ["He came!", "She left in 1870.", "It rained"]),
        ("...", ["..."]),
        ("", []),
    ],
)
def test_examples(text, wanted):
    assert cut(text) == wanted


@pytest.mark.parametrize("name", ["gazette", "gazette:fr", "gazette:de"])
def test_the_gazettes_sentences(name):
    """The corpus was written sentence by sentence; a rule of thumb finds at least 94 in 100, and few more."""
    hits = found = wanted = 0
    for document in load_dataset(name).clean_twins["train"]:
        running = document.running_text()
        ends = sentence_ends(running.text, list(zip(running.starts, running.ends, strict=True)))
        gold = {end - 1 for _, end in document.sentences()}
        hits, found, wanted = hits + len(ends & gold), found + len(ends), wanted + len(gold)
    assert hits / wanted >= 0.94
    assert hits / found >= 0.9
