"""Attention in both directions is what a model really does, in every architecture, or it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import transformers as t

from ocr_neurons.common.errors import UserError
from ocr_neurons.ner.attention import check_attention
from ocr_neurons.ner.heads import register_head
from ocr_neurons.ner.model import build, load_tagger
from ocr_neurons.ner.train import train
from planted import LABELS, SHORT, hooks, planted
from tiny_families import FAMILIES

CPU = torch.device("cpu")
DECODERS = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "phi", "phi3")
"""Architectures whose mask is lifted by the configuration."""
ENCODERS = (
    "modernbert", "bert", "roberta", "camembert", "xlm-roberta", "electra", "deberta-v2", "distilbert"
)  # fmt: skip


def saved(folder, name):
    """A tiny model of the family as a checkpoint without a head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        t.AutoModel.from_config(FAMILIES[name].config).save_pretrained(folder)
    return str(folder)


def first_state_moves(model, padded):
    """Whether the first position's state depends on the last sub-word that is not padding, by finite difference."""
    ids = torch.arange(3, 15)[None].repeat(2, 1)
    mask = torch.ones_like(ids)
    last = 11
    if padded:
        mask[:, 8:] = 0
        last = 7
    ids[1, last] = 40
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=mask).logits[:, 0]
    return not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("name", DECODERS + ENCODERS)
def test_both_directions_in_every_architecture(tmp_path, name):
    model = build(saved(tmp_path, name), LABELS, attention="bidirectional", dtype=torch.float32, device=CPU)
    assert first_state_moves(model, padded=False)
    assert first_state_moves(model, padded=True)
    assert not hooks(model)


@pytest.mark.parametrize("name", DECODERS)
def test_causal_decoders_do_not_look_ahead(tmp_path, name):
    model = build(saved(tmp_path, name), LABELS, attention="causal", dtype=torch.float32, device=CPU)
    assert not first_state_moves(model, padded=False)
    assert not first_state_moves(model, padded=True)


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_an_encoder_is_never_causal(tmp_path, name):
    with pytest.raises(UserError, match=r'attention "causal" given; .* reads in both directions; use "bidirectional"'):
        build(saved(tmp_path, name), LABELS, attention="causal", dtype=torch.float32, device=CPU)


def test_a_mask_that_stays_is_refused(tmp_path):
    # asked of a model that was loaded with its mask
    model = build(saved(tmp_path, "llama"), LABELS, attention="causal", dtype=torch.float32, device=CPU)
    model.train()
    with pytest.raises(UserError, match=r'x: attention "bidirectional" given; .* cannot be lifted; use "repeat"'):
        check_attention(model, "bidirectional", "x")
    assert model.training


@pytest.mark.parametrize("name", ["gemma3", "olmo2", "opt"])
def test_architectures_without_a_head_get_one(tmp_path, name):
    source = saved(tmp_path, name)
    config = t.AutoConfig.from_pretrained(source)
    before = t.AutoModel.from_pretrained(source).state_dict()
    model = build(source, LABELS, attention="causal", dtype=torch.float32, device=CPU)
    assert type(model).__name__.endswith("ForTokenClassification")
    assert model.config.num_labels == len(LABELS)
    own = {key.removeprefix("model."): value for key, value in model.state_dict().items() if key.startswith("model.")}
    assert {key: value.tolist() for key, value in own.items()} == {k: v.tolist() for k, v in before.items()}
    register_head(config)  # a second time changes nothing
    assert isinstance(t.AutoModelForTokenClassification.from_config(config), type(model))
    model.save_pretrained(tmp_path / "again")
    again = t.AutoModelForTokenClassification.from_pretrained(tmp_path / "again").eval()
    ids = torch.arange(3, 15)[None]
    with torch.no_grad():
        assert torch.equal(again(input_ids=ids).logits, model.eval()(input_ids=ids).logits)


def test_gemma_sees_both_sides_through_its_sliding_window(tmp_path):
    config = FAMILIES["gemma3"].config.to_dict() | {"sliding_window": 4, "num_hidden_layers": 1, "layer_types": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        t.AutoModel.from_config(t.Gemma3TextConfig(**config)).save_pretrained(tmp_path / "base")
    model = build(str(tmp_path / "base"), LABELS, attention="bidirectional", dtype=torch.float32, device=CPU)
    model.save_pretrained(tmp_path / "whole")
    again = t.AutoModelForTokenClassification.from_pretrained(tmp_path / "whole")
    for one in (model, again):
        assert one.config.layer_types == ["sliding_attention"]
        ids = torch.arange(3, 15)[None].repeat(12, 1)
        for place in range(12):
            ids[place, place] = 45
        plain = torch.arange(3, 15)[None]
        with torch.no_grad():
            moved = [not torch.equal(one.eval()(input_ids=row[None]).logits[0, 5], one(input_ids=plain).logits[0, 5])
                     for row in ids]  # fmt: skip
        # transformers' window in both directions reaches four to either side, not three
        assert [place for place, seen in enumerate(moved) if seen] == list(range(1, 10))


def test_a_model_that_is_no_text_model_is_refused(tmp_path):
    config = t.ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48)
    with pytest.raises(UserError, match="'vit': transformers has no text model of this kind"):
        register_head(type("NoConfig", (t.PretrainedConfig,), {"model_type": "vit"})())
    assert config.model_type == "vit"


@pytest.mark.parametrize("attention", ["causal", "repeat", "bidirectional"])
def test_every_attention_is_learnt_and_comes_back(tiny_folder, tmp_path, attention):
    recipe = replace(SHORT, attention=attention)
    card = train(planted(4, seed=0), str(tiny_folder("llama")), tmp_path / "tagger", recipe=recipe)
    tagger = load_tagger(tmp_path / "tagger", dtype=torch.float32, device=CPU)
    assert tagger.encoding == recipe.encoding
    assert (tagger.encoding.repeat, tagger.encoding.head) == (attention == "repeat", card["encoding"]["head"])
    assert tagger.encoding.head == ("first" if attention == "bidirectional" else "last")
    assert getattr(tagger.model.config, "is_causal", True) == (attention != "bidirectional")
    prepared = tagger.prepare(planted(2, seed=3))
    for window in prepared.windows:
        half = len(window.ids) // 2
        assert (window.ids[:half] == window.ids[half:]) == (attention == "repeat")
        if attention == "repeat":
            assert window.heads[0][0] >= half
