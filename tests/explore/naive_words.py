"""Activations of words, the plain way: one text, one pass, one hook a layer, means over sub-words by characters."""

from __future__ import annotations

import numpy as np
import torch

from ocr_neurons.ner.tagger import Tagger


def inputs_of_last_maps(tagger: Tagger, ids: list[int]) -> np.ndarray:
    """``[layers, positions, neurons]`` of one text without padding."""
    seen: list[torch.Tensor] = []
    maps = [layer.mlp.down_proj for layer in tagger.model.model.layers]
    handles = [module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0])) for module in maps]
    try:
        with torch.no_grad():
            tagger.model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(seen).numpy()


def of_words(tagger: Tagger, text: str, words: list[tuple[int, int]]) -> np.ndarray:
    """``[layers, words, neurons]`` for character spans of a text that fits into one window."""
    return of_parts(tagger, text, [[word] for word in words])


def of_parts(tagger: Tagger, text: str, words: list[list[tuple[int, int]]]) -> np.ndarray:
    """The same for words that are several spans each."""
    encoded = tagger.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    found = inputs_of_last_maps(tagger, encoded["input_ids"])
    columns = []
    for parts in words:
        offsets = enumerate(encoded["offset_mapping"])
        own = [i for i, (a, b) in offsets if any(a < end and b > start for start, end in parts)]
        columns.append(found[:, own].mean(1))
    return np.stack(columns, axis=1)
