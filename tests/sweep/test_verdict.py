"""The verdict says what interval, p-value and random draws say, and no more."""

from __future__ import annotations

import pytest

from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference, compare, compare_to_mean
from ocr_neurons.score.table import difference_text
from ocr_neurons.sweep.verdict import verdict

GAIN, LOSS, NONE = (
    Difference(0.02, 0.01, 0.03, 0.01),
    Difference(-0.02, -0.03, -0.01, 0.01),
    Difference(0, -0.01, 0.01, 1),
)
BEATS, TIES = Difference(0.02, 0.0, 0.04, 0.04), Difference(0.02, 0.0, 0.04, 0.2)


@pytest.mark.parametrize(
    ("dev", "gain", "over", "wanted"),
    [
        (GAIN, GAIN, BEATS, "Neutralising helped: IT changed +2.0 points of strict F1 on test (95 % +1.0 to +3.0, p ="),
        (GAIN, GAIN, TIES, "A gain that random neurons may bring too: IT"),
        (GAIN, GAIN, None, "A gain, not compared with random neurons: IT"),
        (GAIN, LOSS, BEATS, "Neutralising did harm: IT changed -2.0"),
        (LOSS, NONE, TIES, "Nothing was gained: no setting improved dev, and the one that lost least, IT"),
        (GAIN, NONE, BEATS, "Nothing was gained that can be told from chance: IT, the best on dev"),
    ],
)  # fmt: skip
def test_verdicts(dev, gain, over, wanted):
    said = verdict(dev, gain, over, "IT")
    assert said.startswith(wanted)
    assert said.endswith(".")


def test_an_edit_that_changes_no_count_is_said_to() -> None:
    nothing = Difference(0.0, 0.0, 0.0, 1.0)
    said = verdict(Difference(0.002, -0.01, 0.02, 0.5), nothing, None, "IT")
    assert said == "Nothing was gained that can be told from chance: IT, the best on dev, changed no count on test."


def scores(*found: int) -> Scores:
    """Documents of ten entities, so many of them found."""
    table = tuple({"LOC": Counts(n, 0, 10 - n)} for n in found)
    return Scores(tuple(map(str, range(len(found)))), table, table)


@pytest.mark.parametrize(("changed", "documents", "by_chance"), [(4, 20, 1 / 8), (2, 2, 1 / 2), (1, 1, 1)])
def test_few_documents_that_all_gain_are_no_gain_beyond_chance(changed, documents, by_chance):
    """Two-sided, coins fall alike in 2 of 2**changed cases; the bootstrap's interval does not know."""
    plain = scores(*[5] * documents)
    for sign, head in ((1, "Nothing was gained"), (-1, "Nothing was gained")):
        edited = scores(*[5 + sign] * changed, *[5] * (documents - changed))
        found = compare(edited, plain)
        assert documents == 1 or min(sign * found.low, sign * found.high) > 0
        assert found.p == pytest.approx(by_chance, abs=0.02)
        assert verdict(GAIN, found, BEATS, "IT").startswith(head)


def test_six_documents_that_all_gain_are():
    found = compare(scores(*[6] * 6, *[5] * 14), scores(*[5] * 20))
    assert found.p == pytest.approx(2 / 2**6, abs=0.01)
    assert verdict(GAIN, found, BEATS, "IT").startswith("Neutralising helped")


def test_too_few_random_draws_prove_nothing_either_way():
    """Five draws, all beaten by far: p cannot be below 1/6, and random neurons did not do "as well"."""
    edited, plain = scores(*[8] * 20), scores(*[5] * 20)
    over = compare_to_mean(edited, [plain] * 5)
    said = verdict(GAIN, compare(edited, plain), over, "IT")
    assert said.startswith("A gain that random neurons may bring too: IT")
    assert said.endswith("and random ones in their place cannot be told to do worse (p = 0.17).")


def test_a_single_document_speaks_of_no_others():
    """The difference of one document is exact, and an interval of it from -100 to +100 would be no information."""
    alone = Difference(0.25, -1.0, 1.0, 1.0)
    said = verdict(alone, alone, None, "an edit")
    assert said == (
        "Nothing was gained that can be told from chance: an edit, the best on dev, changed +25.0 points of strict F1 "
        "on test, a single document, which says nothing of others."
    )
    assert difference_text(alone) == "+25.0 [unknown], p = 1.00"
