"""What the key numbers of a run mean, in sentences for those who will use the text."""

from __future__ import annotations

from ocr_neurons.rank.beyond import Again
from ocr_neurons.report import phrase
from ocr_neurons.report.inputs import Difference, RandomBest, Run

QUESTION = (
    "OCR errors may cost this tagger entities. How many, where in the network does the noise show, and does "
    "neutralising the neurons that react to it win any of them back?"
)

LUCK, SURE = 0.3, 0.7
"""Below the first correlation with a ranking by other words a list is called luck, from the second on sure."""


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


def again(found: Again) -> str:
    """Whether other words would name the same neurons, by what is expected of the ranking by all words."""
    said = (
        f"How sure is the list of neurons? It rests on {phrase.whole(found.words)} words. Of the best "
        f"{found.share:.0%} of all neurons by one half of these words, {found.overlap:.0%} are among the best by the "
        f"other half ({found.expected:.0%} if the halves agreed on nothing but the layers). "
    )
    if found.whole < LUCK:
        return said + (
            "So most of it is the luck of the draw: other words would name other neurons, and what an edit of these "
            "does says little of OCR noise. More words make it surer (words under [pairs] in the settings)."
        )
    rank = f"rank correlation {found.whole:.2f} within layers"
    if found.whole < SURE:
        return said + (
            f"As many other words would give a list that agrees in good part, not in all (expected: {rank}); single "
            "neurons must not be believed."
        )
    return said + f"As many other words would name mostly the same neurons (expected: {rank})."


def luck(best: RandomBest) -> str:
    """What the search finds among random neurons, and what test says of that."""
    change = phrase.difference
    said = (
        f"On dev the chosen edit changed {change(best.chosen_on_dev)}. Of {best.among} settings of random neurons the "
        f"same rule would have chosen {best.edit.description}: {change(best.on_dev)} on dev, "
        f"{change(best.difference)} on test. "
    )
    if max(best.on_dev.f1, best.chosen_on_dev.f1) <= 0:
        return said + "Neither search improved dev."
    return said + (
        "A search over many settings finds something on the data it searches, whatever its neurons are: as much of a "
        "gain on dev as random neurons promise too is no sign that the chosen ones are special."
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
