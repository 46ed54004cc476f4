"""Examples of training: labels where words are, noisy readings beside them, and who is whose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.examples import Collator, Example, ExampleMaker
from ocr_neurons.ner.labels import IGNORED
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.text.document import Document
from planted import LABELS, planted

LONG = 512


@dataclass
class Same:
    """A reading without noise."""

    document: Document

    def token_map(self):
        return [(i, i) for i in range(len(self.document.tokens))]


SHORT = Encoding(64, 8)
NOISE = NoiseMaker(load_noise("en"))


def maker(documents, tokenizer, encoding=SHORT, longest=LONG):
    return ExampleMaker(documents, tokenizer, encoding, LABELS, longest)


def labelled(examples):
    return [target for example in examples for target in example.targets if target != IGNORED]


def test_every_token_has_its_label_once(tiny_tokenizer):
    documents = planted(5, seed=0, words=40)
    made = maker(documents, tiny_tokenizer).plain
    wanted = [LABELS.index(token.label) for document in documents for token in document.tokens]
    assert len(made) > len(documents)
    assert labelled(made) == wanted


def test_reading_the_same_text_twice_links_every_word_to_itself(tiny_tokenizer):
    documents = planted(4, seed=0, words=40)
    made = maker(documents, tiny_tokenizer).noisy_epoch(lambda d, _: Same(d), 1.0, True, 1, 0)
    assert made
    for example in made:
        assert (example.noisy.ids, example.noisy.targets) == (example.ids, example.targets)
        places = [i for i, target in enumerate(example.targets) if target != IGNORED]
        assert list(example.links) == [(i, i) for i in places]


@settings(max_examples=40, deadline=None)
@given(cer=st.floats(0, 0.6), seed=st.integers(0, 99), length=st.integers(24, 128))
def test_noisy_readings_hold_each_noisy_token_once_and_links_join_like_words(tiny_tokenizer, cer, seed, length):
    kept = []

    def corrupt(document, rng):
        kept.append(NOISE.corrupt_document(document, rng, cer=cer))
        return kept[-1]

    documents = planted(2, seed=seed, words=30)
    made = maker(documents, tiny_tokenizer, Encoding(length, 4), 10**6).noisy_epoch(corrupt, 1.0, True, seed, 0)
    wanted = [LABELS.index(token.label) for noised in kept for token in noised.document.tokens]
    assert labelled([example.noisy for example in made if example.noisy]) == wanted
    assert labelled(made) == [LABELS.index(token.label) for document in documents for token in document.tokens]
    for example in made:
        for here, there in example.links:
            assert example.targets[here] != IGNORED
            assert example.noisy.targets[there] != IGNORED
        assert len({here for here, _ in example.links}) == len({there for _, there in example.links})
        assert len(example.links) == len(set(example.links))
    if cer == 0:
        assert sum(len(example.links) for example in made) == len(wanted)


def test_noise_in_the_place_of_the_text(tiny_tokenizer):
    documents = planted(40, seed=0)
    other = [replace(d, tokens=tuple(replace(t, label="O") for t in d.tokens)) for d in documents]
    one = maker(documents, tiny_tokenizer, Encoding(400))
    swapped = dict(zip([d.id for d in documents], other, strict=True))

    def share(value, epoch=0):
        made = one.noisy_epoch(lambda d, _: Same(swapped[d.id]), value, False, 1, epoch)
        assert not any(example.noisy for example in made)
        return np.array([not any(labelled([example])) for example in made])

    assert not share(0.0).any()
    assert share(1.0).all()
    assert 10 < share(0.5).sum() < 30
    assert share(0.5).tolist() == share(0.5).tolist()
    assert share(0.5).tolist() != share(0.5, epoch=1).tolist()


def test_noisy_readings_that_the_model_cannot_read_are_left_out_and_counted(tiny_tokenizer):
    documents = planted(3, seed=0, words=40)
    one = maker(documents, tiny_tokenizer, longest=10)
    made = one.noisy_epoch(lambda d, _: Same(d), 1.0, True, 1, 0)
    assert one.cut_short == len(made) == len(one.plain)
    assert made == one.plain


def test_batches_hold_readings_below_the_texts():
    first = Example((5, 6, 7), (0, 1, IGNORED))
    second = Example((8, 9), (2, 3), noisy=Example((1, 2, 3, 4), (2, IGNORED, 3, 0)), links=((0, 0), (1, 2)))
    batch = Collator(pad_id=99)([first, second])
    assert batch["input_ids"].tolist() == [[5, 6, 7, 99], [8, 9, 99, 99], [1, 2, 3, 4]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    assert batch["labels"].tolist() == [
        [0, 1, IGNORED, IGNORED], [2, 3, IGNORED, IGNORED], [2, IGNORED, 3, 0]
    ]  # fmt: skip
    assert batch["links"].tolist() == [[1, 0, 2, 0], [1, 1, 2, 2]]
    assert "links" not in Collator(0)([first])


@pytest.mark.parametrize("size", [0, 3])
def test_lengths_and_rows(size):
    one = Example((1,) * 4, (0,) * 4, noisy=Example((1,) * (4 + size), (0,) * (4 + size)))
    assert (one.length, one.readings) == (4 + size, 2)
    assert (replace(one, noisy=None).length, replace(one, noisy=None).readings) == (4, 1)
