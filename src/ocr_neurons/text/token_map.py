"""Which tokens of a noisy text are which of the clean one."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.text.align import Alignment

Spans = Sequence[tuple[int, int]]
"""Character spans ``[start, end)`` of tokens, in order, none overlapping."""


def token_map(alignment: Alignment, clean: Spans, noisy: Spans) -> tuple[tuple[int, int], ...]:
    """Pairs ``(i, j)``: clean token i and noisy token j share aligned characters; in order of i, then j.

    One token in two pairs on the one side is a split, on the other side a merge; a token in none was lost, or is new.
    Positions inside a changed segment are mapped in proportion, so in long ones the map is a guess.
    """
    pairs: list[tuple[int, int]] = []
    first = 0
    for index, (start, end) in enumerate(clean):
        low, high = alignment.to_noisy(start, end)
        while first < len(noisy) and noisy[first][1] <= low:
            first += 1
        other = first
        while other < len(noisy) and noisy[other][0] < high:
            pairs.append((index, other))
            other += 1
    return tuple(pairs)
