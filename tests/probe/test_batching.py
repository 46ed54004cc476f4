"""A chunk through the model: equal to one word at a time, each text once, both sides of a word in one batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_neurons import pairs
from transformers import AutoModel, PreTrainedTokenizerFast

from ocr_neurons.lm.sites import readings
from ocr_neurons.probe.batching import batches, bundles, laid_out, pool
from ocr_neurons.probe.capture import POOLS
from ocr_neurons.probe.units import Side, Unit
from ocr_neurons.probe.words import encode, encode_as_paper
from ocr_neurons.text.pairs import TextPair

Folder = Callable[[str], Path]
LAYERS, WIDTH = 4, 48
CPU = torch.device("cpu")


@pytest.fixture(params=["llama", "mistral", "bert"])
def trunk(request: pytest.FixtureRequest, tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder(request.param)).eval()


def read(model: Any, units: list[Unit], budget: int = 2048, pad_id: int = 0, how: str = "mean") -> torch.Tensor:
    """``[2, layers, units, width]``: clean, noisy."""
    return torch.stack(pool(model, readings(model), WIDTH, units, budget=budget, pad_id=pad_id, how=how))


def drawn_units(seed: int = 11, count: int = 9) -> list[Unit]:
    """Lengths 1 to 23, spans anywhere; some texts come twice, at the same and at other spans."""
    rng = np.random.default_rng(seed)

    def side(ids: tuple[int, ...] | None = None) -> Side:
        ids = ids or tuple(int(i) for i in rng.integers(2, 290, rng.integers(1, 24)))
        first = int(rng.integers(len(ids)))
        return Side(ids, first, int(rng.integers(first + 1, len(ids) + 1)))

    units = [Unit(side(), side(), "low", str(number), 0.5) for number in range(count)]
    units.append(Unit(units[0].clean, side(), "high", "0", 0.7))  # the same word at another level
    units.append(Unit(side(units[1].noisy.ids), side(), "low", "x", 0.5))  # another word of a text
    units.append(Unit(units[2].noisy, units[3].clean, "low", "y", 0.5))  # what is noisy for one is clean for another
    return units


# --- the values


@pytest.mark.parametrize("how", POOLS)
def test_it_equals_weights_times_inputs_neuron_by_neuron(trunk: Any, how: str) -> None:
    units = drawn_units()
    found = read(trunk, units, 64, how=how)
    assert found.shape == (2, LAYERS, len(units), WIDTH)
    assert found.dtype == torch.float32
    for side, values in (("clean", found[0]), ("noisy", found[1])):
        sides = [getattr(unit, side) for unit in units]
        expected = np.stack([naive.pooled(trunk, s.ids, s.first, s.last, how) for s in sides], 1)
        np.testing.assert_allclose(values.numpy(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("how", POOLS)
def test_batched_equals_one_by_one(trunk: Any, how: str) -> None:
    units = drawn_units()
    alone = torch.cat([read(trunk, [unit], how=how) for unit in units], 2)
    for budget in (1, 23, 50, 64, 10_000):
        torch.testing.assert_close(read(trunk, units, budget, how=how), alone, rtol=1e-5, atol=1e-7)
    # the token that pads does not matter either
    torch.testing.assert_close(read(trunk, units, 50, 77, how), alone, rtol=1e-5, atol=1e-7)


def test_the_papers_spans_reach_into_the_padding(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    """All of 64 positions, most of them padding, which sees the word and is itself seen by nobody."""
    given_pairs = [TextPair("harbour", "harb0ur", "low", "s"), TextPair("présent", "pr3sent", "low", "s")]
    units = encode_as_paper(given_pairs, tiny_tokenizer)
    found = read(trunk, units, 150)
    for number, unit in enumerate(units):
        for side, values in ((unit.clean, found[0]), (unit.noisy, found[1])):
            expected = naive.pooled(trunk, side.ids, 0, 64, padding=64 - len(side.ids))
            np.testing.assert_allclose(values[:, number].numpy(), expected, rtol=1e-4, atol=1e-6)
            own = naive.pooled(trunk, side.ids, 0, len(side.ids))
            assert abs(expected - own).max() > 1e-3 * abs(own).max()  # the padding does count


def test_words_encoded_together_equal_words_encoded_alone(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given_pairs = pairs(12)
    found = read(trunk, encode(given_pairs, tiny_tokenizer), 200)
    alone = torch.cat([read(trunk, encode([pair], tiny_tokenizer)) for pair in given_pairs], 2)
    torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-7)


# --- what is run


def ran(trunk: Any, units: list[Unit], budget: int) -> list[list[tuple[int, ...]]]:
    """The texts of each forward pass, without padding."""
    seen: list[list[tuple[int, ...]]] = []

    def note(_module: Any, _args: Any, given: dict[str, torch.Tensor]) -> None:
        rows = zip(given["input_ids"], given["attention_mask"].bool(), strict=True)
        seen.append([tuple(ids[mask].tolist()) for ids, mask in rows])

    handle = trunk.register_forward_pre_hook(note, with_kwargs=True)
    read(trunk, units, budget)
    handle.remove()
    return seen


@pytest.mark.parametrize("budget", [1, 40, 100, 10_000])
def test_each_text_is_run_once_and_both_sides_of_a_word_together(trunk: Any, budget: int) -> None:
    units = drawn_units()
    passes = ran(trunk, units, budget)
    texts = [text for batch in passes for text in batch]
    assert len(texts) == len(set(texts))
    assert set(texts) == {side.ids for unit in units for side in (unit.clean, unit.noisy)}
    for unit in units:
        assert any(unit.clean.ids in batch and unit.noisy.ids in batch for batch in passes)


sides = st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 3), st.integers(1, 6)).map(
    lambda drawn: Side(tuple(drawn[0]), drawn[1], drawn[1] + drawn[2])
)
some_units = st.lists(
    st.builds(Unit, sides, sides, st.just("low"), st.just("w"), st.just(0.5)), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(some_units, st.integers(1, 60))
def test_batches_hold_every_span_once_and_stay_within_the_budget(units: list[Unit], budget: int) -> None:
    found, numbers = bundles(units)
    held: dict[int, Side] = {}
    rows = 0
    for group in batches(found, budget):
        batch, lines = laid_out(group, 9, CPU)
        rows += len(batch.ids)
        size = batch.ids.numel()
        assert size <= budget or len(group) == 1
        assert batch.ids.shape[1] == max(max(len(side.ids), side.last) for _, _, side in lines)
        for line, number, side in lines:
            assert number not in held
            held[number] = side
            assert tuple(batch.ids[line][batch.attention[line].bool()].tolist()) == side.ids
            assert (batch.ids[line][len(side.ids) :] == 9).all()
    assert [(held[clean], held[noisy]) for clean, noisy in numbers] == [(unit.clean, unit.noisy) for unit in units]
    assert sorted(held) == list(range(len({side for unit in units for side in (unit.clean, unit.noisy)})))
    assert rows == len({side.ids for unit in units for side in (unit.clean, unit.noisy)})
    for bundle in found:  # nothing is in one batch that need not be: within a bundle all texts hang together
        joined = {bundle.texts[0]}
        for _ in bundle.texts:
            for unit in units:
                if {unit.clean.ids, unit.noisy.ids} & joined:
                    joined |= {unit.clean.ids, unit.noisy.ids}
        assert joined == set(bundle.texts)
