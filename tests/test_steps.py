"""Keys of steps: what makes a step be done anew."""

from __future__ import annotations

from pathlib import Path

from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.noise.kinds import pairs_noise
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.steps import recipe_key, said_noise
from ocr_neurons.text.datasets import load_dataset


def test_a_noise_file_with_other_content_makes_another_training(tmp_path: Path) -> None:
    noise = tmp_path / "noise.json"
    noise.write_text("{}")
    recipe = Recipe(noise=str(noise), noise_share=0.5)
    first = recipe_key(recipe)
    assert recipe_key(recipe) == first
    noise.write_text("{ }")
    assert recipe_key(recipe) != first


def test_a_named_noise_model_is_not_looked_for_among_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(noise="en", noise_share=0.5)
    first = recipe_key(recipe)
    Path("en").write_text("a file that is called like it")
    assert recipe_key(recipe) == first


def test_a_profile_says_what_made_its_words_noisy() -> None:
    documents = load_dataset("gazette").clean_text("dev")
    for spec, said in (
        ("auto", "the noise model en"),
        ("de", "the noise model de"),
        ("paper", "the presets of the paper"),
    ):
        pairs = word_pairs(documents, protocol="context", words=3, noise=pairs_noise(spec, "context", documents))
        assert said_noise(pairs) == said
