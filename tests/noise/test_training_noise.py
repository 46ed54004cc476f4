"""Noise for training: at the rates of the data, from the model of their language."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.training import error_rates, training_noise
from ocr_neurons.text.align import align
from ocr_neurons.text.datasets import Dataset, load_dataset
from ocr_neurons.text.document import Document, Token
from planted import planted


def test_rates_are_those_between_the_twins():
    gazette = load_dataset("gazette")
    rates = error_rates(gazette)
    assert len(rates) == 44
    clean, noisy = gazette.clean_twins["train"][3], gazette.train[3]
    assert rates[3] == align(clean.text(), noisy.text()).distance / len(clean.text())
    assert 0.02 < np.mean(rates) < 0.15


def test_rates_from_entities_where_no_text_is_clean():
    led = [0.0, 0.0, 0.2, None, 0.3, 0.5]
    many = Document("d", tuple(Token("x", label="B-loc", led=value) for value in led), "en")
    few = Document("e", many.tokens[:5], "en")
    assert error_rates(Dataset("x", (many, few, Document("f", ())))) == [pytest.approx(0.2)]


def test_noise_has_the_rates_of_the_data():
    gazette = load_dataset("gazette")
    made = training_noise("auto", gazette)
    documents = [replace(d, id=str(i)) for i, d in enumerate(gazette.clean_twins["train"][:12])]
    reached = [align(d.text(), made(d, np.random.default_rng(i)).document.text()).cer for i, d in enumerate(documents)]
    assert min(error_rates(gazette)) * 0.8 < min(reached)
    assert max(reached) < max(error_rates(gazette)) * 1.2
    one = made(documents[0], np.random.default_rng(5))
    assert one.document == made(documents[0], np.random.default_rng(5)).document


def test_languages_without_a_model():
    some = tuple(replace(document, language="fi") for document in planted(2, seed=0))
    said = "documents in fi: which noise? name a model with --noise: en, fr, de"
    with pytest.raises(UserError, match=re.escape(said)):
        training_noise("auto", Dataset("x", some))
    assert training_noise("en", Dataset("x", some))(some[0], np.random.default_rng(0)).document.text()
