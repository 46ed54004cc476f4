"""Settings: written and read back, checked at the door."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.config import Config, Pairing, Ranking, Sweeping, load_config
from ocr_neurons.ner.recipe import Recipe

FLOATS = st.floats(0, 100, allow_nan=False).filter(lambda x: x != 1)
CONFIGS = st.builds(
    Config,
    data=st.text(max_size=10),
    model=st.sampled_from(["smollm2", "C:\\models\\x", 'a "b"', "ünï"]),
    seed=st.integers(-(2**40), 2**40),
    train=st.builds(Recipe, epochs=st.integers(1, 9), learning_rate=st.floats(1e-9, 1)),
    pairs=st.builds(Pairing, words=st.integers(3, 999), levels=st.just(("high",))),
    rank=st.builds(Ranking, share=st.floats(0, 1), threshold=st.sampled_from([0.5, 1.0, 3.0])),
    sweep=st.builds(
        Sweeping,
        shares=st.lists(st.floats(1e-6, 1), min_size=1, max_size=3).map(tuple),
        factors=st.lists(FLOATS, min_size=1, max_size=3).map(tuple),
    ),
)


@given(CONFIGS)
def test_written_settings_are_read_back(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("config") / "run.toml"
    config.save(path)
    assert load_config(path) == config


def test_what_is_left_out_keeps_its_default(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("seed = 7\n[sweep]\nfactors = [0, 2]\n[train]\nlearning_rate = 1\n")
    loaded = load_config(path)
    assert loaded == replace(
        Config(), seed=7, sweep=replace(Sweeping(), factors=(0.0, 2.0)), train=replace(Recipe(), learning_rate=1.0)
    )
    assert [type(factor) for factor in loaded.sweep.factors] == [float, float]
    path.write_text("")
    assert load_config(path) == Config()


def test_the_home_folder_is_spelled_out_in_a_models_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "s.toml").write_text('model = "~/tagger"')
    assert load_config(tmp_path / "s.toml").model == str(tmp_path / "tagger")


def test_changed_leaves_what_is_none():
    config = Config(seed=3)
    assert config.changed(seed=None, data=None) == config
    assert asdict(config.changed(seed=0, data="x")) == asdict(config) | {"seed": 0, "data": "x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed 1", "not TOML"),
        ("sed = 1", "unknown setting 'sed'; nearest: seed"),
        ("[swep]\ndraws = 1", "unknown setting 'swep'; nearest: sweep"),
        ("[sweep]\ndraw = 1", "unknown setting 'sweep.draw'; nearest: draws"),
        ("sweep = 1", r"sweep is a section; wanted \[sweep\]"),
        ('seed = "1"', "seed = '1' given; wanted int"),
        ("seed = true", "seed = True given; wanted int"),
        ("seed = 1.5", "seed = 1.5 given; wanted int"),
        ("model = 3", "model = 3 given; wanted str"),
        ("[sweep]\nfactors = 0.5", r"sweep.factors = 0.5 given; wanted a list such as \[0.0"),
        ("[sweep]\nfactors = []", "sweep.factors = .. given; wanted a list"),
        ('[sweep]\nfactors = ["a"]', "sweep.factors = 'a' given; wanted float"),
        ("[sweep]\nfactors = [nan]", "factors of 0 or more"),
        ('[sweep]\nregions = ["frist"]', "region 'frist' given; wanted one of first"),
        ("[sweep]\ntest_draws = -1", "-1 test_draws given; wanted 0 or more"),
        ("[sweep]\ndraws = -1", "draws of 0 or more"),
        ('[pairs]\nprotocol = "contxt"', "protocol 'contxt' given; wanted one of context"),
        ("[pairs]\nwords = -1", "-1 words given; wanted at least 1, or 0"),
        ("[pairs]\nwords = 2", "words = 2 given; wanted at least 3 to rank by effect"),
        ('[pairs]\nwords = 3\n[rank]\nmethod = "dose"', "wanted at least 4 to rank by dose"),
        ('[pairs]\nlevels = ["hgih"]', "hgih"),
        ("[rank]\nshare = 1.5", "share 1.5 given; wanted a number from 0 to 1"),
        ("[rank]\nthreshold = 1.2", "threshold 1.2 given; wanted one of 0.5, 1"),
        ("[train]\nepochs = -1", "epochs = -1 given; wanted 0"),
        ('[train]\nattention = "both"', "attention = 'both' given; wanted bidirectional, causal, repeat"),
    ],
)
def test_settings_that_are_wrong_are_named_with_their_file(tmp_path, text, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"c.toml: no such file; wanted settings in TOML"):
        load_config(tmp_path / "c.toml")
