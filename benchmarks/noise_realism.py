"""How near learned noise comes to real OCR: ``python benchmarks/noise_realism.py FOLDER --out results/noise``.

Half of every language's aligned text is learned from; on the clean side of the other half the model and the paper's
presets put their noise, and both are compared with what OCR made of it. Two kinds of halves: *pages*, drawn from every
document (the rest of a collection whose sample was corrected), and *documents* (a collection that was never seen).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "corpus"))
from learn_noise import SETS, aligned_pairs

from ocr_neurons.common.files import write_text
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.apply import NoiseMaker
from ocr_neurons.noise.learned.learn import learn
from ocr_neurons.noise.measured.compare import compare
from ocr_neurons.noise.measured.measure import markdown, measure
from ocr_neurons.noise.measured.tell_apart import tell_apart
from ocr_neurons.noise.prepare import PAGE, evened, prepare
from ocr_neurons.noise.presets import PRESETS, corrupt_text
from ocr_neurons.report.chart_noise import noise_chart
from ocr_neurons.report.files import write_chart
from ocr_neurons.text.align import Alignment
from ocr_neurons.text.pairs import TextPair

RATES = (0.02, 0.05, 0.10, 0.20)
SEED = 1


@dataclass(frozen=True)
class Halves:
    """Aligned pages by document; ``learned`` from, and ``held`` back."""

    learned: dict[str, list[Alignment]]
    held: dict[str, list[Alignment]]


def halves(pairs: list[TextPair], by: str) -> Halves:
    """Documents in two halves, page by page or as wholes; documents far longer than their kin thinned first."""
    kin: dict[str, dict[str, tuple[Alignment, ...]]] = defaultdict(dict)
    for name, pieces in prepare(pairs).documents.items():
        kin[name.split("/")[0]][name] = pieces
    documents = {name: pieces for group in kin.values() for name, pieces in evened(group).items()}
    parts: tuple[dict[str, list[Alignment]], ...] = ({}, {})
    for name, pieces in documents.items():
        whole = generator(SEED, "half", name).random() < 0.5
        for number, page in enumerate(page for piece in pieces for page in piece.pages(PAGE)):
            own = generator(SEED, "half", name, number).random() < 0.5
            parts[own if by == "pages" else whole].setdefault(name, []).append(page)
    return Halves(*parts)


def as_pairs(pages: dict[str, list[Alignment]]) -> list[TextPair]:
    """The pages as pairs; those of one document share their source."""
    return [TextPair(p.clean, p.noisy, "real", name, edits=p.edits) for name, found in pages.items() for p in found]


def learned_noise(maker: NoiseMaker, held: dict[str, list[Alignment]]) -> list[TextPair]:
    """The model's noise on the held-back pages: the style of each document's set, at the document's own rate."""
    made = []
    for name, pages in held.items():
        style = name.split("/")[0]
        style = style if style in maker.model.styles else "other"
        rate = sum(p.distance for p in pages) / sum(len(p.clean) for p in pages)
        for number, page in enumerate(pages):
            pair = maker.corrupt(page.clean, generator(SEED, "noise", name, number), cer=rate, style=style)
            made.append(TextPair(page.clean, pair.noisy, "learned", name))
    return made


def preset_noise(held: dict[str, list[Alignment]], level: str) -> list[TextPair]:
    """The noise of one of the paper's presets on the held-back pages."""
    return [
        TextPair(p.clean, corrupt_text(p.clean, level, generator(SEED, level, name, number)).noisy, level, name)
        for name, pages in held.items()
        for number, p in enumerate(pages)
    ]


def row(real: list[TextPair], other: list[TextPair]) -> dict[str, Any]:
    """What a comparison says, in figures."""
    found = compare(real, other)
    figures = found.differences()
    told = tell_apart(real, other, seed=SEED)
    return {
        "kinds": found.kinds.value,
        "shapes": found.shapes.value,
        "confusions": found.confusions.value,
        "after_error": [figures["P(error after error)"][0], figures["P(error after error)"][1]],
        "space_edits": [figures["space edits"][0], figures["space edits"][1]],
        "cer": [figures["CER"][0], figures["CER"][1]],
        "told_apart": told.accuracy,
        "told_apart_ci95": list(told.interval),
        "windows": told.windows,
    }


def reached(maker: NoiseMaker, held: dict[str, list[Alignment]]) -> dict[str, dict[str, float]]:
    """The rate reached for each rate asked for, by style: Levenshtein distance of the result / characters."""
    text = " ".join(page.clean for pages in held.values() for page in pages)[:20_000]
    result = {}
    for style in maker.model.styles:
        result[style] = {}
        for rate in RATES:
            noisy = maker.corrupt(text, generator(SEED, "rate", style), cer=rate, style=style).noisy
            result[style][f"{rate:.2f}"] = Levenshtein.distance(text, noisy) / len(text)
    return result


def evaluate(folder: Path, out: Path) -> dict[str, Any]:
    """All languages, both kinds of halves."""
    results: dict[str, Any] = {"realism": {}, "reached": {}}
    for language in SETS:
        pairs = aligned_pairs(folder, language)
        for by in ("pages", "documents"):
            split = halves(pairs, by)
            maker = NoiseMaker(learn(as_pairs(split.learned), language=language))
            real = as_pairs(split.held)
            learned = learned_noise(maker, split.held)
            rows = {"other half of the real": row(real, as_pairs(split.learned)), "learned": row(real, learned)}
            for level in PRESETS:
                rows[f"preset {level}"] = row(real, preset_noise(split.held, level))
            results["realism"][f"{language}, {by}"] = rows
            print(language, by, {name: round(r["told_apart"], 3) for name, r in rows.items()}, flush=True)
            if by == "pages":
                results["reached"][language] = reached(maker, split.held)
                write_chart(noise_chart(compare(measure(real), measure(learned))), out / f"learned-{language}.png")
    return results


def tables(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    head = ["", "kinds", "shapes", "confusions", "P(error after error)", "space edits", "told apart"]
    parts = []
    for name, rows in results["realism"].items():
        first = next(iter(rows.values()))
        body = [["real", "", "", "", f"{first['after_error'][0]:.3f}", f"{first['space_edits'][0]:.3f}", ""]]
        for label, r in rows.items():
            low, high = r["told_apart_ci95"]
            told = f"{r['told_apart']:.3f} [{low:.3f}, {high:.3f}]"
            distances = [f"{r[key]:.3f}" for key in ("kinds", "shapes", "confusions")]
            body.append([label, *distances, f"{r['after_error'][1]:.3f}", f"{r['space_edits'][1]:.3f}", told])
        parts += [f"### {name}", "", markdown([head, *body]), ""]
    rates = [["language", "style", *(f"{rate:.2f}" for rate in RATES)]]
    for language, styles in results["reached"].items():
        rates += [[language, style, *(f"{value:.4f}" for value in found.values())] for style, found in styles.items()]
    parts += ["### Rate reached for the rate asked for, on 20,000 characters", "", markdown(rates), ""]
    return "\n".join(parts)


def main() -> int:
    """Evaluate and write ``realism.json`` and ``realism.md``."""
    parser = argparse.ArgumentParser(description="Compare learned noise and the presets with real OCR.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = evaluate(options.folder, options.out)
    write_text(options.out / "realism.json", json.dumps(results, indent=1) + "\n")
    write_text(options.out / "realism.md", tables(results))
    print(tables(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
