"""Planted confusions: counted by the learned model, and made again by it as often as they were planted."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.apply import NoiseMaker
from ocr_neurons.noise.learned.learn import LEAST, learn
from ocr_neurons.noise.learned.model import NoiseModel
from ocr_neurons.text.pairs import TextPair

TEXT = """the corner learned of queen burned letter by quarter turn modern street which heard a one three sea
corn return square equal liquid stern man both going with inquest harbour"""
WORDS = re.findall(r"\w+", TEXT)
PLANTED = {("e", "c"): 0.10, ("rn", "m"): 0.30, (" ", ""): 0.05, ("u", "v"): 0.40, ("", "."): 0.02}
"""Shares: ``u`` is misread after ``q`` alone, and a stop comes in before ``h`` alone."""


def seeded(seed: int) -> Random:
    """A generator of the standard library: many single draws are fast with it."""
    return Random(seed)


def prose(length: int, random: Random) -> str:
    text = ""
    while len(text) < length:
        text += random.choice(WORDS) + " "
    return text[: length - 1] + "."


def spoiled(clean: str, random: Random) -> tuple[str, Counter[tuple[str, str]]]:
    """The planted noise, and how often each confusion was made."""
    made: Counter[tuple[str, str]] = Counter()
    pieces = []
    place = 0
    while place < len(clean):
        source = clean[place]
        target = source
        if clean.startswith("rn", place) and random.random() < PLANTED["rn", "m"]:
            source, target = "rn", "m"
        elif source == "e" and random.random() < PLANTED["e", "c"]:
            target = "c"
        elif source == " " and random.random() < PLANTED[" ", ""]:
            target = ""
        elif source == "u" and clean[place - 1 : place] == "q" and random.random() < PLANTED["u", "v"]:
            target = "v"
        elif source == "h" and random.random() < PLANTED["", "."]:
            made["", "."] += 1
            pieces.append(".")
        if source != target:
            made[source, target] += 1
        pieces.append(target)
        place += len(source)
    return "".join(pieces), made


def chances(clean: str) -> Counter[tuple[str, str]]:
    """How often each confusion could have been made."""
    return Counter(
        {
            ("e", "c"): clean.count("e"),
            ("rn", "m"): clean.count("rn"),
            (" ", ""): clean.count(" "),
            ("u", "v"): clean.count("qu"),
            ("", "."): clean.count("h"),
        }
    )


def pairs_of(source: str, number: int = 30, seed: int = 1) -> tuple[list[TextPair], Counter[tuple[str, str]]]:
    random = seeded(seed)
    pairs, planted = [], Counter()
    for index in range(number):
        clean = prose(4000, random)
        noisy, made = spoiled(clean, random)
        planted += made
        pairs.append(TextPair(clean, noisy, "real", f"{source}/{index}"))
    return pairs, planted


@pytest.fixture(scope="module")
def planted() -> tuple[NoiseModel, Counter[tuple[str, str]]]:
    pairs, made = pairs_of("press")
    return learn(pairs, language="en", source="planted", licence="CC0", normalised=["quotes"]), made


def units_of(pairs: list[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Planted confusions in changed segments, the longest first; what two neighbours made is taken apart."""
    found: Counter[tuple[str, str]] = Counter()
    for source, target in pairs:
        i = j = 0
        while i < len(source) or j < len(target):
            for unit in [("rn", "m"), ("e", "c"), ("u", "v"), (" ", ""), ("", ".")]:
                if source.startswith(unit[0], i) and target.startswith(unit[1], j):
                    found[unit] += 1
                    i, j = i + len(unit[0]), j + len(unit[1])
                    break
            else:
                found["?", "?"] += 1
                break
    return found


def test_the_counts_are_those_planted(planted):
    model, made = planted
    style = model.styles["press"]
    first = [
        (source, target)
        for sources in style.changes.values()
        for source, targets in sources.items()
        for target, number in targets.items()
        for _ in range(number)
    ]
    later = [(s, t) for s, targets in style.later.items() for t, number in targets.items() for _ in range(number)]
    found = units_of(first + later)
    for unit, number in made.items():
        assert found[unit] == pytest.approx(number, rel=0.02), unit
    assert found["?", "?"] < 0.01 * sum(made.values())
    assert len(first) == sum(style.hit.values())


