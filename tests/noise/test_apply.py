"""Noise at work: the rate asked for is reached, ratios stay, scripts rebuild, the seed decides, odd input is taken."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.apply import SHIPPED, NoiseMaker, load_noise, spread_rates
from ocr_neurons.noise.learned.learn import learn
from ocr_neurons.noise.learned.model import NoiseModel
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.pairs import TextPair

CHARACTER = st.one_of(st.sampled_from("rne rnaoti\n\r\t\0.É\u0301😀ος"), st.characters(exclude_categories=["Cs"]))
ANY = st.text(CHARACTER, max_size=120)
RATES = (0.02, 0.05, 0.10, 0.20)
LIKE = {"e": "co", "a": "ou", "i": "l1", "t": "f", "o": "0c", "s": "f8", "n": "u", "h": "bi", "r": "t", "l": "1I"}


def seeded(seed: int) -> Random:
    """A generator of the standard library: many single draws are fast with it."""
    return Random(seed)


def prose(length: int, random: Random, width: int = 0) -> str:
    """Words of letters about as frequent as in English, some capitals, figures and stops; lines of ``width``."""
    words = []
    while length > 0:
        word = "".join(random.choices("eeeaattoinshrdlucm", k=random.randint(1, 8)))
        word = word.replace("rn", "rm") if random.random() < 0.5 else word
        word = (
            word.title() if random.random() < 0.1 else str(random.randint(1, 1900)) if random.random() < 0.03 else word
        )
        words.append(word + random.choices(["", ",", "."], [12, 2, 1])[0])
        length -= len(words[-1]) + 1
    text = " ".join(words)
    return textwrap.fill(text, width) if width else text


def spoiled(clean: str, random: Random, rate: float) -> str:
    """Substitutions by likeness, rn → m, spaces in and out, stops in, letters out."""
    pieces = []
    place = 0
    while place < len(clean):
        character = clean[place]
        place += 1
        chance = random.random() / rate
        if character == "\n" or chance >= 1:
            pieces.append(character)
        elif clean.startswith("rn", place - 1):
            pieces.append("m")
            place += 1
        elif character == " ":
            pieces.append("" if chance < 0.6 else " . ")
        elif chance < 0.5 and character in LIKE:
            pieces.append(random.choice(LIKE[character]))
        elif chance < 0.7:
            pieces.append("")
        elif chance < 0.85:
            pieces.append(character + random.choice(" .'"))
        else:
            pieces.append(random.choice("eatoin"))
    return "".join(pieces)


def model_of(random: Random, *, width: int = 60, number: int = 24) -> NoiseModel:
    pairs = []
    for index in range(number):
        clean = prose(4000, random, width)
        name = f"{'one' if index % 6 else 'two'}/{index}"
        pairs.append(TextPair(clean, spoiled(clean, random, random.choice([0.03, 0.06, 0.12])), "real", name))
    return learn(pairs, language="en")


@pytest.fixture(scope="module")
def model() -> NoiseModel:
    return model_of(seeded(1))


@pytest.fixture(scope="module")
def maker(model: NoiseModel) -> NoiseMaker:
    return NoiseMaker(model)


def error_rate(pair: TextPair) -> float:
    return Levenshtein.distance(pair.clean, pair.noisy) / len(pair.clean)


def applied(pair: TextPair) -> str:
    """The script applied as a reader of the file would."""
    pieces, place = [], 0
    for a, b, c, d in pair.edits:
        pieces += [pair.clean[place:a], pair.noisy[c:d]]
        place = b
    return "".join([*pieces, pair.clean[place:]])


@pytest.mark.parametrize("cer", RATES)
@pytest.mark.parametrize("style", ["one", "two"])
def test_the_rate_asked_for_is_reached(maker, cer, style):
    text = prose(20_000, seeded(2), 60)
    made = maker.corrupt(text, generator(0, "rate", cer), cer=cer, style=style)
    assert error_rate(made) == pytest.approx(cer, rel=0.05)
    name, reached = made.level.split()
    assert name == style
    assert float(reached) == pytest.approx(error_rate(made), rel=0.05)


@pytest.mark.parametrize("cer", RATES)
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_reach_the_rate_asked_for(name, cer):
    text = prose(20_000, seeded(3), 60)
    maker = NoiseMaker(load_noise(name))
    for style in maker.model.styles:
        made = maker.corrupt(text, generator(0, "rate", cer), cer=cer, style=style)
        assert error_rate(made) == pytest.approx(cer, rel=0.05), style


def test_the_rate_is_reached_where_line_breaks_were_read_as_spaces():
    # lines of the page against running text: a line break and a space stand for each other in every document
    random = seeded(5)
    pairs = []
    for index in range(12):
        clean = prose(4000, random, 50)
        noisy = "".join(
            random.choice(" \n") if c in "\n" else "\n" if c == " " and random.random() < 0.03 else c
            for c in spoiled(clean, random, 0.04)
        )
        pairs.append(TextPair(clean, noisy, "real", f"a/{index}"))
    text = prose(20_000, random, 50)
    made = NoiseMaker(learn(pairs)).corrupt(text, generator(0, "lines"), cer=0.05)
    assert error_rate(made) == pytest.approx(0.05, rel=0.05)
    assert [line.count("\n") for line in (made.clean, made.noisy)] == [text.count("\n")] * 2


def test_without_a_rate_each_text_draws_one_from_the_documents(model, maker):
    text = prose(6000, seeded(4), 60)
    style = model.styles["one"]
    rates = [error_rate(maker.corrupt(text, generator(n, "own"), style="one")) for n in range(40)]
    low, middle, high = np.quantile(rates, [0.1, 0.5, 0.9])
    assert min(rates) > 0.8 * style.rates[0]
    assert max(rates) < 1.2 * style.rates[-1]
    assert high - low > 0.5 * (style.rates[9] - style.rates[1])
    assert style.rates[3] < middle < style.rates[7]


def test_styles_are_drawn_by_weight(model, maker):
    text = prose(200, seeded(4))
    names = [maker.corrupt(text, generator(n, "style"), cer=0.02).level.split()[0] for n in range(120)]
    assert names.count("one") / 120 == pytest.approx(model.styles["one"].weight, abs=0.12)


def test_no_noise_is_no_noise(maker):
    text = prose(3000, seeded(4), 60)
    made = maker.corrupt(text, generator(0), cer=0)
    assert (made.clean, made.noisy, made.edits) == (text, text, ())


# where half of a character's occurrences are misread, segments get into each other's way
@pytest.mark.parametrize(
    ("share", "other", "rates", "tolerance"),
    [(0.10, 0.01, (0.005, 0.02, 0.04), 0.2), (0.30, 0.03, (0.01, 0.05, 0.12), 0.5)],
)
def test_odds_between_characters_are_kept_when_the_rate_grows(share, other, rates, tolerance):
    random = seeded(6)
    planted = {"e": share, "a": other}
    pairs = []
    for index in range(20):
        clean = " ".join("".join(random.choices("eabmd", k=5)) for _ in range(800))
        noisy = "".join("#" if random.random() < planted.get(c, 0) else c for c in clean)
        pairs.append(TextPair(clean, noisy, "real", f"x/{index}"))
    maker = NoiseMaker(learn(pairs))
    text = " ".join("".join(random.choices("eabmd", k=5)) for _ in range(40_000))

    def odds(made: TextPair, character: str) -> float:
        """Of characters behind an unchanged one: segments cannot follow one another without one between them."""
        hit = {i for a, b, _, _ in made.edits for i in range(a, b)}
        free = [i for i, c in enumerate(text) if c == character and i - 1 not in hit]
        found = sum(i in hit for i in free) / len(free)
        return found / (1 - found)

    wanted = (share / (1 - share)) / (other / (1 - other))
    made = [maker.corrupt(text, generator(0, "odds"), cer=cer) for cer in rates]
    ratios = [odds(one, "e") / odds(one, "a") for one in made]
    assert ratios == pytest.approx([wanted] * 3, rel=tolerance)
    assert odds(made[2], "e") > 8 * odds(made[0], "e")


def test_the_same_seed_gives_the_same_text_on_any_call_order(model, maker):
    random = seeded(7)
    texts = {name: prose(length, random, 60) for name, length in (("a", 300), ("b", 3000), ("c", 9000))}

    def draw(maker: NoiseMaker, name: str) -> TextPair:
        return maker.corrupt(texts[name], generator(3, "call", name))

    first = {name: draw(maker, name) for name in "abc"}
    again = NoiseMaker(model)
    assert {name: draw(again, name) for name in "cbaab"} == first
    assert draw(again, "c") == first["c"]
    assert maker.corrupt(texts["c"], generator(4, "call", "c")) != first["c"]


@settings(max_examples=150, deadline=None)
@given(ANY, st.floats(0, 1), st.sampled_from(["one", "two", None]), st.integers(0, 10**6))
@example("00000", 1.0, "one", 191297)
def test_the_script_rebuilds_any_text_exactly(maker, text, cer, style, seed):
    made = maker.corrupt(text, generator(seed), cer=cer, style=style)
    assert made.clean == text
    assert applied(made) == made.noisy
    for a, b, c, d in made.edits:
        assert 0 <= a <= b <= len(text)
        assert 0 <= c <= d <= len(made.noisy)
        assert a < b or c < d
    for (_, b, _, d), (e, _, g, _) in pairwise(made.edits):
        assert e > b  # touching changes are one segment
        assert e - b == g - d
    assert [c for c in made.noisy if c in "\r\n"] == [c for c in text if c in "\r\n"]


def test_a_segment_of_the_script_changes_something(maker):
    made = maker.corrupt(prose(20_000, seeded(8), 60), generator(0, "segments"), cer=0.2)
    idle = [(a, b, c, d) for a, b, c, d in made.edits if made.clean[a:b] == made.noisy[c:d]]
    assert len(made.edits) > 1000
    assert len(idle) <= 0.002 * len(made.edits)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_line_breaks_stay(maker, end):
    text = prose(8000, seeded(9), 40).replace("\n", end)
    made = maker.corrupt(text, generator(0, "breaks"), cer=0.3)
    assert made.noisy != text
    lines, noisy = text.split(end), made.noisy.split(end)
    assert len(lines) == len(noisy)
    # each line is still the noisy form of its own line
    near = [Levenshtein.normalized_similarity(a, b) > 0.3 for a, b in zip(lines, noisy, strict=True) if len(a) > 20]
    assert sum(near) > 0.95 * len(near)


@pytest.mark.parametrize(
    "text",
    ["", "e", " ", "\n", " " * 500, "\n" * 500, "\0\x01\x7f\x1b[0m" * 40, "漢字かな" * 60, "\ue000\uffff" * 50],
    ids=["empty", "one", "space", "break", "spaces", "breaks", "controls", "cjk", "private"],
)
@pytest.mark.parametrize("cer", [0.05, 0.5, 1.0, None])
def test_odd_texts_are_taken(maker, text, cer):
    made = maker.corrupt(text, generator(0, "odd"), cer=cer)
    assert applied(made) == made.noisy
    if not text.strip("\r\n"):
        assert made.noisy == text


def test_greek_among_latin_letters_is_damaged_too(maker):
    random = seeded(10)
    greek = "".join(random.choices("αβγδεζηθι κλμνξοπρστυφχψω", k=3000))
    text = prose(3000, random, 60) + " " + greek + " " + prose(3000, random, 60)
    made = maker.corrupt(text, generator(0, "greek"), cer=0.1)
    start = text.index(greek)
    inside = [edit for edit in made.edits if start <= edit[0] < start + len(greek)]
    assert error_rate(made) == pytest.approx(0.1, rel=0.06)
    assert 0.01 < len(inside) / len(greek) < 0.3
    assert sum(c in "αβγδεζηθικλμνξοπρστυφχψω" for c in made.noisy) > 0.7 * sum(not c.isspace() for c in greek)


def test_a_line_of_a_million_characters(maker):
    text = prose(10_000, seeded(11)) * 100
    made = maker.corrupt(text, generator(0, "long"), cer=0.05)
    assert len(text) > 1_000_000
    assert applied(made) == made.noisy
    assert sum(max(b - a, d - c) for a, b, c, d in made.edits) / len(text) == pytest.approx(0.05, rel=0.02)
    # noise is spread over the whole of it
    starts = np.array([edit[0] for edit in made.edits])
    parts = np.bincount(np.minimum(starts * 10 // len(text), 9), minlength=10)
    assert parts.min() > 0.8 * parts.mean()


@pytest.mark.parametrize("cer", [-0.01, 1.01, float("nan"), float("inf"), 5])
def test_a_rate_out_of_range_is_refused(maker, cer):
    with pytest.raises(UserError, match="from 0 to 1") as caught:
        maker.corrupt("some text", generator(0), cer=cer)
    assert "\n" not in str(caught.value)
    assert str(cer) in str(caught.value)


def test_an_unknown_style_is_refused_with_the_known_ones(maker):
    with pytest.raises(UserError, match="'tow' is unknown; nearest: two"):
        maker.corrupt("some text", generator(0), style="tow")


def test_an_unknown_model_is_refused():
    with pytest.raises(UserError, match=r"no such file; nearest: .*en") as caught:
        load_noise("eng")
    assert "\n" not in str(caught.value)


def test_rates_are_spread_as_between_documents_with_the_mean_asked_for(model):
    names = [f"d{number}" for number in range(300)]
    rates = spread_rates(model, names, 0.08, seed=1, style="one")
    assert list(rates) == names
    assert np.mean(list(rates.values())) == pytest.approx(0.08)
    own = model.styles["one"].rates
    ratio = np.quantile(list(rates.values()), 0.9) / np.quantile(list(rates.values()), 0.1)
    assert ratio == pytest.approx(own[9] / own[1], rel=0.2)
    assert spread_rates(model, names[:5], 0.08, seed=1, style="one").keys() == set(names[:5])
    assert spread_rates(model, names, 0.08, seed=1, style="one") == rates
    assert spread_rates(model, names, 0.08, seed=2, style="one") != rates


def test_a_document_keeps_its_labels_where_it_is_untouched(maker):
    tokens = []
    for number in range(120):
        tokens += [Token("the"), Token("ship"), Token(f"Hermione{number}", label="B-ship"), Token("of")]
        tokens += [Token("New", label="B-loc"), Token("York", label="I-loc"), Token(".", sentence_end=True)]
    source = Document("d7", tuple(tokens), "en", "1850")
    made = maker.corrupt_document(source, generator(0, "document"), cer=0.06)
    assert made.pair.clean == source.text()
    assert made.pair.source == "d7"
    assert applied(made.pair) == made.pair.noisy
    assert (made.document.id, made.document.language, made.document.date) == ("d7", "en", "1850")
    assert "".join(t.text for t in made.document.tokens) == "".join(made.pair.noisy.split())

    noisy = made.document.tokens
    mapped = made.token_map()
    same = [(i, j) for i, j in mapped if tokens[i].text == noisy[j].text]
    assert len(same) > 0.6 * len(tokens)  # most words are untouched, and mapped to themselves
    assert all(abs(i - j) < 40 for i, j in mapped)
    assert {j for _, j in mapped} >= {j for j, token in enumerate(noisy) if token.led == 0}

    running = source.running_text()
    hit = {i for a, b, _, _ in made.pair.edits for i in range(a - 1, b + 1)}
    untouched = [
        (entity.type, running.text[running.starts[entity.start] : running.ends[entity.end - 1]])
        for entity in source.entities()
        if not hit & set(range(running.starts[entity.start] - 1, running.ends[entity.end - 1] + 1))
    ]
    clean = [
        (entity.type, " ".join(token.text for token in made.document.tokens[entity.start : entity.end]))
        for entity in made.document.entities()
        if made.document.tokens[entity.start].led == 0
    ]
    assert 60 < len(untouched) < 240  # some were hit and some were not
    for wanted in set(untouched):
        assert clean.count(wanted) >= untouched.count(wanted)
    assert any(token.led for token in made.document.tokens)
    assert len(made.document.entities()) + len(made.projection.lost) == len(source.entities())
