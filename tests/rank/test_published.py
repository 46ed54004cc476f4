"""What the paper reports, against the sums in its text; ours counted beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ocr_neurons.lm.load import load_tokenizer, load_trunk
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.probe import Probing, probe
from ocr_neurons.rank.published import counted, depth, published
from ocr_neurons.text.datasets import load_dataset


def test_the_tables_add_up_to_what_the_text_says() -> None:
    llama, mistral = published()
    assert (llama.total, mistral.total) == (57, 71)
    assert llama.common[25] == max(llama.common.values()) == 19
    assert llama.common[0] == 12
    assert {layer for layer, count in mistral.common.items() if count == 9} == {2, 3}
    for model in (llama, mistral):
        assert model.layers == 32
        assert max(model.common) < 32
        assert model.half is None
    assert round(llama.rate, 1) == 1.6  # 57 of 352,256
    assert round(mistral.rate, 1) == 1.5  # 71 of 458,752


def test_counted_is_what_passes(tiny_folder: Callable[[str], Path]) -> None:
    folder = str(tiny_folder("mistral"))
    pairs = word_pairs(load_dataset("gazette:fr").clean_text("train"), protocol="paper", words=10)
    profile = probe(
        load_trunk(folder, torch.float32, torch.device("cpu")),
        load_tokenizer(folder),
        pairs,
        Probing(site="up", protocol="paper"),
    )
    found = counted(profile, "tiny")
    passes = profile.arrays["passes"][: len(profile.levels), 1].sum(0)  # at 1 standard deviation, of 30 pairs
    for table, least in ((found.common, 27), (found.half, 15)):
        assert table == {layer: int(n) for layer, n in enumerate((passes >= least).sum(1)) if n}
    assert found.half
    assert (found.pairs, found.layers, found.width) == (30, 4, 48)
    assert found.rate == pytest.approx(1e4 * found.total / 192)


def test_depth() -> None:
    assert [depth(layer, 32) for layer in (0, 31)] == [0, 1]
    assert depth(25, 32) == pytest.approx(np.linspace(0, 1, 32)[25])
