"""Random neurons beside the chosen ones: as many in each layer, drawn from a seed and a number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.rank.controls import random_like

LAYERS, WIDTH = 6, 40


def chosen(sizes: dict[int, int], start: int = 0) -> NeuronSet:
    indices = {layer: tuple((start + i) % WIDTH for i in range(size)) for layer, size in sizes.items()}
    scores = {layer: tuple(1 - i / 100 for i in range(size)) for layer, size in sizes.items()}
    return NeuronSet("f00d", "neuron", LAYERS, WIDTH, indices, scores, {"name": "paper"})


size_maps = st.dictionaries(st.integers(0, LAYERS - 1), st.integers(0, WIDTH))


@given(size_maps, st.integers(0, 10**9), st.integers(0, 100))
def test_same_counts_a_layer_and_distinct(sizes: dict[int, int], seed: int, draw: int) -> None:
    neurons = chosen(sizes)
    random = random_like(neurons, seed, draw)
    assert random.counts() == neurons.counts()
    assert (random.model, random.site, random.layers, random.width) == ("f00d", "neuron", LAYERS, WIDTH)
    for members in random.indices.values():
        assert len(set(members)) == len(members)
        assert all(0 <= i < WIDTH for i in members)
        assert all(type(i) is int for i in members)
    assert random.method == {"name": "random", "like": {"name": "paper"}, "seed": seed, "draw": draw}
    assert NeuronSet.from_json(random.to_json()) == random


def test_deterministic_whatever_was_drawn_before() -> None:
    neurons = chosen({0: 10, 3: 20})
    forwards = [random_like(neurons, 1, draw) for draw in range(20)]
    random_like(chosen({5: 3}), 9, 2)
    backwards = [random_like(neurons, 1, draw) for draw in reversed(range(20))][::-1]
    assert forwards == backwards


def test_other_draws_seeds_and_sizes_give_other_neurons() -> None:
    neurons = chosen({0: 10, 3: 20})
    drawn = [random_like(neurons, seed, draw).indices for seed in (1, 2) for draw in range(25)]
    assert len({tuple(sorted(indices.items())) for indices in drawn}) == 50
    smaller = random_like(chosen({0: 9, 3: 20}), 1, 0)
    assert not set(smaller.indices[3]) <= set(random_like(neurons, 1, 0).indices[3])


def test_the_chosen_neurons_do_not_steer_the_draw() -> None:
    """Only how many there are in each layer counts, in whatever order the layers stand."""
    one = random_like(chosen({0: 10, 3: 20}), 1, 0)
    assert one.indices == random_like(chosen({3: 20, 0: 10}, start=17), 1, 0).indices


def test_all_neurons_of_a_layer_are_equally_likely() -> None:
    draws, size = 4000, 10
    counts = [0] * WIDTH
    together = 0
    for draw in range(draws):
        members = random_like(chosen({2: size}), 5, draw).indices[2]
        together += 0 in members and 39 in members
        for i in members:
            counts[i] += 1
    expected = draws * size / WIDTH
    deviation = (draws * (size / WIDTH) * (1 - size / WIDTH)) ** 0.5
    assert all(abs(count - expected) < 4.5 * deviation for count in counts)
    pair = draws * (size / WIDTH) * ((size - 1) / (WIDTH - 1))
    assert abs(together - pair) < 4.5 * pair**0.5


def test_all_and_none() -> None:
    assert random_like(chosen({}), 1, 0).count == 0
    assert sorted(random_like(chosen({1: WIDTH}), 1, 0).indices[1]) == list(range(WIDTH))
