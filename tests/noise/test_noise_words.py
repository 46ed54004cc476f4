"""Which words are chosen, and where they stand."""

from __future__ import annotations

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.text.document import Document, Token


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
