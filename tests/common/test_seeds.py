"""Generators depend on seed and name alone."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.seeds import derive, generator

NAMES = st.lists(st.one_of(st.text(max_size=8).filter(lambda s: "\x1f" not in s), st.integers()), max_size=4)


@given(st.integers(), NAMES, st.integers(), NAMES)
def test_seeds_are_equal_exactly_when_what_they_derive_from_is(seed, names, other, others):
    one, two = derive(seed, *names), derive(other, *others)
    assert 0 <= one < 2**63
    same = [str(seed), *map(str, names)] == [str(other), *map(str, others)]
    assert (one == two) == same


def test_neither_order_of_calls_nor_process_matters():
    first = generator(1, "words", 2).integers(0, 10**9, 5).tolist()
    generator(1, "other").random(100)
    assert generator(1, "words", 2).integers(0, 10**9, 5).tolist() == first
    code = "from ocr_neurons.common.seeds import generator; print(generator(1,'words',2).integers(0,10**9,5).tolist())"
    for hashing in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": hashing}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == str(first)


def test_streams_of_different_names_are_unrelated():
    a, b = generator(1, "a").standard_normal(5000), generator(1, "b").standard_normal(5000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.06  # 4 standard errors


def test_the_global_generators_are_left_alone():
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002 - the global one is at stake
    generator(3, "x").random(10)
    assert states == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
