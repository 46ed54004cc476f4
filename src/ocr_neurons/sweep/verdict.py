"""What is to be said of an edit after test, in one sentence."""

from __future__ import annotations

from ocr_neurons.common.numbers import p_text
from ocr_neurons.score.intervals import Difference, known, outranks


def verdict(dev: Difference, gain: Difference, over: Difference | None, what: str) -> str:
    """One sentence: what the edit did on test, and whether more than random neurons would.

    ``gain`` is told from chance where :attr:`Difference.better` (or ``worse``) says so. ``over`` is the edit minus
    random neurons, of :func:`compare_to_mean`; None: none were tried.
    """
    low, high = (f"{100 * end:+.1f}" for end in (gain.low, gain.high))
    size = f"{100 * gain.f1:+.1f} points of strict F1 on test (95 % {low} to {high}, p {p_text(gain.p)})"
    if not known(gain.low, gain.high):
        size = f"{100 * gain.f1:+.1f} points of strict F1 on test, a single document, which says nothing of others"
    if gain.f1 == gain.low == gain.high == 0:
        size = "no count on test"
    if gain.better:
        if over is None:
            return f"A gain, not compared with random neurons: {what} changed {size}; other neurons may do as well."
        if outranks(over.f1, over.p):
            return f"Neutralising helped: {what} changed {size}, more than random neurons did."
        return (
            f"A gain that random neurons may bring too: {what} changed {size}, and random ones in their place cannot "
            f"be told to do worse (p {p_text(over.p)})."
        )
    if gain.worse:
        return f"Neutralising did harm: {what} changed {size}."
    if dev.f1 <= 0:
        which = "the one that lost least" if dev.f1 < 0 else "one that changed nothing there"
        return f"Nothing was gained: no setting improved dev, and {which}, {what}, changed {size}."
    return f"Nothing was gained that can be told from chance: {what}, the best on dev, changed {size}."
