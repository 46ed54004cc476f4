"""How long the explorer takes to answer: a text, another noise, a factor in early, middle and late layers.

    python benchmarks/explore.py runs/gazette --out results/explorer

Answers are asked of the session, as the page's server asks them, on the first passages of test; medians, and each
beside the time that reading one text takes, so that machines can be compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.explore.editing import Wanted
from ocr_neurons.explore.folder import open_run
from ocr_neurons.explore.session import Session, open_session
from ocr_neurons.lm.load import pick_device, pick_dtype

RATE = 0.05
FACTORS = (0.0, 0.5, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--passages", type=int, default=6)
    args = parser.parse_args()
    device = pick_device("auto")
    with tempfile.TemporaryDirectory() as cache:
        session = open_session(open_run(args.run), Path(cache), device, pick_dtype("auto", device))
        found = _measured(session, args.passages)
    page = _page(found)
    print(page)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        write_json(args.out / "explorer.json", found)
        write_text(args.out / "README.md", page)


class _Clock:
    """Seconds that calls took, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def __call__(self, name: str, work: Callable[..., dict[str, Any]], *given: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401
        start = time.perf_counter()
        answer = work(*given, **named)
        self.seconds.setdefault(name, []).append(time.perf_counter() - start)
        return answer


def _measured(session: Session, count: int) -> dict[str, Any]:
    layers = session.run.ranking.layers
    where = {"first": "0", "middle": str(layers // 2), "last": str(layers - 1)}
    clock = _Clock()
    pieces: list[int] = []
    for number, document in enumerate(session.passages.listed()[: count + 1]):
        if number == 1:  # the first one warmed up
            clock, pieces = _Clock(), []
        passage = session.passages.passage(str(document["key"]), 0)
        clean, language = passage.clean, passage.language
        pieces.append(len(session.tagger.tokenizer(clean)["input_ids"]))
        noisy = clock("noise by the slider", session.noise, clean, language, RATE, 1)["noisy"]
        clock("a new text, both sides read", session.compare, clean, noisy, language)
        noisy = session.noise(clean, language, RATE, 2)["noisy"]
        clock("another noisy text", session.compare, clean, noisy, language)
        clock("neurons that react", session.neurons, clean, noisy, language, word=None, layer=None, order="deviations")
        for name, layer in where.items():
            for factor in FACTORS:
                wanted = Wanted("ranking", 100, layer, (), factor)
                clock(f"a factor, {name} layer", session.edit, clean, noisy, language, wanted)
    return {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "passages": count,
        "sub_words": statistics.median(pieces),
        "seconds": {name: statistics.median(times) for name, times in clock.seconds.items()},
        "slowest": {name: max(times) for name, times in clock.seconds.items()},
    }


def _page(found: dict[str, Any]) -> str:
    reading = found["seconds"]["another noisy text"]
    rows = [
        f"| {name} | {median:.2f} | {found['slowest'][name]:.2f} | {median / reading:.2f} |"
        for name, median in found["seconds"].items()
    ]
    return "\n".join(
        [
            "# How soon the explorer answers",
            "",
            "    python benchmarks/explore.py runs/gazette --out results/explorer",
            "",
            f"{found['passages']} passages of test, {found['sub_words']:g} sub-words in the median; "
            f"torch {found['torch']}, {found['threads']} threads.",
            "",
            "| asked | seconds, median | slowest | times another noisy text |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
