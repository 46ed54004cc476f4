"""Probing from end to end: pairs through tiny models, against a naive computation of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from naive_neurons import LEVELS, Sample, pairs
from transformers import AutoModel, PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.probe.checkpoint import Checkpoint
from ocr_neurons.probe.chunks import Chunks
from ocr_neurons.probe.fields import BINS, size
from ocr_neurons.probe.merge import merge
from ocr_neurons.probe.probe import Probing, memory, probe, probe_beside
from ocr_neurons.probe.profile import Profile
from ocr_neurons.text.pairs import PairFile, TextPair, write_pairs

Folder = Callable[[str], Path]


@pytest.fixture(params=["llama", "mistral", "bert"])
def trunk(request: pytest.FixtureRequest, tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder(request.param)).eval()


@pytest.fixture
def llama(tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder("llama")).eval()


def materialised(
    trunk: Any, tokenizer: PreTrainedTokenizerFast, given: Sequence[TextPair], how: str = "mean", paper: bool = False
) -> Sample:
    """Pooled activations of both sides of each pair, sub-words chosen by decoding, not by the code."""
    found: tuple[list[naive.Array], list[naive.Array]] = ([], [])
    for pair in given:
        read = []
        for word in (pair.clean, pair.noisy):
            text = pair.left + word + pair.right
            start, end = len(pair.left.encode()), len((pair.left + word).encode())
            ids = tokenizer(text)["input_ids"]
            ends = np.cumsum([len(token) for token in tokenizer.convert_ids_to_tokens(ids)])  # one sign a byte
            assert ends[-1] == len(text.encode())
            own = [i for i in range(len(ids)) if ends[i] > start and (ends[i - 1] if i else 0) < end]
            read.append((ids, own[0], own[-1] + 1))
        begin = [tokenizer.bos_token_id] if not paper and 0 in (read[0][1], read[1][1]) else []
        for side, (ids, first, last) in zip(found, read, strict=True):
            if paper:
                side.append(naive.pooled(trunk, ids, 0, 64, how, padding=64 - len(ids)))
            else:
                side.append(naive.pooled(trunk, [*begin, *ids], first + len(begin), last + len(begin), how))
    doses = [naive.distance(p.clean, p.noisy) / max(len(p.clean), len(p.noisy)) for p in given]
    words = [f"{p.left}|{p.clean}|{p.right}" for p in given]
    levels = np.array([LEVELS.index(p.level) for p in given])
    return Sample(np.stack(found[0]), np.stack(found[1]), levels, np.array(words), np.array(doses))


def near(found: Any, expected: Any, what: str) -> None:
    """Within what float32 leaves of a number, or of the largest of its kind."""
    finite = np.abs(np.asarray(expected))[np.isfinite(expected)]
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-5 * finite.max(), err_msg=what)


def check_same(one: Profile, two: Profile, rtol: float = 0.0, atol: float = 0.0) -> None:
    assert one.levels == two.levels
    for name, array in one.arrays.items():
        np.testing.assert_allclose(array, two.arrays[name], rtol, atol, err_msg=name)
    assert one.edges is not None
    assert two.edges is not None
    np.testing.assert_allclose(one.edges, two.edges, rtol, atol)


def test_everything_equals_a_naive_computation(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = pairs(62)
    profile = probe(trunk, tiny_tokenizer, given, budget=400)
    whole = materialised(trunk, tiny_tokenizer, given)
    assert profile.levels == LEVELS
    assert profile.pairs.tolist() == [62, 62]
    for group in (None, *LEVELS, *BINS):
        units = naive.units(whole, group, LEVELS)
        assert profile.units(group) == len(units.dose) > 5
        expected = naive.moments(units)
        for name, value in naive.asked(profile, group).items():
            near(value, expected[name], f"{name} of {group}")
        by_pair = whole if group is None else units
        for name, values in naive.curves(by_pair.clean, by_pair.noisy).items():
            near(profile.curve(name, group)[0], values.mean(0), name)
        passes = naive.passes(by_pair.clean, by_pair.noisy, 1.0)
        np.testing.assert_array_equal(profile.share(1.0, group), passes / len(by_pair.dose))
    first = in_chunks(whole, given, tiny_tokenizer)[0]
    both = np.concatenate([first.clean, first.noisy])
    edges = np.quantile(both, np.arange(1, 16) / 16, axis=0)  # where values coincide an edge is one of them
    near(profile.edges, edges, "edges")
    clean, noisy = (naive.above(edges, side) for side in (whole.clean, whole.noisy))
    np.testing.assert_allclose(profile.auroc(), naive.auroc(clean, noisy), rtol=0, atol=1e-3)


def in_chunks(whole: Sample, given: Sequence[TextPair], tokenizer: PreTrainedTokenizerFast) -> list[Sample]:
    """The pairs of each chunk that is read."""
    names = [{unit.cluster.replace("\x1f", "|") for unit in chunk.units} for chunk in Chunks(given, tokenizer)]
    return [whole.of(sorted(clusters)) for clusters in names]


def test_cka_equals_the_average_over_the_mini_batches_read(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = pairs(62)
    profile = probe(llama, tiny_tokenizer, given)
    chunks = in_chunks(materialised(llama, tiny_tokenizer, given), given, tiny_tokenizer)
    assert len(chunks) > 1
    for group in LEVELS:  # of a bin, where a word may come twice, one pair is drawn
        parts = [naive.units(chunk, group, LEVELS) for chunk in chunks]
        sums = sum(
            len(part.dose) * np.stack([naive.hsics(part.clean[:, n], part.noisy[:, n]) for n in range(4)], 1)
            for part in parts
        )
        np.testing.assert_allclose(profile.cka(group), sums[0] / np.sqrt(sums[1] * sums[2]), rtol=1e-3, atol=1e-5)
        assert profile.cka_pairs(group) == sum(len(part.dose) for part in parts) == 62


@pytest.mark.parametrize(
    ("protocol", "pool"), [("words", "mean"), ("paper", "mean"), ("context", "max"), ("context", "last")]
)
def test_other_ways_to_read(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, protocol: str, pool: str) -> None:
    given = pairs(25)
    profile = probe(llama, tiny_tokenizer, given, Probing(protocol=protocol, pool=pool))
    seen = given if protocol == "context" else [replace(pair, left="", right="") for pair in given]
    whole = materialised(llama, tiny_tokenizer, seen, pool, paper=protocol == "paper")
    for group in (None, *LEVELS):
        units = naive.units(whole, group, LEVELS)
        assert profile.units(group) == len(units.dose)
        expected = naive.moments(units)
        for name, value in naive.asked(profile, group).items():
            near(value, expected[name], f"{name} of {group}")


def test_aligned_texts_are_read_word_by_word(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    clean = "The ship arrived at the harbour of Liverpool on Monday. Mr. Thornton was present in the court. " * 2
    text = TextPair(clean, clean.replace("harbour", "harb0ur").replace("court", "c0u7t"), "real", "t")
    profile = probe(llama, tiny_tokenizer, [text, replace(text, source="u")], Probing(protocol="aligned"))
    assert profile.levels == ("changed", "unchanged")
    units = [
        unit for chunk in Chunks([text, replace(text, source="u")], tiny_tokenizer, "aligned") for unit in chunk.units
    ]
    for level in profile.levels:
        mine = [unit for unit in units if unit.level == level]
        sides = [[naive.pooled(llama, s.ids, s.first, s.last) for s in (u.clean, u.noisy)] for u in mine]
        d = np.array([noisy - clean for clean, noisy in sides])
        assert profile.units(level) == len(mine)
        near(profile.mean(level), d.mean(0), level)
        near(profile.deviation(level), d.std(0, ddof=1), level)
    assert profile.units("changed") == 8  # a word of each of four sentences, twice


# --- what does not matter


def test_two_runs_are_equal_and_the_budget_changes_nothing_beyond_rounding(
    trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    given = pairs(30)
    base = probe(trunk, tiny_tokenizer, given)
    check_same(probe(trunk, tiny_tokenizer, given), base)
    for budget in (1, 90, 100_000):
        other = probe(trunk, tiny_tokenizer, given, budget=budget)
        for name, array in base.arrays.items():
            # counts move by one where a value lies at an edge; sums by what float32 rounds
            slack = 1 if array.dtype.kind == "i" else 1e-5 * np.abs(array).max()
            np.testing.assert_allclose(other.arrays[name], array, rtol=1e-4, atol=slack, err_msg=name)


def test_pairs_of_a_file_are_those_of_a_list(
    llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    write_pairs(tmp_path / "p", pairs(20))
    check_same(probe(llama, tiny_tokenizer, PairFile(tmp_path / "p")), probe(llama, tiny_tokenizer, pairs(20)))


def test_global_generators_are_left_alone(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(4)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - the legacy generator is the one that is shared
    expected = torch.rand(3)
    torch.manual_seed(4)
    probe(llama, tiny_tokenizer, pairs(6))
    assert torch.equal(torch.rand(3), expected)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("shards", [2, 5])
def test_merged_shards_are_the_whole(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, shards: int) -> None:
    """Five shards of three chunks: two of them are empty."""
    given = [*pairs(130), TextPair("", "x", "low", "s")]
    whole = probe(llama, tiny_tokenizer, given)
    parts = [probe(llama, tiny_tokenizer, given, Probing(shard=(number, shards))) for number in range(shards)]
    merged = merge(parts[::-1])
    check_same(merged, whole, rtol=1e-12, atol=1e-12)
    assert merged.about["skipped"] == whole.about["skipped"] == {"no sub-word": 1}
    assert sum(part.pairs.sum() for part in parts) == 260
    with pytest.raises(UserError, match="given twice"):
        merge([*parts, parts[0]])


def test_some_layers_are_those_rows_of_the_whole(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given = pairs(20)
    whole, some = probe(trunk, tiny_tokenizer, given), probe(trunk, tiny_tokenizer, given, Probing(layers=(2, 0)))
    assert some.about["read"] == [0, 2]
    for name, array in whole.arrays.items():
        if array.ndim > 1 and 4 in array.shape:
            axis = array.shape.index(4) if name != "exceeding" else 3
            array = np.take(array, [0, 2], axis)
        np.testing.assert_array_equal(some.arrays[name], array, err_msg=name)


# --- another profile's histograms


def test_like_another_profile_two_can_be_merged(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    one, two = pairs(30), pairs(40, seed=5)
    first, alone = probe(llama, tiny_tokenizer, one), probe(llama, tiny_tokenizer, two)
    with pytest.raises(UserError, match="probe the second with --like FIRST"):
        merge([first, alone])
    second = probe(llama, tiny_tokenizer, two, like=first)
    np.testing.assert_array_equal(second.edges, first.edges)
    merged = merge([first, second])
    for group in LEVELS:
        near(second.effect(group), alone.effect(group), group)  # edges change histograms and nothing else
        np.testing.assert_allclose(
            merged.mean(group), (30 * first.mean(group) + 40 * second.mean(group)) / 70, rtol=1e-9, atol=1e-15
        )
        clean, noisy = (a + b for a, b in zip(first.histogram(group), second.histogram(group), strict=True))
        np.testing.assert_array_equal(merged.histogram(group), (clean, noisy))
    for other in (replace(first, edges=None), replace(first, shift=np.zeros((4, 32)))):
        with pytest.raises(UserError, match="--like: a profile of another model"):
            probe(llama, tiny_tokenizer, two, like=other)


# --- what it says, and refuses


def test_equal_sides_give_no_difference_and_a_cka_of_one(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    profile = probe(trunk, tiny_tokenizer, [replace(pair, noisy=pair.clean) for pair in pairs(12)])
    assert not profile.mean_absolute("low").any()
    assert not profile.arrays["passes"].any()
    np.testing.assert_allclose(profile.cka("low"), 1, rtol=1e-12)
    np.testing.assert_array_equal(profile.auroc("low"), 0.5)
    assert profile.units() == 0  # no word was made noisy


def test_what_it_is_about(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    gone = replace(pairs(1)[0], noisy="")
    profile = probe(llama, tiny_tokenizer, [*pairs(5), gone], Probing(seed=7), about={"model": "tiny"})
    assert profile.about == {
        "fingerprint": fingerprint(llama),
        "site": "neuron",
        "read": [0, 1, 2, 3],
        "depth": 4,
        "protocol": "context",
        "pool": "mean",
        "language": "",
        "seed": 7,
        "shards": [f"1/1 of {Chunks([*pairs(5), gone], tiny_tokenizer).digest}"],
        "model": "tiny",
        "skipped": {"no sub-word": 1},
    }


def test_memory_is_said_beforehand(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    stream = StringIO()
    probe(llama, tiny_tokenizer, pairs(3), reporter=Reporter(stream=stream))
    assert stream.getvalue().startswith(f"  {memory(4, 48, 2)}\n")
    said = memory(30, 1536, 3)
    assert "30 layers x 1,536 numbers" in said
    assert f"({size(3, 30, 1536) / 1e6:,.0f} MB of sums)" in said


@pytest.mark.parametrize("architecture", ["llama", "bert"])
def test_a_context_longer_than_the_positions(
    tiny_folder: Folder, tiny_tokenizer: PreTrainedTokenizerFast, architecture: str
) -> None:
    """BERT has no place for it, so it is left out and told; rotary positions have no end."""
    trunk = AutoModel.from_pretrained(tiny_folder(architecture)).eval()
    long = replace(pairs(1)[0], left="word " * (trunk.config.max_position_embeddings + 1))
    profile = probe(trunk, tiny_tokenizer, [*pairs(6), long])
    left_out = profile.about["skipped"].get("in a text longer than the model takes", 0)
    assert left_out == (architecture == "bert")


def test_nothing_to_read(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    gone = [replace(pair, noisy="") for pair in pairs(2)]
    with pytest.raises(UserError, match="4 pairs given, none has a word"):
        probe(llama, tiny_tokenizer, gone)
    with pytest.raises(UserError, match="0 pairs given"):
        probe(llama, tiny_tokenizer, [])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"site": "nose"}, "site 'nose' given; wanted one of neuron, up, gate, residual"),
        ({"protocol": "legacy"}, "protocol 'legacy' given; wanted one of context, words"),
        ({"pool": "median"}, "pool 'median' given; wanted one of mean, max, last"),
        ({"shard": (2, 2)}, "shard 3 of 2 given; wanted 1 to 2"),
        ({"shard": (-1, 2)}, "shard 0 of 2 given; wanted 1 to 2"),
    ],
)
def test_ways_that_there_are_not(how: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Probing(**how)


# --- beside a placebo


def beside(count: int) -> tuple[list[TextPair], list[TextPair]]:
    given = pairs(count)
    return given, control_pairs(given, "cased-letters", 1)


def test_beside_a_placebo_each_view_is_what_it_is_alone(trunk: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given, control = beside(62)
    assert len(control) == len(given)
    found = probe_beside(trunk, tiny_tokenizer, given, control[::-1], budget=400)
    check_same(found.noise, probe(trunk, tiny_tokenizer, given, budget=400), rtol=2e-4, atol=2e-4)
    assert found.control is not None
    assert found.contrast is not None
    alone = probe(trunk, tiny_tokenizer, control, budget=400)
    assert found.control.levels == alone.levels
    for group in (None, "half-1", *LEVELS):
        for name, value in naive.asked(alone, group).items():
            near(naive.asked(found.control, group)[name], value, f"{name} of {group}")
    # noise against the placebo, word by word: everything naive, the placebo on the clean side
    sides = [materialised(trunk, tiny_tokenizer, some) for some in (given, control)]
    whole = replace(sides[0], clean=sides[1].noisy)
    for group in (None, *LEVELS):
        units = naive.units(whole, group, LEVELS)
        expected = naive.moments(units)
        for name, value in naive.asked(found.contrast, group).items():
            near(value, expected[name], f"{name} of {group}")
    assert found.contrast.about["view"] == "contrast"
    assert "view" not in found.noise.about


def test_pairs_without_a_placebo_are_left_out_of_all_three(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given, control = beside(20)
    found = probe_beside(llama, tiny_tokenizer, given, control[4:])
    assert found.noise.about["skipped"] == {"no placebo": 4}
    for profile in (found.noise, found.control, found.contrast):
        assert profile is not None
        assert profile.pairs.sum() == 36
    check_same(found.noise, probe(llama, tiny_tokenizer, given[4:]), rtol=2e-4, atol=2e-4)


def test_beside_a_placebo_of_other_words_or_of_whole_texts(llama: Any, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    given, control = beside(6)
    with pytest.raises(UserError, match="6 control pairs given, none is of the 12 pairs"):
        probe_beside(llama, tiny_tokenizer, given, [replace(pair, left="elsewhere ") for pair in control[:6]])
    with pytest.raises(UserError, match="random letters stand at other words"):
        probe_beside(llama, tiny_tokenizer, given, control, Probing(protocol="aligned"))


def test_beside_a_placebo_an_interrupted_probe_goes_on(
    llama: Any, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, control = beside(210)
    expected = probe_beside(llama, tiny_tokenizer, given, control)
    monkeypatch.setattr("ocr_neurons.probe.probe.Checkpoint", partial(Checkpoint, every=0.0))
    read: list[int] = []
    real = Chunks.take

    def stopping(self: Chunks, *args: int) -> Any:
        for chunk in real(self, *args):
            if len(read) == 3:
                raise KeyboardInterrupt
            read.append(chunk.number)
            yield chunk

    path = tmp_path / "p.part"
    with monkeypatch.context() as patch:
        patch.setattr(Chunks, "take", stopping)
        with pytest.raises(KeyboardInterrupt):
            probe_beside(llama, tiny_tokenizer, given, control, checkpoint=path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p.part", "p.part.1", "p.part.2"]
    said = StringIO()
    found = probe_beside(llama, tiny_tokenizer, given, control, checkpoint=path, reporter=Reporter(stream=said))
    assert "going on at chunk" in said.getvalue()
    for one, two in ((found.noise, expected.noise), (found.contrast, expected.contrast)):
        assert one is not None
        assert two is not None
        check_same(one, two, rtol=1e-6, atol=1e-6)
