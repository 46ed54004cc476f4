"""Normalisations: each against a version that only replaces, and the way back to the original."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.normalise import RULES, normalise, normalise_pair
from ocr_neurons.text.pairs import TextPair

TRICKY = st.text(st.sampled_from("aZé-¬\u00ad\u2010\n\r \u00a0\u202f\tſẛﬅ«»„“’ʼ;:!?\u0301\u0323s\u037e1"), max_size=30)
ANY = st.one_of(TRICKY, st.text(max_size=30))
SOME = st.sets(st.sampled_from(list(RULES)))


def bare(text: str, *rules: str) -> str:
    return normalise(text, rules).text


@pytest.mark.parametrize(
    ("rule", "given", "wanted"),
    [
        ("hyphens", "co¬\noperate", "cooperate"),
        ("hyphens", "co-\noperate", "cooperate"),
        ("hyphens", "co- \r\n  operate", "cooperate"),
        ("hyphens", "co- \r  operate", "cooperate"),
        ("hyphens", "co\u00ad\noperate co\u00adoperate", "cooperate cooperate"),
        ("hyphens", "verlän¬ gernden Fett¬waaren", "verlängernden Fettwaaren"),
        ("hyphens", "Gar⸗\nten", "Garten"),
        ("hyphens", "e\u0301-\nb", "e\u0301b"),
        ("hyphens", "a\u00ad-\nb-\nc", "abc"),
        ("hyphens", "no. 3-\n4, end -\nagain, well-known", "no. 3-\n4, end -\nagain, well-known"),
        ("lines", "one\n two\u00a0\u202fthree\r\n", "one two three "),
        ("long-s", "ſteht ẛ moﬅ", "steht ṡ most"),
        ("quotes", "„Ja“ l’an «x» ‹y›", '"Ja" l\'an "x" \'y\''),
        ("french-spacing", "Quoi ?! Oui\u202f; «\u00a0non » : a", "Quoi?! Oui; «non»: a"),
        ("nfc", "e\u0301 \u1100\u1161\u11a8 \u212b", "é 각 Å"),
    ],
)
def test_each_rule(rule: str, given: str, wanted: str) -> None:
    assert bare(given, rule) == wanted


def test_rules_work_together_in_the_order_of_the_table() -> None:
    assert bare("l’e\u0301co-\nle «\u202fſi\u202f»\n!", *reversed(RULES)) == 'l\'école "si"!'
    assert bare("« a »\n;", "french-spacing", "lines") == "«a»;"
    assert bare("ſ\u0323", "long-s", "nfc") == "ṣ"  # a composition that only the replaced letter has


def test_nothing_is_done_unasked() -> None:
    text = "l’e\u0301co-\nle ſ « »"
    found = normalise(text, ())
    assert found.text == text
    assert found.offsets.tolist() == list(range(len(text) + 1))


def test_offsets_by_hand() -> None:
    found = normalise("ab-\ncd \n «\u00a0é", ("hyphens", "lines", "french-spacing"))
    assert found.text == "abcd «é"
    assert found.offsets.tolist() == [0, 1, 4, 5, 6, 9, 11, 12]
    assert found.to_original(0, 4) == (0, 6)
    assert normalise("\u00ada", ["hyphens"]).offsets.tolist() == [1, 2]
    assert normalise("oﬅ!", ["long-s"]).offsets.tolist() == [0, 1, 1, 2, 3]  # one character became two


@given(ANY)
def test_rules_without_context_are_plain_replacements(text: str) -> None:
    assert bare(text, "nfc") == unicodedata.normalize("NFC", text)
    assert bare(text, "lines") == re.sub(r"\s+", " ", text)
    assert bare(text, "long-s") == text.replace("ſ", "s").replace("ẛ", "ṡ").replace("ﬅ", "st")
    assert bare(text, "quotes") == text.translate(
        str.maketrans("„“”‟«»‹›‘’‚‛ʼ", "\"\"\"\"\"\"'''''''")  # one to one
    )


@given(st.text(st.characters(categories=["Lo", "Mn", "Mc", "Ll"]), max_size=12))
def test_nfc_of_any_script(text: str) -> None:
    assert bare(text, "nfc") == unicodedata.normalize("NFC", text)


@given(ANY, SOME)
@settings(max_examples=300)
def test_twice_is_once(text: str, rules: set[str]) -> None:
    once = bare(text, *rules)
    assert bare(once, *rules) == once


@given(ANY, SOME)
@settings(max_examples=300)
def test_offsets_lead_back(text: str, rules: set[str]) -> None:
    found = normalise(text, rules)
    offsets = found.offsets
    assert offsets.dtype == np.int64
    assert len(offsets) == len(found.text) + 1
    assert np.all(np.diff(offsets) >= 0)
    assert int(offsets[-1]) == len(text)
    # the pieces put together are the original
    pieces = [text[a:b] for a, b in pairwise(offsets)]
    assert text[: offsets[0]] + "".join(pieces) == text
    # a letter of ASCII or a figure can only stand for itself, or for a long s
    for character, place in zip(found.text, offsets[:-1], strict=True):
        if character.isascii() and character.isalnum() and "nfc" not in rules:
            assert text[place] in (character, "ſ" if character == "s" else character, "ﬅ")


def test_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(UserError, match="normalisation 'hyphen' is unknown; nearest: hyphens"):
        normalise("a", ["hyphen"])


def test_pairs_are_normalised_on_both_sides() -> None:
    pair = TextPair("co¬\noperate ſo", "co-\noperatc fo", "real", "a/1", "left\n", "", ((2, 3, 2, 3),))
    done = normalise_pair(pair, ["hyphens", "long-s", "lines"])
    assert (done.clean, done.noisy, done.left) == ("cooperate so", "cooperatc fo", "left ")
    assert done.edits == ((8, 9, 8, 9), (10, 11, 10, 11))  # counted by hand: e>c, s>f
    assert (done.level, done.source) == (pair.level, pair.source)
    assert normalise_pair(TextPair("a", "b", "real", "s"), []).edits == ()


def test_long_text_in_linear_time() -> None:
    text = "ein Wort ſo¬\nwie e\u0301s „ſteht“ ; " * 30_000  # about a million characters
    found = normalise(text, RULES)
    assert found.text == ('ein Wort sowie és "steht"; ' * 30_000)
