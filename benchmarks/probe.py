"""Probing against its limit, the bare trunk, and against other tools on the same pairs; and its memory.

    ocr-neurons pairs gazette --words 100 --out pairs.jsonl
    python benchmarks/probe.py pairs.jsonl smollm2 --out results/probing
    python benchmarks/probe.py pairs.jsonl smollm2 --out results/probing --peer peer_nnsight=/venv/bin/python …

Speed: chunks of pairs go through the bare trunk and through the probe in turn, batch for batch the same, so that a
machine whose pace drifts slows both. Memory: the peak of a process of its own above what it holds once the model is
loaded, for pairs repeated to the wanted number with other words each time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.lm.batches import TOKEN_BUDGET
from ocr_neurons.lm.load import load_tokenizer, load_trunk, pick_dtype, resolve
from ocr_neurons.lm.sites import SITE, readings, site_width
from ocr_neurons.probe import pilot
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.batching import batches, bundles, laid_out, pool
from ocr_neurons.probe.chunks import Chunks
from ocr_neurons.probe.probe import Probing, probe
from ocr_neurons.text.pairs import PairFile, TextPair, read_pairs, write_pairs
from peers.common import Meter, touch

HERE = Path(__file__).parent
CPU = torch.device("cpu")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WHOLE = 10_000
"""Most pairs that go through all layers in the measurement of memory."""
FIRST = 3
"""Layers that larger numbers of pairs go through."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("model")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="numbers of pairs")
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON: a script of peers/, and its Python")
    parser.add_argument("--peer-pairs", type=int, default=120)
    parser.add_argument("--hold", type=int, help=argparse.SUPPRESS)  # measure the memory of this process
    parser.add_argument("--own", type=int, help=argparse.SUPPRESS)  # measure the probe as the peers are measured
    parser.add_argument("--dtype", default="float32", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)  # layers that --hold reads
    args = parser.parse_args()
    if args.hold or args.own:
        print(json.dumps(_held(args) if args.hold else _own(args)))
        return
    kept = args.out / "probe.json" if args.out else None
    found: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.is_file() else {}
    found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
    for name, work in STAGES.items():  # each is kept, so that a second call goes on
        if name not in found:
            found[name] = work(args)
            print(name, found[name], flush=True)
            if kept:
                write_json(kept, found)
    if args.out:
        write_text(args.out / "README.md", _markdown(found))


def _speeds(args: argparse.Namespace) -> list[dict[str, Any]]:
    return [{"dtype": name} | _speed(args, dtype) for name, dtype in DTYPES.items()]


def _memory(args: argparse.Namespace) -> list[dict[str, Any]]:
    return [_child(args, "--hold", count, "auto") for count in args.memory if count <= WHOLE]


def _first_layers(args: argparse.Namespace) -> list[dict[str, Any]]:
    """All numbers of pairs, through the first layers alone: what is kept for each pair would show there as well."""
    return [_child(args, "--hold", count, "auto", FIRST) for count in args.memory]


def _speed(args: argparse.Namespace, dtype: torch.dtype) -> dict[str, float]:
    """Sub-words a second of the bare trunk and of the probe, padding not counted, and their ratio.

    The ratio is the median over chunks: on a shared machine a single one may be far off.
    """
    trunk, tokenizer = load_trunk(args.model, dtype, CPU), load_tokenizer(args.model)
    chunks = Chunks(read_pairs(args.pairs), tokenizer)
    maps, width, pad_id = readings(trunk, SITE), site_width(trunk, SITE), int(tokenizer.pad_token_id or 0)
    budget, device = TOKEN_BUDGET["cpu"], CPU
    accumulator: Accumulator | None = None
    bare: list[float] = []
    probed: list[float] = []
    tokens = positions = 0
    for turn in range(args.rounds + 1):  # the first warms up
        for chunk in chunks:
            groups = [laid_out(group, pad_id, device)[0] for group in batches(bundles(chunk.units)[0], budget)]
            start = time.perf_counter()
            with torch.inference_mode():
                for batch in groups:
                    trunk(input_ids=batch.ids, attention_mask=batch.attention)
            middle = time.perf_counter()
            sides = pool(trunk, maps, width, chunk.units, budget=budget, pad_id=pad_id)
            if accumulator is None:
                accumulator = Accumulator(
                    len(maps), width, chunks.levels, shift=pilot.shift(sides[0]), edges=pilot.edges(*sides)
                )
            accumulator.update(*sides, _rows(chunk.units, chunks.levels, chunks.name(chunk.number)))
            end = time.perf_counter()
            if turn:
                bare.append(middle - start)
                probed.append(end - middle)
                tokens += sum(int(batch.attention.sum()) for batch in groups)
                positions += sum(batch.ids.numel() for batch in groups)
    return {
        "pairs": len(chunks.pairs),
        "bare_tokens_per_second": tokens / sum(bare),
        "probe_tokens_per_second": tokens / sum(probed),
        "ratio": statistics.median(b / p for b, p in zip(bare, probed, strict=True)),
        "padding": 1 - tokens / positions,
    }


