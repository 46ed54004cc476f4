"""Of an encoder-decoder checkpoint, load_trunk gives the encoder alone."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoModelForTokenClassification,
    BartConfig,
    M2M100Config,
    MT5Config,
    T5Config,
    T5GemmaConfig,
    UMT5Config,
)

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.load import fingerprint, load_trunk
from ocr_neurons.lm.quiet import quiet_transformers
from ocr_neurons.lm.sites import SITES, blocks, readings, site_width
from tiny_families import T5, read, states

CPU = torch.device("cpu")
GATED = {"feed_forward_proj": "gated-gelu"}
# decoders of another depth and width: taking theirs would show
UNLIKE: dict[str, Any] = {
    "vocab_size": 60, "d_model": 32, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 40, "pad_token_id": 1,
}  # fmt: skip
STACK: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8,
}  # fmt: skip
CONFIGS: dict[str, Any] = {
    "t5": T5Config(**T5, num_decoder_layers=2),
    "t5 gated": T5Config(**T5, **GATED, num_decoder_layers=2),
    "mt5": MT5Config(**T5, num_decoder_layers=2),
    "umt5": UMT5Config(**T5, num_decoder_layers=2),
    "bart": BartConfig(**UNLIKE),
    "m2m_100": M2M100Config(**UNLIKE),
    "t5gemma": T5GemmaConfig(
        encoder=STACK, decoder=STACK | {"num_hidden_layers": 2, "intermediate_size": 40}, vocab_size=60
    ),
}
WITH_GATE = ("t5 gated", "mt5", "umt5", "t5gemma")


@pytest.fixture(scope="module", params=CONFIGS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A family and the folder of its whole model, decoder included. Read it, do not change it."""
    folder = tmp_path_factory.mktemp("whole") / request.param.replace(" ", "-")
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.manual_seed(4)
        AutoModelForSeq2SeqLM.from_config(copy.deepcopy(CONFIGS[request.param])).save_pretrained(folder)
    return request.param, folder


def test_the_encoder_alone_and_unchanged(saved: tuple[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    _, folder = saved
    encoder = load_trunk(str(folder), torch.float32, CPU)
    assert capfd.readouterr() == ("", "")
    assert not encoder.training
    assert not encoder.config.is_encoder_decoder
    assert AutoConfig.from_pretrained(folder).is_encoder_decoder
    assert not [name for name, _ in encoder.named_parameters() if "decoder" in name]
    with quiet_transformers():
        whole = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    assert whole.config.is_encoder_decoder
    # the encoder reads nothing of the decoder, so the whole model's must give the very same numbers
    expected = states(whole.get_encoder()).last_hidden_state
    torch.testing.assert_close(states(encoder).last_hidden_state, expected, rtol=0, atol=0)


def test_every_site_of_the_encoder_is_read(saved: tuple[str, Path]) -> None:
    family, folder = saved
    encoder = load_trunk(str(folder), torch.float32, CPU)
    assert len(blocks(encoder)) == 3
    for site in SITES:
        if site == "gate" and family not in WITH_GATE:
            with pytest.raises(UserError, match="no gate"):
                readings(encoder, site)
            continue
        assert site_width(encoder, site) == (32 if site == "residual" else 48)
        assert [tuple(value.shape) for value in read(encoder, readings(encoder, site))] == [
            (10, site_width(encoder, site))
        ] * 3


def test_bfloat16(saved: tuple[str, Path]) -> None:
    encoder = load_trunk(str(saved[1]), torch.bfloat16, CPU)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.bfloat16}
    assert states(encoder).last_hidden_state.dtype == torch.bfloat16


def test_missing_weights_of_the_encoder_are_not_made_up(saved: tuple[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved[1], tmp_path / "copy"))
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in sorted(tensors) if ".encoder." in f".{name}" and tensors[name].shape == (32, 48))
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="1 weights are missing, first encoder"):
        load_trunk(str(folder), torch.float32, CPU)


@pytest.mark.parametrize("family", ["t5", "mt5", "umt5"])
def test_a_tagger_on_it_has_its_fingerprint(family: str, tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.manual_seed(4)
        AutoModelForSeq2SeqLM.from_config(copy.deepcopy(CONFIGS[family])).save_pretrained(tmp_path)
        tagger = AutoModelForTokenClassification.from_pretrained(tmp_path, num_labels=5, dtype=torch.float32)
    assert fingerprint(tagger) == fingerprint(load_trunk(str(tmp_path), torch.float32, CPU))