def test_the_figures_are_those_of_the_pairs(planted):
    model, _ = planted
    style = model.styles["press"]
    pairs, made = pairs_of("press")
    assert list(model.styles) == ["press"]
    assert (style.documents, style.characters) == (30, sum(len(pair.clean) for pair in pairs))
    cost = sum(number * max(len(s), len(t)) for (s, t), number in made.items())
    assert style.cer == pytest.approx(cost / style.characters, rel=0.02)
    assert model.cer == pytest.approx(style.cer)
    assert style.rates == sorted(style.rates)
    assert len(style.rates) == 11
    assert style.rates[0] < style.cer < style.rates[-1]
    seen: Counter[str] = Counter()
    for pair in pairs:
        around = f" {pair.clean}  "
        seen.update(around[i : i + 3] for i in range(len(pair.clean) + 1))
    assert style.seen == seen
    assert all(style.hit[context] <= seen[context] for context in style.hit)
    assert (model.language, model.source, model.licence, model.normalised) == ("en", "planted", "CC0", ("quotes",))


def test_the_most_frequent_confusions_come_first(planted):
    model, made = planted
    best = model.confusions(4)
    assert {(source, target) for source, target, _ in best} == {unit for unit, _ in made.most_common(4)}
    assert [number for *_, number in best] == sorted((number for *_, number in best), reverse=True)
    assert model.confusions(2) == best[:2]


def test_each_context_has_its_own_count(planted):
    model, _ = planted
    style = model.styles["press"]
    for context, sources in style.changes.items():
        if "v" in sources.get("u", {}):
            assert context.startswith("qu")
    for context in style.hit:
        assert style.hit[context] == sum(sum(targets.values()) for targets in style.changes[context].values())
    assert "qu" in {context[:2] for context in style.changes}


def test_planted_shares_come_back_in_new_text(planted):
    model, _ = planted
    text = prose(150_000, seeded(9))
    draws = 6  # one draw has a few dozen of the rarest change
    made = [NoiseMaker(model).corrupt(text, generator(n, "planted"), cer=model.cer) for n in range(draws)]
    found = units_of([(text[a:b], pair.noisy[c:d]) for pair in made for a, b, c, d in pair.edits])
    possible = chances(text)
    for unit, share in PLANTED.items():
        assert found[unit] / possible[unit] / draws == pytest.approx(share, rel=0.12), unit
    assert found["?", "?"] < 0.02 * sum(len(pair.edits) for pair in made)


def test_contexts_matter(planted):
    model, _ = planted
    text = prose(100_000, seeded(10))
    made = NoiseMaker(model).corrupt(text, generator(0, "contexts"), cer=model.cer)
    after_q = elsewhere = 0
    for a, b, c, d in made.edits:
        if text[a:b].startswith("u") and made.noisy[c:d].startswith("v"):
            after_q += text[a - 1] == "q"
            elsewhere += text[a - 1] != "q"
    assert after_q > 500
    assert text.count("u") > 1.5 * text.count("qu")  # most could have been hit elsewhere
    assert elsewhere < 0.02 * after_q
    stops = [text[a] for a, b, c, d in made.edits if (text[a:b], made.noisy[c:d]) == ("", ".")]
    assert len(stops) > 40
    assert stops.count("h") > 0.95 * len(stops)


def test_a_confusion_of_two_characters_needs_both(planted):
    # the left neighbour and the r are those of many rn → m, but no n follows
    text = "corz burz learz modez " * 1500
    made = NoiseMaker(planted[0]).corrupt(text, generator(0, "both"), cer=0.1)
    assert len(made.edits) > 1000
    assert made.noisy.count("m") <= text.count("m")


def test_styles_are_the_names_before_the_stroke_and_small_ones_are_counted_together():
    one, _ = pairs_of("one", 6)
    two, _ = pairs_of("two", 3, seed=2)
    small = [TextPair(prose(600, seeded(n)), "", "real", f"{name}/1") for n, name in enumerate(("tiny", "small"))]
    small = [TextPair(p.clean, p.clean.replace("e", "c", 20), p.level, p.source) for p in small]
    model = learn([*one, *two, *small])
    assert list(model.styles) == ["one", "other", "two"]
    assert model.styles["other"].documents == 2
    assert sum(style.weight for style in model.styles.values()) == pytest.approx(1, abs=1e-3)
    assert model.styles["one"].weight / model.styles["two"].weight == pytest.approx(2, rel=0.01)
    together = learn([*one, *two, *small], pooled=True)
    assert list(together.styles) == ["all"]
    assert together.styles["all"].characters == sum(style.characters for style in model.styles.values())
    assert list(learn([TextPair(p.clean, p.noisy, "real", "no stroke") for p in one]).styles) == ["all"]


