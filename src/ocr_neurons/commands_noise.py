"""What the ``noise`` commands do: read, call one room, write."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_neurons.common.arguments import figure_to_write, file_to_write
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    from ocr_neurons.text.aligned.read import AlignedSet
    from ocr_neurons.text.document import Document
    from ocr_neurons.text.pairs import TextPair

Adder = Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]


def options(action: Adder) -> None:
    """The actions of ``noise`` and what each takes."""

    def aligned(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pairs", type=Path, nargs="+", help="pairs file, ICDAR or HIPE-OCRepair data, table, name")
        parser.add_argument("--columns", help="columns of a table, clean then noisy: --columns corrected_text,text")
        parser.add_argument("--floor", type=float, default=0.5, help="least similarity of a pair (default 0.5)")
        parser.add_argument(
            "--normalise", type=_rules, default=[], metavar="RULES",
            help="differences to take out first, with commas between: nfc, hyphens, lines, long-s, ligatures, umlauts, "
            "hyphen-signs, french-spacing, quotes (default none)",
        )  # fmt: skip

    learning = action("learn", learn, "learn a noise model from texts and their OCR")
    aligned(learning)
    learning.add_argument("--language", default="", help="language code, where the data do not say")
    learning.add_argument("--source", default="", help="name of the data, kept in the model")
    learning.add_argument("--licence", default="", help="licence of the data, kept in the model")
    learning.add_argument("--pooled", action="store_true", help="count all sources together")
    learning.add_argument("--out", type=file_to_write, required=True, help="model to write (.json)")

    applying = action("apply", apply, "put a model's noise on text")
    applying.add_argument("model", help="noise model: en, fr, de, or a file of `noise learn`")
    applying.add_argument("text", nargs="+", help="plain text file, HIPE TSV or data set")
    applying.add_argument("--cer", type=float, help="error rate, such as 0.05 (default: as the documents of the model)")
    applying.add_argument("--spread", action="store_true", help="let texts differ as documents do, around --cer")
    applying.add_argument("--style", help="one of the model's styles (default: drawn by weight for each text)")
    applying.add_argument("--split", default="all", help="split of a data set (default all)")
    applying.add_argument("--seed", type=int, default=1)
    applying.add_argument("--out", type=file_to_write, required=True, help="pairs file to write (.jsonl)")
    applying.add_argument("--tsv", type=file_to_write, help="also write the noisy documents with their labels (.tsv)")

    press = action("print", print_, "print documents, wear the pages, recognise them with Tesseract")
    press.add_argument("data", help="data set, folder or file; clean twins are printed where there are any")
    press.add_argument("--strength", type=float, help="wear of the page, 0 clean to 1 very bad (default 0.5)")
    press.add_argument("--cer", type=float, help="search for the strength that gives this character error rate")
    press.add_argument("--typeface", action="append", help="typeface; repeat for several (default: of the language)")
    press.add_argument("--language", default="", help="language of documents that do not say")
    press.add_argument("--hyphenate", action="store_true", help="break words at line ends")
    press.add_argument("--images", type=Path, help="folder to keep the page images in")
    press.add_argument("--split", default="all", help="split of the data set (default all)")
    press.add_argument("--workers", type=int, default=1, help="pages recognised at a time (default 1)")
    press.add_argument("--seed", type=int, default=1)
    press.add_argument("--out", type=file_to_write, required=True, help="pairs file to write (.jsonl)")
    press.add_argument("--tsv", type=file_to_write, help="also write the noisy documents with their labels (.tsv)")
    press.add_argument("--facts", type=file_to_write, help="also write versions, fonts and counts (.json)")

    measuring = action("measure", measure, "measure noise, or compare two sets of pairs")
    aligned(measuring)
    measuring.add_argument("--against", type=Path, help="second set, such as synthetic noise")
    measuring.add_argument("--tell-apart", action="store_true", help="also train a classifier to tell the two apart")
    measuring.add_argument("--figure", type=figure_to_write, help="draw the comparison (.png, .svg or .pdf)")
    measuring.add_argument("--draws", type=int, default=1000, help="bootstrap draws of the comparison (default 1000)")
    measuring.add_argument("--seed", type=int, default=1)
    measuring.add_argument("--json", action="store_true", help="print JSON")


def _rules(given: str) -> list[str]:
    return [rule.strip() for rule in given.split(",") if rule.strip()]


def learn(args: argparse.Namespace) -> None:
    """``noise learn``: aligned texts into a model."""
    from ocr_neurons.noise.learned.learn import learn as make

    reporter = Reporter(args.quiet)
    sets = [_aligned(path, args, reporter) for path in args.pairs]
    languages = sorted({language for one in sets for language in one.languages})
    model = make(
        _normalised((pair for one in sets for pair in one.pairs), args.normalise),
        language=args.language or ", ".join(languages),
        source=args.source or "; ".join(one.name for one in sets),
        licence=args.licence or "; ".join(sorted({licence for one in sets for licence in one.licences})),
        normalised=args.normalise,
        pooled=args.pooled,
        floor=args.floor,
    )
    model.save(args.out)
    for name, style in model.styles.items():
        reporter.say(f"  {name}: {style.documents} documents, {style.characters} characters, CER {style.cer:.2%}")
    left = ", ".join(f"{count} {what}" for what, count in model.left_out.items() if count)
    reporter.say(f"noise model{f' ({left} left out)' if left else ''}: {args.out}")


def apply(args: argparse.Namespace) -> None:
    """``noise apply``: a model's noise on texts or documents."""
    from ocr_neurons.common.seeds import generator
    from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise, spread_rates
    from ocr_neurons.text.hipe_tsv import write_hipe
    from ocr_neurons.text.pairs import write_pairs

    reporter = Reporter(args.quiet)
    if args.spread and args.cer is None:
        raise UserError("--spread without --cer; without a rate every text draws its own anyway: leave --spread out")
    maker = NoiseMaker(load_noise(args.model))
    if args.style is not None:
        maker.model.style(args.style)
    plain, documents = _texts(args.text, args.split)
    if args.tsv and plain:
        raise UserError(f"--tsv {args.tsv}: plain text has no tokens to write; give a data set or HIPE TSV")
    names = [name for name, _ in plain] + [document.id for document in documents]
    rates = dict.fromkeys(names, args.cer)
    if args.spread:
        rates = spread_rates(maker.model, names, args.cer, args.seed, args.style)
    made: list[TextPair] = []
    noisy: list[Document] = []
    lost = 0
    for name, text in plain:
        rng = generator(args.seed, "noise apply", name)
        made.append(replace(maker.corrupt(text, rng, cer=rates[name], style=args.style), source=name))
    for document in documents:
        rng = generator(args.seed, "noise apply", document.id)
        result = maker.corrupt_document(document, rng, cer=rates[document.id], style=args.style)
        made.append(result.pair)
        noisy.append(result.document)
        lost += len(result.projection.lost)
    write_pairs(args.out, made)
    if args.tsv:
        write_hipe(args.tsv, noisy)
        reporter.say(f"{len(noisy)} noisy documents, {lost} entities lost in the noise: {args.tsv}")
    characters = sum(len(pair.clean) for pair in made)
    edits = sum(max(b - a, d - c) for pair in made for a, b, c, d in pair.edits)
    asked = "the model's own rates" if args.cer is None else f"asked for {args.cer:.2%}"
    reporter.say(f"{len(made)} texts, CER {edits / max(1, characters):.2%} ({asked}): {args.out}")


