"""Planted truth: a tiny random Llama some of whose neurons fire on digits, and pairs of words to find them with.

One number of the hidden state is set apart: every token has ``-SPOT`` there, digits have ``+SPOT``. Nothing reads it
but the planted neurons, nothing writes to it, and the planted neurons write nothing, so all others know of digits only
what the rest of the embedding says. That rest is the same for a digit and for its *twin*, a letter that words never
have: on digits and on their twins all neurons but the planted ones do exactly the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

from ocr_neurons.common.seeds import derive, generator
from ocr_neurons.lm.sites import blocks, neuron_maps, neuron_width, readings
from ocr_neurons.probe import pilot
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.batching import pool
from ocr_neurons.probe.probe import Probing, probe, probe_beside
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.probe.words import encode
from ocr_neurons.text.pairs import TextPair

LAYERS, HIDDEN, WIDTH, HEADS = 4, 32, 48, 4
SPOT = 2.0
"""Of the size of a few other numbers of the embedding, which are normal with deviation 1."""
STRENGTH = 1.2
"""Weight with which planted neurons read the spot; what they read of all the rest adds up to about 1."""
COUNT = 12
"""Planted neurons, the same number in each layer."""
DIGIT = {"o": "0", "l": "1", "i": "1", "s": "5", "e": "3", "a": "4", "g": "9", "b": "6", "t": "7"}
"""Letters, and the digits that look like them."""
TWIN = dict(zip("01534967", "QXZKJWVY", strict=True))
LETTERS = "abcdefghilmnoprstu"
CHANGES = {"low": 1, "high": 2}
"""Letters replaced, by level."""


@dataclass(frozen=True)
class Planted:
    """The model and the neurons ``(layer, number)`` that fire on digits."""

    trunk: LlamaModel
    tokenizer: PreTrainedTokenizerFast
    neurons: frozenset[tuple[int, int]]

    @property
    def mask(self) -> np.ndarray:
        """``[layers, width]``, true for the planted ones."""
        found = np.zeros((LAYERS, WIDTH), dtype=bool)
        found[tuple(zip(*sorted(self.neurons), strict=True))] = True
        return found


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with a few merges of common letters, none of digits or twins."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=280, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(words(200, generator(0, "merges")), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")  # noqa: S106


def build(seed: int, *, count: int = COUNT, strength: float = STRENGTH) -> Planted:
    """A model of random weights with ``count`` planted neurons, spread evenly over the layers."""
    tokens = tokenizer()
    shape = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=HIDDEN,
        intermediate_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        max_position_embeddings=64,
    )
    trunk = LlamaModel(shape).eval()
    draw = torch.Generator().manual_seed(derive(seed, "weights") % 2**31)
    rng = generator(seed, "planted")
    number = {sign: tokens.convert_tokens_to_ids(sign) for sign in (*TWIN, *TWIN.values())}
    planted = [(layer, int(i)) for layer in range(LAYERS) for i in rng.permutation(WIDTH)[: count // LAYERS]]
    with torch.no_grad():
        embedding = trunk.embed_tokens.weight
        embedding.normal_(generator=draw)
        embedding[:, 0] = -SPOT
        for digit, twin in TWIN.items():
            embedding[number[digit], 1:] = embedding[number[twin], 1:]
            embedding[number[digit], 0] = SPOT
        for block in blocks(trunk):
            for name, weight in block.named_parameters():
                if weight.ndim < 2:
                    continue
                weight.normal_(0, weight.shape[1] ** -0.5, generator=draw)
                writes = name.endswith(("o_proj.weight", "down_proj.weight"))
                (weight[0] if writes else weight[:, 0]).zero_()
        for layer, i in planted:
            feed = blocks(trunk)[layer].mlp
            feed.gate_proj.weight[i, 0] = feed.up_proj.weight[i, 0] = strength
            feed.down_proj.weight[:, i] = 0
    assert len(neuron_maps(trunk)) == LAYERS
    assert neuron_width(trunk) == WIDTH
    return Planted(trunk, tokens, frozenset(planted))


def words(count: int, rng: np.random.Generator) -> list[str]:
    """Distinct strings of 5 to 9 letters, at least three of which look like digits; some letters are more common."""
    share = np.arange(len(LETTERS), 0, -1) / (len(LETTERS) * (len(LETTERS) + 1) / 2)
    found: dict[str, None] = {}
    while len(found) < count:
        word = "".join(rng.choice(list(LETTERS), size=int(rng.integers(5, 10)), p=share))
        if sum(letter in DIGIT for letter in word) >= 3:
            found[word] = None
    return list(found)


def pairs(clean: Sequence[str], kind: str, seed: int) -> list[TextPair]:
    """Each word at both levels, with letters replaced by ``digits``, by their ``twins``, or by any other ``letters``.

    Which letters go is drawn for each kind and seed apart, from those that look like digits.
    """
    made = []
    for word in clean:
        rng = generator(seed, kind, word)
        able = [i for i, letter in enumerate(word) if letter in DIGIT]
        for level, changes in CHANGES.items():
            signs = list(word)
            for i in rng.permutation(able)[:changes]:
                if kind == "letters":
                    signs[i] = str(rng.choice([letter for letter in LETTERS if letter != word[i]]))
                else:
                    signs[i] = DIGIT[word[i]] if kind == "digits" else TWIN[DIGIT[word[i]]]
            made.append(TextPair(word, "".join(signs), level, kind))
    return made


def null_pairs(count: int, seed: int) -> list[TextPair]:
    """Two clean words each, in either order: sides that differ, and not systematically."""
    found = words(2 * count, generator(seed, "null words"))
    return [TextPair(one, two, "null", "clean") for one, two in zip(found[::2], found[1::2], strict=True)]


def probed(planted: Planted, given: Sequence[TextPair], like: Profile | None = None) -> Profile:
    """The Profile by the real code."""
    return probe(planted.trunk, planted.tokenizer, given, Probing(protocol="words"), like=like)


def probed_beside(planted: Planted, given: Sequence[TextPair], control: Sequence[TextPair]) -> Profiles:
    """The profiles of pairs and of a control of the same words, as a run reads them."""
    return probe_beside(planted.trunk, planted.tokenizer, given, control, Probing(protocol="words"))


def dealt(planted: Planted, given: Sequence[TextPair], seed: int) -> Profile:
    """The Profile of pairs whose doses were dealt anew among the words: no reaction can depend on them.

    All pairs of a word get the same dose, so that words, not pairs, are the units.
    """
    units = encode(given, planted.tokenizer)
    first = {unit.cluster: unit.dose for unit in reversed(units)}
    drawn = dict(zip(first, generator(seed, "doses").permutation(list(first.values())), strict=True))
    units = [replace(unit, dose=float(drawn[unit.cluster])) for unit in units]
    clean, noisy = pool(planted.trunk, readings(planted.trunk), WIDTH, units, budget=2048, pad_id=0)
    levels = list(dict.fromkeys(unit.level for unit in units))
    accumulator = Accumulator(LAYERS, WIDTH, levels, shift=pilot.shift(clean), edges=pilot.edges(clean, noisy))
    rows = Rows([levels.index(u.level) for u in units], [u.cluster for u in units], [u.dose for u in units])
    accumulator.update(clean, noisy, rows)
    return freeze(accumulator, {})
