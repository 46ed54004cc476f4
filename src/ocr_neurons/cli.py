"""The command line: parse, call one function, print."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ocr_neurons import __version__
from ocr_neurons.common.errors import UserError

Handler = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0, or 2 with one line on standard error for bad input."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.handler(parsed)
        sys.stdout.flush()  # a closed pipe shows here rather than after the last line of the program
    except UserError as error:
        print(f"ocr-neurons: {_one_line(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = error.filename2 or error.filename  # of a failed rename the second is the one that was asked for
        where = f"{place}: " if place else ""
        print(f"ocr-neurons: {where}{_one_line(error.strerror or error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ocr-neurons: stopped; the same command goes on from the last finished step", file=sys.stderr)
        return 130
    return 0


def _one_line(error: object) -> str:
    return " ".join(str(error).split())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"ocr-neurons: {message}; see `{self.prog} --help`\n")


def _parser() -> argparse.ArgumentParser:
    from ocr_neurons import commands

    parser = _Parser(prog="ocr-neurons", description="Find OCR-sensitive neurons, neutralise them, measure it.")
    parser.add_argument("--version", action="version", version=f"ocr-neurons {__version__}")
    sub = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
        added = sub.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.add_argument("--quiet", action="store_true", help="say nothing but the result")
        added.set_defaults(handler=handler)
        return added

    run = command("run", commands.run_job, "answer the whole question: train, probe, rank, sweep, confirm, report")
    run.add_argument("--data", help="data set: gazette, hipe2022:ajmc-en, a folder or a file (default gazette)")
    run.add_argument("--model", help="smollm2, gemma270m, minilm, a Hub id, a local folder or a tagger's folder")
    run.add_argument("--config", type=Path, help="settings in TOML, such as the run.toml of a run")
    run.add_argument("--out", type=Path, help="run folder (default runs/DATA)")
    run.add_argument("--seed", type=int, help="decides everything random (default 1)")
    _machine(run, None)

    data = command("data", commands.data, "list the data sets, or show what is in one")
    data.add_argument("action", choices=["list", "show"])
    data.add_argument("name", nargs="?", help="data set to show")

    pairs = command("pairs", commands.pairs, "make pairs of clean and noisy words")
    pairs.add_argument("data", help="data set, folder or file; clean twins are used where there are any")
    pairs.add_argument("--noise", default="paper", help="noise model (default paper: its three levels)")
    pairs.add_argument("--protocol", default="context", help="context, words or paper (default context)")
    pairs.add_argument("--words", type=int, default=100, help="distinct words (default 100)")
    pairs.add_argument("--split", default="train", help="split to take words from (default train)")
    pairs.add_argument("--seed", type=int, default=1)
    pairs.add_argument("--out", type=Path, required=True, help="pairs file to write (.jsonl)")

    probe = command("probe", commands.probe, "measure what noise does to every neuron")
    probe.add_argument("pairs", type=Path, help="pairs file")
    probe.add_argument("--model", default="smollm2", help="model or tagger's folder (default smollm2)")
    probe.add_argument("--out", type=Path, required=True, help="profile to write (.safetensors)")
    probe.add_argument("--seed", type=int, default=1)
    _machine(probe, "auto")

    rank = command("rank", commands.rank, "choose the neurons that react to noise")
    rank.add_argument("profile", type=Path, help="profile file")
    rank.add_argument("--method", default="paper", choices=["paper"], help="rule (default paper)")
    rank.add_argument("--threshold", type=float, default=1.0, help="standard deviations above the mean (default 1)")
    rank.add_argument("--share", type=float, default=0.9, help="share of pairs that must pass (default 0.9)")
    rank.add_argument("--count", type=int, help="take the best COUNT instead, whatever their share")
    rank.add_argument("--out", type=Path, required=True, help="neurons file to write (.json)")

    train = command("train", commands.train, "train a tagger on a data set")
    train.add_argument("data", help="data set, folder or file")
    train.add_argument("--model", default="smollm2", help="model to start from (default smollm2)")
    train.add_argument("--config", type=Path, help="settings in TOML; its [train] section is used")
    train.add_argument("--epochs", type=int, help="passes over the training data")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--out", type=Path, required=True, help="tagger's folder to write")
    _machine(train, "auto")

    tag = command("tag", commands.tag, "tag named entities in files")
    tag.add_argument("tagger", type=Path, help="tagger's folder")
    tag.add_argument("files", type=Path, nargs="+", metavar="file", help="HIPE TSV; labels in it are ignored")
    tag.add_argument("--edit", type=Path, help="edit to apply (edit.json of a run)")
    tag.add_argument("--out", type=Path, required=True, help="HIPE TSV to write")
    _machine(tag, "auto")

    score = command("score", commands.score, "score predictions as the HIPE scorer does, with intervals")
    score.add_argument("gold", type=Path)
    score.add_argument("pred", type=Path)
    score.add_argument("--against", type=Path, help="other predictions to compare with")
    score.add_argument("--noise-bins", action="store_true", help="recall by LED of the entities")
    score.add_argument("--json", action="store_true", help="print JSON")
    score.add_argument("--seed", type=int, default=0)

    sweep = command("sweep", commands.sweep, "score edits on dev; --confirm scores the best once on test")
    sweep.add_argument("tagger", type=Path, help="tagger's folder")
    sweep.add_argument("data", help="data set with dev and test")
    sweep.add_argument("--neurons", type=Path, required=True, help="ranked neurons (.json)")
    sweep.add_argument("--store", required=True, help="where trials are kept: a file, or a URL such as sqlite:///s.db")
    sweep.add_argument("--config", type=Path, help="settings in TOML; its [sweep] section is used")
    sweep.add_argument("--confirm", action="store_true", help="score the best on test, beside random neurons")
    sweep.add_argument("--seed", type=int, default=1)
    _machine(sweep, "auto")

    bake = command("bake", commands.bake, "fold an edit into a tagger's weights: a plain Hugging Face folder")
    bake.add_argument("tagger", type=Path, help="tagger's folder")
    bake.add_argument("edit", type=Path, help="edit (edit.json of a run)")
    bake.add_argument("--out", type=Path, required=True, help="folder to write")
    _machine(bake, "auto")

    report = command("report", commands.report, "write the page of a run again")
    report.add_argument("run", type=Path, help="run folder")
    report.add_argument("--out", type=Path, help="HTML file (default RUN/report.html)")
    report.add_argument("--figures", type=Path, help="also write the figures as PNG into this folder")
    return parser


def _machine(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("--device", default=default, help="auto, cpu, cuda, cuda:N or mps (default auto)")
    parser.add_argument("--dtype", default=default, help="auto, float32 or bfloat16 (default auto)")
    parser.add_argument("--accept-licence", action="store_true", help="accept the model's terms where it asks for that")


if __name__ == "__main__":
    sys.exit(main())
