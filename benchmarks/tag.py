"""Tagging and training against the bare trunk, their padding and memory, and the original's way beside them.

    python benchmarks/tag.py --data gazette --out results/tagging

Tagging: documents in, labels out (cutting, tokenising and decoding included), against the bare trunk on as many
sub-words in full rows, without a mask. Training: steps of the default recipe, against the same. The original's way:
each sentence a row, padded to the longest of 1,000, cut at 128 sub-words. Both sides take turns, so that a machine
whose pace drifts slows both. Weights of the head are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.common.progress import QUIET
from ocr_neurons.lm.batches import TOKEN_BUDGET
from ocr_neurons.lm.load import load_tokenizer, pick_dtype, resolve
from ocr_neurons.ner.adapters import quick_adapters
from ocr_neurons.ner.examples import Collator, ExampleMaker
from ocr_neurons.ner.labels import inventory
from ocr_neurons.ner.model import build
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.schedule import schedule
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import adapted
from ocr_neurons.ner.trainer import TaggerTrainer, arguments
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.document import Document
from peers.common import Meter

CPU = torch.device("cpu")
CUT, SENTENCES = 128, 1000
"""The original's way: sub-words a sentence at most, sentences padded together."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="gazette")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--documents", type=int, default=8, help="of the test split, to tag")
    parser.add_argument("--steps", type=int, default=8, help="of training, the first not counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)  # training's, in this process
    args = parser.parse_args()
    if args.memory:
        print(json.dumps(_memory(args)))
        return
    child = [sys.executable, __file__, "--memory", "--data", args.data, "--model", args.model, "--dtype", args.dtype]
    done = subprocess.run([*child, "--steps", str(args.steps)], stdout=subprocess.PIPE, text=True, check=True)
    found = _speeds(args) | {"training_peak": json.loads(done.stdout.splitlines()[-1])}
    print(json.dumps(found, indent=1))
    if args.out:
        write_json(args.out / "tag.json", found)
        write_text(args.out / "README.md", _markdown(found))


def _speeds(args: argparse.Namespace) -> dict[str, Any]:
    dataset, dtype = load_dataset(args.data), pick_dtype(args.dtype, CPU)
    documents = list(dataset.test[: args.documents])
    tagger = _tagger(args, dtype, documents)
    cut = tagger.prepare(documents)
    tokens = sum(len(window.ids) for window in cut.windows)
    positions = sum(batch.ids.numel() for batch in cut.batches)
    whole = _rows(documents, tagger)
    rows = [row[:CUT] for row in whole]
    shown = [_padded(rows[i : i + SENTENCES]) for i in range(0, len(rows), SENTENCES)]
    original = [batch for some in shown for batch in some.split(max(1, TOKEN_BUDGET["cpu"] // some.shape[1]))]
    own = sum(len(tagger.tokenizer(d.text(), add_special_tokens=False)["input_ids"]) for d in documents)
    full = _full_rows(cut.windows[0].ids, tokens, tagger.encoding.max_length)
    work: dict[str, Callable[[], object]] = {
        "bare": lambda: _run(tagger.trunk, full),
        "tagging": lambda: tagger.tag(documents),
        "original": lambda: _run(tagger.trunk, original),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(args.rounds + 1):  # the first warms up
        for name, do in work.items():
            start = time.perf_counter()
            do()
            if turn:
                times[name].append(time.perf_counter() - start)
    bare = tokens / statistics.median(times["bare"])
    ratios = [b / t for b, t in zip(times["bare"], times["tagging"], strict=True)]
    training = _train(args, dtype, args.steps)
    return {
        "model": args.model, "data": dataset.name, "dtype": str(dtype).removeprefix("torch."),
        "torch": torch.__version__, "threads": torch.get_num_threads(), "documents": len(documents),
        "sub_words_of_the_text": own, "sub_words_with_context": tokens,
        "bare_tokens_per_second": bare,
        "tagging_tokens_per_second": tokens / statistics.median(times["tagging"]),
        "tagging_ratio": statistics.median(ratios),
        "text_tokens_per_second": own / statistics.median(times["tagging"]),
        "tagging_padding": 1 - tokens / positions,
        "training_tokens_per_second": training["tokens_per_second"],
        "training_ratio": training["tokens_per_second"] / bare,
        "training_padding": training["padding"],
        "original": {
            "text_tokens_per_second": sum(map(len, rows)) / statistics.median(times["original"]),
            "padding": 1 - sum(map(len, rows)) / sum(batch.numel() for batch in original),
            "sub_words_cut_off": sum(max(0, len(row) - CUT) for row in whole),
        },
    }  # fmt: skip


def _tagger(args: argparse.Namespace, dtype: torch.dtype, documents: list[Document]) -> Tagger:
    source, recipe, labels = resolve(args.model), Recipe(), inventory(documents)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(source, labels, attention=recipe.mask, dtype=dtype, device=CPU)
    return Tagger(model.eval(), load_tokenizer(source), labels, recipe.encoding, {})


def _full_rows(ids: tuple[int, ...], tokens: int, length: int) -> list[Tensor]:
    """As many sub-words, in rows of full length; which ones they are does not matter for time."""
    line = torch.tensor(ids).repeat(-(-tokens // len(ids)))[:tokens]
    whole = tokens // length * length
    rows = line[:whole].reshape(-1, length)
    batches = list(rows.split(TOKEN_BUDGET["cpu"] // length))
    return [*batches, line[None, whole:]] if tokens > whole else batches


def _run(trunk: torch.nn.Module, batches: list[Tensor]) -> None:
    with torch.inference_mode():
        for ids in batches:
            trunk(input_ids=ids)


def _rows(documents: list[Document], tagger: Tagger) -> list[list[int]]:
    """Each sentence alone, before the original cuts it."""
    rows = []
    for document in documents:
        running = document.running_text()
        for first, last in document.sentences():
            text = running.text[running.starts[first] : running.ends[last - 1]]
            rows.append(tagger.tokenizer(text)["input_ids"])
    return rows


def _padded(rows: list[list[int]]) -> Tensor:
    return torch.tensor([row + [0] * (max(map(len, rows)) - len(row)) for row in rows])


def _train(args: argparse.Namespace, dtype: torch.dtype, steps: int) -> dict[str, float]:
    """Unpadded sub-words a second over some steps of the default recipe."""
    dataset, recipe, source = load_dataset(args.data), Recipe(), resolve(args.model)
    labels, tokenizer = inventory(dataset.train), load_tokenizer(source)
    model = adapted(build(source, labels, attention=recipe.mask, dtype=dtype, device=CPU), recipe)
    maker = ExampleMaker(dataset.train, tokenizer, recipe.encoding, labels, 10**6)
    plan = schedule([maker.plain], recipe.batch_tokens, recipe.batch, 1)
    padding = plan.padding
    del plan.batches[steps:]
    took: list[float] = []

    class Timed(TaggerTrainer):
        def training_step(self, *step: object, **more: object) -> Tensor:
            start = time.perf_counter()
            loss: Tensor = super().training_step(*step, **more)
            took.append(time.perf_counter() - start)
            return loss

    with tempfile.TemporaryDirectory() as folder:
        how = arguments(recipe, Path(folder), 1, dtype, CPU, judged=False, report_to="")
        start = time.perf_counter()
        with quick_adapters(model):
            Timed(model, how, plan, Collator(int(tokenizer.pad_token_id or 0)), recipe, None, QUIET).train()
        whole = time.perf_counter() - start
    sizes = [sum(len(plan.examples[i].ids) for i in batch) for batch in plan.batches]
    outside = (whole - sum(took)) / len(took)  # the optimiser's step, the loader
    return {"tokens_per_second": sum(sizes[1:]) / (sum(took[1:]) + outside * len(took[1:])), "padding": padding}


def _memory(args: argparse.Namespace) -> dict[str, float]:
    """Peak memory of training with the default batch, the model's weights included."""
    meter = Meter()
    meter.start()
    _train(args, pick_dtype(args.dtype, CPU), args.steps)
    meter.stop()
    return {"gib": meter.peak_mib / 1024}


def _markdown(found: dict[str, Any]) -> str:
    other = found["original"]
    return f"""# Tagging and training: speed and memory

{found["model"]}, {found["dtype"]}, {found["documents"]} test documents of {found["data"]}; torch {found["torch"]}, \
{found["threads"]} threads.

| what | measured | budget |
|---|---|---|
| bare trunk, tokens/s | {found["bare_tokens_per_second"]:,.0f} | |
| tagging against the bare trunk, same sub-words without padding | {found["tagging_ratio"]:.2f} | ≥ 0.80 |
| padding of positions in tagging | {found["tagging_padding"]:.1%} | ≤ 10 % |
| sub-words read a second time, as context | \
{found["sub_words_with_context"] / found["sub_words_of_the_text"] - 1:.1%} | |
| training against the bare trunk's forward pass | {found["training_ratio"]:.2f} | ≥ 0.30 |
| padding of positions in training | {found["training_padding"]:.1%} | ≤ 10 % |
| peak memory of training, weights included | {found["training_peak"]["gib"]:.1f} GiB | < 6 GB |

| sub-words of the text tagged a second | |
|---|---|
| ours, context and decoding included | {found["text_tokens_per_second"]:,.0f} |
| the original's way: {other["padding"]:.0%} padding, {other["sub_words_cut_off"]:,} sub-words cut off | \
{other["text_tokens_per_second"]:,.0f} |
"""


if __name__ == "__main__":
    main()