def print_(args: argparse.Namespace) -> None:
    """``noise print``: documents printed, worn and recognised."""
    from ocr_neurons.noise.printed.printing import print_documents, printing_facts, summary
    from ocr_neurons.text.hipe_tsv import write_hipe
    from ocr_neurons.text.pairs import write_pairs

    reporter = Reporter(args.quiet)
    plain, documents = _texts([args.data], args.split)
    if plain:
        raise UserError(f"{args.data}: plain text; wanted a data set or HIPE TSV, whose labels can be carried over")
    strength = 0.5 if args.strength is None and args.cer is None else args.strength
    printed = print_documents(
        documents, seed=args.seed, strength=strength, target_cer=args.cer, typefaces=args.typeface or (),
        language=args.language, hyphenate=args.hyphenate, keep_images=args.images, workers=args.workers,
        reporter=reporter,
    )  # fmt: skip
    write_pairs(args.out, [one.pair for one in printed])
    if args.tsv:
        write_hipe(args.tsv, [one.noisy for one in printed])
    told = summary(printed)
    if args.facts:
        from ocr_neurons.common.files import write_text

        facts = told | {"printed with": printing_facts(args.typeface or (), args.language), "seed": args.seed}
        write_text(args.facts, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    faces = ", ".join(f"{name} {count}" for name, count in told["typefaces"].items())
    strengths = ", ".join(f"{value:.3g}" for value in told["strengths"])
    reporter.say(
        f"{told['documents']} documents ({faces}), strength {strengths}, CER {told['cer']:.2%}, "
        f"{len(told['lost_entities'])} of {told['entities']} entities lost: {args.out}"
    )
    if told["missing"]:
        reporter.say(f"  characters no typeface had, left blank: {told['missing']}")


def measure(args: argparse.Namespace) -> None:
    """``noise measure``: what noise there is in pairs, or how far two sets are apart."""
    from ocr_neurons.noise.measured.compare import compare
    from ocr_neurons.noise.measured.measure import figures_table
    from ocr_neurons.noise.measured.measure import measure as count

    reporter = Reporter(args.quiet)

    def pairs(path: Path) -> list[TextPair]:
        return _normalised(_aligned(path, args, reporter).pairs, args.normalise)

    if args.against is None:
        if args.figure:
            raise UserError("--figure without --against; the figure shows two sets side by side: name the second")
        sets = {_set_name(path, args.pairs): count(pairs(path)) for path in args.pairs}
        if args.json:
            print(json.dumps({name: one.to_json() for name, one in sets.items()}, ensure_ascii=False, indent=1))
        elif len(sets) == 1:
            print(next(iter(sets.values())).table())
        else:
            print(figures_table(sets))
        return
    real = [pair for path in args.pairs for pair in pairs(path)]
    synthetic = pairs(args.against)
    comparison = compare(real, synthetic, draws=args.draws, seed=args.seed)
    told = None
    if args.tell_apart:
        from ocr_neurons.noise.measured.tell_apart import tell_apart

        told = tell_apart(real, synthetic, seed=args.seed)
    if args.figure:
        from ocr_neurons.report.chart_noise import noise_chart
        from ocr_neurons.report.files import write_chart

        write_chart(noise_chart(comparison), args.figure)
    if args.json:
        both = comparison.to_json() | ({"tell apart": told.to_json()} if told else {})
        print(json.dumps(both, ensure_ascii=False, indent=1))
        return
    print(comparison.table())
    if told:
        print(told.table())


def _texts(given: list[str], split: str) -> tuple[list[tuple[str, str]], list[Document]]:
    """Plain texts with their names, and documents: clean twins where there are any, of one split or all."""
    from ocr_neurons.common.files import user_path
    from ocr_neurons.text.datasets import SPLITS, load_dataset
    from ocr_neurons.text.formats.detect import KINDS, LABELLED
    from ocr_neurons.text.formats.plain import WANTED, decode
    from ocr_neurons.text.formats.read import kind_of

    plain: list[tuple[str, str]] = []
    documents: list[Document] = []
    for spec in given:
        path = user_path(spec)
        kind = kind_of(path) if path.is_file() else ""
        if kind in ("alto", "page", "hocr"):
            raise UserError(f"{spec}: {KINDS[kind]}, of which the marks would be noised too; wanted its plain text")
        if path.is_file() and kind not in LABELLED and path.suffix != ".tsv":
            plain.append((path.stem, decode(path.read_bytes(), spec, WANTED)))
            continue
        dataset = load_dataset(spec)
        for name in SPLITS if split == "all" else [split]:
            documents += dataset.clean_text(name)
    if not plain and not documents:
        raise UserError(f"{', '.join(given)}: no document in split {split}; wanted one of train, dev, test or all")
    twice = [name for name, _ in plain if [other for other, _ in plain].count(name) > 1]
    if twice:
        raise UserError(f"two texts are called {twice[0]}; their noise would be the same: rename one")
    return plain, documents


def _normalised(pairs: Iterable[TextPair], rules: list[str]) -> list[TextPair]:
    from ocr_neurons.text.normalise import normalise_pair

    return [normalise_pair(pair, rules) for pair in pairs] if rules else list(pairs)


def _columns(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    clean, comma, noisy = given.partition(",")
    if not comma or not clean or not noisy or "," in noisy:
        raise UserError(f"--columns {given!r}; wanted two names, clean then noisy: --columns corrected_text,text")
    return clean, noisy


def _set_name(path: Path, all_paths: list[Path]) -> str:
    """A path's last part, or as much of its end as tells it from the others."""
    parts = path.resolve().parts
    for count in range(1, len(parts)):
        name = "/".join(parts[-count:])
        if sum("/".join(other.resolve().parts[-count:]) == name for other in all_paths) == 1:
            return name
    return str(path)


def _aligned(path: Path, args: argparse.Namespace, reporter: Reporter) -> AlignedSet:
    """The aligned pairs under a path, or of a named data set; what was left out is said."""
    from ocr_neurons.text.aligned.columns import columns_known
    from ocr_neurons.text.aligned.read import read_aligned
    from ocr_neurons.text.aligned.record import UnknownFormatError
    from ocr_neurons.text.named import aligned_entry, named_path

    entry, columns = aligned_entry(path), _columns(args.columns)
    given = [*args.pairs, *filter(None, [getattr(args, "against", None)])]
    if columns and columns_known(path) and not all(map(columns_known, given)):
        columns = None  # they are those of the others
    try:
        found = read_aligned(named_path(entry.name) if entry else path, columns=columns, floor=args.floor)
    except UnknownFormatError as error:
        if columns:
            raise
        raise UserError(f"{error}; of a table name the two: --columns corrected_text,text") from None
    if entry:
        found = replace(found, name=entry.name, licences=(entry.licence,))
    if refused := found.refused_by_reason():
        reporter.say(f"  {path}: left out " + ", ".join(f"{count} {reason}" for reason, count in refused.items()))
    if found.unread:
        reporter.say(f"  {path}: {len(found.unread)} files of other formats not read, such as {found.unread[0]}")
    found.require()
    return found
