"""Schedules: each example once an epoch, batches within the budget, little padding, nothing by chance but the seed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.seeds import generator
from ocr_neurons.ner.examples import Example
from ocr_neurons.ner.schedule import schedule

LENGTHS = st.lists(st.tuples(st.integers(1, 60), st.none() | st.integers(1, 80)), min_size=1, max_size=80)


def examples(lengths):
    return [
        Example((1,) * own, (0,) * own, noisy=None if other is None else Example((1,) * other, (0,) * other))
        for own, other in lengths
    ]


@given(lengths=LENGTHS, budget=st.integers(16, 400), epochs=st.integers(1, 3), seed=st.integers(0, 9))
def test_by_budget(lengths, budget, epochs, seed):
    epoch = examples(lengths)
    plan = schedule([epoch] * epochs, budget, 0, seed)
    begin = 0
    for number, end in enumerate(plan.ends):
        seen = Counter(i for batch in plan.batches[begin:end] for i in batch)
        assert seen == Counter(range(number * len(epoch), (number + 1) * len(epoch)))
        begin = end
    assert begin == len(plan.batches)
    laid = used = 0
    for batch in plan.batches:
        rows = [r for i in batch for r in (plan.examples[i], plan.examples[i].noisy) if r is not None]
        area = len(rows) * max(len(row.ids) for row in rows)
        assert area <= budget or len(batch) == 1
        laid, used = laid + area, used + sum(len(row.ids) for row in rows)
    assert abs(plan.padding - (1 - used / laid)) < 1e-12
    assert schedule([epoch] * epochs, budget, 0, seed) == plan


@given(lengths=LENGTHS, size=st.integers(1, 20))
def test_by_number(lengths, size):
    plan = schedule([examples(lengths)], 16, size, 1)
    assert [len(batch) for batch in plan.batches[:-1]] == [size] * (len(plan.batches) - 1)
    assert sorted(i for batch in plan.batches for i in batch) == list(range(len(lengths)))


def test_windows_of_like_length_stand_together_in_another_order_each_epoch():
    rng = generator(0, "lengths")
    epoch = examples([(int(n), None) for n in rng.integers(5, 200, size=400)])
    plan = schedule([epoch, epoch], 2048, 0, 1)
    assert plan.padding < 0.1
    first, second = plan.batches[: plan.ends[0]], plan.batches[plan.ends[0] :]
    assert first != [[i - len(epoch) for i in batch] for batch in second]
    assert schedule([epoch], 2048, 0, 2).batches != first
