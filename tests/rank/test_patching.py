"""Attribution patching against really changing one neuron, and on a neuron planted to hurt noisy text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.rank.patching import aligned_words, attribution_patching, patched
from ocr_neurons.text.document import Document, Token

WIDTH = 48


def last_maps(model: Any) -> list[torch.nn.Linear]:
    """Named here by hand, not found by the code under test."""
    if model.config.model_type == "bert":
        return [block.output.dense for block in model.bert.encoder.layer]
    return [block.mlp.down_proj for block in model.model.layers]


def exact(folder: Any, **options: Any) -> Tagger:
    """In float64 throughout: Llama's own norm would go through float32, too coarse for finite differences."""
    tagger = planted.untrained(folder, **options)
    for module in list(tagger.model.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__ in ("LlamaRMSNorm", "MistralRMSNorm"):
                norm = torch.nn.RMSNorm(len(child.weight), eps=child.variance_epsilon)
                norm.weight = child.weight
                setattr(module, name, norm)
    tagger.model.double()
    return tagger


def planted_harm(tagger: Tagger) -> tuple[int, int]:
    """Give ``#`` a dimension of the residual stream to itself, a neuron that reads it, and a write that misleads."""
    layer, neuron, model = 3, 7, tagger.model
    (mark,) = tagger.tokenizer("#", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        table = model.model.embed_tokens.weight
        table[:, 0] = 0
        table[mark, 0] = 1
        for block in model.model.layers:
            block.self_attn.o_proj.weight[0] = 0
            block.mlp.down_proj.weight[0] = 0
        block = model.model.layers[layer].mlp
        for row in (block.gate_proj.weight, block.up_proj.weight):
            row[neuron] = 0
            row[neuron, 0] = 3
        wrong, right = tagger.labels.index("B-loc"), tagger.labels.index("O")
        towards = model.score.weight[wrong] - model.score.weight[right]
        block.down_proj.weight[:, neuron] = 0.5 * towards / towards.norm()
        block.down_proj.weight[0, neuron] = 0
    return layer, neuron


def with_marks(documents: list[Document]) -> list[Document]:
    """Every third token outside entities becomes ``#``."""
    return [
        Document(
            document.id,
            tuple(
                Token("#") if number % 3 == 0 and token.label == "O" else token
                for number, token in enumerate(document.tokens)
            ),
        )
        for document in documents
    ]


@contextmanager
def hooked(model: Any, layer: int, change: Callable[[Tensor], Tensor]) -> Any:
    handle = last_maps(model)[layer].register_forward_pre_hook(lambda _m, x: (change(x[0].clone()), *x[1:]))
    try:
        yield
    finally:
        handle.remove()


def seen(model: Any, layer: int, piece: Any) -> Tensor:
    """The activations of one layer, ``[positions, width]``."""
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x[0].detach().clone())
        return x

    with hooked(model, layer, keep), torch.no_grad():
        piece.run()
    return kept[0]


def tokens(*texts: str) -> tuple[Token, ...]:
    return tuple(Token(text) for text in texts)


def test_words_are_aligned_across_splits_merges_and_losses():
    clean = Document("c", tokens("the", "steamer", "reached", "old", "Liverpool", "today"))
    noisy = Document("n", tokens("tbe", "stea", "mer", "reachedold", "Liverpoo1", "%%%"))
    partners = aligned_words(noisy, clean)
    assert partners[0] == (0,)
    assert (partners[1], partners[2]) == ((1,), (1,))
    assert partners[3] == (2, 3)
    assert partners[4] == (4,)
    alone = Document("n", tokens("the", "steamer", "xxxxxx", "reached"))
    assert set(aligned_words(alone, Document("c", tokens("the", "steamer", "reached")))) == {0, 1, 3}


@pytest.mark.parametrize("budget", [1, 10**4])
@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_it_is_the_slope_of_shifting_word_means(tiny_folder, kind, budget):
    """Shift one neuron on every noisy word by a small share of its difference of means: the loss moves as said."""
    tagger = exact(tiny_folder(kind), max_length=400)
    loss = TaggerLoss(tagger, budget)
    (clean,) = planted.planted(1, 0)
    texts = [t.text for t in clean.tokens]
    noisy = Document(
        "noisy",
        tuple(
            Token(x.replace("e", "c").replace("o", "0"), label=t.label)
            for x, t in zip(texts, clean.tokens, strict=True)
        ),
    )
    noisy = Document("noisy", (*noisy.tokens[:3], *tokens("@@@@@@@@@@"), *noisy.tokens[3:]))
    partners = aligned_words(noisy, clean)
    assert len(partners) == len(clean.tokens)
    change = patched(tagger.model, loss.pieces, noisy, clean, partners)
    (clean_piece,), (noisy_piece,) = loss.pieces(clean), loss.pieces(noisy)
    for layer, neuron in ((0, 1), (1, 30), (2, 47), (3, 8)):
        there, here = (seen(tagger.model, layer, p)[:, neuron] for p in (clean_piece, noisy_piece))
        shift = torch.zeros_like(here)
        for j, own in partners.items():
            _, first, last = noisy_piece.words[j]
            spans = [clean_piece.words[i] for i in own]
            shift[first:last] += torch.cat([there[a:b] for _, a, b in spans]).mean() - here[first:last].mean()
        losses = []
        for share in (1e-5, -1e-5):

            def move(x: Tensor, by: Tensor = share * shift, neuron: int = neuron) -> Tensor:
                x[0, :, neuron] += by
                return x

            with hooked(tagger.model, layer, move):
                losses.append(loss.mean(noisy))
        slope = (losses[0] - losses[1]) / 2e-5
        assert change[layer, neuron] == pytest.approx(slope, rel=1e-4, abs=1e-8)
    assert np.abs(change).max() > 1e-2


def test_windows_do_not_matter_to_which_words_are_restored(tiny_folder):
    """Cut finely, every word is still restored once: with one word a window, words are on their own on both sides."""
    tagger = exact(tiny_folder("llama"), max_length=6)
    (clean,) = planted.planted(1, 3)
    noisy = with_marks([clean])[0]
    partners = aligned_words(noisy, clean)
    total = sum(
        patched(tagger.model, TaggerLoss(tagger, budget).pieces, noisy, clean, {j: own})
        for (j, own), budget in zip(partners.items(), [1, 12, 1000] * len(partners), strict=False)
    )
    whole = patched(tagger.model, TaggerLoss(tagger).pieces, noisy, clean, partners)
    np.testing.assert_allclose(whole, total, rtol=1e-8, atol=1e-12)
    assert np.abs(whole).max() > 1e-3


def test_it_is_real_replacement_where_differences_are_small(tiny_folder):
    """Words of one sub-word; Z means nearly what Q means. Replacing is then shifting, and its error is quadratic."""
    rng = generator(0, "letters")
    letters = rng.choice(list("QZKXWV"), 20).tolist()
    noisy = Document("n", tuple(Token(x, label="B-loc" if x == "K" else "O") for x in letters))
    clean = Document("c", tuple(Token("Z" if t.text == "Q" else t.text, label=t.label) for t in noisy.tokens))
    errors = []
    for step in (1e-2, 1e-3):
        tagger = exact(tiny_folder("llama"), max_length=100)
        first, second = (tagger.tokenizer(x, add_special_tokens=False)["input_ids"][0] for x in "QZ")
        table = tagger.model.model.embed_tokens.weight.data
        direction = torch.randn(table.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        table[second] = table[first] + step * table[first].norm() / direction.norm() * direction
        loss = TaggerLoss(tagger)
        change = patched(tagger.model, loss.pieces, noisy, clean, aligned_words(noisy, clean))
        (clean_piece,), (noisy_piece,) = loss.pieces(clean), loss.pieces(noisy)
        assert all(last - start == 1 for _, start, last in noisy_piece.words.values())
        at = [start for _, start, _ in noisy_piece.words.values()]
        wrong, size = 0.0, 0.0
        for layer in range(4):
            there = seen(tagger.model, layer, clean_piece)
            for neuron in (2, 19, 33):

                def replace(x: Tensor, neuron: int = neuron, there: Tensor = there, at: list[int] = at) -> Tensor:
                    x[0, at, neuron] = there[at, neuron]
                    return x

                bare = loss.mean(noisy)
                with hooked(tagger.model, layer, replace):
                    real = loss.mean(noisy) - bare
                wrong += abs(change[layer, neuron] - real)
                size += abs(real)
        assert size > 1e-7
        errors.append(wrong / size)
    assert errors[1] < 0.02
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.5)


def test_equal_twins_need_no_restoring(tiny_folder):
    tagger = exact(tiny_folder("bert"))
    documents = planted.planted(2, 5)
    patching = attribution_patching(tagger.model, TaggerLoss(tagger).pieces, documents, documents)
    assert np.abs(patching.mean).max() < 1e-12
    assert (patching.words, patching.alone) == (sum(len(d.tokens) for d in documents), 0)


def test_statistics_are_those_of_the_documents(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    loss, clean = TaggerLoss(tagger), planted.planted(4, 0)
    noisy = with_marks(clean)
    rows = np.array(
        [patched(tagger.model, loss.pieces, n, c, aligned_words(n, c)) for n, c in zip(noisy, clean, strict=True)]
    )
    patching = attribution_patching(tagger.model, loss.pieces, noisy, clean)
    np.testing.assert_allclose(patching.mean, rows.mean(0), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(patching.variance, rows.var(0, ddof=1), rtol=1e-9)
    scored = patching.scored()
    np.testing.assert_allclose(scored.score, -rows.mean(0) / (rows.std(0, ddof=1) / 2), rtol=1e-9)
    assert patching.words + patching.alone == sum(len(d.tokens) for d in noisy)
    counts = {"words": patching.words, "alone": patching.alone, "documents": 4}
    assert scored.about == {"fingerprint": fingerprint(tagger.model), "site": "neuron", "depth": 4, **counts}
    assert not planted.hooks(tagger.model)


def test_the_planted_neuron_is_first(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    layer, neuron = planted_harm(tagger)
    clean = planted.planted(10, 0)
    patching = attribution_patching(tagger.model, TaggerLoss(tagger).pieces, with_marks(clean), clean)
    scored = patching.scored()
    assert patching.mean[layer, neuron] < 0, "restoring helps"
    assert divmod(int(scored.score.argmax()), WIDTH) == (layer, neuron)
    assert scored.sign[layer, neuron] == 1
    assert scored.score.shape == (4, WIDTH)


def test_refusals(tiny_folder):
    tagger = exact(tiny_folder("llama"))
    loss, documents = TaggerLoss(tagger), planted.planted(2, 0)

    def refused(noisy: Sequence[Document], clean: Sequence[Document], message: str) -> None:
        with pytest.raises(UserError, match=message):
            attribution_patching(tagger.model, loss.pieces, noisy, clean)

    refused([], [], "no document")
    refused(documents, documents[:1], "2 documents and 1 clean twins given")
    refused([Document("bare", ())], documents[:1], "bare: no token")
    refused(documents[:1], [Document("bare", ())], "bare: no token")
    with pytest.raises(UserError, match="1 document given; wanted at least 2"):
        attribution_patching(tagger.model, loss.pieces, documents[:1], documents[:1]).scored()
    assert not planted.hooks(tagger.model)