def test_a_small_source_called_other_is_counted_and_names_are_escaped(tmp_path):
    one, _ = pairs_of('Le "Petit" Journal\\', 6)
    clean = prose(600, seeded(0))
    model = learn([*one, TextPair(clean, clean.replace("e", "c", 20), "real", "other/1")])
    assert {name: style.documents for name, style in model.styles.items()} == {'Le "Petit" Journal\\': 6, "other": 1}
    model.save(tmp_path / "m.json")
    assert NoiseModel.load(tmp_path / "m.json") == model


def test_the_order_of_documents_does_not_matter_for_the_counts():
    pairs, _ = pairs_of("press", 5)
    one, two = learn(pairs).styles["press"], learn(pairs[::-1]).styles["press"]
    assert (one.seen, one.hit, one.changes, one.later, one.rates) == (
        two.seen,
        two.hit,
        two.changes,
        two.later,
        two.rates,
    )


def test_too_little_to_learn_from_is_refused_with_what_was_left_out():
    clean = prose(400, seeded(3))
    pairs = [TextPair(clean, clean.replace("e", "c"), "real", "a"), TextPair("x", "", "real", "b")]
    with pytest.raises(UserError) as caught:
        learn(pairs)
    message = str(caught.value)
    assert "\n" not in message
    assert f"{len(re.findall('e+', clean))} changes in 1 aligned documents" in message
    assert "1 empty" in message
    assert str(LEAST) in message
    with pytest.raises(UserError, match="0 changes"):
        learn([])


def test_what_prepare_left_out_is_kept_in_the_model():
    pairs, _ = pairs_of("press", 4)
    model = learn([*pairs, TextPair("", "x", "real", "press/e"), TextPair("abc " * 20, "0123456789" * 8, "real", "u")])
    assert model.left_out["empty"] == 1
    assert model.left_out["unaligned"] == 1


def test_documents_with_errors_in_runs_give_noise_in_runs():
    random = seeded(4)

    def runs(clean: str, bursty: bool) -> str:
        bad, out = False, []
        for character in clean:
            if random.random() < (0.03 if bad else 0.006):
                bad = not bad
            rate = (0.2 if bad else 0.004) if bursty else 0.037
            out.append("#" if character != " " and random.random() < rate else character)
        return "".join(out)

    def dispersion(places: list[int], length: int) -> float:
        """Variance / mean of the number of segments in stretches of 100 characters: about 1 when independent."""
        counts = Counter(place // 100 for place in places)
        numbers = [counts[stretch] for stretch in range(length // 100)]
        mean = sum(numbers) / len(numbers)
        return sum((number - mean) ** 2 for number in numbers) / len(numbers) / mean

    text = prose(100_000, seeded(5))
    found = {}
    for bursty in (False, True):
        cleans = [prose(5000, random) for _ in range(20)]
        model = learn([TextPair(c, runs(c, bursty), "real", f"s/{n}") for n, c in enumerate(cleans)])
        made = NoiseMaker(model).corrupt(text, generator(0, "runs"), cer=model.cer)
        found[bursty] = dispersion([edit[0] for edit in made.edits], len(text))
        if bursty:
            real = [e[0] for e in _edits(text, runs(text, True))]
    assert found[False] < 1.3
    assert found[True] > 2
    assert found[True] == pytest.approx(dispersion(real, len(text)), rel=0.4)


def _edits(clean: str, noisy: str) -> list[tuple[int, int]]:
    """Changed stretches of two texts of one length."""
    changed = [a != b for a, b in zip(clean, noisy, strict=True)]
    return [(i, i + 1) for i, now in enumerate(changed) if now and not (i and changed[i - 1])]


def test_sources_that_are_small_or_without_a_change_do_not_spoil_the_file(tmp_path):
    one, _ = pairs_of("one", 6)
    clean = "the corner of the room is barn warm"
    others = [
        TextPair(clean, clean, "real", "same/1"),
        TextPair(clean, clean.replace("rn", "m"), "real", "many/1"),  # confusions of two characters alone
        *(TextPair(p.clean, p.noisy, p.level, f"big/{n}") for n, p in enumerate(one * 40)),
    ]
    for given in ([*one, others[0]], [*one, others[1]], [*others[2:], others[1]]):
        learn(given).save(tmp_path / "m.json")
        model = NoiseModel.load(tmp_path / "m.json")
        assert all(style.weight > 0 for style in model.styles.values())
        for style in model.styles:
            noisy = NoiseMaker(model).corrupt(clean * 20, generator(1, "x"), cer=0.05, style=style)
            assert noisy.noisy != noisy.clean
