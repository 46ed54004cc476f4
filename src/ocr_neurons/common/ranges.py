"""Lists of whole numbers as a user types them."""

from __future__ import annotations

from ocr_neurons.common.errors import UserError


def numbers(given: str, what: str) -> tuple[int, ...]:
    """Numbers such as ``0-3,8``, each once, in the order given; ``what`` names them in messages.

    Raises:
        UserError: anything else.
    """
    found: list[int] = []
    for part in given.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not (last.isdecimal() and int(first) <= int(last))):
            raise UserError(f"{what} {given!r} given; wanted numbers from 0 on, such as 0-3,8")
        found += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(found))
