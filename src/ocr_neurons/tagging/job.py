"""The work: read, tag and write, group by group, so that what is done stays done."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import sha256
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.tagging.plan import Plan
from ocr_neurons.tagging.record import Counts, Record
from ocr_neurons.text.formats.read import Input, read_file
from ocr_neurons.text.formats.tagged import Tagged
from ocr_neurons.text.formats.write import write_tagged
from ocr_neurons.text.source import Reading, words_in

GROUP = 16_000
"""Tokens after which the outputs of a folder are written: some twenty seconds of work on two cores. In groups of 4,000
there are too few windows of each length, and a tenth of what is read is padding."""


@dataclass
class Done:
    """What was done: sums over all tagged files, those of earlier runs included."""

    files: int = 0
    before: int = 0
    """Files of ``files`` that an earlier run had done."""
    counts: Counts = field(default_factory=Counts)
    blank: list[str] = field(default_factory=list)
    """Files without a word."""
    gone: list[str] = field(default_factory=list)
    """Files of earlier runs, still tagged in the folder, that are no longer among the inputs."""
    older: list[str] = field(default_factory=list)
    """Outputs that stay from before, by another tagger or options, or of inputs that are refused now."""

    def add(self, name: str, counts: Counts, *, before: bool = False) -> None:
        """Count a file."""
        self.files += 1
        self.before += before
        self.counts += counts
        if not counts.words:
            self.blank.append(name)


@dataclass(frozen=True, slots=True)
class _Read:
    """An input that was read: its kind, the hash of its bytes, what is in it."""

    one: Input
    kind: str
    hash: str
    readings: list[Reading]


@dataclass(frozen=True, slots=True)
class Options:
    """How files are read: the language of those that do not say; whether tokens of cut words are joined."""

    language: str = ""
    join: bool = False


def tag_into_file(plan: Plan, tagger: Tagger, options: Options, reporter: Reporter = QUIET) -> Done:
    """Everything in one file, written at the end; files that cannot be read are added to ``plan.refused``."""
    done = Done()
    read = list(_read(plan, plan.inputs, options, QUIET))
    if not read:
        return done
    tagged = _tag(tagger, [file.readings for file in read], reporter)
    write_tagged(plan.out, plan.format, [one for file in tagged for one in file])
    for given, file in zip(read, tagged, strict=True):
        done.add(given.one.name, _counts(file))
    return done


def tag_into_folder(plan: Plan, tagger: Tagger, options: Options, record: Record, reporter: Reporter = QUIET) -> Done:
    """A file for each input, written as they are done; those that ``record`` knows as done are not touched.

    Files that cannot be read are added to ``plan.refused``.
    """
    done = Done()
    pending: list[tuple[Input, str]] = []
    for one, kind in plan.inputs:
        counts = record.done(one.name, one.path, plan.target(one))
        if counts is not None:
            done.add(one.name, counts, before=True)
        elif other := record.others(one.name, one.path):
            plan.refuse(one, f"{one.path}: {plan.target(one)} was made from {other}; choose another --out for this one")
        else:
            pending.append((one, kind))
    done.gone = sorted(record.names() - {one.name for one, _ in plan.inputs} - set(plan.refused))
    inner = reporter if len(pending) == 1 else QUIET
    group: list[_Read] = []
    waiting = 0
    for file in _read(plan, pending, options, QUIET if inner is reporter else reporter):
        group.append(file)
        waiting += sum(len(reading.document.tokens) for reading in file.readings)
        if waiting >= GROUP:
            _finish(plan, tagger, group, record, done, inner)
            group, waiting = [], 0
    if group:
        _finish(plan, tagger, group, record, done, inner)
    for name in plan.refused:
        record.drop(name)
    if done.files:
        record.save(refused=plan.refused, left_aside=plan.aside)
        done.older = record.older()
    return done


def _read(plan: Plan, inputs: Sequence[tuple[Input, str]], options: Options, reporter: Reporter) -> Iterator[_Read]:
    for one, kind in reporter.track(inputs, "tagging", total=len(inputs)):
        try:
            known = sha256(one.path)  # before it is read: what is written meanwhile is then seen the next time
            readings = read_file(one, kind, language=options.language, join=options.join)
        except (UserError, OSError) as error:
            plan.refuse(one, str(error))
            continue
        yield _Read(one, kind, known, readings)


def _finish(
    plan: Plan,
    tagger: Tagger,
    group: Sequence[_Read],
    record: Record,
    done: Done,
    reporter: Reporter,
) -> None:
    """Tag a group and write its outputs; a file whose output cannot be written is no reason to leave the others."""
    tagged = _tag(tagger, [given.readings for given in group], reporter)
    record.save()  # before the first output: whatever stops us, the next run knows whose folder it is, and by which key
    for given, file in zip(group, tagged, strict=True):
        one, target = given.one, plan.target(given.one)
        try:
            write_tagged(target, plan.format, file)
        except UserError as error:
            plan.refuse(one, f"{one.path}: {error}")
            continue
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise  # a full disk is no file's fault
            plan.refuse(one, f"{one.path}: {target.name} is too long for a file's name; rename the file")
            continue
        counts = _counts(file)
        record.note(one.name, one.path, given.hash, given.kind, target, counts)
        done.add(one.name, counts)
    record.save()


def _tag(tagger: Tagger, files: Sequence[Sequence[Reading]], reporter: Reporter) -> list[list[Tagged]]:
    """The readings of each file, tagged, all in one go."""
    readings = [reading for file in files for reading in file]
    results = tagger.tag_with_confidence([reading.document for reading in readings], reporter)
    tagged = iter([Tagged(one, *result) for one, result in zip(readings, results, strict=True)])
    return [[next(tagged) for _ in file] for file in files]


def _counts(tagged: Sequence[Tagged]) -> Counts:
    readings = [one.reading for one in tagged]
    return Counts(
        len(tagged),
        sum(len(reading.pages) for reading in readings),
        words_in(readings),
        sum(len(one.confidences) for one in tagged),
    )
