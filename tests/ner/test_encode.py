# ruff: noqa: S106 - special tokens are no passwords
"""Cutting documents into windows: every token has one head, every window fits, whatever the text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from ocr_neurons.common.errors import UserError
from ocr_neurons.ner.encode import Window, token_heads, windows
from ocr_neurons.ner.encoding import Encoding
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


def sits(window: Window, shift: int, own: list[list[int]], head: str) -> bool:
    """Whether every head of a window that begins ``shift`` sub-words later stands on the right sub-word of its token.

    A token's own sub-words are those that overlap it, but for one at which the token before begins, if there are
    others. The last word of a window may be cut.
    """
    cut = window.heads[-1][1]
    for (position, token), (begin, end) in zip(window.heads, window.spans, strict=True):
        if not own[token]:
            continue
        if begin + shift != begins(own)[token] or (token != cut and end + shift != own[token][-1] + 1):
            return False
        if position != (begin if head == "first" else end - 1):
            return False
    return True


def begins(own: list[list[int]]) -> list[int]:
    """At which of the sub-words that overlap it each token begins; -1 where there is none."""
    found: list[int] = []
    taken = -1
    for subs in own:
        found.append(-1 if not subs else subs[1] if subs[0] == taken and len(subs) > 1 else subs[0])
        taken = max(taken, found[-1], 0)  # one without any stands in for the first sub-word of the document
    return found


def check_windows(documents: list[Document], tokenizer: PreTrainedTokenizerFast, encoding: Encoding) -> list[Window]:
    """Assert all that must hold of the windows, from the tokenizer's own encoding alone."""
    cut = windows(documents, tokenizer, encoding)
    marks = len(tokenizer("").input_ids)
    full = tokenizer("a").input_ids
    before = full.index(tokenizer("a", add_special_tokens=False).input_ids[0])
    after = marks - before
    covered: dict[int, list[int]] = {number: [] for number in range(len(documents))}
    encodings = [encode(one, tokenizer) for one in documents]
    for window in cut:
        ids, own = encodings[window.document]
        inside = list(window.ids[before : len(window.ids) - after])
        assert list(window.ids[:before] + window.ids[len(window.ids) - after :]) == tokenizer("").input_ids
        if encoding.repeat:
            half = len(inside) // 2
            assert inside[:half] == inside[half:]
            inside = inside[half:]
            window = replace(
                window,
                heads=tuple((position - half, token) for position, token in window.heads),
                spans=tuple((first - half, last - half) for first, last in window.spans),
            )
        assert 0 < len(inside) + marks <= encoding.max_length
        assert all(before <= position < before + len(inside) for position, _ in window.heads)
        covered[window.document] += [token for _, token in window.heads]
        if not ids:
            assert len(inside) == 1
            continue
        # equal stretches may stand in several places: one of them must fit
        (position, _), (_, token) = window.spans[0], window.heads[0]
        places = {sub - (position - before) for sub in own[token]} or range(len(ids) - len(inside) + 1)
        assert any(
            ids[i : i + len(inside)] == inside and sits(window, i - before, own, encoding.head)
            for i in places
            if i >= 0
        )
    for number, one in enumerate(documents):
        assert covered[number] == list(range(len(one.tokens)))
    return cut


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(
    documents=st.lists(DOCUMENTS, max_size=3),
    encoding=st.builds(
        Encoding, st.integers(4, 90), st.integers(0, 40), st.sampled_from(["first", "last"]), st.booleans()
    ),
)
@example(documents=[], encoding=Encoding(16))
@example(documents=[Document("empty", ())], encoding=Encoding(16))
@example(documents=[document(["\x07"]), document(["a"])], encoding=Encoding(16))
@example(documents=[document(["\u200b", "Liverpool", "\x07", "ship", "\x00"])], encoding=Encoding(16, head="last"))
@example(documents=[document(["("] * 6 + [")."] * 6, space_after=False)], encoding=Encoding(8))
def test_every_token_has_one_head_in_one_window(tokenizers, kind, documents, encoding):
    check_windows(documents, tokenizers[kind], encoding)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_of_a_thousand_tokens(tokenizers, kind):
    long = document(["Liverpool", "ship", ").", "l'hôtel"] * 250)
    for max_length in (8, 64, 192, 9000):
        cut = check_windows([document(["a"]), long, document(["b"])], tokenizers[kind], Encoding(max_length))
        assert (len(cut) == 3) == (max_length == 9000)


