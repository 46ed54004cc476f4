"""How long an input may be, against what the models really take."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModel

from ocr_neurons.lm.positions import positions


@pytest.mark.parametrize("kind", ["bert", "roberta", "camembert", "mpnet", "llama"])
def test_the_longest_input_is_taken_and_one_more_is_not(kind):
    """RoBERTa's table of 66 serves 64 sub-words, BERT's all 66; rotary positions have no end."""
    config = AutoConfig.for_model(
        kind, vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=66, pad_token_id=1,
    )  # fmt: skip
    model = AutoModel.from_config(config).eval()
    longest = positions(model)
    assert longest == (64 if kind in ("roberta", "camembert", "mpnet") else 66)
    with torch.no_grad():
        model(torch.full((1, longest), 5))
        if kind != "llama":
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.full((1, longest + 1), 5))


def test_a_model_that_does_not_say():
    config = AutoConfig.for_model("t5", vocab_size=20, d_model=8, d_ff=8, num_layers=1, num_heads=2, d_kv=4)
    assert positions(AutoModel.from_config(config)) is None
