"""The table of strategies, in the order in which they are made and shown; those that others need stand before them."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.strategies.edits import AMPLIFY, DAMP, MEAN, SHIFT
from ocr_neurons.strategies.gains import GAINS_ALL, GAINS_RANDOM, GAINS_SENSITIVE, NOISE_GAINS
from ocr_neurons.strategies.retrained import LONGER, NOISE, PLAIN, STABLE
from ocr_neurons.strategies.strategy import NOTHING, Strategy

STRATEGIES: dict[str, Strategy] = {
    row.name: row
    for row in (
        PLAIN, DAMP, AMPLIFY, MEAN, SHIFT, GAINS_SENSITIVE, GAINS_RANDOM, GAINS_ALL, LONGER, NOISE, STABLE, NOISE_GAINS,
    )
}  # fmt: skip
EVERY = "all"


def selected(names: Sequence[str]) -> list[Strategy]:
    """The strategies of these names (``all``: every one), with those they need and ``nothing``, in the table's order.

    Raises:
        UserError: there is none of a name.
    """
    wanted = {NOTHING}
    for name in names:
        if name not in (EVERY, *STRATEGIES):
            raise UserError(
                f"strategy {name!r} given; wanted {EVERY}, or some of {', '.join(STRATEGIES)}"
                f"{nearest(name, STRATEGIES)}"
            )
        wanted |= set(STRATEGIES) if name == EVERY else {name, *STRATEGIES[name].needs}
    return [strategy for name, strategy in STRATEGIES.items() if name in wanted]
