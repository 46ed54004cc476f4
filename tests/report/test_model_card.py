"""The model card: what is known of a base, and what is said when little is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import BertConfig, LlamaConfig

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.registry import EMBEDDED
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.report.model_card import UNKNOWN, Baked, Base, base_of, model_card, reads_both_ways

CHOSEN = NeuronSet("x", "neuron", 30, 1536, {3: (1, 2), 4: (7,)}, {}, {"name": "size", "count": 3, "control": {"a": 1}})


def card(info: dict[str, Any], **more: Any) -> str:
    return model_card(Baked("my-tagger", info, Edits([Edit.scale(CHOSEN, 0.5)]), "float32", **more))


def test_bases_that_come_by_name() -> None:
    for name, licence in (("smollm2", "apache-2.0"), ("gemma270m", "gemma"), ("minilm", "apache-2.0")):
        base = base_of(name)
        assert (base.hub, base.licence, base.licence_id) == (EMBEDDED[name].hub, EMBEDDED[name].licence, licence)
        assert "/" in base.hub
    header = yaml.safe_load(card({"base": "smollm2"}).split("---\n")[1])
    assert header["license"] == "apache-2.0"
    assert header["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_bases_that_do_not(tmp_path: Path) -> None:
    assert base_of("org/model") == Base("org/model", "org/model", UNKNOWN, "")
    folder = tmp_path / "my-base"
    assert base_of(str(folder)) == Base("my-base", "", UNKNOWN, "")  # it has moved
    folder.mkdir()
    assert base_of(str(folder)) == Base("my-base", "", UNKNOWN, "")
    for text, licence in (
        ("---\nlanguage: en\nlicense: mit\n---\n# x\nlicense: gpl", "mit"),
        ("---\nlicense: 'cc-by-4.0'\n---\n", "cc-by-4.0"),
        ("no header\nlicense: mit\n", ""),
    ):
        (folder / "README.md").write_text(text)
        assert base_of(str(folder)) == Base("my-base", "", licence or UNKNOWN, licence)
    made = card({"base": str(folder), "data": str(tmp_path / "letters")})
    assert str(tmp_path) not in made  # no one's paths are published
    assert yaml.safe_load(made.split("---\n")[1])["datasets"] == ["letters"]


def test_what_is_not_known_is_said_to_be() -> None:
    made = card({})
    assert "made from an unknown model" in made
    assert "data that its card does not name, seed unknown" in made
    assert "What the edit was chosen on is not stated." in made
    assert "## Scores\n\nNone are stated" in made
    assert UNKNOWN in made
    assert "method `size` (count 3)" in made
    assert "3 neurons of layers 3-4 times 0.5" in made
    assert "is_causal" not in made


def test_where_labels_stand() -> None:
    assert "label stands at its first sub-word" in card({})
    assert "logits[own[0]]" in card({})
    assert "at most 64 sub-words" in card({"max_length": 64})
    assert "twice" not in card({"encoding": {"repeat": False}})
    last = card({"encoding": {"head": "last", "max_length": 256, "repeat": True}}, lifted=True)
    assert "at most 256 sub-words" in last
    assert "the code below does not.\n\n```python" in last
    assert "label stands at its last sub-word" in last
    assert "logits[own[-1]]" in last
    assert "`is_causal: false`" in last


@pytest.mark.parametrize(
    ("config", "both"),
    [
        (LlamaConfig(is_causal=False), True),
        (LlamaConfig(is_causal=True), False),
        (LlamaConfig(), False),
        (BertConfig(is_causal=False), False),
    ],
)
def test_only_a_decoder_reads_both_ways_by_setting(config: Any, both: bool) -> None:
    assert reads_both_ways(config) is both
