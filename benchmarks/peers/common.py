"""What the peers share: the command line, the pairs in sub-words, clock and memory, the line that is printed."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before any library is loaded: the model is a folder, nothing is fetched

import argparse
import contextlib
import gc
import importlib.metadata
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import nn

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Text:
    """A side of a pair in sub-words, the word's own being ``ids[first:last]``."""

    ids: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A word on both sides; pairs of one ``cluster`` are the same word in the same place at several levels of noise."""

    clean: Text
    noisy: Text
    cluster: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line, checked."""

    rows: list[dict[str, Any]]
    model: str
    dtype: torch.dtype
    out: Path | None
    budget: int


@dataclass
class Work:
    """What was read: pairs, texts that went through the model, their sub-words, their positions with padding."""

    pairs: int = 0
    texts: int = 0
    sub_words: int = 0
    positions: int = 0


def wrong(message: str) -> NoReturn:
    """Say in one line what was given and what was wanted; exit with status 2."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


def arguments(description: str) -> Arguments:
    """Read the command line and the pairs it names; exits with status 2 and one line where they cannot be read."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("pairs", type=Path, help="JSON Lines with clean, noisy, left, right")
    parser.add_argument("model", type=Path, help="a Hugging Face folder")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="float32")
    parser.add_argument("--out", type=Path, help="where the statistics go (.npz)")
    parser.add_argument("--limit", type=int, help="only the first so many pairs")
    parser.add_argument("--budget", type=int, default=2048, help="positions a batch, padding counted (default 2048)")
    args = parser.parse_args()
    if args.limit is not None and args.limit < 1:
        wrong(f"--limit {args.limit} given; wanted 1 or more")
    if not (args.model / "config.json").is_file():
        wrong(f"{args.model}: no config.json in it; wanted a Hugging Face folder")
    try:
        lines = args.pairs.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()][: args.limit]
        given = [{"left": "", "right": ""} | row for row in rows]
        rows = [{side: str(row[side]) for side in ("clean", "noisy", "left", "right")} for row in given]
    except (OSError, ValueError, KeyError, TypeError) as error:
        wrong(f"{args.pairs}: {error!r}; wanted pairs as `ocr-neurons pairs` writes them")
    if not rows:
        wrong(f"{args.pairs}: no pair in it; wanted pairs as `ocr-neurons pairs` writes them")
    return Arguments(rows, str(args.model), DTYPES[args.dtype], args.out, args.budget)


def encode(rows: Sequence[dict[str, Any]], tokenizer: Any) -> list[Pair]:  # noqa: ANN401 - each library wraps its own
    """Pairs in sub-words, as our probe reads them; a word without a sub-word on one side is left out.

    Where the word would be the first of its text, both sides get the tokenizer's begin (or else end) token in front.
    """
    texts = [row["left"] + row[side] + row["right"] for row in rows for side in ("clean", "noisy")]
    encoded = tokenizer(texts, return_offsets_mapping=True)
    before = next((t for t in (tokenizer.bos_token_id, tokenizer.eos_token_id) if isinstance(t, int)), None)
    pairs = []
    for number, row in enumerate(rows):
        sides = []
        for at, side in enumerate(("clean", "noisy")):
            start = len(row["left"])
            end = start + len(row[side])
            offsets = encoded["offset_mapping"][2 * number + at]
            own = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
            if own:
                sides.append(Text(tuple(encoded["input_ids"][2 * number + at]), own[0], own[-1] + 1))
        if len(sides) < 2:
            continue
        if before is not None and 0 in (sides[0].first, sides[1].first):
            sides = [Text((before, *s.ids), s.first + 1, s.last + 1) for s in sides]
        pairs.append(Pair(sides[0], sides[1], (row["left"], row["clean"], row["right"])))
    return pairs


def touch(model: nn.Module) -> None:
    """Read every weight once: those that are mapped from the file count as memory only from then on."""
    with torch.inference_mode():
        for weight in model.parameters():
            weight.sum()


class Meter:
    """Seconds, and the peak of the memory of this process above where it stood at ``start``."""

    def start(self) -> None:
        """Call after the model is loaded, its weights touched and one text read."""
        gc.collect()
        with contextlib.suppress(OSError):  # where this cannot be, the peak of loading may stand for that of probing
            Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading
        self.before = _status("VmRSS") or _largest()
        self.began, self.computed = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Keep ``seconds``, ``cpu_seconds`` and ``peak_mib``."""
        self.seconds = time.perf_counter() - self.began
        self.cpu_seconds = time.process_time() - self.computed
        self.peak_mib = max(0.0, (_status("VmHWM") or _largest()) - self.before)


def _status(field: str) -> float | None:
    """A field of Linux's account of this process, in MiB.

    ``ru_maxrss`` will not do: a process begins with that of the process that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":")), None)


def _largest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def report(
    name: str, packages: Sequence[str], args: Arguments, work: Work, meter: Meter, sums: np.ndarray, site: str
) -> None:
    """Save the means of ``sums`` ``[2, layers, width]`` (signed, absolute; noisy - clean) and print the one line."""
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        means = sums / max(1, work.pairs)
        with args.out.open("wb") as file:  # given a name, savez would add .npz to it
            np.savez(file, mean_difference=means[0], mean_absolute=means[1], pairs=work.pairs, site=site)
    line = {
        "name": name,
        "versions": {package: importlib.metadata.version(package) for package in ("torch", *packages)},
        "pairs": work.pairs,
        "seconds": round(meter.seconds, 4),
        "cpu_seconds": round(meter.cpu_seconds, 4),
        "pairs_per_second": round(work.pairs / meter.seconds, 3),
        "peak_mib": round(meter.peak_mib, 1),
        "sub_words": work.sub_words,
        "positions": work.positions,
        "texts": work.texts,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(line), flush=True)
