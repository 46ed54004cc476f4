"""The sentences of a run that the edit changed, as ``details.json`` holds them."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.report.fields import Field


@dataclass(frozen=True, slots=True)
class Word:
    """A token of an example and its BIO label by the gold standard, the plain and the edited tagger.

    ``chosen`` is empty in clean text, which only the plain tagger read.
    """

    text: str
    space_after: bool
    gold: str
    baseline: str
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence whose entities the edit changed; ``clean`` is the same stretch of the clean twin, or empty."""

    document: str
    words: tuple[Word, ...]
    clean: tuple[Word, ...] = ()


def read_example(field: Field) -> Example:
    """A sentence, and the same stretch of the clean twin if it is kept."""
    clean = field.maybe("clean")
    return Example(
        field["document"].text(),
        tuple(_word(token, "chosen") for token in field["tokens"].items()),
        tuple(_word(token) for token in clean.items()) if clean else (),
    )


def _word(token: Field, *more: str) -> Word:
    return Word(
        text=token["text"].text(),
        space_after=bool(token["space_after"].value),
        **{name: token[name].text() for name in ("gold", "baseline", *more)},
    )
