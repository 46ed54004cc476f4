"""What is to be said of an edit after test, in one sentence."""

from __future__ import annotations

from ocr_neurons.score.intervals import Difference


def verdict(dev: Difference, gain: Difference, over: Difference | None, what: str) -> str:
    """One sentence: what the edit did on test, and whether more than random neurons would."""
    size = f"{100 * gain.f1:+.1f} points of strict F1 on test (95 % {100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    if gain.f1 == gain.low == gain.high == 0:
        size = "no count on test"
    beats = over is not None and over.f1 > 0 and over.p <= 0.05
    if gain.low > 0 and beats:
        return f"Neutralising helped: {what} changed {size}, more than random neurons did."
    if gain.low > 0:
        return f"A gain not owed to these neurons: {what} changed {size}, but random ones in their place did as well."
    if gain.high < 0:
        return f"Neutralising did harm: {what} changed {size}."
    if dev.f1 <= 0:
        return f"Nothing was gained: no setting improved dev, and the one that lost least, {what}, changed {size}."
    return f"Nothing was gained that can be told from chance: {what}, the best on dev, changed {size}."
