"""Whole texts as units: against naive components, planted splits, blocks and sentence ends, and by decoding."""

from __future__ import annotations

import time
from itertools import groupby, pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein
from tokenizers import Regex, Tokenizer, normalizers, processors
from transformers import PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.aligned import LONGEST, Aligned, aligned_units, components
from ocr_neurons.probe.units import Side
from ocr_neurons.text.align import align
from ocr_neurons.text.aligned.read import read_aligned
from ocr_neurons.text.pairs import TextPair
from ocr_neurons.text.token_map import token_map
from ocr_neurons.text.tokenise import tokenise

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "icdar2017-postocr"
FIXTURE = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LEXICON = ["The", "ship", "of", "Liverpool", "o'clock", "1,200", "a", "navire", "été", ".", "!", ",", "“", "—", "\n"]


@pytest.fixture(scope="session")
def with_start(tiny_tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tiny tokenizer with ``<s>`` before every text and ``</s>`` after it."""
    core = Tokenizer.from_str(tiny_tokenizer.backend_tokenizer.to_str())
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[("<s>", tiny_tokenizer.bos_token_id), ("</s>", tiny_tokenizer.eos_token_id)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")  # noqa: S106


@st.composite
def damaged(draw: st.DrawFn) -> TextPair:
    """A text of some words, and the same with stretches replaced, put in and taken out, long ones too."""
    clean = " ".join(draw(st.lists(st.sampled_from(LEXICON), max_size=60)))
    noisy = clean
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(noisy)))
        end = draw(st.integers(start, min(len(noisy), start + draw(st.sampled_from([1, 3, 60])))))
        put = draw(
            st.one_of(st.text("abl1 .é", max_size=5), st.sampled_from(["", "the lines of a column beside " * 2]))
        )
        noisy = noisy[:start] + put + noisy[end:]
    return TextPair(clean, noisy, "real", "set/1")


def naive_words(pair: TextPair) -> list[tuple[str, str, int]]:
    """Clean and noisy text of the connected components of the token map by union-find, and their clean words."""
    clean, noisy = pair.left + pair.clean + pair.right, pair.left + pair.noisy + pair.right
    tokens, others = tokenise(clean), tokenise(noisy)
    owner: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        while owner.setdefault(node, node) != node:
            node = owner[node]
        return node

    for i, j in token_map(align(clean, noisy), tokens, others):
        owner[root(("clean", i))] = root(("noisy", j))
    groups: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for node in list(owner):
        groups.setdefault(root(node), []).append(node)
    found = []
    for nodes in groups.values():
        left = sorted(n for side, n in nodes if side == "clean")
        right = sorted(n for side, n in nodes if side == "noisy")
        texts = (
            clean[tokens[left[0]][0] : tokens[left[-1]][1]],
            noisy[others[right[0]][0] : others[right[-1]][1]],
        )
        worded = [any(c.isalnum() for c in clean[a:b]) for a, b in tokens[left[0] : left[-1] + 1]]
        found.append((left[0], *texts, sum(worded)))
    return [(x, y, n) for _, x, y, n in sorted(found)]


def decoded(tokenizer: PreTrainedTokenizerFast, side: Side) -> str:
    return str(tokenizer.decode(side.ids[side.first : side.last], clean_up_tokenization_spaces=False))


def skipped(found: Aligned) -> int:
    return found.at_edge + found.blocks + found.too_long + found.unseen


@FIXTURE
@given(pair=damaged())
def test_every_word_is_read_once_or_counted(pair: TextPair, with_start: PreTrainedTokenizerFast) -> None:
    found = aligned_units(pair, with_start)
    words = [word for word in naive_words(pair) if word[2]]
    readable = [word for word in words if max(len(word[0]), len(word[1])) <= LONGEST]
    assert len(found.units) == len(readable)
    assert found.blocks == len(words) - len(readable)
    assert (found.at_edge, found.too_long, found.unseen) == (0, 0, 0)
    for unit, (clean, noisy, _) in zip(found.units, readable, strict=True):
        assert clean in decoded(with_start, unit.clean)
        assert noisy in decoded(with_start, unit.noisy)
        assert decoded(with_start, unit.clean).strip(" \n") == clean  # this tokenizer joins no two tokens in one
        assert unit.level == ("unchanged" if clean == noisy else "changed")
        assert unit.dose == pytest.approx(Levenshtein.normalized_distance(clean, noisy))
    in_text = sum(any(c.isalnum() for c in pair.clean[a:b]) for a, b in tokenise(pair.clean))
    assert in_text == found.lost + sum(word[2] for word in words)
    assert found.in_blocks == sum(word[2] for word in words if word not in readable)


@FIXTURE
@given(pair=damaged(), context=st.integers(0, 20), room=st.integers(1, 60))
def test_no_window_is_above_its_length_and_none_reads_what_is_not_there(
    pair: TextPair,
    context: int,
    room: int,
    with_start: PreTrainedTokenizerFast,
    tiny_tokenizer: PreTrainedTokenizerFast,
) -> None:
    whole = aligned_units(pair, with_start)
    for tokenizer, special in ((with_start, 2), (tiny_tokenizer, 0)):
        found = aligned_units(pair, tokenizer, max_length=context + room + special, context=context)
        assert len(found.units) + skipped(found) == len(whole.units) + skipped(whole)
        assert (found.lost, found.blocks, found.in_blocks) == (whole.lost, whole.blocks, whole.in_blocks)
        clusters = [cluster for cluster, _ in groupby(found.units, key=lambda unit: unit.cluster)]
        assert len(clusters) == len(set(clusters))
        for unit in found.units:
            for side, text in ((unit.clean, pair.clean), (unit.noisy, pair.noisy)):
                assert len(side.ids) <= context + room + special
                assert 0 < side.first < side.last <= len(side.ids) - special // 2
                if special:
                    assert (side.ids[0], side.ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
                bare = side.ids[special // 2 : len(side.ids) - special // 2]
                # a window may begin or end within a character of several bytes only if its word does, which none does
                assert tokenizer.decode(bare, clean_up_tokenization_spaces=False) in text


@FIXTURE
@given(pair=damaged())
def test_an_unchanged_text_gives_unchanged_units(pair: TextPair, with_start: PreTrainedTokenizerFast) -> None:
    found = aligned_units(TextPair(pair.noisy, pair.noisy, "real", "set/1"), with_start)
    assert found.lost == 0
    for unit in found.units:
        assert (unit.clean, unit.dose, unit.level) == (unit.noisy, 0.0, "unchanged")


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3), max_size=8),
)
def test_components_of_a_monotone_map(steps: list[list[int]]) -> None:
    pairs: list[tuple[int, int]] = []
    last = 0
    for i, step in enumerate(steps):  # each clean token goes on from where the last one stopped
        reach = [last + n for n in step]
        pairs += [(i, j) for j in range(min(reach), max(reach) + 1)]
        last = max(reach)
    found = components(pairs)
    assert all(any(a <= i < b and c <= j < d for a, b, c, d in found) for i, j in pairs)
    for (_, b, _, d), (a, _, c, _) in pairwise(found):
        assert b <= a  # apart on both sides
        assert d <= c


def test_splits_and_merges_are_one_word(with_start: PreTrainedTokenizerFast) -> None:
    pair = TextPair("sent to the ship, and back", "sent tothe sh ip, arid back", "real", "set/1")
    found = aligned_units(pair, with_start)
    texts = [(decoded(with_start, u.clean).strip(), decoded(with_start, u.noisy).strip()) for u in found.units]
    assert texts == [("sent", "sent"), ("to the", "tothe"), ("ship", "sh ip"), ("and", "arid"), ("back", "back")]
    assert [u.dose for u in found.units] == pytest.approx([0, 1 / 6, 1 / 5, 2 / 4, 0])
    assert {u.cluster for u in found.units} == {"set/1 0"}


def numbered(count: int) -> list[str]:
    return [f"w{number:04d}" for number in range(count)]


def test_windows_begin_at_the_same_word_on_both_sides_with_context(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    words = numbered(300)
    rng = Random(1)
    noisy = [word.replace("0", "oo") if rng.random() < 0.5 else word for word in words]
    found = aligned_units(
        TextPair(" ".join(words), " ".join(noisy), "real", "x"), tiny_tokenizer, max_length=100, context=30
    )
    assert found.at_edge == 1  # the first word of all, since nothing stands before it
    assert [decoded(tiny_tokenizer, unit.clean).strip() for unit in found.units] == words[1:]
    windows = [list(units) for _, units in groupby(found.units, key=lambda unit: unit.cluster)]
    for window in windows[:-1]:
        begins = [tiny_tokenizer.decode(side.ids).split()[0] for side in (window[0].clean, window[0].noisy)]
        assert begins[0] == begins[1].replace("oo", "0")
        assert max(len(window[0].clean.ids), len(window[0].noisy.ids)) > 80  # about as full as can be
    for window in windows[1:]:
        assert max(window[0].clean.first, window[0].noisy.first) in range(20, 31)


def test_without_context_the_first_word_of_every_window_is_at_the_edge(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    text = " ".join(numbered(100))
    found = aligned_units(TextPair(text, text, "real", "x"), tiny_tokenizer, max_length=60, context=0)
    assert found.at_edge == len({unit.cluster for unit in found.units}) > 3
    assert len(found.units) + found.at_edge == 100


def test_windows_end_at_sentence_ends(with_start: PreTrainedTokenizerFast) -> None:
    text = " ".join("Aa bb cc dd. Ee ff gg?" for _ in range(60))
    found = aligned_units(TextPair(text, text, "real", "x"), with_start, max_length=80, context=10)
    firsts = [next(units) for _, units in groupby(found.units, key=lambda unit: unit.cluster)]
    assert len(firsts) > 5
    assert {decoded(with_start, unit.clean).strip() for unit in firsts} <= {"Aa", "Ee"}


def test_nothing_reaches_over_a_block(with_start: PreTrainedTokenizerFast) -> None:
    words = numbered(40)
    block = "Lost lines of a column that stands in one of the two texts and not in the other."
    clean, noisy = " ".join(words[:20]), " ".join(words[20:])
    for pair, lost in (
        (TextPair(f"{clean} {block} {noisy}", f"{clean} {noisy}", "real", "x"), len(block.split())),
        (TextPair(f"{clean} {noisy}", f"{clean} {block} {noisy}", "real", "x"), 0),
    ):
        found = aligned_units(pair, with_start, max_length=1000, context=100)
        assert found.lost == lost
        assert [decoded(with_start, unit.clean).strip() for unit in found.units] == words
        assert [unit.cluster for unit in found.units] == ["x 0"] * 20 + ["x 1"] * 20
        for unit in found.units:
            assert "column" not in with_start.decode(unit.clean.ids) + with_start.decode(unit.noisy.ids)


def test_words_run_together_for_too_long_are_a_block(with_start: PreTrainedTokenizerFast) -> None:
    clean = "In a well-ordered company of perhaps a hundred and fifty men"
    noisy = "In a well-orderedcompanyofperhapsahundredand fifty men"
    found = aligned_units(TextPair(clean, noisy, "real", "x"), with_start)
    assert (found.blocks, found.in_blocks, found.lost) == (1, 7, 0)
    assert [decoded(with_start, unit.clean).strip() for unit in found.units] == ["In", "a", "fifty", "men"]


def test_a_word_longer_than_a_window_is_counted(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    text = f"one two {'é' * 30} three four"  # 60 bytes
    found = aligned_units(TextPair(text, text, "real", "x"), tiny_tokenizer, max_length=40, context=8)
    assert (found.too_long, found.at_edge) == (1, 2)  # what follows has no context
    assert [decoded(tiny_tokenizer, unit.clean).strip() for unit in found.units] == ["two", "four"]


def test_a_word_that_the_tokenizer_drops_is_counted(with_start: PreTrainedTokenizerFast) -> None:
    core = Tokenizer.from_str(with_start.backend_tokenizer.to_str())
    core.normalizer = normalizers.Replace(Regex("[0-9]"), "")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core)
    found = aligned_units(TextPair("in 1900 and I", "in 1900 and 1", "real", "x"), tokenizer)
    assert found.unseen == 2
    assert [decoded(tokenizer, unit.clean).strip() for unit in found.units] == ["in", "and"]


def test_context_of_a_pair_is_read_too(with_start: PreTrainedTokenizerFast) -> None:
    found = aligned_units(TextPair("ship", "slup", "low", "x", left="The ", right=" is here."), with_start)
    assert [unit.level for unit in found.units] == ["unchanged", "changed", "unchanged", "unchanged"]
    assert with_start.decode(found.units[0].noisy.ids, skip_special_tokens=True) == "The slup is here."


@pytest.mark.parametrize(("clean", "noisy"), [("", ""), ("one two", ""), ("", "one two"), ("— …", "— .")])
def test_nothing_to_read(clean: str, noisy: str, with_start: PreTrainedTokenizerFast) -> None:
    found = aligned_units(TextPair(clean, noisy, "real", "x"), with_start)
    assert found == Aligned([], lost=len(tokenise(clean)) if clean == "one two" else 0)


@pytest.mark.parametrize(("length", "context"), [(2, 0), (34, 32), (20, 32), (128, -1)])
def test_a_window_without_room_is_refused(length: int, context: int, with_start: PreTrainedTokenizerFast) -> None:
    with pytest.raises(UserError, match=f"{length} sub-words with a context of {context} given") as error:
        aligned_units(TextPair("one", "two", "real", "x"), with_start, max_length=length, context=context)
    assert "\n" not in str(error.value)


def test_long_documents_take_seconds(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    rng = Random(2)
    clean = "".join(rng.choices("etaoinshrdlu ", k=300_000))
    noisy = "".join(rng.choice("xyz") if rng.random() < 0.03 else character for character in clean)
    start = time.perf_counter()
    found = aligned_units(TextPair(clean, noisy, "real", "x"), tiny_tokenizer)
    assert time.perf_counter() - start < 60  # a few seconds alone; work that grows with the square takes many minutes
    assert len(found.units) > 15_000


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent; put the ICDAR 2017 data there")
def test_real_ocr(with_start: PreTrainedTokenizerFast) -> None:
    (pair,) = read_aligned(DATA / "eng_monograph" / "10.txt").pairs
    found = aligned_units(pair, with_start, language="en")
    words = sum(any(c.isalnum() for c in pair.clean[a:b]) for a, b in tokenise(pair.clean, "en"))
    assert len(found.units) > 0.9 * words
    assert found.lost < 0.02 * words
    for unit in found.units:
        assert decoded(with_start, unit.clean).strip(" \n") in pair.clean
        assert decoded(with_start, unit.noisy).strip(" \n") in pair.noisy
