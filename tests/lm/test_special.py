"""Special tokens around a text, for tokenizers that put some on both sides, on one, on none."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ocr_neurons.lm.special import special_tokens


@pytest.mark.parametrize(
    ("template", "before", "after"),
    [
        ("$A", (), ()),
        ("<s> $A", (3,), ()),
        ("$A </s>", (), (4,)),
        ("<s> $A </s>", (3,), (4,)),
        ("<s> <s> $A </s>", (3, 3), (4,)),
    ],
)
def test_specials_are_what_the_template_says(template: str, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    core = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "<s>": 3, "</s>": 4}, unk_token="[UNK]"))  # noqa: S106
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("<s>", 3), ("</s>", 4)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]")  # noqa: S106
    assert special_tokens(tokenizer) == (before, after)
    bare = tokenizer("a b", add_special_tokens=False)["input_ids"]
    assert tokenizer("a b")["input_ids"] == [*before, *bare, *after]