def _rows(units: list[Any], levels: tuple[str, ...], name: str) -> Rows:
    return Rows([levels.index(u.level) for u in units], [u.cluster for u in units], [u.dose for u in units], name)


def _held(args: argparse.Namespace) -> dict[str, float]:
    """Peak memory above the loaded model, of ``args.hold`` pairs of words alone."""
    trunk, tokenizer = _warm(args)
    some = read_pairs(args.pairs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        # a number behind the word makes another word of it
        write_pairs(path, (_other(some[i % len(some)], i // len(some)) for i in range(args.hold)))
        meter = Meter()
        given = PairFile(path)
        meter.start()
        layers = tuple(range(args.first)) if args.first else None
        probe(trunk, tokenizer, given, Probing(protocol="words", layers=layers))
        meter.stop()
    return {"pairs": args.hold, "mib_above_model": meter.peak_mib, "seconds": meter.seconds}


def _other(pair: TextPair, number: int) -> TextPair:
    end = str(number) if number else ""
    return replace(pair, clean=pair.clean + end, noisy=pair.noisy + end, left="", right="", edits=())


def _own(args: argparse.Namespace) -> dict[str, Any]:
    trunk, tokenizer = _warm(args)
    some = read_pairs(args.pairs)[: args.own]
    meter = Meter()
    meter.start()
    profile = probe(trunk, tokenizer, some)
    meter.stop()
    count = int(profile.pairs.sum())
    return {
        "name": "ocr-neurons",
        "pairs": count,
        "seconds": meter.seconds,
        "pairs_per_second": count / meter.seconds,
        "peak_mib": meter.peak_mib,
    }


def _warm(args: argparse.Namespace) -> tuple[Any, Any]:
    """The model, every weight read and one text run, so that what comes after is the probe's own."""
    trunk, tokenizer = load_trunk(args.model, pick_dtype(args.dtype, CPU), CPU), load_tokenizer(args.model)
    touch(trunk)
    with torch.inference_mode():
        trunk(**tokenizer("one text", return_tensors="pt"))
    return trunk, tokenizer


def _child(args: argparse.Namespace, what: str, count: int, dtype: str, first: int = 0) -> dict[str, Any]:
    command = [sys.executable, __file__, str(args.pairs), args.model, what, str(count), "--dtype", dtype]
    return _line([*command, "--first", str(first)], True)


def _compared(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Each tool in a process of its own, twice: for its speed, and for its memory."""
    own = [sys.executable, __file__, str(args.pairs), args.model, "--own", str(args.peer_pairs)]
    commands = [own]
    for peer in args.peer:
        name, _, python = peer.partition("=")
        commands.append([python, str(HERE / "peers" / f"{name}.py"), str(args.pairs), resolve(args.model)])
        commands[-1] += ["--dtype", "float32", "--limit", str(args.peer_pairs)]
    found = []
    for command in commands:
        found.append(_line(command, False) | {"peak_mib": _line(command, True)["peak_mib"]})
        print(found[-1], flush=True)
    return found


def _line(command: list[str], steady: bool) -> dict[str, Any]:
    """What a process prints as its last line. ``steady``: it gives memory back at once, which is slower."""
    environment = os.environ | ({"MALLOC_MMAP_THRESHOLD_": "262144"} if steady else {})
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    value: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return value


def _markdown(found: dict[str, Any]) -> str:
    lines = ["# Probing: speed and memory", "", f"torch {found['torch']}, {found['threads']} threads.", ""]
    lines += [
        "| type | bare trunk, tokens/s | probe, tokens/s | ratio (budget 0.90) | padding |",
        "|---|---|---|---|---|",
    ]
    for row in found["speed"]:
        lines.append(
            f"| {row['dtype']} | {row['bare_tokens_per_second']:,.0f} | {row['probe_tokens_per_second']:,.0f} "
            f"| {row['ratio']:.3f} | {row['padding']:.1%} |"
        )
    for key, what in (("memory", "all layers"), ("first", f"the first {FIRST} layers")):
        lines += ["", f"| pairs, through {what} | peak above the model, MiB | seconds |", "|---|---|---|"]
        lines += [f"| {row['pairs']:,} | {row['mib_above_model']:,.0f} | {row['seconds']:,.0f} |" for row in found[key]]
    lines += ["", "| tool | pairs | pairs/s | peak above the model, MiB |", "|---|---|---|---|"]
    for row in found["peers"]:
        lines.append(f"| {row['name']} | {row['pairs']} | {row['pairs_per_second']:.1f} | {row['peak_mib']:,.0f} |")
    return "\n".join(lines) + "\n"


STAGES = {"speed": _speeds, "peers": _compared, "memory": _memory, "first": _first_layers}

if __name__ == "__main__":
    main()
