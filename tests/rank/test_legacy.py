"""Legacy switches against naive versions, planted cases and the hooks of the original's way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.probe.cka import cka, gram, hsic
from ocr_neurons.rank import legacy
from ocr_neurons.text.document import Document, Token

LAYERS, WIDTH = 4, 48
FOUND = NeuronSet(
    "f00d", "up", LAYERS, WIDTH, {1: (7, 3, 40), 3: (3, 9)}, {1: (0.9, 0.8, 0.7), 3: (0.9, 0.6)}, {"name": "paper"}
)


def test_random_neurons_keep_layers_and_follow_the_seed() -> None:
    drawn = [legacy.random_neurons(FOUND, 1, draw) for draw in range(200)]
    assert all(neurons.counts() == {1: 3, 3: 2} for neurons in drawn)
    assert drawn[5] == legacy.random_neurons(FOUND, 1, 5) != legacy.random_neurons(FOUND, 2, 5)
    times = np.bincount([i for neurons in drawn for i in neurons.indices[1]], minlength=WIDTH)
    assert times.min() > 0  # every neuron has its turn, the found ones too
    assert 600 / WIDTH - 12 < times[7] < 600 / WIDTH + 16
    assert drawn[0].method["legacy"] == "random-neurons"


def test_same_numbers_in_every_layer() -> None:
    every = legacy.same_in_every_layer(FOUND, 1)
    assert every.indices == {0: (7, 3, 40), 1: (7, 3, 40), 2: (7, 3, 40), 3: (7, 3, 40)}
    assert every.count == LAYERS * 3
    assert every.scores == {}
    assert (every.model, every.site, every.width) == (FOUND.model, FOUND.site, WIDTH)
    assert NeuronSet.from_json(every.to_json()) == every
    assert FOUND.counts() == {1: 3, 3: 2}  # the caller's is as it was
    with pytest.raises(UserError, match="layers 1, 3"):
        legacy.same_in_every_layer(FOUND, 2)


def model(tiny_folder: Callable[[str], Path], kind: str) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_folder(kind)).eval()


def logits(given: Any) -> torch.Tensor:
    with torch.no_grad():
        return given(input_ids=torch.arange(20, 44).reshape(2, 12)).logits


def test_compounding_is_one_edit_for_each_named_layer(tiny_folder: Callable[[str], Path]) -> None:
    llama, neurons, named = model(tiny_folder, "llama"), legacy.scaled_at_up(FOUND), (1, 3)
    plain = logits(llama)
    with Edit(neurons.within(named), 0.5).on(llama), Edit(neurons.within(named), 0.5).on(llama):
        loop = logits(llama)  # the original's: all named layers, once for each of them
    with Edit(neurons.within(named), legacy.compounded_factor(0.5, named)).on(llama):
        ours = logits(llama)
    torch.testing.assert_close(ours, loop)
    with Edit(neurons.within(named), 0.5).on(llama):
        meant = logits(llama)
    assert (ours - plain).abs().max() > 1.2 * (meant - plain).abs().max() > 0


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_scaling_up_is_scaling_the_neuron(tiny_folder: Callable[[str], Path], kind: str) -> None:
    given = model(tiny_folder, kind)
    handles = []
    for layer, members in FOUND.indices.items():

        def scale(_module: Any, _inputs: Any, output: torch.Tensor, chosen: list[int] = list(members)) -> torch.Tensor:  # noqa: B006
            output = output.clone()
            output[..., chosen] *= 0.3
            return output

        handles.append(given.model.layers[layer].mlp.up_proj.register_forward_hook(scale))
    theirs = logits(given)
    for handle in handles:
        handle.remove()
    with Edit(legacy.scaled_at_up(FOUND), 0.3).on(given):
        torch.testing.assert_close(logits(given), theirs)
    assert (logits(given) - theirs).abs().max() > 1e-6
    with pytest.raises(UserError, match="site 'neuron'"):
        legacy.scaled_at_up(legacy.scaled_at_up(FOUND))


@given(st.floats(0, 3), st.lists(st.integers(0, 31), min_size=1, max_size=5, unique=True))
def test_compounded_factor_is_repeated_multiplication(factor: float, named: list[int]) -> None:
    product = 1.0
    for _ in named:
        product *= factor
    assert legacy.compounded_factor(factor, named) == pytest.approx(product)


@pytest.mark.parametrize("named", [(), (3, 3)])
def test_compounded_factor_wants_layers_once(named: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="each once"):
        legacy.compounded_factor(0.5, named)


def naive_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Gretton's HSIC with centring matrices, written out."""
    n = len(x)
    h = np.eye(n) - np.ones((n, n)) / n
    k, m = x @ x.T, y @ y.T
    return np.trace(k @ h @ m @ h) / np.sqrt(np.trace(k @ h @ k @ h) * np.trace(m @ h @ m @ h))