def test_a_window_of_exactly_its_room_whose_last_token_shares_its_sub_word(tokenizers):
    # an empty token has no characters, so it shares; some length below ends a window between it and its neighbour
    tokenizer = tokenizers["bytes"]
    one = Document("d", (Token("x", sentence_end=True), Token("y", space_after=False), Token(""), Token("z")))
    for max_length in range(1, 8):
        cut = windows([one], tokenizer, Encoding(max_length))
        assert [token for window in cut for _, token in window.heads] == [0, 1, 2, 3]
        assert all(position < len(window.ids) <= max_length for window in cut for position, _ in window.heads)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_document_is_one_window_of_its_running_text(tokenizers, kind):
    tokens = (Token("L'", space_after=False), Token("hôtel"), Token("(", space_after=False), Token("Liverpool"))
    one = Document("d", (*tokens, Token(")", space_after=False), Token(".")))
    assert one.text() == "L'hôtel (Liverpool )."
    (window,) = windows([one], tokenizers[kind], Encoding(64))
    assert list(window.ids) == tokenizers[kind]("L'hôtel (Liverpool ).").input_ids


def test_sentences_that_fit_are_never_cut_and_share_windows(tokenizers):
    tokenizer = tokenizers["bytes"]
    one = Document("d", tuple(Token(w, sentence_end=w == "port") for w in ["ship", "to", "port"] * 10))
    cut = check_windows([one], tokenizer, Encoding(40, context=0))
    ends = {end for _, end in one.sentences()}
    bounds = [window.heads[-1][1] + 1 for window in cut]
    assert set(bounds) <= ends
    encoded = len(tokenizer(one.text()).input_ids)
    assert len(cut) < len(ends), "each sentence has a window of its own"
    assert len(cut) <= 2 * -(-encoded // 40), "windows are half empty"


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("context", [0, 1, 30])
def test_every_window_shows_the_context_that_there_is(tokenizers, context, ends):
    one = document(["Liverpool", "ship", "harbour"] * 200)
    if ends:
        one = Document("d", tuple(replace(t, sentence_end=t.text == "harbour") for t in one.tokens))
    whole, own = encode(one, tokenizers["bytes"])
    cut = check_windows([one], tokenizers["bytes"], Encoding(192, context))
    assert len(cut) > 3
    bounds = [own[window.heads[0][1]][0] for window in cut] + [len(whole)]
    for window, begin, end in zip(cut, bounds[:-1], bounds[1:], strict=True):
        left = min(context, begin)
        assert window.spans[0][0] == left
        assert len(window.ids) == left + end - begin + min(context, len(whole) - end)


def test_a_document_that_fits_is_not_cut_for_the_sake_of_context(tokenizers):
    one = document(["Liverpool", "ship", "harbour"] * 9)
    size = len(tokenizers["bytes"](one.text()).input_ids)
    assert len(windows([one], tokenizers["bytes"], Encoding(size, context=30))) == 1
    assert len(windows([one], tokenizers["bytes"], Encoding(size - 1, context=30))) > 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_length": 0}, "windows of 0 sub-words given"),
        ({"context": -1}, "a context of -1 sub-words given"),
        ({"head": "middle"}, "head 'middle' given; wanted first or last"),
    ],
)
def test_rules_out_of_range(values, message):
    with pytest.raises(UserError, match=message):
        Encoding(**values)


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
        windows([document(["a"])], tokenizers["marked"], Encoding(3))
