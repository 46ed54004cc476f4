"""Probing from end to end: pairs through tiny models, against a naive computation of everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st
from transformers import AutoModel, PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.probe.accumulate import THRESHOLDS
from ocr_neurons.probe.probe import GROUP, _grouped, probe
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.words import encode
from ocr_neurons.text.pairs import TextPair

Folder = Callable[[str], Path]
KINDS = ["llama", "mistral", "bert"]
WORDS = ["harbour", "Liverpool", "court", "ministre", "lettres", "ship", "assizes", "présent", "Derby", "mars", "of"]


def pairs(count: int, level: str, changes: int, seed: int = 0) -> list[TextPair]:
    """Words with ``changes`` characters replaced, in context of unequal length (every fifth alone)."""
    rng = np.random.default_rng([seed, changes])
    made = []
    for number in range(count):
        clean = WORDS[int(rng.integers(len(WORDS)))]
        letters = list(clean)
        for _ in range(changes):
            letters[int(rng.integers(len(letters)))] = "0lI&§"[int(rng.integers(5))]
        left = "" if number % 5 == 0 else "The ship arrived at the "[int(rng.integers(20)) :]
        right = "" if number % 5 == 0 else " on Monday, le navire arriva."[: int(rng.integers(29))]
        made.append(TextPair(clean, "".join(letters), level, "test", left, right))
    return made


@pytest.fixture(params=KINDS)
def trunk(request: pytest.FixtureRequest, tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder(request.param)).eval()


def materialised(
    trunk: Any, tokenizer: PreTrainedTokenizerFast, given: list[TextPair]
) -> tuple[naive.Array, naive.Array]:
    """Pooled activations ``[pairs, layers, width]`` of both sides, sub-words chosen by decoding, not by the code."""
    found: tuple[list[naive.Array], list[naive.Array]] = ([], [])
    for pair in given:
        for side, word in zip(found, (pair.clean, pair.noisy), strict=True):
            text = pair.left + word + pair.right
            start, end = len(pair.left.encode()), len((pair.left + word).encode())
            ids = tokenizer(text)["input_ids"]
            ends = np.cumsum([len(token) for token in tokenizer.convert_ids_to_tokens(ids)])  # one sign a byte
            assert ends[-1] == len(text.encode())
            own = [i for i in range(len(ids)) if ends[i] > start and (ends[i - 1] if i else 0) < end]
            side.append(naive.pooled(trunk, tuple(ids), own[0], own[-1] + 1))
    return np.stack(found[0]), np.stack(found[1])


def test_everything_equals_a_naive_computation(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = pairs(21, "low", 1) + pairs(33, "high", 4)
    profile = probe(trunk, tiny_tokenizer, given, budget=200)
    assert profile.levels == ("low", "high")
    assert profile.pairs.tolist() == profile.cka_pairs.tolist() == [21, 33]
    clean, noisy = materialised(trunk, tiny_tokenizer, given)
    d = noisy - clean
    scale = np.abs(clean).max()
    close: dict[str, float] = {"rtol": 1e-4, "atol": 1e-6 * scale}
    parts: list[tuple[str | None, slice]] = [("low", slice(0, 21)), ("high", slice(21, 54)), (None, slice(0, 54))]
    for level, part in parts:
        np.testing.assert_allclose(profile.mean(level), d[part].mean(0), **close)
        np.testing.assert_allclose(profile.mean_absolute(level), np.abs(d[part]).mean(0), **close)
        np.testing.assert_allclose(profile.deviation(level), d[part].std(0), **close)
        for k in THRESHOLDS:
            expected = naive.passes(clean[part], noisy[part], k) / len(d[part])
            np.testing.assert_array_equal(profile.share(k, level), expected)
    np.testing.assert_allclose(profile.clean_deviation(), clean.std(0), **close)
    # both levels fit one group: 21 pairs, and 33 as the last one joins the 32 before it
    assert GROUP == 32
    for layer in range(profile.layers):
        for number, part in enumerate((slice(0, 21), slice(21, 54))):
            expected = naive.debiased_cka(clean[part, layer], noisy[part, layer])
            np.testing.assert_allclose(profile.cka[number, layer], expected, rtol=1e-3, atol=1e-5)


def equal(one: Profile, two: Profile) -> None:
    np.testing.assert_array_equal(one.pairs, two.pairs)
    np.testing.assert_allclose(one.sums, two.sums, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(one.passes, two.passes)


def test_the_budget_does_not_matter_and_the_seed_only_for_cka(
    trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    given = pairs(70, "low", 2)
    base = probe(trunk, tiny_tokenizer, given, seed=1)
    for budget in (1, 60, 100_000):
        other = probe(trunk, tiny_tokenizer, given, seed=1, budget=budget)
        equal(base, other)
        np.testing.assert_allclose(other.cka, base.cka, rtol=1e-4)
    again = probe(trunk, tiny_tokenizer, given, seed=1)
    np.testing.assert_array_equal(again.sums, base.sums)
    np.testing.assert_array_equal(again.cka, base.cka)
    seeded = probe(trunk, tiny_tokenizer, given, seed=2)
    equal(base, seeded)
    assert not np.array_equal(seeded.cka, base.cka)


@drawn(st.integers(0, 5 * GROUP))
def test_every_pair_is_in_one_group(count: int) -> None:
    groups = _grouped(range(count))
    assert [i for group in groups for i in group] == list(range(count))
    assert all(len(group) >= 4 for group in groups[count < 4 :])
    assert all(len(group) == GROUP for group in groups[:-1])
    assert all(len(group) < GROUP + 4 for group in groups)


def test_global_generators_are_left_alone(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    probe(trunk, tiny_tokenizer, pairs(6, "low", 1))
    assert torch.equal(torch.rand(3), expected)


def test_equal_sides_give_no_difference_and_a_cka_of_one(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = [replace(pair, noisy=pair.clean) for pair in pairs(12, "none", 1)]
    profile = probe(trunk, tiny_tokenizer, given)
    assert not profile.mean_absolute().any()
    assert not profile.passes.any()
    np.testing.assert_allclose(profile.cka, 1, rtol=1e-12)


def test_words_without_sub_words_are_counted(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = pairs(8, "low", 1)
    gone = [replace(given[1], noisy=""), replace(given[2], clean="")]
    profile = probe(trunk, tiny_tokenizer, [*gone, *given])
    assert profile.about["skipped"] == 2
    equal(profile, probe(trunk, tiny_tokenizer, given))
    with pytest.raises(UserError, match="2 pairs given, none has a word"):
        probe(trunk, tiny_tokenizer, gone)
    with pytest.raises(UserError, match="0 pairs given"):
        probe(trunk, tiny_tokenizer, [])


def test_few_pairs_have_statistics_and_no_cka(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    profile = probe(trunk, tiny_tokenizer, pairs(3, "low", 1) + pairs(4, "high", 3))
    assert profile.pairs.tolist() == [3, 4]
    assert profile.cka_pairs.tolist() == [0, 4]
    assert np.isnan(profile.cka[0]).all()
    assert np.isfinite(profile.cka[1]).all()


def test_what_it_is_about(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    profile = probe(trunk, tiny_tokenizer, pairs(5, "low", 1), seed=7, about={"model": "tiny", "protocol": "words"})
    assert profile.about == {
        "fingerprint": fingerprint(trunk),
        "site": "neuron",
        "seed": 7,
        "model": "tiny",
        "protocol": "words",
        "skipped": 0,
    }
    profile.save(tmp_path / "p")
    assert Profile.load(tmp_path / "p").about == profile.about


def test_the_span_is_the_word_and_nothing_else(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = pairs(40, "low", 2)
    for pair, sides in zip(given, encode(given, tiny_tokenizer), strict=True):
        for side, word in zip(sides, (pair.clean, pair.noisy), strict=True):
            own = tiny_tokenizer.decode(side.ids[side.first : side.last])
            # sub-words may reach over the word's edge, as " ship" does; they never stop short of it
            assert word in own
            assert word not in tiny_tokenizer.decode(side.ids[side.first + 1 : side.last])
            assert word not in tiny_tokenizer.decode(side.ids[side.first : side.last - 1])
