"""Which words are chosen, where they stand, and what learned noise does to them."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.learned.apply import NoiseMaker
from ocr_neurons.noise.learned.learn import learn
from ocr_neurons.noise.presets import CONFUSIONS, PRESETS
from ocr_neurons.noise.words import LEARNED_LEVELS, bins_by_level, word_pairs
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.pairs import TextPair


def document(name: str, *sentences: str) -> Document:
    """Words parted by spaces; ``+`` glues a token to the one before it."""
    tokens: list[Token] = []
    for sentence in sentences:
        pieces = sentence.split()
        for index, piece in enumerate(pieces):
            glued = index + 1 < len(pieces) and pieces[index + 1].startswith("+")
            tokens.append(Token(piece.removeprefix("+"), space_after=not glued, sentence_end=index + 1 == len(pieces)))
    return Document(name, tokens=tuple(tokens))


DOCUMENTS = [
    document("first", "The barque Halcyon +, of Liverpool +, was lost +.", "No soul was saved from the barque +."),
    document("second", "Liverpool mourns her barque +; them that wait 1847 +, liverpool forgets +."),
]
USABLE = ["barque", "Halcyon", "Liverpool", "lost", "soul", "saved", "from", "mourns", "liverpool", "forgets"]


def words_of(pairs):
    return list(dict.fromkeys(pair.clean for pair in pairs))


def test_all_usable_words_in_reading_order():
    pairs = word_pairs(DOCUMENTS, protocol="paper", words=None)
    assert words_of(pairs) == USABLE
    assert [pair.level for pair in pairs] == ["low", "medium", "high"] * len(USABLE)
    assert words_of(word_pairs(DOCUMENTS, protocol="paper", words=4)) == USABLE[:4]
    assert {pair.source for pair in pairs if pair.clean in USABLE[:7]} == {"first (paper)"}


@pytest.mark.parametrize("protocol", ["context", "words", "paper"])
def test_every_pair_differs_and_only_context_has_context(protocol):
    pairs = word_pairs(DOCUMENTS, protocol=protocol, words=None, levels=("low", "high"))
    assert len(pairs) == 2 * len(USABLE)
    assert all(pair.clean != pair.noisy and pair.edits for pair in pairs)
    assert any(pair.left + pair.right for pair in pairs) == (protocol == "context")


def test_context_is_the_rest_of_the_sentence_as_printed():
    sentences = {
        "The barque Halcyon, of Liverpool, was lost.",
        "No soul was saved from the barque.",
        "Liverpool mourns her barque; them that wait 1847, liverpool forgets.",
    }
    pairs = word_pairs(DOCUMENTS, protocol="context", words=None)
    assert {pair.left + pair.clean + pair.right for pair in pairs} == sentences
    lost = next(pair for pair in pairs if pair.clean == "lost")
    assert (lost.left, lost.right) == ("The barque Halcyon, of Liverpool, was ", ".")


def test_long_sentences_are_cut_to_thirty_tokens_either_side():
    fill = ["he"] * 100
    pair = word_pairs([document("long", " ".join([*fill, "Liverpool", *fill]))], protocol="context", words=1)[0]
    assert (pair.left, pair.right) == ("he " * 30, " he" * 30)
    short = word_pairs([document("short", " ".join([*fill[:59], "Liverpool"]))], protocol="context", words=1)[0]
    assert short.left == "he " * 59


def test_seed_and_name_decide_everything():
    draw = word_pairs(DOCUMENTS, protocol="context", words=4, seed=5)
    assert draw == word_pairs(DOCUMENTS, protocol="context", words=4, seed=5)
    alone = word_pairs(DOCUMENTS, protocol="words", words=4, seed=5)
    assert [(p.clean, p.noisy, p.level) for p in draw] == [(p.clean, p.noisy, p.level) for p in alone]
    assert draw[:6] == word_pairs(DOCUMENTS, protocol="context", words=2, seed=5)
    chosen = {tuple(words_of(word_pairs(DOCUMENTS, protocol="words", words=4, seed=seed))) for seed in range(20)}
    assert len(chosen) > 10
    places = {
        next(p.left for p in word_pairs(DOCUMENTS, protocol="context", words=None, seed=seed) if p.clean == "barque")
        for seed in range(20)
    }
    assert places == {"The ", "No soul was saved from the ", "Liverpool mourns her "}


def test_halves_of_broken_words_are_not_chosen():
    tokens = (
        Token("verloren", space_after=False), Token("¬", line_end=True), Token("gegangen"),
        Token("Wortes", space_after=False), Token("-", space_after=False, line_end=True), Token("Bruch"),
        Token("Koblenz"),
    )  # fmt: skip
    assert words_of(word_pairs([Document("de", tokens)], protocol="paper", words=None)) == ["Koblenz"]


def test_too_few_words_says_how_many_there_are():
    with pytest.raises(UserError, match=r"100 words wanted.*2 documents hold 10 .*ask for 10 or fewer"):
        word_pairs(DOCUMENTS, protocol="words")
    with pytest.raises(UserError, match=r"hold 0 .*give more text"):
        word_pairs([document("none", "them that wait")], protocol="words", words=None)


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match=r"'contxt' is unknown; nearest: context"):
        word_pairs(DOCUMENTS, protocol="contxt")
    with pytest.raises(UserError, match=r"'lo' is unknown; nearest:.*low"):
        word_pairs(DOCUMENTS, protocol="words", words=1, levels=("lo",))
    with pytest.raises(UserError, match=r"at 0 noise levels"):
        word_pairs(DOCUMENTS, protocol="words", words=1, levels=())


def test_places_are_drawn_for_each_word_alone():
    doc = document("three", "Liverpool barque", "barque of Liverpool", "Liverpool and barque")
    drawn = set()
    for seed in range(20):
        pairs = word_pairs([doc], protocol="context", words=None, levels=("low",), seed=seed)
        sentences = {pair.left + pair.clean + pair.right for pair in pairs}
        drawn.add(len(sentences))
    assert drawn == {1, 2}


# The paper's table and levels as they are published, character by character.
PUBLISHED = "0→8 9 o O D; 1→4 7 l I; 2→z Z; 5→8; 6→b; 8→s S @ &; 9→g q; o→u; r→k; C→G; O→D U; E→B"


def test_the_presets_are_the_published_ones():
    read: dict[str, set[str]] = {}
    for entry in PUBLISHED.split("; "):
        key, _, values = entry.partition("→")
        for value in values.split(" "):
            read.setdefault(key, set()).add(value)
            read.setdefault(value, set()).add(key)
    assert {key: set(values) for key, values in CONFUSIONS.items()} == read
    assert all(len(set(values)) == len(values) for values in CONFUSIONS.values())
    assert len(read) == 31
    levels = {name: (p.char_min, p.char_max, p.char_share, p.word_share) for name, p in PRESETS.items()}
    assert levels == {"low": (1, 1, 0.1, 0.1), "medium": (2, 5, 0.6, 0.6), "high": (3, 10, 0.9, 0.9)}


def test_bins_are_counted_by_level():
    pairs = [
        TextPair("abcde", "abcxx", "high", ""),  # 3/5 is still poor
        TextPair("abcde", "vwxyz", "high", ""),
        TextPair("abcde", "abcdx", "low", ""),  # 4/5 is still average
        TextPair("abcdef", "abcdex", "low", ""),
    ]
    assert bins_by_level(pairs) == {
        "high": {"poor": 2, "average": 0, "good": 0},
        "low": {"poor": 0, "average": 1, "good": 1},
    }
    assert list(bins_by_level(pairs)) == ["high", "low"]
    assert bins_by_level([]) == {}


# Learned noise. Each model is learned from text in which one thing is planted.

TEXT = (
    "the clerk entered (elsewhere) three letters, seven were never delivered; l'eleve (evenly) preferred green reeds. "
)


@cache
def planted(what: str) -> NoiseMaker:
    rng = np.random.default_rng(7)
    pairs = []
    for number in range(8):
        clean = TEXT * 6
        pieces = []
        for index, character in enumerate(clean):
            before = clean[index - 1] if index else " "
            read = character
            if what == "e is c" and character == "e" and rng.random() < 0.25:
                read = "c"
            if what == "e after a bracket" and character == "e" and before == "(" and rng.random() < 0.9:
                read = "c"
            if what == "e after a bracket" and character == "r" and rng.random() < 0.2:
                read = "n"
            if what == "spaces and v" and character == " " and rng.random() < 0.3:
                read = ""
            if what == "spaces and v" and character == "v" and rng.random() < 0.9:
                read = "y"
            if what == "v is lost" and character == "v" and rng.random() < 0.9:
                read = ""
            pieces.append(read)
        pairs.append(TextPair(clean, "".join(pieces), "real", f"{what}/{number}"))
    return NoiseMaker(learn(pairs, language="xx"))


def rebuilt(pair):
    text, position = "", 0
    for start, end, noisy_start, noisy_end in pair.edits:
        text += pair.clean[position:start] + pair.noisy[noisy_start:noisy_end]
        position = end
    return text + pair.clean[position:]


def test_learned_noise_takes_words_the_presets_cannot_change():
    documents = [document("third", "Them that wait , the barque 1847 in été +.")]
    assert words_of(word_pairs(documents, protocol="paper", words=None)) == ["barque"]
    pairs = word_pairs(documents, protocol="paper", words=None, noise=planted("e is c"))
    assert words_of(pairs) == ["Them", "that", "wait", "barque"]
    assert [pair.level for pair in pairs] == ["low", "medium", "high"] * 4
    assert {pair.source for pair in pairs} == {"third (paper, noise of xx/e is c)"}
    assert words_of(word_pairs(documents, protocol="paper", words=2, noise=planted("e is c"))) == ["Them", "that"]


def test_learned_noise_does_what_was_planted():
    words = ["believe", "reference", "beehive", "secrecy", "element", "eleven", "fence", "peeled", "levee", "tepee"]
    pairs = word_pairs([document("e", " ".join(words))], protocol="words", words=None, noise=planted("e is c"))
    assert len(pairs) == 30
    changes: Counter[str] = Counter()
    for pair in pairs:
        assert pair.noisy != pair.clean
        assert rebuilt(pair) == pair.noisy
        if pair.level == "low":
            (change,) = [(a, b) for a, b in zip(pair.clean, pair.noisy, strict=True) if a != b]
            changes[change] += 1
    assert changes["e", "c"] >= 9  # a letter that was seen too rarely may be taken for its kind
    assert changes.total() == 10


def test_learned_levels_are_rates_on_the_word():
    words = [f"{a}{b}e{a}ve{b}e{a}e" for a in "bdlt" for b in "nrsv"]  # nine letters
    pairs = word_pairs([document("nine", " ".join(words))], protocol="words", words=None, noise=planted("e is c"))
    wanted = {"low": 1, "medium": 2.25, "high": 4.5}  # low: 0.9, but a pair must differ
    assert {level: max(1, rate * 9) for level, rate in LEARNED_LEVELS.items()} == pytest.approx(wanted)
    for level, edits in wanted.items():
        made = [sum(max(b - a, d - c) for a, b, c, d in pair.edits) for pair in pairs if pair.level == level]
        assert len(made) == 16
        assert all(abs(count - edits) < 1 for count in made)
        assert np.mean(made) == pytest.approx(edits, rel=0.2)


def test_learned_noise_sees_the_real_neighbours():
    noise = planted("e after a bracket")

    def misread_first_letters(*sentences):
        pairs = [
            pair
            for seed in range(12)
            for pair in word_pairs(
                [document("d", *sentences)], protocol="words", words=None, levels=("low",), noise=noise, seed=seed
            )
        ]
        assert len(pairs) == 36
        return sum(pair.noisy.startswith("c") for pair in pairs)

    # r is misread too, everywhere
    assert misread_first_letters("so ( +every +)", "so ( +error +)", "so ( +exert +)") > 6
    assert misread_first_letters("so every", "so error", "so exert") < 4


def test_learned_noise_leaves_everything_around_alone():
    words = [f"{a}e{b}e" for a in "bcdfg" for b in "lmnpr"]
    noise = NoiseMaker(learn(_real_like(), language="xx"))
    left_out: list[str] = []
    pairs = word_pairs(
        [document("d", *(f"were {word} +, here" for word in words))], protocol="context", words=None, noise=noise,
        unchanged=left_out,
    )  # fmt: skip
    assert len(pairs) + 3 * len(left_out) == 3 * (len(words) + 2)
    assert len(pairs) > 60
    for pair in pairs:
        assert rebuilt(pair) == pair.noisy
        assert pair.noisy
        assert pair.noisy == pair.noisy.strip()
        for start, end, noisy_start, noisy_end in pair.edits:
            if start == 0 or end == len(pair.clean):
                assert " " not in pair.noisy[noisy_start:noisy_end]
    # changes of length, at the edges too, and spaces inside are kept
    assert any(len(pair.noisy) > len(pair.clean) for pair in pairs)
    assert any(" " in pair.noisy for pair in pairs)
    assert any(len(pair.noisy) < len(pair.clean) for pair in pairs)


def _real_like():
    """Substitutions, insertions, deletions, and spaces that come and go."""
    rng = np.random.default_rng(3)
    for number in range(6):
        clean = TEXT * 8
        noisy = []
        for character in clean:
            draw = rng.random()
            if draw < 0.06:
                noisy.append("c" if character == "e" else "i")
            elif draw < 0.10:
                noisy += [character, " " if draw < 0.08 else "."]
            elif draw > (0.7 if character == " " else 0.97):
                continue
            else:
                noisy.append(character)
        yield TextPair(clean, "".join(noisy), "real", f"alike/{number}")


def test_words_left_unchanged_are_counted_and_replaced(monkeypatch):
    # this noise drops spaces and misreads v, so a word without v stays as it is while the spaces beside it go
    monkeypatch.setattr("ocr_neurons.noise.words.TRIES", 3)
    noise, left_out = planted("spaces and v"), []
    without, with_v = ["steal", "three", "letters", "then"], ["evens", "levels", "raven"]
    documents = [document("s", "steal evens three letters levels then raven")]
    every: list[str] = []
    made = word_pairs(documents, protocol="paper", words=None, levels=("low",), noise=noise, unchanged=every)
    changed = words_of(made)
    assert set(with_v) <= set(changed)
    assert len(every) >= 2  # a letter may be taken for its kind and change after all
    assert sorted(changed + every) == sorted(with_v + without)
    pairs = word_pairs(documents, protocol="paper", words=2, levels=("low",), noise=noise, unchanged=left_out)
    assert words_of(pairs) == changed[:2]
    order = ["steal", "evens", "three", "letters", "levels", "then", "raven"]
    assert left_out == [word for word in order[: order.index(changed[1])] if word in every]
    count, left = len(changed), len(every)
    message = rf"^{count + 1} words wanted, .* leaves {left} of the 7 usable .*; ask for {count} or fewer"
    with pytest.raises(UserError, match=message):
        word_pairs(documents, protocol="paper", words=count + 1, levels=("low",), noise=noise)


def test_a_word_never_vanishes():
    left_out: list[str] = []
    pairs = word_pairs(
        [document("v", "v vv")], protocol="paper", words=None, levels=("low",), min_length=1,
        noise=planted("v is lost"), unchanged=left_out,
    )  # fmt: skip
    assert [(pair.clean, pair.noisy) for pair in pairs] == [("vv", "v")]
    assert left_out == ["v"]


def test_learned_noise_depends_on_names_alone():
    noise = planted("e is c")
    every = word_pairs(DOCUMENTS, protocol="context", words=None, seed=5, noise=noise)
    assert every == word_pairs(DOCUMENTS, protocol="context", words=None, seed=5, noise=planted("e is c"))
    assert every[:6] == word_pairs(DOCUMENTS, protocol="context", words=2, seed=5, noise=noise)
    lows = word_pairs(DOCUMENTS, protocol="context", words=None, seed=5, noise=noise, levels=("low",))
    assert [pair for pair in every if pair.level == "low"] == lows
    alone = word_pairs(DOCUMENTS, protocol="words", words=None, seed=5, noise=noise)
    assert [(p.clean, p.noisy, p.level) for p in every] == [(p.clean, p.noisy, p.level) for p in alone]
    assert not any(pair.left or pair.right for pair in alone)
    others = word_pairs(DOCUMENTS, protocol="context", words=None, seed=6, noise=noise)
    assert {(p.clean, p.noisy, p.level) for p in every} != {(p.clean, p.noisy, p.level) for p in others}


def test_learned_noise_refuses_what_it_cannot_do():
    with pytest.raises(UserError, match=r"'lo' is unknown; nearest:.*low"):
        word_pairs(DOCUMENTS, protocol="words", words=1, levels=("lo",), noise=planted("e is c"))
    with pytest.raises(UserError, match=r"hold 2 distinct usable ones \(at least 9 letters\); ask for 2"):
        word_pairs(DOCUMENTS, protocol="words", words=50, min_length=9, noise=planted("e is c"))


def test_all_there_are_where_fewer_will_do():
    every = word_pairs(DOCUMENTS, protocol="words", words=None, seed=5)
    assert word_pairs(DOCUMENTS, protocol="words", words=10_000, or_fewer=True, seed=5) == every
    assert word_pairs(DOCUMENTS, protocol="words", words=2, or_fewer=True, seed=5) == every[:6]
    with pytest.raises(UserError, match="hold 0 distinct usable ones"):
        word_pairs(DOCUMENTS, protocol="words", words=50, or_fewer=True, min_length=40)
