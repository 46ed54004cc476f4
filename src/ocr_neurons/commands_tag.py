"""What ``tag`` does: a user's files and folders in, entities out."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    from ocr_neurons.ner.tagger import Tagger
    from ocr_neurons.tagging.job import Done
    from ocr_neurons.tagging.plan import Plan


def tag(args: argparse.Namespace) -> int:
    """``tag``: the exit status is 0, or 1 where files were refused and others tagged."""
    from ocr_neurons.lm.load import pick_device, pick_dtype
    from ocr_neurons.ner.model import load_tagger
    from ocr_neurons.ner.origin import warn_of_strangers
    from ocr_neurons.neutralise.edits import Edits
    from ocr_neurons.tagging.job import Options, tag_into_file, tag_into_folder
    from ocr_neurons.tagging.page import PAGE, write_page
    from ocr_neurons.tagging.plan import make_plan, nothing, same_pages
    from ocr_neurons.text.formats.layout import language_code

    plan = make_plan(args.files, args.out, args.format)
    args.resumes = plan.folder
    args.language = language_code(args.language) or args.language
    edit = Edits.load(args.edit) if args.edit else None
    device = pick_device(args.device)
    tagger = load_tagger(args.tagger, dtype=pick_dtype(args.dtype, device), device=device)
    options, reporter = Options(args.language, args.join_hyphens), Reporter(args.quiet)
    if twice := same_pages(plan):
        reporter.say(f"  {twice}")
    if edit:
        warn_of_strangers(tagger, edit.neurons, args.edit, reporter)
    facts = {
        "inputs": [str(path) for path in args.files],
        "tagger": str(args.tagger),
        "edit": str(args.edit) if edit else None,
        "format": plan.format,
        "trained_on": tagger.info.get("data") or "",
        "types": sorted({label.partition("-")[2] for label in tagger.labels} - {""}),
    }
    record = _record(args, plan, tagger, edit.to_json() if edit else None, facts) if plan.folder else None
    if record and record.stale:
        reporter.say(f"{args.out}: tagger, edit, options or version differ from those of last time; all is tagged anew")
    with edit.on(tagger.model) if edit else nullcontext():
        if record:
            done = tag_into_folder(plan, tagger, options, record, reporter)
        else:
            done = tag_into_file(plan, tagger, options, reporter)
    if not done.files:
        raise UserError(nothing(plan, args.files))
    _tell(plan, done, reporter)
    if record and plan.format != "jsonl":
        (plan.out / PAGE).unlink(missing_ok=True)  # of outputs that are older now, or gone
    elif record:
        reporter.say(f"  names, and where to look first: {write_page(plan.out)}")
    return 1 if plan.refused else 0


def _record(args: argparse.Namespace, plan: Plan, tagger: Tagger, edit: Any, facts: dict[str, Any]) -> Any:  # noqa: ANN401
    """The record of the output folder, under a key made from all that decides what is written."""
    from ocr_neurons import __version__
    from ocr_neurons.common.files import sha256
    from ocr_neurons.common.manifest import digest
    from ocr_neurons.lm.load import fingerprint
    from ocr_neurons.tagging.record import Record

    files = {path.name: sha256(path) for path in sorted(args.tagger.iterdir()) if path.is_file()}
    dtype = str(next(tagger.model.parameters()).dtype)
    how = [dtype, edit, plan.format, args.language, args.join_hyphens]
    return Record(plan.out, digest(__version__, fingerprint(tagger.model), files, *how), facts)


def _tell(plan: Plan, done: Done, reporter: Reporter) -> None:
    """What was done, in one line; then what was not, and why. Refusals are told even when quiet."""
    from ocr_neurons.tagging.plan import many, shortened

    counts = done.counts
    facts = [many(done.files, "file") + (f", {done.before:,} of them before" if done.before else "")]
    facts += [many(counts.pages, "page")] if counts.pages else []
    facts += [many(counts.words, "word")]
    entities = f"{counts.entities:,} entit{'y' if counts.entities == 1 else 'ies'}"
    reporter.say(f"{entities} in {many(counts.documents, 'document')} ({', '.join(facts)}): {plan.out}")
    if done.blank:
        reporter.say(f"  without a word: {shortened(done.blank)}")
    if done.gone:
        reporter.say(f"  tagged before, and no longer among the inputs: {shortened(done.gone)}")
    if done.older:
        reporter.say(f"  not of this tagger, options and text, but from before: {shortened(done.older)}")
    if plan.aside:
        reporter.say(f"  left aside, of a kind that is not read: {shortened(plan.aside)}")
    for reason in plan.refused.values():
        print(f"  refused: {' '.join(reason.split())}", file=sys.stderr)
