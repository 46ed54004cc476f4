"""Lists of numbers as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.ranges import numbers


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), min_size=1, max_size=6))
def test_numbers_are_those_of_python_ranges(parts):
    wanted = list(dict.fromkeys(n for first, more in parts for n in range(first, first + more + 1)))
    given = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in parts)
    assert list(numbers(given, "layers")) == wanted


@pytest.mark.parametrize("wrong", ["", "a", "1-", "-1", "3-1", "1,,2", "1.5", "²"])
def test_anything_else_is_one_line(wrong):
    with pytest.raises(UserError, match=r"seeds .* given; wanted numbers from 0 on, such as 0-3,8"):
        numbers(wrong, "seeds")