@given(st.integers(3, 12), st.integers(2, 20), st.integers(2, 20), st.integers(0, 10**6))
def test_linear_cka_equals_the_definition(n: int, p: int, q: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(3, 1, (n, p)), rng.normal(-1, 2, (n, q))
    assert legacy.linear_cka(x, y) == pytest.approx(naive_cka(x, y), abs=1e-9)
    assert legacy.linear_cka(x, 5 * x + 2) == pytest.approx(1)
    if p == q:
        assert legacy.cka_swapped(x, y) == pytest.approx(naive_cka(x.T, y.T), abs=1e-9)


def test_swapped_cka_sees_loud_neurons_and_not_the_noise() -> None:
    rng = np.random.default_rng(3)
    loud = 5 * rng.normal(size=200)  # what every neuron does on any text
    clean, noisy = loud + rng.normal(size=(60, 200)), loud + rng.normal(size=(60, 200))  # nothing else in common
    k, m = (gram(torch.from_numpy(side)) for side in (clean, noisy))
    right = cka(torch.stack([hsic(k, m), hsic(k, k), hsic(m, m)])[:, None].numpy())[0]
    assert abs(right) < 0.15
    assert legacy.linear_cka(clean, noisy) > 0.6  # the bias of the plain form
    assert legacy.cka_swapped(clean, noisy) > 0.99


def test_linear_cka_of_a_constant_and_of_other_examples() -> None:
    assert np.isnan(legacy.linear_cka(np.ones((5, 3)), np.random.default_rng(0).normal(size=(5, 3))))
    with pytest.raises(UserError, match="same examples"):
        legacy.linear_cka(np.zeros((5, 3)), np.zeros((4, 3)))


def test_choosing_on_test() -> None:
    choice = legacy.chosen_on_test([0.1, 0.4, 0.4, -1], [0.0, -0.2, 0.9, 0.3])
    assert choice == legacy.Choice(-0.2, 0.9)
    assert choice.optimism == pytest.approx(1.1)
    for dev, test in (([], []), ([0.1], [0.1, 0.2])):
        with pytest.raises(UserError, match="each setting"):
            legacy.chosen_on_test(dev, test)


def test_optimism_from_nothing_is_the_mean_of_the_largest() -> None:
    """Gains of pure chance: what is chosen on dev gains 0 on average, the best of 12 on test 1.629 deviations."""
    rng = np.random.default_rng(0)
    choices = [legacy.chosen_on_test(rng.normal(size=12), rng.normal(size=12)) for _ in range(4000)]
    assert np.mean([choice.honest for choice in choices]) == pytest.approx(0, abs=0.05)
    assert np.mean([choice.optimism for choice in choices]) == pytest.approx(1.629, abs=0.06)
    assert min(choice.optimism for choice in choices) >= 0


@given(st.lists(st.sampled_from(["Marseille", "a", "(", "l'", "1848", "ministre"]), max_size=12), st.integers(1, 40))
def test_truncation_keeps_tokens_whose_first_sub_word_is_seen(
    tiny_tokenizer: Any, words: list[str], length: int
) -> None:
    tokens = tuple(Token(word, space_after=word not in ("(", "l'")) for word in words)
    document = Document("d", tokens, "fr")
    text = document.text()
    ids = tiny_tokenizer(text, add_special_tokens=False)["input_ids"]
    seen = len(tiny_tokenizer.decode(ids[:length]))  # ASCII, a sub-word never reaches over two words
    naive, position = 0, 0
    for token in tokens:
        position = text.index(token.text, position)
        naive += position < seen
        position += len(token.text)
    assert legacy.kept_by_truncation(document, tiny_tokenizer, length) == naive
    assert legacy.kept_by_truncation(document, tiny_tokenizer, 1000) == len(words)


def test_truncation_wants_a_length(tiny_tokenizer: Any) -> None:
    with pytest.raises(UserError, match="at least 1"):
        legacy.kept_by_truncation(Document("d", (), "en"), tiny_tokenizer, 0)


def test_every_switch_has_a_line() -> None:
    assert list(legacy.LEGACY) == [
        "random-neurons",
        "every-layer",
        "compounded-factor",
        "cka-swapped",
        "chosen-on-test",
        "truncated",
    ]
    assert all(line and "\n" not in line for line in legacy.LEGACY.values())
