"""Learn the noise models that come with the package: ``python corpus/learn_noise.py FOLDER``.

``FOLDER`` holds the aligned data (``icdar2017-postocr``, ``icdar2019-postocr``, ``hipe-ocrepair-bench``). The models
hold counts and no text; they are written to ``src/ocr_neurons/resources/noise``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.learned.learn import learn
from ocr_neurons.text.aligned.read import read_aligned
from ocr_neurons.text.normalise import normalise_pair
from ocr_neurons.text.pairs import TextPair

TARGET = Path(__file__).resolve().parent.parent / "src" / "ocr_neurons" / "resources" / "noise"
NORMALISED = ("nfc", "hyphens", "lines", "long-s", "ligatures", "umlauts", "hyphen-signs", "quotes")
"""What differs by convention of the transcribers and not by misreading."""
FLOOR = 0.7
"""ICDAR 2019 holds passages that are not aligned; a page below this similarity teaches them rather than noise."""
SETS: dict[str, dict[str, str]] = {
    "en": {
        "icdar2017-postocr/eng_monograph": "ICDAR 2017 English monographs (British Library): CC PD",
        "icdar2017-postocr/eng_periodical": "ICDAR 2017 English periodicals (British Library): CC PD",
        "icdar2019-postocr/EN1": "ICDAR 2019 EN1 (IMPACT, British Library): CC BY-NC-SA 3.0",
    },
    "fr": {
        "icdar2017-postocr/fr_periodical": "ICDAR 2017 French periodicals (BnF): non-commercial use",
        "icdar2019-postocr/FR2": "ICDAR 2019 FR2 (IMPACT, National Library of France): CC BY-NC-SA 3.0",
    },
    "de": {
        "icdar2019-postocr/DE1": "ICDAR 2019 DE1 (front pages of the NZZ): CC BY 4.0",
        "hipe-ocrepair-bench/dta19": "HIPE-OCRepair dta19 (Deutsches Textarchiv, worn and recognised): CC BY-SA 4.0",
    },
}


def aligned_pairs(folder: Path, language: str) -> list[TextPair]:
    """The normalised pairs of all sets of a language; their sources begin with the set's name."""
    pairs: list[TextPair] = []
    for name in SETS[language]:
        short = name.split("/")[-1]
        for pair in read_aligned(folder / name, floor=FLOOR).pairs:
            # the double hyphen of blackletter at a line end is read as a dash; the truth has ¬ there
            noisy = pair.noisy.replace("—\n", "-\n") if short == "dta19" else pair.noisy
            normal = normalise_pair(replace(pair, noisy=noisy), NORMALISED)
            pairs.append(replace(normal, source=f"{short}/{pair.source.split('/', 1)[-1]}"))
    return pairs


def main(arguments: list[str] | None = None) -> int:
    """Learn and write; the exit status."""
    parser = argparse.ArgumentParser(description="Learn the noise models that come with the package.")
    parser.add_argument("folder", type=Path, help="folder of the aligned data")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    try:
        for language, sets in SETS.items():
            model = learn(
                aligned_pairs(options.folder, language),
                language=language,
                source="; ".join(sets),
                licence="; ".join(sets.values()),
                normalised=NORMALISED,
            )
            model.save(options.out / f"{language}.json")
            size = (options.out / f"{language}.json").stat().st_size
            styles = ", ".join(f"{name} {style.cer:.1%} x{style.weight:.2f}" for name, style in model.styles.items())
            print(f"{language}: {size / 1e6:.2f} MB; {styles}; left out {model.left_out}")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
