"""Which noise words get by its name, above all by ``auto``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.kinds import pairs_noise
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.noise.words import said_noise, word_pairs
from ocr_neurons.text.document import Document, Token

WORDS = ["The", "barque", "Halcyon", "was", "lost", "with", "every", "soul", "near", "Liverpool"]


def documents(language):
    return [Document("ship", language=language, tokens=tuple(Token(word) for word in WORDS))]


def test_auto_is_learned_noise_of_the_language_in_sentences():
    for language in ("en", "fr", "de"):
        text = documents(language)
        found = word_pairs(text, protocol="context", words=5, noise=pairs_noise("auto", "context", text))
        assert found == word_pairs(text, protocol="context", words=5, noise=NoiseMaker(load_noise(language)))


@pytest.mark.parametrize("protocol", ["words", "paper"])
def test_auto_is_the_presets_for_words_alone(protocol):
    assert pairs_noise("auto", protocol, documents("en")) is None


def test_auto_is_the_presets_where_no_one_language_has_a_model():
    assert pairs_noise("auto", "context", documents("it")) is None
    assert pairs_noise("auto", "context", documents("en") + documents("fr")) is None


def test_a_name_is_taken_at_its_word():
    text = documents("fr")
    assert pairs_noise("paper", "context", text) is None
    noise = pairs_noise("de", "words", text)
    assert noise is not None
    assert noise.name == "de"
    with pytest.raises(UserError, match="no such file"):
        pairs_noise("nothing.json", "context", text)


def test_documents_of_unnamed_language_get_the_presets():
    assert pairs_noise("auto", "context", [replace(documents("en")[0], language="")]) is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [("auto", "the noise model en"), ("de", "the noise model de"), ("paper", "the presets of the paper")],
)
def test_pairs_say_what_made_them_noisy(spec, said):
    text = documents("en")
    assert said_noise(word_pairs(text, protocol="context", words=3, noise=pairs_noise(spec, "context", text))) == said
