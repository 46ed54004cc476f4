# ruff: noqa: S106 - special tokens are no passwords
"""Cutting documents into windows: every token has one head, every window fits, whatever the text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.ner.encode import OVERLAP, Window, token_heads, windows
from ocr_neurons.text.document import Document, Token

TEXT = ["The ship arrived at the harbour of Liverpool.", "Le ministre arriva à l'hôtel, le 3 mars."]
KINDS = ["bytes", "marked", "wordpiece", "metaspace"]


@pytest.fixture(scope="module")
def tokenizers(tiny_tokenizer: PreTrainedTokenizerFast) -> dict[str, PreTrainedTokenizerFast]:
    """Byte-level as it is; between special tokens; BERT's (drops and rewrites characters); Llama 2's (spaces as ▁)."""
    marked = Tokenizer.from_str(tiny_tokenizer.backend_tokenizer.to_str())
    marked.post_processor = processors.TemplateProcessing(
        single="<s> $A </s> </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.train_from_iterator(
        TEXT, trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    )
    wordpiece.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    metaspace = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    metaspace.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    metaspace.decoder = decoders.Metaspace()
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    metaspace.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=330, special_tokens=specials, show_progress=False)
    )
    metaspace.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return {
        "bytes": tiny_tokenizer,
        "marked": PreTrainedTokenizerFast(tokenizer_object=marked, bos_token="<s>", eos_token="</s>"),
        "wordpiece": PreTrainedTokenizerFast(tokenizer_object=wordpiece, unk_token="[UNK]", pad_token="[SEP]"),
        "metaspace": PreTrainedTokenizerFast(tokenizer_object=metaspace, unk_token="<unk>", eos_token="</s>"),
    }


def document(words: list[str], **flags: bool) -> Document:
    return Document("d", tuple(Token(word, **flags) for word in words))


WORDS = st.one_of(
    st.sampled_from(
        ["Liverpool", "ship", ").", "l'", "hôtel", "¬", "-", "\u200b", "\x07", "\ufffd", "ﬁn", "№", "\u00a0"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n"), min_size=1, max_size=9),
)
TOKENS = st.builds(Token, WORDS, space_after=st.booleans(), sentence_end=st.sampled_from([False, False, False, True]))
DOCUMENTS = st.builds(lambda tokens: Document("d", tuple(tokens)), st.lists(TOKENS, max_size=60))


def encode(one: Document, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[list[int]]]:
    """The sub-words of a document's running text, and for each token those that overlap its characters."""
    running = one.running_text()
    encoded = tokenizer(running.text, add_special_tokens=False, return_offsets_mapping=True)
    bounds = np.array(encoded.offset_mapping, dtype=int).reshape(-1, 2)
    own = [
        np.flatnonzero((bounds[:, 0] < end) & (bounds[:, 1] > start)).tolist()
        for start, end in zip(running.starts, running.ends, strict=True)
    ]
    return encoded.input_ids, own


def sits(window: Window, shift: int, own: list[list[int]]) -> bool:
    """Whether every head of a window that begins ``shift`` sub-words later stands on a sub-word of its token.

    A sub-word that two tokens share must be the last one of the second.
    """
    taken: set[int] = set()
    for position, token in window.heads:
        sub = position + shift
        if own[token] and (sub not in own[token] or (sub in taken and own[token][-1] > sub)):
            return False
        taken.add(sub)
    return True


