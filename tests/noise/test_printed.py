"""Documents printed, worn, recognised and aligned; the search for a strength."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.printed.printing import (
    STRONGEST,
    find_strength,
    paragraphs,
    print_documents,
    printing_facts,
    search_strength,
    summary,
)
from ocr_neurons.noise.printed.recognise import installed_models
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.document import Document, Token


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return list(load_dataset("gazette").clean_twins["train"][:2])


@pytest.fixture(scope="module")
def tesseract() -> None:
    if not shutil.which("tesseract") or "eng" not in installed_models():
        pytest.skip("Tesseract for English is not installed; apt-get install tesseract-ocr tesseract-ocr-eng")


def short(name: str = "a", text: str = "The wind is fair .") -> Document:
    return Document(name, tuple(Token(word) for word in text.split()), "en")


@pytest.mark.usefixtures("tesseract")
class TestPrinting:
    def test_undamaged_print_keeps_text_and_entities(self, documents: list[Document]) -> None:
        (one,) = print_documents(documents[:1], strength=0, typefaces=["pillow"], seed=1)
        assert one.cer < 0.02
        assert one.pair.clean == documents[0].text()
        assert one.pair.noisy == one.noisy.text()
        assert one.missing == {}
        names = [(e.type, one.clean.tokens[e.start].text) for e in one.clean.entities()]
        found = [(e.type, one.noisy.tokens[e.start].text) for e in one.noisy.entities()]
        assert len(set(names) & set(found)) >= 0.9 * len(set(names))
        leds = [one.noisy.tokens[e.start].led for e in one.noisy.entities()]
        assert None not in leds
        assert sum(led == 0 for led in leds) >= 0.9 * len(leds)

    def test_errors_grow_with_strength_and_pairs_rebuild(self, documents: list[Document]) -> None:
        rates = []
        for strength in (0.0, 0.5, 1.0):
            (one,) = print_documents(documents[:1], strength=strength, typefaces=["pillow"], seed=1)
            rates.append(one.cer)
            pieces, position = [], 0
            for start, end, noisy_start, noisy_end in one.pair.edits:
                pieces += [one.pair.clean[position:start], one.pair.noisy[noisy_start:noisy_end]]
                position = end
            assert "".join([*pieces, one.pair.clean[position:]]) == one.pair.noisy
            assert one.pair.level == f"print-{strength:g}"
            assert one.pair.source == documents[0].id
        assert rates[0] < rates[1] < rates[2]

    def test_neither_order_nor_workers_matter(self, documents: list[Document], tmp_path: Path) -> None:
        one = print_documents(documents, strength=0.3, typefaces=["pillow"], seed=1, keep_images=tmp_path)
        other = print_documents(documents[::-1], strength=0.3, typefaces=["pillow"], seed=1, workers=2)
        assert [p.pair for p in one] == [p.pair for p in other[::-1]]
        assert [p.noisy for p in one] == [p.noisy for p in other[::-1]]
        (changed,) = print_documents(documents[:1], strength=0.3, typefaces=["pillow"], seed=2)
        assert changed.pair.noisy != one[0].pair.noisy
        kept = sorted(path for p in one for path in p.images)
        assert kept == sorted(tmp_path.iterdir())
        assert Image.open(kept[0]).mode == "L"

    def test_a_wanted_rate_is_searched_for(self, documents: list[Document]) -> None:
        part = [replace(documents[0], tokens=documents[0].tokens[:60])]
        search = find_strength(part, 0.05, typefaces=["pillow"], seed=1)
        assert search.cer == pytest.approx(0.05, rel=0.3)
        printed = print_documents(part, target_cer=0.05, typefaces=["pillow"], seed=1)
        assert printed[0].cer == pytest.approx(search.cer, abs=1e-9)
        assert summary(printed)["cer"] == round(search.cer, 4)

    def test_missing_characters_are_counted(self) -> None:
        printed = print_documents([short(text="The sign 漢 is Chinese")], strength=0, typefaces=["pillow"], seed=1)
        assert printed[0].missing == {"漢": 1}
        assert "漢" not in printed[0].pair.noisy
        assert summary(printed)["missing"] == {"漢": 1}

    def test_facts_for_the_manifest(self) -> None:
        facts = printing_facts(["pillow"])
        assert facts["fonts"] == {}
        assert facts["tesseract"][0].isdigit()


@settings(max_examples=50)
@given(st.floats(0.01, 0.5), st.floats(0.2, 0.9), st.floats(1, 4))
def test_search_finds_the_root_of_a_growing_rate(target: float, top: float, power: float) -> None:
    def rate(strength: float) -> float:
        return top * (strength / STRONGEST) ** power

    if target > 0.95 * top:
        return
    search = search_strength(rate, target)
    assert rate(search.strength) == search.cer
    assert search.cer == pytest.approx(target, rel=0.06)


@pytest.mark.parametrize(
    ("rate", "message"),
    [(lambda _: 0.2, "undamaged print is at 0.2000 already"), (lambda s: 0.01 * s, "choose a lower rate")],
)
def test_rates_out_of_reach(rate: Callable[[float], float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        search_strength(rate, 0.1)


def test_paragraphs_keep_every_offset() -> None:
    document = short(text="One . Two . Three . Four . Five . Six")
    tokens = tuple(replace(token, sentence_end=token.text == ".") for token in document.tokens)
    text = paragraphs(replace(document, tokens=tokens))
    assert text == "One . Two . Three . Four .\nFive . Six"
    assert paragraphs(document) == document.text()


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([short()], {}, "wanted one of the two"),
        ([short()], {"strength": 0.5, "target_cer": 0.1}, "wanted one of the two"),
        ([short()], {"target_cer": 1.5}, "target CER 1.5"),
        ([short()], {"strength": 0.5, "typefaces": ["comic"]}, "typeface 'comic'"),
        ([], {"strength": 0.5}, "none given"),
        ([Document("empty", ())], {"strength": 0.5}, "document empty: no text"),
        ([short(), short()], {"strength": 0.5}, "'a' occurs twice"),
        ([replace(short(), language="xx")], {"strength": 0.5, "typefaces": ["pillow"]}, "language 'xx'"),
    ],
)
def test_bad_input(given: list[Document], options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        print_documents(given, seed=1, **{"typefaces": ["pillow"], **options})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
