"""Tiny random models of the three families, made once a session from a seed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

# models this small gain nothing from a second thread, and on a busy machine threads wait for each other
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start: kernels, workers

# how long an example takes says more about the machine than about the program
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

TRAINING_TEXT = [
    "The ship arrived at the harbour of Liverpool on Monday the third of March.",
    "Mr. Thornton and the Earl of Derby were present in the court of the assizes.",
    "Le navire arriva dans le port de Marseille avec les lettres du ministre.",
]


@pytest.fixture(scope="session")
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of 300 entries (258 bytes and marks, some merges): any text round-trips."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(TRAINING_TEXT, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")  # noqa: S106


@pytest.fixture(scope="session")
def tiny_folder(
    tiny_tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """``tiny_folder("llama" | "mistral" | "bert")``: the folder of a saved tiny model and its tokenizer.

    4 layers, width 32, feed-forward width 48, 4 heads (2 key/value heads in the decoders), float32, seeded with 0.
    The folder is shared by the session: read it, do not change it.
    """
    root = tmp_path_factory.mktemp("tiny")
    shape: dict[str, Any] = {
        "vocab_size": len(tiny_tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "bos_token_id": tiny_tokenizer.bos_token_id,
        "eos_token_id": tiny_tokenizer.eos_token_id,
    }
    build: dict[str, Callable[[], Any]] = {
        "llama": lambda: LlamaForCausalLM(LlamaConfig(**shape, num_key_value_heads=2)),
        "mistral": lambda: MistralForCausalLM(MistralConfig(**shape, num_key_value_heads=2)),
        "bert": lambda: BertForMaskedLM(BertConfig(**shape, pad_token_id=tiny_tokenizer.eos_token_id)),
    }

    def folder(kind: str) -> Path:
        path = root / kind
        if not path.exists():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model = build[kind]()
            bars = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
            try:
                model.save_pretrained(path)
                tiny_tokenizer.save_pretrained(path)
            finally:
                if bars:
                    logging.enable_progress_bar()
        return path

    return folder
