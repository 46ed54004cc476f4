"""The order of reading: all pairs once, a word's together, fixed by seed and pairs, cut into shards without overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_neurons import pairs
from transformers import PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.chunks import CHUNK, MOST, Chunk, Chunks
from ocr_neurons.probe.units import Unit
from ocr_neurons.probe.words import encode, encode_as_paper
from ocr_neurons.text.pairs import PairFile, TextPair, write_pairs

WORDS = ["context", "words", "paper"]


def bare(given_pairs: Sequence[TextPair]) -> list[TextPair]:
    return [replace(pair, left="", right="") for pair in given_pairs]


def expected(given_pairs: Sequence[TextPair], tokenizer: PreTrainedTokenizerFast, protocol: str) -> Counter[Unit]:
    """What is to be read, in any order."""
    if protocol == "context":
        return Counter(encode(given_pairs, tokenizer))
    return Counter((encode_as_paper if protocol == "paper" else encode)(bare(given_pairs), tokenizer))


def read(chunks: Sequence[Chunk]) -> Counter[Unit]:
    return Counter(unit for chunk in chunks for unit in chunk.units)


def clusters(chunk: Chunk) -> set[str]:
    return {unit.cluster for unit in chunk.units}


def texts(count: int) -> list[TextPair]:
    """Running text, a word in five of it changed."""
    made = []
    for number in range(count):
        words = [f"{pair.clean} {pair.noisy}" for pair in pairs(12, (1,), seed=number)]
        clean = " the harbour of ".join(words) + "."
        made.append(TextPair(clean, clean.replace("harbour", "harb0ur"), "real", f"text {number}"))
    return made


@pytest.mark.parametrize("protocol", WORDS)
def test_every_pair_is_read_once_and_no_chunk_is_too_large(
    tiny_tokenizer: PreTrainedTokenizerFast, protocol: str
) -> None:
    given_pairs = pairs(210)
    chunks = Chunks(given_pairs, tiny_tokenizer, protocol)
    found = list(chunks)
    assert read(found) == expected(given_pairs, tiny_tokenizer, protocol)
    assert [chunk.number for chunk in found] == list(range(len(chunks)))
    assert len(chunks) > 2
    assert all(CHUNK // 4 <= len(chunk.units) <= MOST + CHUNK for chunk in found)
    assert chunks.levels == ("low", "high")


def test_all_pairs_of_a_word_are_in_one_chunk(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    found = list(Chunks(pairs(210), tiny_tokenizer))
    assert len(found) > 2
    assert sum(len(clusters(chunk)) for chunk in found) == len(set().union(*map(clusters, found)))


@pytest.mark.parametrize("protocol", ["words", "paper"])
def test_a_word_read_alone_is_one_word_whatever_its_contexts(
    tiny_tokenizer: PreTrainedTokenizerFast, protocol: str
) -> None:
    given_pairs = [replace(pair, clean=f"w{number % 60}") for number, pair in enumerate(pairs(240, (1,)))]
    assert len({(pair.left, pair.clean, pair.right) for pair in given_pairs}) > 200
    found = list(Chunks(given_pairs, tiny_tokenizer, protocol))
    assert len(found) > 1
    assert sum(len(clusters(chunk)) for chunk in found) == 60


def test_a_word_that_comes_too_often_is_cut(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    often = [TextPair("court", f"c{number}urt", "low", "s") for number in range(MOST + 3 * CHUNK)]
    given_pairs = [*pairs(100), *often]
    found = list(Chunks(given_pairs, tiny_tokenizer))
    assert read(found) == expected(given_pairs, tiny_tokenizer, "context")
    assert max(len(chunk.units) for chunk in found) <= MOST + CHUNK // 4


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), max_size=30), st.integers(0, 99))
def test_any_numbers_of_pairs_a_word(
    tiny_tokenizer: PreTrainedTokenizerFast, words: list[tuple[int, int]], seed: int
) -> None:
    given_pairs = [TextPair(f"w{word}", f"v{n}", "low", "s") for word, many in words for n in range(many)]
    found = list(Chunks(given_pairs, tiny_tokenizer, seed=seed))
    assert read(found) == expected(given_pairs, tiny_tokenizer, "context")
    assert all(len(chunk.units) >= CHUNK // 4 for chunk in found[1:])
    assert all(len(chunk.units) >= CHUNK for chunk in found[:-1])


# --- the order


def contents(chunks: Chunks) -> list[Counter[Unit]]:
    return [Counter(chunk.units) for chunk in chunks]


def test_the_order_is_that_of_the_seed_and_not_of_the_file(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    """Which pairs are in which chunk; within one, the pairs of a word come as in the file."""
    given_pairs = pairs(150)
    base = Chunks(given_pairs, tiny_tokenizer, seed=1)
    again, turned, other = (
        Chunks(given, tiny_tokenizer, seed=seed)
        for given, seed in ((given_pairs, 1), (given_pairs[::-1], 1), (given_pairs, 2))
    )
    assert list(again) == list(base)
    assert contents(turned) == contents(base)
    assert contents(other) != contents(base)
    assert read(list(other)) == read(list(base))
    # not the order of the file either: its first pairs are spread over all chunks
    first = set(encode(given_pairs[:60], tiny_tokenizer))
    assert all(0 < sum(unit in first for unit in chunk.units) < 60 for chunk in base)


def test_the_digest_names_the_pairs(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given_pairs = pairs(6)
    digest = Chunks(given_pairs, tiny_tokenizer).digest
    assert len(digest) == 16
    assert Chunks(given_pairs, tiny_tokenizer, seed=2).digest == digest
    changes = [{"clean": "x"}, {"noisy": "x"}, {"level": "x"}, {"left": "x"}, {"right": "x"}]
    others = [[replace(given_pairs[0], **change), *given_pairs[1:]] for change in changes]
    # two pairs of which one takes a letter from the other
    apart = [TextPair("a", "b", "low", "s", "", "x"), TextPair("a", "b", "ylow", "s")]
    moved = [TextPair("a", "b", "low", "s", "", "xy"), TextPair("a", "b", "low", "s")]
    digests = [
        Chunks(other, tiny_tokenizer).digest for other in (*others, given_pairs[1:], given_pairs[::-1], apart, moved)
    ]
    assert len({digest, *digests}) == len(digests) + 1


def test_chunks_are_named_after_pairs_and_number(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    one, two = Chunks(pairs(6), tiny_tokenizer), Chunks(pairs(7), tiny_tokenizer)
    assert len({chunks.name(number) for chunks in (one, two) for number in (0, 1)}) == 4
    assert one.name(0) == Chunks(pairs(6), tiny_tokenizer, seed=9).name(0)


# --- parts


@pytest.mark.parametrize("protocol", ["context", "aligned"])
@pytest.mark.parametrize("shards", [1, 3, 50])
def test_shards_partition_the_chunks(tiny_tokenizer: PreTrainedTokenizerFast, protocol: str, shards: int) -> None:
    chunks = Chunks(texts(5) if protocol == "aligned" else pairs(200), tiny_tokenizer, protocol)
    whole = list(chunks)
    assert len(whole) > 3
    parts = [list(chunks.take(shard, shards)) for shard in range(shards)]
    assert sorted((chunk for part in parts for chunk in part), key=lambda chunk: chunk.number) == whole
    assert all(chunk.number % shards == shard for shard, part in enumerate(parts) for chunk in part)
    for start in (1, len(whole) - 1, len(whole)):
        assert list(chunks.take(0, 1, start)) == whole[start:]
        assert list(chunks.take(shards - 1, shards, start)) == [c for c in parts[-1] if c.number >= start]


def test_a_file_gives_the_same_chunks_as_a_list(tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    given_pairs = pairs(120)
    write_pairs(tmp_path / "p.jsonl", given_pairs)
    filed, listed = Chunks(PairFile(tmp_path / "p.jsonl"), tiny_tokenizer), Chunks(given_pairs, tiny_tokenizer)
    assert list(filed) == list(listed)
    assert (filed.digest, filed.levels, len(filed)) == (listed.digest, listed.levels, len(listed))


# --- what is left out, and running text


@pytest.mark.parametrize("protocol", WORDS)
def test_words_without_sub_words_are_counted(tiny_tokenizer: PreTrainedTokenizerFast, protocol: str) -> None:
    given_pairs = pairs(100)
    gone = [replace(given_pairs[2], noisy=""), replace(given_pairs[3], clean=""), replace(given_pairs[0], noisy="")]
    found = list(Chunks([*given_pairs, *gone], tiny_tokenizer, protocol))
    assert read(found) == expected(given_pairs, tiny_tokenizer, protocol)
    assert sum((Counter(chunk.skipped) for chunk in found), Counter()) == {"no sub-word": 3}


def test_texts_are_read_whole_and_windows_are_not_torn(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    chunks = Chunks(texts(6), tiny_tokenizer, "aligned")
    found = list(chunks)
    assert chunks.levels == ("changed", "unchanged")
    assert {unit.level for chunk in found for unit in chunk.units} == {"changed", "unchanged"}
    assert sum(len(clusters(chunk)) for chunk in found) == len(set().union(*map(clusters, found)))
    # every word of the texts is there, or counted
    words = sum(len(pair.clean.split()) for pair in texts(6))
    left_out = sum((Counter(chunk.skipped) for chunk in found), Counter())
    assert words == pytest.approx(sum(read(found).values()) + sum(left_out.values()), rel=0.1)


def test_unknown_protocols_are_named(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(UserError, match="protocol 'legacy' given; wanted one of context, words, paper, aligned"):
        Chunks(pairs(3), tiny_tokenizer, "legacy")


def test_texts_of_one_source_have_windows_of_their_own(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    clean = "The ship arrived at the harbour of Liverpool on Monday."
    text = TextPair(clean, clean.replace("harbour", "harb0ur"), "real", "page")
    units = [unit for chunk in Chunks([text] * 30, tiny_tokenizer, "aligned") for unit in chunk.units]
    assert len({unit.cluster for unit in units}) == 30


@pytest.mark.parametrize("level", ["good", "half-1"])
def test_a_level_called_as_a_group_of_every_profile_is_refused(
    tiny_tokenizer: PreTrainedTokenizerFast, level: str
) -> None:
    """Its numbers could not be told from that group's."""
    given_pairs = [*pairs(5), replace(pairs(1)[0], level=level)]
    with pytest.raises(UserError, match=f"level '{level}' given, which is the name of a group that every profile has"):
        Chunks(given_pairs, tiny_tokenizer)