def check_windows(documents: list[Document], tokenizer: PreTrainedTokenizerFast, max_length: int) -> list[Window]:
    """Assert all that must hold of the windows, from the tokenizer's own encoding alone."""
    cut = windows(documents, tokenizer, max_length)
    marks = len(tokenizer("").input_ids)
    full = tokenizer("a").input_ids
    before = full.index(tokenizer("a", add_special_tokens=False).input_ids[0])
    after = marks - before
    covered: dict[int, list[int]] = {number: [] for number in range(len(documents))}
    encodings = [encode(one, tokenizer) for one in documents]
    for window in cut:
        ids, own = encodings[window.document]
        inside = list(window.ids[before : len(window.ids) - after])
        assert 0 < len(window.ids) <= max_length
        assert list(window.ids[:before] + window.ids[len(window.ids) - after :]) == tokenizer("").input_ids
        assert all(before <= position < len(window.ids) - after for position, _ in window.heads)
        covered[window.document] += [token for _, token in window.heads]
        if not ids:
            assert len(inside) == 1
            continue
        # equal stretches may stand in several places: one of them must fit
        position, token = window.heads[0]
        places = {sub - (position - before) for sub in own[token]} or range(len(ids) - len(inside) + 1)
        assert any(ids[i : i + len(inside)] == inside and sits(window, i - before, own) for i in places if i >= 0)
    for number, one in enumerate(documents):
        assert covered[number] == list(range(len(one.tokens)))
    return cut


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(documents=st.lists(DOCUMENTS, max_size=3), max_length=st.integers(4, 90))
@example(documents=[], max_length=16)
@example(documents=[Document("empty", ())], max_length=16)
@example(documents=[document(["\x07"]), document(["a"])], max_length=16)
@example(documents=[document(["\u200b", "Liverpool", "\x07", "ship", "\x00"])], max_length=16)
@example(documents=[document(["("] * 6 + [")."] * 6, space_after=False)], max_length=8)
def test_every_token_has_one_head_in_one_window(tokenizers, kind, documents, max_length):
    check_windows(documents, tokenizers[kind], max_length)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_of_a_thousand_tokens(tokenizers, kind):
    long = document(["Liverpool", "ship", ").", "l'hôtel"] * 250)
    for max_length in (8, 64, 192, 9000):
        cut = check_windows([document(["a"]), long, document(["b"])], tokenizers[kind], max_length)
        assert (len(cut) == 3) == (max_length == 9000)


def test_a_window_of_exactly_its_room_whose_last_token_shares_its_sub_word(tokenizers):
    # an empty token has no characters, so it shares; some length below ends a window between it and its neighbour
    tokenizer = tokenizers["bytes"]
    one = Document("d", (Token("x", sentence_end=True), Token("y", space_after=False), Token(""), Token("z")))
    for max_length in range(1, 8):
        cut = windows([one], tokenizer, max_length)
        assert [token for window in cut for _, token in window.heads] == [0, 1, 2, 3]
        assert all(position < len(window.ids) <= max_length for window in cut for position, _ in window.heads)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_document_is_one_window_of_its_running_text(tokenizers, kind):
    tokens = (Token("L'", space_after=False), Token("hôtel"), Token("(", space_after=False), Token("Liverpool"))
    one = Document("d", (*tokens, Token(")", space_after=False), Token(".")))
    assert one.text() == "L'hôtel (Liverpool )."
    (window,) = windows([one], tokenizers[kind], 64)
    assert list(window.ids) == tokenizers[kind]("L'hôtel (Liverpool ).").input_ids


def test_sentences_that_fit_are_never_cut_and_share_windows(tokenizers):
    tokenizer = tokenizers["bytes"]
    one = Document("d", tuple(Token(w, sentence_end=w == "port") for w in ["ship", "to", "port"] * 10))
    cut = check_windows([one], tokenizer, 40)
    ends = {end for _, end in one.sentences()}
    bounds = [window.heads[-1][1] + 1 for window in cut]
    assert set(bounds) <= ends
    encoded = len(tokenizer(one.text()).input_ids)
    assert len(cut) < len(ends), "each sentence has a window of its own"
    assert len(cut) <= 2 * -(-encoded // 40), "windows are half empty"


def test_pieces_of_a_long_sentence_see_over_the_cut(tokenizers):
    long = document(["Liverpool", "ship", "harbour"] * 200)
    cut = check_windows([long], tokenizers["bytes"], 192)
    assert len(cut) > 3
    for number, window in enumerate(cut[:-1]):
        assert window.heads[0][0] == (OVERLAP if number else 0)
        assert len(window.ids) - 1 - window.heads[-1][0] >= OVERLAP


def test_heads_by_hand():
    # "(Liverpool)." as ( Liver pool ). ; the full stop has no sub-word of its own
    offsets = [(0, 1), (1, 6), (6, 10), (10, 12)]
    assert token_heads(offsets, [0, 1, 10, 11], [1, 10, 11, 12]) == [0, 1, 3, 3]
    # the second token of "ab|cd" takes the next sub-word that reaches into it
    assert token_heads([(0, 3), (3, 4)], [0, 2], [2, 4]) == [0, 1]
    # a token that nothing covers takes the sub-word before it and leaves the next token its own
    assert token_heads([(0, 1), (4, 5)], [0, 2, 4], [1, 3, 5]) == [0, 0, 1]


def test_windows_without_room_are_refused(tokenizers):
    with pytest.raises(UserError, match="windows of 3 sub-words given; wanted more than the 3 special ones"):
        windows([document(["a"])], tokenizers["marked"], 3)
