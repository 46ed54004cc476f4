"""Keys of steps: what makes a step be done anew."""

from __future__ import annotations

from pathlib import Path

from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.steps import recipe_key


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
