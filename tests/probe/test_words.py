"""Pairs of words as units: the span is the word's and never the first position; what cannot be read is empty."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_neurons import pairs
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from ocr_neurons.probe.units import Unit
from ocr_neurons.probe.words import PADDED, cluster, encode, encode_as_paper
from ocr_neurons.text.pairs import TextPair

Encode = Callable[[Sequence[TextPair], Any], list[Unit]]


@pytest.fixture(scope="module")
def framing(tiny_tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A tokenizer that puts a begin and an end token itself, as BERT's and Llama 2's do."""
    made = copy.deepcopy(tiny_tokenizer)
    special = [("<s>", made.bos_token_id), ("</s>", made.eos_token_id)]
    made.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=special)
    return made


def test_the_span_is_the_word_and_nothing_else(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given_pairs = pairs(20)
    for pair, unit in zip(given_pairs, encode(given_pairs, tiny_tokenizer), strict=True):
        for side, word in ((unit.clean, pair.clean), (unit.noisy, pair.noisy)):
            text = tiny_tokenizer.decode(side.ids, skip_special_tokens=True)
            assert text == pair.left + word + pair.right
            # sub-words may reach over the word's edge, as " ship" does; they never stop short of it
            assert word in tiny_tokenizer.decode(side.ids[side.first : side.last])
            assert word not in tiny_tokenizer.decode(side.ids[side.first + 1 : side.last])
            assert word not in tiny_tokenizer.decode(side.ids[side.first : side.last - 1])


def test_level_dose_and_cluster(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given_pairs = [
        TextPair("court", "c0urt", "low", "s", "the ", "."),
        TextPair("court", "c0u7l", "high", "t", "the ", "."),
    ]
    low, high = encode(given_pairs, tiny_tokenizer)
    assert (low.level, high.level) == ("low", "high")
    assert low.dose == pytest.approx(1 / 5)
    assert high.dose == pytest.approx(3 / 5)
    assert low.cluster == high.cluster
    others = [replace(given_pairs[0], **change) for change in ({"clean": "port"}, {"left": "a "}, {"right": ""})]
    assert len({cluster(pair) for pair in (given_pairs[0], *others)}) == 4


# --- the first position


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8), st.sampled_from(["", " ", "the ", "é"]))
def test_no_word_is_at_the_first_position(
    tiny_tokenizer: PreTrainedTokenizerFast, framing: PreTrainedTokenizerFast, clean: str, noisy: str, left: str
) -> None:
    pair = TextPair(clean, noisy, "low", "test", left)
    for tokenizer in (tiny_tokenizer, framing):
        (unit,) = encode([pair], tokenizer)
        bare = [tuple(tokenizer(left + word)["input_ids"]) for word in (clean, noisy)]
        begun = [len(side.ids) - len(ids) for side, ids in zip((unit.clean, unit.noisy), bare, strict=True)]
        assert begun[0] == begun[1]  # both sides or neither
        for side, ids in zip((unit.clean, unit.noisy), bare, strict=True):
            assert side.first > 0
            assert side.ids == (tokenizer.bos_token_id,) * begun[0] + ids
        if tokenizer is framing:  # it puts its own
            assert begun == [0, 0]


def test_the_begin_token_comes_on_both_sides_where_one_needs_it(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    """`` of`` is one sub-word with its space, so it stands first; ``§f`` stands after the space."""
    assert len(tiny_tokenizer(" of")["input_ids"]) == 1
    one, two = encode([TextPair("of", "§f", "low", "s", " "), TextPair("§f", "of", "low", "s", " ")], tiny_tokenizer)
    for first, second in ((one.clean, one.noisy), (two.noisy, two.clean)):
        assert first.ids[0] == second.ids[0] == tiny_tokenizer.bos_token_id
        assert (first.first, second.first) == (1, 2)


@pytest.mark.parametrize(("without", "expected"), [(("bos_token",), "</s>"), (("bos_token", "eos_token"), None)])
def test_a_tokenizer_without_begin_token(
    tiny_tokenizer: PreTrainedTokenizerFast, without: tuple[str, ...], expected: Any
) -> None:
    tokenizer = copy.deepcopy(tiny_tokenizer)
    for name in without:
        setattr(tokenizer, name, None)
    (unit,) = encode([TextPair("court", "c0urt", "low", "test")], tokenizer)
    bare = tuple(tokenizer("court")["input_ids"])
    begin = () if expected is None else (tokenizer.convert_tokens_to_ids(expected),)
    assert unit.clean.ids == begin + bare
    assert unit.clean.first == len(begin)


# --- words that cannot be read


@pytest.mark.parametrize("read", [encode, encode_as_paper])
@pytest.mark.parametrize("framed", [False, True])
def test_a_word_without_sub_word_has_an_empty_span(
    tiny_tokenizer: PreTrainedTokenizerFast, framing: PreTrainedTokenizerFast, read: Encode, framed: bool
) -> None:
    gone = [TextPair("court", "", "low", "test"), TextPair("", "court", "low", "test")]
    in_context = [replace(pair, left="the ", right=" of Derby") for pair in gone]
    for here, there in ((u.clean, u.noisy) for u in read([*gone, *in_context], framing if framed else tiny_tokenizer)):
        empty = [side.last == side.first for side in (here, there)]
        assert sorted(empty) == [False, True]


def test_no_pairs_are_no_units(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    assert encode([], tiny_tokenizer) == encode_as_paper([], tiny_tokenizer) == []


# --- as the paper


def test_the_paper_reads_64_positions_from_the_first_on(
    tiny_tokenizer: PreTrainedTokenizerFast, framing: PreTrainedTokenizerFast
) -> None:
    given_pairs = [TextPair("court", "c0urt", "low", "test"), TextPair("x" * 200, "y" * 63, "high", "test")]
    for tokenizer in (tiny_tokenizer, framing):
        for pair, unit in zip(given_pairs, encode_as_paper(given_pairs, tokenizer), strict=True):
            for side, word in ((unit.clean, pair.clean), (unit.noisy, pair.noisy)):
                assert (side.first, side.last) == (0, PADDED)
                assert side.ids == tuple(tokenizer(word)["input_ids"])[:PADDED]
    assert PADDED == 64
