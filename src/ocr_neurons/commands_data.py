"""What the ``data`` commands do: read, call one room, print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ocr_neurons.common.progress import Reporter

Adder = Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]


def options(action: Adder) -> None:
    """The actions of ``data`` and what each takes."""
    listed = action("list", list_, "list the data sets that have a name, fetched or not")
    listed.add_argument("--json", action="store_true", help="print JSON")

    one = action("show", show, "show what is in a data set")
    one.add_argument("name", help="data set, folder or file")
    one.add_argument("--json", action="store_true", help="print JSON")

    fetched = action("fetch", fetch, "fetch a data set into the cache, each file checked against its hash")
    fetched.set_defaults(resumes=True)
    fetched.add_argument("name", nargs="+", help="data set of the list, such as hipe2022:ajmc-en")
    fetched.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="take it from a local copy or checkout, not the network",
    )


def list_(args: argparse.Namespace) -> None:
    """``data list``: everything that has a name, here or not."""
    from ocr_neurons.score.bins import BINS
    from ocr_neurons.text.data_table import LEGEND, list_table, listed

    rows = listed(BINS)
    if args.json:
        _print_json(rows)
        return
    print(list_table(rows))
    Reporter(args.quiet).say(f"\n{LEGEND}")


def show(args: argparse.Namespace) -> None:
    """``data show``: what is in one data set; of one that is not here, what the catalogue says."""
    from ocr_neurons.score.bins import BINS
    from ocr_neurons.text.data_table import shown, text_of

    told = shown(args.name, BINS)
    if args.json:
        _print_json(told)
        return
    print(text_of(told))


def fetch(args: argparse.Namespace) -> None:
    """``data fetch``: data sets into the cache."""
    from ocr_neurons.text.fetch_named import companion_of, fetch_named, licence_line, summary
    from ocr_neurons.text.named import data_root, named_entry, read_before

    reporter, root = Reporter(args.quiet), data_root()
    for entry in [named_entry(name) for name in args.name]:
        reporter.say(licence_line(entry))
        brought = fetch_named(entry, root, source=args.source, reporter=reporter)
        reporter.say(summary(entry, brought, root))
        if elsewhere := read_before(entry):
            reporter.say(f"  it is read from {elsewhere} first")
        companion, have = companion_of(entry, root, args.source)
        if companion and have == "source":
            reporter.say(licence_line(companion))
            reporter.say(summary(companion, fetch_named(companion, root, source=args.source), root))
        elif companion and not have:
            reporter.say(f"  without {companion.name}: {companion.title}; clean twins need it, see docs/data.md")


def _print_json(value: Any) -> None:  # noqa: ANN401 - whatever json can write
    print(json.dumps(value, ensure_ascii=False, indent=1))
