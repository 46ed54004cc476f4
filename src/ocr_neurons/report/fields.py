"""JSON values that know their file and key, so that a wrong one can be named."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json

REMEDY = "make the folder again with `ocr-neurons run`"


class Field:
    """A value of a JSON file and the key it stands at, such as ``baseline.strict.f1`` or ``trials[3].count``."""

    def __init__(self, value: Any, path: Path, key: str = "") -> None:  # noqa: ANN401 - whatever json holds
        self.value = value
        self.path = path
        self.key = key

    @classmethod
    def of(cls, path: Path, wanted: str) -> Field:
        """The whole of a JSON file that should hold one object, ``wanted``.

        Raises:
            UserError: no such file, not JSON, or no object.
        """
        field = cls(read_json(path, wanted), path)
        if not isinstance(field.value, dict):
            raise UserError(f"{path}: holds {_kind(field.value)}; wanted {wanted}; {REMEDY}")
        return field

    def __getitem__(self, name: str) -> Field:
        """The value under ``name``.

        Raises:
            UserError: this is no object, or it has no such key.
        """
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if name not in self.value:
            raise UserError(f"{self.path}: key {self._under(name)!r} is missing; {REMEDY}")
        return Field(self.value[name], self.path, self._under(name))

    def nullable(self, name: str) -> Field | None:
        """The value under ``name``, which must be there, or ``None`` where it is null."""
        field = self[name]
        return None if field.value is None else field

    def maybe(self, name: str) -> Field | None:
        """The value under ``name``, or ``None`` where it is null or not there."""
        return self.nullable(name) if isinstance(self.value, dict) and name in self.value else None

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise self.wrong("a finite number")
        return float(self.value)

    def whole(self) -> int:
        """A whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong("a whole number")
        return self.value

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def items(self) -> list[Field]:
        """The members of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Field(value, self.path, f"{self.key}[{index}]") for index, value in enumerate(self.value)]

    def entries(self) -> dict[str, Field]:
        """The members of an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return {name: self[name] for name in self.value}

    def interval(self) -> tuple[float, float]:
        """A pair of numbers, the lower first."""
        bounds = self.items()
        if len(bounds) != 2:
            raise self.wrong("a list [low, high]")
        low, high = bounds[0].number(), bounds[1].number()
        if low > high:
            raise self.wrong("a list [low, high] with low <= high")
        return low, high

    def wrong(self, wanted: str) -> UserError:
        """The error that this is not ``wanted``."""
        return UserError(f"{self.path}: key {self.key!r} is {_kind(self.value)}; wanted {wanted}; {REMEDY}")

    def _under(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
