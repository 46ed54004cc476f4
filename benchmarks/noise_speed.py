"""Speed of learned noise, alignment and measuring, on one core: ``python benchmarks/noise_speed.py``.

The budget is 2 million characters a second for learned noise. nlpaug's OcrAug is timed on the same text where nlpaug is
installed (``pip install nlpaug``).
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded

import time
from collections.abc import Callable

from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.noise.measured.measure import measure
from ocr_neurons.text.align import align
from ocr_neurons.text.datasets import SPLITS, load_dataset
from ocr_neurons.text.pairs import TextPair

SIZE = 2_000_000
BUDGET = 2_000_000
REPEATS = 3


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of a few runs."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def shown(name: str, characters: int, seconds: float, budget: float | None = None) -> None:
    """One line: millions of characters a second, and whether that is within budget."""
    rate = characters / seconds
    verdict = "" if budget is None else f"  budget {budget / 1e6:g}: {'met' if rate >= budget else 'MISSED'}"
    print(f"{name:44} {rate / 1e6:9.3f} M characters/s{verdict}", flush=True)


def main() -> None:
    """Time everything on the text of the embedded corpus, repeated."""
    corpus = load_dataset("gazette")
    text = "\n".join(d.text() for split in SPLITS for d in corpus.clean_twins[split])
    text = (text * (SIZE // len(text) + 1))[:SIZE]
    maker = NoiseMaker(load_noise("en"))
    for style in maker.model.styles:
        for rate in (0.02, 0.05, 0.10, 0.20):
            maker.corrupt(text[:1000], generator(0), cer=rate, style=style)
            seconds = fastest(lambda r=rate, s=style: maker.corrupt(text, generator(1), cer=r, style=s))  # type: ignore[misc]
            shown(f"learned noise, {style}, CER {rate:.2f}", SIZE, seconds, BUDGET)
    short = [text[start : start + 1000] for start in range(0, 100_000, 1000)]
    seconds = fastest(lambda: [maker.corrupt(t, generator(1), cer=0.05, style="eng_periodical") for t in short])
    shown("learned noise, texts of 1,000 characters", 100_000, seconds)
    noisy = maker.corrupt(text, generator(1), cer=0.05, style="eng_periodical").noisy
    shown("alignment of one text of 2 million, CER 0.05", SIZE, fastest(lambda: align(text, noisy)))
    pages = [TextPair(t, maker.corrupt(t, generator(1), cer=0.05).noisy, "", str(n)) for n, t in enumerate(short)]
    shown("measuring pages of 1,000, CER 0.05", 100_000, fastest(lambda: measure(pages)))
    try:
        from nlpaug.augmenter.char import OcrAug
    except ImportError:
        print("nlpaug is not installed: not compared")
        return
    augmenter = OcrAug(aug_char_p=0.1, aug_word_p=0.3, aug_word_max=None)
    sample = text[:100_000]
    seconds = fastest(lambda: augmenter.augment(sample))
    shown("nlpaug OcrAug, one text of 100,000", len(sample), seconds)
    seconds = fastest(lambda: [augmenter.augment(t) for t in short])
    shown("nlpaug OcrAug, texts of 1,000 characters", 100_000, seconds)


if __name__ == "__main__":
    main()
