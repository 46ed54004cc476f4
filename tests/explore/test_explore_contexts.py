"""When a neuron fires, against reading every document by itself and sorting."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from naive_words import of_words

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.explore.contexts import Contexts
from ocr_neurons.lm.sites import neuron_maps


@pytest.fixture(scope="module")
def contexts(session, tmp_path_factory):
    return Contexts(session.tagger, session.run.data, tmp_path_factory.mktemp("contexts"), sample=900, top=5)


@pytest.fixture(scope="module")
def brute(session, contexts):
    """``[layers, words, neurons]`` of the sample, and which word each is: (document, word)."""
    values, names = [], []
    for split, document in contexts.documents:
        running = document.running_text()
        spans = list(zip(running.starts, running.ends, strict=True))[1:]  # the first word holds the first position
        values.append(of_words(session.tagger, running.text, spans))
        names += [(document.id, split, running.text[a:b]) for a, b in spans]
    return np.concatenate(values, axis=1), names


@pytest.mark.parametrize("layer", [2, 0, 3])
def test_the_words_are_those_of_brute_force(contexts, brute, layer):
    values, names = brute
    for index in range(0, 48, 7):
        column = values[layer, :, index]
        found = contexts.firing(layer, index, nullcontext)
        order = np.argsort(-column)
        for shown, best in ((found.highest, order[:5]), (found.lowest, order[::-1][:5])):
            np.testing.assert_allclose([one.value for one in shown], column[best], atol=1e-4)
            assert [(one.document, one.split, one.word) for one in shown] == [names[i] for i in best.tolist()]
        assert found.mean == pytest.approx(column.mean(), abs=1e-4)
        assert found.deviation == pytest.approx(column.std(), abs=1e-4)


def test_the_context_is_what_stands_around_the_word(contexts):
    texts = {document.id: document.text() for _, document in contexts.documents}
    for one in contexts.firing(1, 3, nullcontext).highest:
        assert one.left + one.word + one.right in texts[one.document]
        assert max(len(one.left), len(one.right)) <= 60


def test_the_sample_is_bounded_and_always_the_same(session, contexts, tmp_path):
    assert 600 < sum(len(session.tagger.tokenizer(d.text())["input_ids"]) for _, d in contexts.documents) <= 900
    again = Contexts(session.tagger, session.run.data, tmp_path, sample=900, top=5)
    assert again.documents == contexts.documents
    tiny = Contexts(session.tagger, session.run.data, tmp_path, sample=3, top=5)
    assert len(tiny.documents) == 1, "never none"


def test_layers_are_kept_on_disk_and_not_read_again(session, contexts, tmp_path):
    first = Contexts(session.tagger, session.run.data, tmp_path, sample=900, top=5)
    assert not first.known(0)
    expected = [first.firing(2, 3, nullcontext), first.firing(1, 3, nullcontext)]
    assert [first.known(layer) for layer in range(4)] == [True, True, True, False]

    def never():
        raise AssertionError("the model was asked")

    again = Contexts(session.tagger, session.run.data, tmp_path, sample=900, top=5)
    assert [again.firing(2, 3, never), again.firing(1, 3, never)] == expected
    with pytest.raises(AssertionError, match="the model was asked"):
        again.firing(3, 3, never)


def test_a_broken_file_is_made_anew(session, tmp_path):
    first = Contexts(session.tagger, session.run.data, tmp_path, sample=300, top=5)
    expected = first.firing(0, 3, nullcontext)
    (file,) = first.folder.iterdir()
    file.write_bytes(b"not safetensors")
    again = Contexts(session.tagger, session.run.data, tmp_path, sample=300, top=5)
    assert again.firing(0, 3, nullcontext) == expected


def test_a_cache_that_cannot_be_written_costs_time_only(session, tmp_path):
    (tmp_path / "explore").write_text("a file where the folder should be")
    found = Contexts(session.tagger, session.run.data, tmp_path, sample=300, top=5).firing(0, 3, nullcontext)
    assert len(found.highest) == 5


def test_others_have_their_turn_between_batches(session, tmp_path):
    turns = []

    def turn():
        turns.append(planted.hooks(session.tagger.model))
        return nullcontext()

    contexts = Contexts(session.tagger, session.run.data, tmp_path, sample=2000, top=5)
    contexts.firing(1, 3, turn)
    assert len(turns) == len(contexts.prepared.batches) > 1
    assert turns == [[]] * len(turns), "no hook outlives a turn"


def test_asked_through_the_session(session):
    found = session.contexts(3, 5)
    assert len(found["highest"]) == 8
    assert found["highest"][0]["value"] >= found["highest"][-1]["value"] >= found["lowest"][0]["value"]
    with pytest.raises(UserError, match=r"Neuron 0\.48 does not exist"):
        session.contexts(0, 48)
    assert len(neuron_maps(session.tagger.model)) == 4
