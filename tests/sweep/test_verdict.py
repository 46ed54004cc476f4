"""The verdict says what the intervals say."""

from __future__ import annotations

import pytest

from ocr_neurons.score.intervals import Difference
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
        (GAIN, GAIN, BEATS, "Neutralising helped: IT changed +2.0 points of strict F1 on test (95 % +1.0 to +3.0)"),
        (GAIN, GAIN, TIES, "A gain not owed to these neurons: IT"),
        (GAIN, GAIN, None, "A gain not owed to these neurons: IT"),
        (GAIN, LOSS, BEATS, "Neutralising did harm: IT changed -2.0"),
        (LOSS, NONE, TIES, "Nothing was gained: no setting improved dev, and the one that lost least, IT"),
        (GAIN, NONE, BEATS, "Nothing was gained that can be told from chance: IT, the best on dev"),
    ],
)
def test_verdicts(dev, gain, over, wanted):
    said = verdict(dev, gain, over, "IT")
    assert said.startswith(wanted)
    assert said.endswith(".")


def test_an_edit_that_changes_no_count_is_said_to() -> None:
    nothing = Difference(0.0, 0.0, 0.0, 1.0)
    said = verdict(Difference(0.002, -0.01, 0.02, 0.5), nothing, None, "IT")
    assert said == "Nothing was gained that can be told from chance: IT, the best on dev, changed no count on test."
