"""What the key numbers of a run mean, in sentences for those who will use the text."""

from __future__ import annotations

from ocr_neurons.report import phrase
from ocr_neurons.report.inputs import Difference, Run

QUESTION = (
    "OCR errors may cost this tagger entities. How many, where in the network does the noise show, and does "
    "neutralising the neurons that react to it win any of them back?"
)


def size(run: Run) -> str:
    """What test rests on: ``n = 388 entities in 20 documents``, as far as it is known."""
    entities, documents = run.entities, run.test_documents
    if entities is None:
        return "" if documents is None else f"n = {phrase.whole(documents)} test documents"
    inside = "" if documents is None else f" in {phrase.whole(documents)} documents"
    return f"n = {phrase.whole(entities)} entities{inside}"


def baseline(run: Run) -> str:
    """What the tagger's precision and recall mean."""
    score = run.baseline.strict
    said = f"Of 100 entities in the text it finds about {100 * score.recall:.0f} exactly"
    if score.precision is None:
        return f"{said}; it marks nothing."
    return f"{said}; of 100 that it marks, about {100 * score.precision:.0f} are exactly right."


def cost(run: Run) -> str:
    """What the difference to the clean twin means."""
    twin = run.twin
    if twin is None:
        return ""
    noisy, clean = run.baseline.strict.recall, twin.scores.strict.recall
    without = "Without the errors" if twin.whole else "With its entities as printed, the words around them as they are,"
    return (
        f"{without} it would find about {100 * clean:.0f} of 100 entities instead of {100 * noisy:.0f}. "
        f"{sure(twin.difference, 'a loss', 'a gain')}"
    )


def gain(run: Run) -> str:
    """What the difference of the edit means."""
    return sure(run.gain, "a gain", "a loss")


def sure(value: Difference, above: str, below: str) -> str:
    """Whether an interval says anything: above 0, below 0, or neither; and whether the p-value bears it out."""
    low, high = value.interval
    if value.f1 == low == high == 0:
        return "Nothing changed that this score counts."
    if value.better:
        return f"Other documents like these would show {above} too: the whole interval lies above 0."
    if value.worse:
        return f"Other documents like these would show {below}: the whole interval lies below 0."
    if low > 0 or high < 0:
        return f"The interval leaves 0 out, but in so few documents that it may be chance ({phrase.p_value(value.p)})."
    return "The interval holds 0: with other documents like these it could be nothing, or the reverse."
