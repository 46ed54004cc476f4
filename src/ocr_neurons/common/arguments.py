"""Arguments of the command line that are read by a function of ours."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ocr_neurons.common.errors import UserError


def checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """As a type of argparse, which wants an error of its own."""

    def convert(given: str) -> Any:  # noqa: ANN401 - whatever is read
        try:
            return read(given)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert
