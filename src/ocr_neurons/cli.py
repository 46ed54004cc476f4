"""The command line: parse, call one function, print."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from ocr_neurons import __version__
from ocr_neurons.common.arguments import check_outputs, checked, figure_to_write, file_to_write, folder_to_write
from ocr_neurons.common.errors import UserError

Handler = Callable[[argparse.Namespace], int | None]
"""Does what a command does; may return an exit status of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0, or 2 with one line on standard error for bad input.

    ``tag`` ends with 1 where some files were refused and the others tagged.
    """
    parsed = argparse.Namespace()
    try:
        return _run(parsed, arguments)
    except UserError as error:
        return _fail(_one_line(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = error.filename2 or error.filename  # of a failed rename the second is the one that was asked for
        return _fail((f"{place}: " if place else "") + _one_line(error.strerror or error))
    except (MemoryError, RuntimeError) as error:
        lacking = _lacking(error)
        if not lacking:
            raise
        return _fail(lacking)
    except KeyboardInterrupt:
        resumed = "; the same command goes on from the last finished step" if getattr(parsed, "resumes", False) else ""
        return _fail(f"stopped{resumed}", 130)


def _run(parsed: argparse.Namespace, arguments: Sequence[str] | None) -> int:
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does: no letter is worth a traceback
    try:
        _parser().parse_args(arguments, parsed)
    finally:  # --help ends the program
        _flush()
    check_outputs(vars(parsed))
    status: int | None = parsed.handler(parsed)
    _flush()
    return status or 0


def _flush() -> None:
    """A closed pipe shows here rather than after the last line of the program. There may be no standard output."""
    if sys.stdout:
        sys.stdout.flush()


def _fail(line: str, status: int = 2) -> int:
    print(f"ocr-neurons: {line}", file=sys.stderr)
    return status


def _lacking(error: Exception) -> str:
    """What the machine lacks, in a line, where PyTorch's errors say that in words alone; else nothing."""
    text = _one_line(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "allocate memory" in text:
        return (
            f"out of memory ({text[:150] or 'MemoryError'}); give smaller batches (OCR_NEURONS_BATCH=1024 in "
            "the environment, in training batch_tokens under [train]), a smaller model, or --dtype bfloat16"
        )
    if "PytorchStreamWriter failed" in text:
        return f"a checkpoint cannot be written ({text[:150]}); make room on the disk: the same command goes on"
    return ""


def _one_line(error: object) -> str:
    return " ".join(str(error).split())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"ocr-neurons: {message}; see `{self.prog} --help`\n")


def _parser() -> argparse.ArgumentParser:
    from ocr_neurons import commands
    from ocr_neurons import commands_cost as costing
    from ocr_neurons import commands_data as gathering
    from ocr_neurons import commands_edit as editing
    from ocr_neurons import commands_explore as exploring
    from ocr_neurons import commands_noise as noising
    from ocr_neurons import commands_probe as probing
    from ocr_neurons import commands_score as scoring
    from ocr_neurons import commands_strategies as comparing
    from ocr_neurons import commands_sweep as sweeping
    from ocr_neurons import commands_tag as tagging
    from ocr_neurons import commands_train as training

    parser = _Parser(prog="ocr-neurons", description="Find OCR-sensitive neurons, neutralise them, measure it.")
    parser.add_argument("--version", action="version", version=f"ocr-neurons {__version__}")
    sub = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command = _adder(sub)

    run = command("run", commands.run_job, "answer the whole question: train, probe, rank, sweep, confirm, report")
    run.set_defaults(resumes=True)
    run.add_argument("--data", help="data set: gazette, hipe2022:ajmc-en, a folder or a file (default gazette)")
    run.add_argument("--model", help="smollm2, gemma270m, minilm, a Hub id, a local folder or a tagger's folder")
    run.add_argument("--config", type=Path, help="settings in TOML, such as the run.toml of a run")
    run.add_argument("--out", type=folder_to_write, help="run folder (default runs/DATA; -MODEL, -seed-N where given)")
    run.add_argument("--seed", type=int, help="decides everything random (default 1)")
    _machine(run, None)

    data = sub.add_parser("data", help="list data sets, show what is in one, or fetch one")
    gathering.options(_actions(data))

    noise = sub.add_parser("noise", help="learn, make, print or measure OCR noise")
    noising.options(_actions(noise))

    pairs = command("pairs", commands.pairs, "make pairs of clean and noisy words")
    pairs.add_argument("data", help="data set, folder or file; clean twins are used where there are any")
    pairs.add_argument(
        "--noise",
        default="auto",
        help="a noise model (en, fr, de, file), or paper (its presets); auto (default): that of the language for words "
        "in their sentence, else paper",
    )
    pairs.add_argument("--parts", help="nouns and verbs only, told by a spaCy pipeline; auto: that of the language")
    pairs.add_argument("--protocol", default="context", help="context, words or paper (default context)")
    pairs.add_argument("--words", type=int, default=100, help="distinct words (default 100)")
    pairs.add_argument("--split", help="split to take words from (default train; of a single file all)")
    pairs.add_argument("--seed", type=int, default=1)
    pairs.add_argument("--out", type=file_to_write, required=True, help="pairs file to write (.jsonl)")

    control = command("control", probing.control, "make control pairs: other changes of the same size")
    control.add_argument("pairs", type=Path, help="pairs file")
    control.add_argument(
        "--kind", default="cased-letters", help="letters, cased-letters, signs, case or words (default cased-letters)"
    )
    control.add_argument("--seed", type=int, default=1)
    control.add_argument("--out", type=file_to_write, required=True, help="pairs file to write (.jsonl)")

    probe = command("probe", probing.probe, "measure what noise does to every neuron")
    probe.set_defaults(resumes=True)
    probe.add_argument("pairs", type=Path, help="pairs file")
    probe.add_argument("--model", default="smollm2", help="model or tagger's folder (default smollm2)")
    probe.add_argument("--out", type=file_to_write, required=True, help="profile to write (.safetensors)")
    probe.add_argument("--control", type=Path, help="control pairs to read beside the pairs, word by word: see rank")
    probe.add_argument("--site", default="neuron", help="neuron, up, gate or residual (default neuron)")
    probe.add_argument("--layers", type=checked(probing.layers), help="layers to read, such as 0-3,8 (default all)")
    probe.add_argument("--protocol", default="context", help="context, words, paper or aligned (default context)")
    probe.add_argument("--language", default="", help="language of whole texts (protocol aligned), such as fr")
    probe.add_argument("--pool", default="mean", help="mean, max or last of the word's sub-words (default mean)")
    probe.add_argument(
        "--shard",
        type=checked(probing.shard),
        default=(0, 1),
        help="read a part of the pairs only, such as 2/8; see merge",
    )
    probe.add_argument("--like", type=Path, help="profile to take the histograms' edges from, to merge with it")
    probe.add_argument("--budget", type=int, help="sub-words a batch (default: by device)")
    probe.add_argument("--seed", type=int, default=1)
    _machine(probe, "auto")

    merge = command("merge", probing.merge, "merge profiles of parts of the pairs")
    merge.add_argument("profiles", type=Path, nargs="+", metavar="profile")
    merge.add_argument("--out", type=file_to_write, required=True, help="profile to write (.safetensors)")

    attribute = command("attribute", probing.attribute, "score a tagger's neurons by what they do to its loss")
    attribute.add_argument("tagger", type=Path, help="tagger's folder")
    attribute.add_argument("data", help="data set; contrast and patching need clean twins")
    attribute.add_argument("--method", default="gain", help="gain, contrast, predicted or patching (default gain)")
    attribute.add_argument("--split", default="train", help="split to take the loss on (default train)")
    attribute.add_argument(
        "--gains", type=file_to_write, help="also write the gradients (.safetensors), for sweep --screen"
    )
    attribute.add_argument("--seed", type=int, default=1)
    attribute.add_argument("--out", type=file_to_write, required=True, help="scores to write (.safetensors), for rank")
    _machine(attribute, "auto")

    rank = command("rank", probing.rank, "choose the neurons that react to noise")
    rank.add_argument("profile", type=Path, help="profile, or scores of attribute")
    rank.add_argument("--method", help="paper, effect, size, auroc or dose (default paper)")
    rank.add_argument("--control", type=Path, help="profile of control pairs, or contrast: rank by what goes beyond")
    rank.add_argument("--group", help="noise level or half to rank by (default: all that is noisy)")
    rank.add_argument("--threshold", type=float, help="paper: standard deviations (default 1)")
    rank.add_argument("--share", type=float, help="paper: share of pairs that must pass (default 0.9)")
    rank.add_argument("--rate", type=float, help="other methods: false-discovery rate (default 0.05)")
    rank.add_argument("--count", type=int, help="take the best COUNT instead")
    rank.add_argument(
        "--legacy", help="what the original's code edits instead: random-neurons, or every-layer:N (of layer N)"
    )
    rank.add_argument("--seed", type=int, default=1, help="of --legacy random-neurons (default 1)")
    rank.add_argument("--out", type=file_to_write, required=True, help="neurons file to write (.json)")

    train = command("train", training.train, "train a tagger on a data set")
    train.set_defaults(resumes=True)
    training.options(train)
    _machine(train, "auto")

    tag = command("tag", tagging.tag, "tag named entities in files and folders of text")
    tag.add_argument("tagger", type=Path, help="tagger's folder")
    tag.add_argument(
        "files", type=Path, nargs="+", metavar="file",
        help="plain text, ALTO, PAGE, hOCR, HIPE TSV, CoNLL, or folders of them; labels in them are ignored",
    )  # fmt: skip
    tag.add_argument("--out", type=Path, required=True, help="file to write (.tsv, .jsonl, .csv, .spacy), or folder")
    tag.add_argument("--format", help="tsv, jsonl, csv or spacy (default: by the ending of --out; jsonl in folders)")
    tag.add_argument("--language", default="", help="language of files that do not say, such as fr")
    tag.add_argument("--join-hyphens", action="store_true", help="join cut words in files of tokens (HIPE TSV) as well")
    tag.add_argument("--edit", type=Path, help="edit to apply (edit.json of a run)")
    _machine(tag, "auto")

    scoring.options(command("score", scoring.score, "score predictions as the HIPE scorer does, with intervals"))

    cost = command("cost", costing.cost, "measure what OCR errors cost a tagger, and would at another error rate")
    costing.options(cost)
    _machine(cost, "auto")

    sweep = command("sweep", sweeping.sweep, "score edits on dev; --confirm scores the best once on test")
    sweep.set_defaults(resumes=True)
    sweep.add_argument("tagger", type=Path, help="tagger's folder")
    sweep.add_argument("data", help="data set with dev and test")
    sweep.add_argument(
        "--neurons", type=Path, required=True, action="append", help="ranked neurons (.json); repeatable"
    )
    sweep.add_argument("--profile", type=Path, help="profile of the neurons; operations mean and shift need it")
    sweep.add_argument("--store", required=True, help="where trials are kept: a file, or a URL such as sqlite:///s.db")
    sweep.add_argument("--preset", help="first-layers, layer-25, thirds or every-layer (default: the grid of --config)")
    sweep.add_argument(
        "--absolute", action="store_true", help="the paper's counts as they are, not scaled to the model"
    )
    sweep.add_argument("--settings", type=Path, help="list of settings (.json) in the place of a grid")
    sweep.add_argument("--config", type=Path, help="settings in TOML; its [sweep] section is used")
    sweep.add_argument(
        "--draws", type=int, help="random sets beside each setting (default: of --config, or 1; beside a list: none)"
    )
    sweep.add_argument("--screen", type=Path, help="score only what these promise: gains or scores of attribute")
    sweep.add_argument("--screen-share", type=float, help="part that is scored (default 0.25)")
    sweep.add_argument("--prune", action="store_true", help="give up early on settings that surely lose")
    sweep.add_argument(
        "--while-training", action="store_true", help="train a tagger under each edit, as the paper's first experiment"
    )
    sweep.add_argument("--workers", type=int, default=1, help="processes on this machine (default 1)")
    sweep.add_argument(
        "--memory", type=float, default=2.0, help="GB of states kept in memory by each worker, else on disk (default 2)"
    )
    sweep.add_argument("--heartbeat", type=float, default=10, help="seconds between signs of life (default 10)")
    sweep.add_argument(
        "--grace", type=float, default=60, help="seconds until a silent worker counts as dead (default 60)"
    )
    sweep.add_argument("--confirm", action="store_true", help="score the best on test, once, beside random neurons")
    sweep.add_argument("--json", action="store_true", help="print JSON")
    sweep.add_argument("--csv", type=file_to_write, help="also write all settings as CSV")
    sweep.add_argument("--figure", type=figure_to_write, help="also draw all settings (.png, .svg or .pdf)")
    sweep.add_argument("--seed", type=int, default=1)
    _machine(sweep, "auto")

    strategies = command("strategies", comparing.strategies, "compare what helps a tagger against OCR noise")
    strategies.set_defaults(resumes=True)
    comparing.options(strategies)
    _machine(strategies, None)

    edit = command("edit", editing.edit, "say what to do to a set of neurons: an edit, for tag and bake")
    edit.add_argument("neurons", type=Path, help="neurons file (.json)")
    edit.add_argument("--operation", default="scale", help="scale, zero, mean or shift (default scale)")
    edit.add_argument("--factor", type=float, help="scale: what to multiply by, such as 0.5; above 1 amplifies")
    edit.add_argument("--profile", type=Path, help="mean, shift: the profile that holds the neurons' means")
    edit.add_argument("--strength", type=float, help="mean, shift: how far to go (default 1: all the way)")
    edit.add_argument("--group", help="mean, shift: noise level or half of the profile (default: all words)")
    edit.add_argument("--layers", type=checked(probing.layers), help="layers to edit, such as 0-3,8 (default all)")
    edit.add_argument("--count", type=int, help="the best COUNT neurons only")
    edit.add_argument("--after", type=Path, help="edit to apply before this one; both are written")
    edit.add_argument("--flip", action="store_true", help="as much in the other direction: factor 0.5 becomes 1.5")
    edit.add_argument("--legacy", action="store_true", help="factors compound over layers, as in the original's code")
    edit.add_argument("--out", type=file_to_write, required=True, help="edit to write (.json)")

    bake = command("bake", editing.bake, "fold an edit into a tagger's weights: a plain Hugging Face folder")
    bake.add_argument("tagger", type=Path, help="tagger's folder")
    bake.add_argument("edit", type=Path, help="edit (edit.json of a run, or one of `edit`)")
    bake.add_argument(
        "--run", type=Path, help="folder of a run, or of a strategy, whose scores the card states (default: the edit's)"
    )
    bake.add_argument("--out", type=folder_to_write, required=True, help="folder to write")
    _machine(bake, "cpu", "float32")

    report = command("report", commands.report, "write the page of a run again, or set several runs side by side")
    report.add_argument(
        "runs", type=Path, nargs="+", metavar="run", help="run (or tagged) folder; several runs are compared"
    )
    report.add_argument("--out", type=Path, help="HTML file (default RUN/report.html; needed for several runs)")
    report.add_argument("--figures", type=Path, metavar="DIR", help="also write the figures into this folder")
    report.add_argument(
        "--format", type=checked(commands.formats), action="extend", default=[], metavar="FORMAT",
        help="of the figures: png (default), svg, pdf; several with commas between, or repeated",
    )  # fmt: skip
    report.add_argument("--tables", type=Path, metavar="DIR", help="also write the tables as CSV and LaTeX into it")
    report.add_argument(
        "--strategies", type=Path, metavar="DIR", help="folder of `strategies` to show (default RUN/strategies)"
    )

    explore = command("explore", exploring.explore, "see on a local page what noise and edits do to a text")
    exploring.options(explore)
    _machine(explore, "auto")
    return parser


def _adder(sub: Any) -> Callable[[str, Handler, str], argparse.ArgumentParser]:  # noqa: ANN401 - argparse's own is private
    """Adds commands, or actions of one, to what ``add_subparsers`` gave."""

    def add(name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = sub.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.add_argument("--quiet", action="store_true", help="say nothing but the result")
        added.set_defaults(handler=handler)
        return added

    return add


def _actions(parser: argparse.ArgumentParser) -> Callable[[str, Handler, str], argparse.ArgumentParser]:
    """Adds the actions of a command that has several."""
    return _adder(parser.add_subparsers(title="what to do", metavar="ACTION", required=True))


def _machine(parser: argparse.ArgumentParser, default: str | None, dtype: str = "auto") -> None:
    parser.add_argument(
        "--device", default=default, help=f"auto, cpu, cuda, cuda:N or mps (default {default or 'auto'})"
    )
    parser.add_argument("--dtype", default=default and dtype, help=f"auto, float32 or bfloat16 (default {dtype})")
    parser.add_argument("--accept-licence", action="store_true", help="accept the model's terms where it asks for that")


if __name__ == "__main__":
    sys.exit(main())
