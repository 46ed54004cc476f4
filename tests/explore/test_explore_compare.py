"""What the explorer shows of a text, against plain computations with hooks of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from naive_words import inputs_of_last_maps, of_parts, of_words

import planted
import tiny_run
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.explore.compare import marked, words
from ocr_neurons.explore.editing import Wanted
from ocr_neurons.explore.reading import Found, read
from ocr_neurons.explore.texts import read_text
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.text.align import align
from tiny_run import TEXT

NOISY = TEXT.replace("ship", "sh1p").replace("Liverpool", "Livexpool").replace("letters", "lettors")
SPANS = [match.span() for match in re.finditer(r"\w+", TEXT)][1:]
"""Of the words of both texts, which differ in single letters alone; the first holds the first position."""
CHANGED = [TEXT[a:b] != NOISY[a:b] for a, b in SPANS]


def tagged(session, text: str, edit: Edit | None = None) -> list[tuple[int, int, str]]:
    """Entities as the Tagger itself gives them."""
    made = read_text(text, "en")
    if edit is None:
        (document,) = session.tagger.tag([made.document])
    else:
        with edit.on(session.tagger.model):
            (document,) = session.tagger.tag([made.document])
    return [(*made.characters(entity), entity.type) for entity in document.entities()]


def shown(rows) -> list[tuple[int, int, str]]:
    return [(row["start"], row["end"], row["type"]) for row in rows]


def test_the_map_is_the_relative_distance_of_mean_activations(session):
    clean, noisy = (of_words(session.tagger, text, SPANS) for text in (TEXT, NOISY))
    expected = np.linalg.norm(noisy - clean, axis=2) / np.linalg.norm(clean, axis=2)
    found = session.compare(TEXT, NOISY, "en")
    assert [TEXT[a:b] for a, b in SPANS] == [word["clean"] for word in found["words"]]
    assert [word["changed"] for word in found["words"]] == CHANGED
    np.testing.assert_allclose(np.array(found["heat"]).T, expected, atol=2e-4)
    assert found["skipped"][0]["count"] == 1, "the first word is left out, and counted"
    assert sum(CHANGED) == 3


def test_the_neurons_that_react_most(session):
    clean, noisy = (of_words(session.tagger, text, SPANS) for text in (TEXT, NOISY))
    mean = (noisy - clean)[:, CHANGED].mean(1)
    found = session.neurons(TEXT, NOISY, "en", word=None, layer=None, order="difference")["neurons"]
    order = np.argsort(-np.abs(mean), axis=None)[: len(found)]
    assert [one["layer"] * mean.shape[1] + one["index"] for one in found] == order.tolist()
    np.testing.assert_allclose([one["difference"] for one in found], mean.flat[order], atol=1e-4)
    np.testing.assert_allclose([one["noisy"] - one["clean"] for one in found], mean.flat[order], atol=1e-4)

    deviations = mean / session.run.profiles.noise.clean_deviation()
    found = session.neurons(TEXT, NOISY, "en", word=None, layer=2, order="deviations")["neurons"]
    order = np.argsort(-np.abs(deviations[2]))[: len(found)]
    assert [(one["layer"], one["index"]) for one in found] == [(2, i) for i in order.tolist()]
    np.testing.assert_allclose([one["deviations"] for one in found], deviations[2][order], rtol=1e-3)

    word = SPANS.index((TEXT.index("Liverpool"), TEXT.index("Liverpool") + 9))
    found = session.neurons(TEXT, NOISY, "en", word=word, layer=0, order="difference")["neurons"][0]
    one = (noisy - clean)[0, word]
    assert found["index"] == np.abs(one).argmax()
    assert found["difference"] == pytest.approx(one[found["index"]], abs=1e-4)


def test_places_are_those_of_the_ranking(session):
    ranking = session.run.ranking

    def best(count: int) -> set[tuple[int, int]]:
        return {(layer, i) for layer, members in ranking.top(count).indices.items() for i in members}

    for place in (1, 7, 100):
        ((layer, index),) = best(place) - best(place - 1)
        assert session.neuron(layer, index)["place"] == place


def test_a_text_of_many_windows_is_read_as_its_windows_are(session):
    tagger = replace(session.tagger, encoding=Encoding(40, 8))
    made = read_text(" ".join([TEXT] * 3), "en")
    found = read(tagger, made)
    windows = tagger.prepare([made.document]).windows
    assert len(windows) > 3
    for window in windows:
        values = inputs_of_last_maps(tagger, list(window.ids))
        for (_, token), (first, last) in zip(window.heads, window.spans, strict=True):
            np.testing.assert_allclose(found.activations[:, token], values[:, first:last].mean(1), rtol=1e-5, atol=1e-4)
            assert found.sizes[token] == last - first
    assert found.at_edge == (True, *[False] * (len(made.spans) - 1))
    assert planted.hooks(tagger.model) == []


def test_words_of_several_tokens_are_means_over_all_their_sub_words(session):
    clean, noisy = "He saw the steamer Lady today.", "He saw the steamerLady to day."
    found = session.compare(clean, noisy, "en")
    named = [(word["clean"], word["noisy"]) for word in found["words"]]
    assert ("steamer Lady", "steamerLady") in named
    assert ("today", "to day") in named
    before = of_parts(session.tagger, clean, [[(11, 18), (19, 23)]])
    after = of_parts(session.tagger, noisy, [[(11, 22)]])
    expected = np.linalg.norm(after - before, axis=2) / np.linalg.norm(before, axis=2)
    np.testing.assert_allclose(found["heat"][named.index(("steamer Lady", "steamerLady"))], expected[:, 0], atol=2e-4)


def test_a_lost_line_is_counted_and_compared_with_nothing(session):
    lost = TEXT.replace(" Mr. John Thornton wrote letters to the Earl of Derby", "")
    found = session.compare(TEXT, lost, "en")
    # what stays of a long lost stretch may be glued to a neighbour, so only the sum is certain
    assert len(found["words"]) + sum(one["count"] for one in found["skipped"]) >= len(SPANS) - 2
    assert sum(one["count"] for one in found["skipped"]) > 5
    assert len(found["heat"]) == len(found["words"])


def test_the_same_text_twice_moves_nothing(session):
    found = session.compare(TEXT, TEXT, "en")
    assert np.max(found["heat"]) == 0
    assert found["pieces"] == [[TEXT]]
    assert found["noisy"]["lost"] == []
    assert all(row["mark"] == "kept" for row in found["noisy"]["entities"])
    assert session.neurons(TEXT, TEXT, "en", word=None, layer=None, order="difference")["neurons"] == []


def test_the_alignment_rebuilds_both_texts(session):
    pieces = session.compare(TEXT, NOISY, "en")["pieces"]
    assert "".join(piece[0] for piece in pieces) == TEXT
    assert "".join(piece[-1] for piece in pieces) == NOISY
    assert [piece for piece in pieces if len(piece) == 2] == [["i", "1"], ["r", "x"], ["e", "o"]]


def test_entities_are_the_taggers(session):
    found = session.compare(TEXT, NOISY, "en")
    assert shown(found["clean"]["entities"]) == tagged(session, TEXT) != []
    assert shown(found["noisy"]["entities"]) == tagged(session, NOISY) != []
    made = read_text(TEXT, "en")
    ((_, sure),) = session.tagger.tag_with_confidence([made.document])
    assert [row["sure"] for row in found["clean"]["entities"]] == pytest.approx(sure)


@pytest.mark.parametrize(("layers", "members"), [("", range(4)), ("3", [3]), ("1-2", [1, 2])])
@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_edited_tags_are_the_taggers_under_the_edit(session, layers, members, factor):
    edit = Edit.scale(session.run.ranking.within(members).top(30), factor)
    found = session.edit(TEXT, NOISY, "en", Wanted("ranking", 30, layers, factor=factor))
    assert shown(found["entities"]) == tagged(session, NOISY, edit)
    plain = set(tagged(session, NOISY))
    now = set(shown(found["entities"]))
    assert set(shown([row for row in found["entities"] if row["moved"]])) == now - plain
    assert len(found["dropped"]) == len(plain - now)
    assert found["says"] == edit.describe()
    assert planted.hooks(session.tagger.model) == []


def test_some_edit_moves_a_tag(session):
    wanted = Wanted("ranking", 60, "0-1", factor=-3.0)
    assert any(row["moved"] for row in session.edit(TEXT, NOISY, "en", wanted)["entities"])


def test_the_runs_own_edit_and_its_factor(session):
    chosen = session.run.edit.edits[0]
    own = session.edit(TEXT, NOISY, "en", Wanted("run"))
    assert shown(own["entities"]) == tagged(session, NOISY, chosen)
    other = session.edit(TEXT, NOISY, "en", Wanted("run", factor=-4.0))
    assert shown(other["entities"]) == tagged(session, NOISY, replace(chosen, factor=-4.0))


def test_neurons_picked_by_hand(session):
    ranking = session.run.ranking
    picked = ((3, 5), (0, 7), (3, 40))
    edit = Edit.scale(NeuronSet("", "neuron", ranking.layers, ranking.width, {0: (7,), 3: (5, 40)}), 10.0)
    found = session.edit(TEXT, NOISY, "en", Wanted("neurons", picked=picked, factor=10.0))
    assert shown(found["entities"]) == tagged(session, NOISY, edit)


def test_no_edit_and_a_factor_of_one_change_nothing(session):
    for wanted in (Wanted(), Wanted("ranking", 30, factor=1.0)):
        found = session.edit(TEXT, NOISY, "en", wanted)
        assert shown(found["entities"]) == tagged(session, NOISY)
        assert found["dropped"] == []
        assert found["moves"] == []


def test_noise_is_the_learned_models_and_the_same_for_the_same_seed(session):
    found = session.noise(TEXT, "en", 0.1, 5)
    direct = NoiseMaker(load_noise("en")).corrupt(TEXT, generator(5, "explore"), cer=0.1)
    assert found["noisy"] == direct.noisy == session.noise(TEXT, "en", 0.1, 5)["noisy"]
    assert found["noisy"] != session.noise(TEXT, "en", 0.1, 6)["noisy"]
    assert found["rate"] == pytest.approx(0.1, abs=0.03)
    assert session.noise(TEXT, "en", 0.0, 5)["noisy"] == TEXT


def test_marks_of_entities_through_the_alignment():
    clean, other = "at Derby with John", "near at Derhy with Iohn"
    before = [Found(3, 8, "loc", 0.9), Found(14, 18, "pers", 0.8)]
    after = [Found(8, 13, "loc", 0.7), Found(19, 23, "loc", 0.5)]
    found, lost = marked(before, after, align(clean, other))
    assert [one.mark for one in found] == ["kept", "new"]
    assert lost == [before[1]]


@pytest.mark.parametrize(
    ("clean", "noisy", "says"),
    [
        ("", "x", "The clean text has no word"),
        ("x", " \n ", "The noisy text has no word"),
        ("word " * 401, "word", "has 2,005 characters; the explorer takes 2,000"),
        ("word", "wo\0rd", "characters that are no text"),
        ("word", "wo\ud800rd", "characters that are no text"),
        ("字 " * 1000, "word", "sub-words for this model; the explorer takes 1,500"),
        ("word", f"a {'x' * 300} b", "holds a word of 300 sub-words, and this tagger reads 256 at a time"),
    ],
)
def test_texts_that_cannot_be_read(session, clean, noisy, says):
    with pytest.raises(UserError, match=re.escape(says)):
        session.compare(clean, noisy, "en")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("other"), "Edit 'other' is unknown"),
        (Wanted("ranking", 0), "wanted 1 to 192"),
        (Wanted("ranking", 49, "2"), "wanted 1 to 48"),
        (Wanted("ranking", 5, "4"), "this model has 0 to 3"),
        (Wanted("ranking", 5, "0-99999999999"), "this model has 0 to 3"),
        (Wanted("ranking", 5, "first"), "this model has 0 to 3"),
        (Wanted("ranking", 5, factor=float("nan")), "wanted a number from -10 to 10"),
        (Wanted("neurons", picked=()), "No neuron is picked"),
        (Wanted("neurons", picked=((4, 0),)), "Neuron 4.0 does not exist"),
        (Wanted("neurons", picked=((0, 48),)), "Neuron 0.48 does not exist"),
        (Wanted("neurons", picked=tuple((0, i) for i in range(201))), "201 neurons are picked"),
    ],
)
def test_edits_that_cannot_be_made(session, wanted, says):
    with pytest.raises(UserError, match=re.escape(says)):
        session.edit(TEXT, NOISY, "en", wanted)


def test_words_and_orders_that_are_not_there(session):
    with pytest.raises(UserError, match="Word 99 does not exist"):
        session.neurons(TEXT, NOISY, "en", word=99, layer=None, order="difference")
    with pytest.raises(UserError, match="Order 'loud' is unknown"):
        session.neurons(TEXT, NOISY, "en", word=None, layer=None, order="loud")
    with pytest.raises(UserError, match=r"Neuron 9\.0 does not exist"):
        session.neurons(TEXT, NOISY, "en", word=None, layer=9, order="difference")


def test_noise_that_cannot_be_made(session):
    with pytest.raises(UserError, match="no noise model for language 'fi'"):
        session.noise(TEXT, "fi", 0.1, 1)
    with pytest.raises(UserError, match=r"wanted 0 to 0\.5"):
        session.noise(TEXT, "en", 0.9, 1)


def test_only_so_much_is_kept(session, monkeypatch):
    monkeypatch.setattr("ocr_neurons.explore.session.KEPT", 1)
    for number in range(5):
        session.compare(f"{TEXT} {number}", NOISY, "en")
    assert len(session._texts) == 2


def test_words_are_in_order_and_apart(session):
    left, right = (read(session.tagger, read_text(text, "en")) for text in (TEXT, NOISY))
    found = words(align(TEXT, NOISY), left, right).words
    assert all(a.clean[1] <= b.clean[0] and a.noisy[1] <= b.noisy[0] for a, b in pairwise(found))


@pytest.mark.parametrize("family", ["mistral", "bert"])
def test_other_families(tiny_folder, tmp_path, family):
    other = tiny_run.explore(tiny_run.make_run(tmp_path, tiny_folder(family), max_length=64), tmp_path / "cache")
    wanted = Wanted("ranking", 60, "1-3", factor=-2.0)
    edit = Edit.scale(other.run.ranking.within([1, 2, 3]).top(60), -2.0)
    assert shown(other.compare(TEXT, NOISY, "en")["noisy"]["entities"]) == tagged(other, NOISY)
    assert shown(other.edit(TEXT, NOISY, "en", wanted)["entities"]) == tagged(other, NOISY, edit)
    heat = np.array(other.compare(TEXT, NOISY, "en")["heat"])
    assert heat.shape == (len(SPANS), 4)
    assert np.isfinite(heat).all()
    assert len(other.contexts(2, 2)["lowest"]) == 8
