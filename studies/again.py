"""Would other words name the same neurons? Rankings by disjoint sets of words beside one another.

    python studies/again.py ../shared/data --model runs/gazette/tagger --data gazette --out results/again --work WORK
    python studies/again.py ../shared/data --model smollm2 --data real:en --out results/again --work WORK
    python studies/again.py ../shared/data --out results/again --work WORK     # the page of what is there

``--data`` is a data set, whose words are made noisy by learned noise at three levels as a run does it, or ``real:en``
or ``real:fr``: the words that real OCR (``icdar2017-postocr``) misread without touching white space, in their clean
surroundings. Beside each reading stands a placebo of the same size. The activations of all are read once and kept in
``--work``; then the words are parted into two sets of 50, 100, … words (of real OCR: by document), each is made a
profile, and each ranking by the one is compared with that by the other.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from again_page import page
from again_words import real_words
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json, write_text
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.batches import token_budget
from ocr_neurons.lm.load import fingerprint, load_tokenizer, load_trunk, pick_device, pick_dtype, resolve
from ocr_neurons.lm.sites import readings, site_width
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.noise.kinds import pairs_noise
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.batching import pool
from ocr_neurons.probe.chunks import Chunk, Chunks
from ocr_neurons.probe.profile import freeze
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.probe.views import CONTRAST, CONTROL, NOISE
from ocr_neurons.rank.agreement import split_half
from ocr_neurons.rank.beyond import scored
from ocr_neurons.rank.choose import discovered
from ocr_neurons.rank.methods import score
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import specific
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.pairs import TextPair

SIZES = (50, 100, 200, 300, 500)
"""Words of each of two sets that are compared."""
SHARE, RATE = 0.05, 0.05
PARTINGS = 4
"""Ways to part the words, drawn by the seed; what is shown is their mean."""
VIEWS = (NOISE, CONTROL, CONTRAST)


@dataclass(frozen=True)
class Read:
    """All that was read: units by word, with the activations ``[layers, units, width]`` of each side."""

    chunks: list[Chunk]
    sides: list[tuple[Tensor, ...]]
    levels: tuple[str, ...]
    documents: dict[str, str]

    @property
    def words(self) -> list[str]:
        """Each word once, in the order read."""
        return list(dict.fromkeys(unit.cluster for chunk in self.chunks for unit in chunk.units))

    def profiles(self, words: set[str]) -> Profiles:
        """The profiles of some of the words."""
        made: list[Accumulator] = []
        for chunk, sides in zip(self.chunks, self.sides, strict=True):
            rows = [i for i, unit in enumerate(chunk.units) if unit.cluster in words]
            if not rows:
                continue
            units, picked = [chunk.units[i] for i in rows], [side[:, rows].float() for side in sides]
            if not made:
                layers, _, width = picked[0].shape
                shifts = [view.of(picked)[0].double().mean(1) for view in VIEWS]
                made = [Accumulator(layers, width, self.levels, shift=shift) for shift in shifts]
            for view, accumulator in zip(VIEWS, made, strict=True):
                given = Rows(
                    [self.levels.index(unit.level) for unit in units],
                    [unit.cluster for unit in units],
                    [view.dose(unit) for unit in units],
                    f"{chunk.number}",
                )
                accumulator.update(*view.of(picked), given)
        return Profiles(*(freeze(accumulator, {"site": "neuron"}) for accumulator in made))


def main() -> int:
    """Measure one case, if one is given, and write the page of all; 2 for bad input."""
    args = _arguments()
    os.environ["OCR_NEURONS_DATA"] = str(args.folder)
    try:
        args.work.mkdir(parents=True, exist_ok=True)
        if args.data:
            found = study(args, Reporter())
            write_json(args.work / f"case-{found['name']}.json", found)
        cases = [read_json(path, "a case") for path in sorted(args.work.glob("case-*.json"))]
        if not cases:
            raise UserError(f"{args.work}: nothing measured; wanted --model and --data")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "again.json", cases)
    write_text(args.out / "README.md", page(cases))
    return 0


def study(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    """All numbers of one case."""
    pairs, documents = _pairs(args, reporter)
    control = control_pairs(pairs, args.placebo, args.seed)
    read = _read(args, pairs, control, documents, reporter)
    words = read.words
    reporter.say(f"{len(words)} words; comparing …")
    rows = []
    for size in [size for size in SIZES if 2 * size <= len(words)]:
        agreed = [_compared(read, *_parted(read, size, args.seed, draw)) for draw in range(PARTINGS)]
        rows.append(
            {"words": size}
            | {
                name: {key: float(np.mean([one[name][key] for one in agreed])) for key in agreed[0][name]}
                for name in agreed[0]
            }
        )
        reporter.say(f"  {size} words: done")
    counts = []
    for size in [size for size in (*SIZES, len(words)) if size <= len(words)]:
        chosen = words[:size] if size == len(words) else _parted(read, size, args.seed, 0)[0]
        counts.append({"words": size} | _counts(read.profiles(set(chosen))))
    whole = read.profiles(set(words))
    return {
        "name": f"{args.data.replace(':', '-')}-{Path(args.model).name}-{args.placebo}",
        "placebo": args.placebo,
        "data": args.data,
        "model": args.model,
        "seed": args.seed,
        "words": len(words),
        "pairs": sum(len(chunk.units) for chunk in read.chunks),
        "levels": list(read.levels),
        "documents": len(set(read.documents.values())),
        "neurons": int(whole.noise.layers * whole.noise.width),
        "dose": [float(np.mean([view.dose(u) for c in read.chunks for u in c.units])) for view in (NOISE, CONTROL)],
        "sub_words": _lengths(read),
        "distance": _distance(whole),
        "agreement": rows,
        "counts": counts,
    }


def _pairs(args: argparse.Namespace, reporter: Reporter) -> tuple[list[TextPair], dict[str, str]]:
    kind, _, language = args.data.partition(":")
    if kind == "real":
        return real_words(args.folder, language, args.characters, args.seed, args.work, reporter)
    documents = load_dataset(args.data).clean_text("train")
    noise = pairs_noise("auto", "context", documents)
    return word_pairs(
        documents, protocol="context", words=args.words, or_fewer=True, seed=args.seed, noise=noise
    ), {}  # fmt: skip


def _read(
    args: argparse.Namespace,
    pairs: Sequence[TextPair],
    control: Sequence[TextPair],
    documents: dict[str, str],
    reporter: Reporter,
) -> Read:
    device = pick_device(args.device)
    dtype = pick_dtype(args.dtype, device)
    folder = Path(args.model)
    if (folder / CARD).is_file():
        tagger = load_tagger(folder, dtype=dtype, device=device)
        trunk, tokenizer = tagger.trunk, tagger.tokenizer
    else:
        source = resolve(args.model)
        trunk, tokenizer = load_trunk(source, dtype, device), load_tokenizer(source)
    chunks = Chunks(pairs, tokenizer, seed=args.seed, control=control)
    kept = [chunk for chunk in chunks if chunk.units]
    maps, width = readings(trunk), site_width(trunk)
    key = digest(fingerprint(trunk), chunks.digest, chunks.control.digest if chunks.control else "", str(dtype))
    sides = []
    for chunk in reporter.track(kept, "reading"):
        path = args.work / f"sides-{key}-{chunk.number}.npy"
        if not path.exists():
            read = pool(
                trunk, maps, width, chunk.units, budget=token_budget(device), pad_id=int(tokenizer.pad_token_id or 0)
            )
            with path.with_suffix(".part").open("wb") as stream:
                np.save(stream, torch.stack(list(read)).cpu().half().numpy())
            path.with_suffix(".part").rename(path)
        sides.append(tuple(torch.from_numpy(np.load(path))))
    return Read(kept, sides, chunks.levels, documents)


def _parted(read: Read, size: int, seed: int, draw: int) -> tuple[list[str], list[str]]:
    """Two sets of ``size`` words; no document has words in both, where documents are known."""
    rng, words = generator(seed, "parted", str(size), str(draw)), read.words
    if not read.documents:
        drawn = [words[int(i)] for i in rng.permutation(len(words))]
        return drawn[:size], drawn[size : 2 * size]
    by_document: dict[str, list[str]] = {}
    for word in words:
        by_document.setdefault(read.documents[word], []).append(word)
    names = sorted(by_document)
    halves: tuple[list[str], list[str]] = ([], [])
    for i in rng.permutation(len(names)):
        halves[len(halves[1]) < len(halves[0])].extend(by_document[names[int(i)]])
    shuffled = [[half[int(i)] for i in rng.permutation(len(half))][:size] for half in halves]
    return shuffled[0], shuffled[1]


def _rankings(profiles: Profiles) -> dict[str, Scored]:
    assert profiles.control is not None
    found = {name: score(name, profiles.noise) for name in ("effect", "size")}
    apart = {
        f"{name} beyond the placebo": specific(found[name], score(name, profiles.control))
        for name in ("effect", "size")
    }
    return found | apart | {"effect beyond the placebo, word by word": scored("effect", profiles)}


def _compared(read: Read, first: list[str], second: list[str]) -> dict[str, dict[str, float]]:
    one, other = (_rankings(read.profiles(set(words))) for words in (first, second))
    agreed = {
        name: split_half(one[name].score, other[name].score, counts=(), shares=(SHARE,)).halves for name in one
    }  # fmt: skip
    return {
        name: {
            "within": found.within,
            "overlap": found.overlaps[0].overlap,
            "expected": found.overlaps[0].expected_in_layers,
        }
        for name, found in agreed.items()
    }


def _counts(profiles: Profiles) -> dict[str, int]:
    """Neurons found at the false-discovery rate: under noise, under the placebo, under both; and beyond, both ways."""
    assert profiles.control is not None
    noise, control = score("effect", profiles.noise), score("effect", profiles.control)
    found = discovered(noise, RATE), discovered(control, RATE)
    counts = {"noise": found[0], "placebo": found[1], "both": found[0] & found[1]}
    counts["both, same direction"] = counts["both"] & (noise.sign == control.sign)
    for name, beyond in (("apart", specific(noise, control)), ("word by word", scored("effect", profiles))):
        counts[f"further under noise, {name}"] = discovered(beyond, RATE)
        counts[f"less far, {name}"] = discovered(replace(beyond, score=-beyond.score), RATE)
    return {name: int(mask.sum()) for name, mask in counts.items()}


def _distance(profiles: Profiles) -> float:
    """Mean factor over layers by which noise moves a word farther than the placebo does."""
    assert profiles.control is not None
    ratio: NDArray[np.float64] = profiles.noise.curve("distance")[0] / profiles.control.curve("distance")[0]
    return float(np.exp(np.log(ratio).mean()))


def _lengths(read: Read) -> list[float]:
    """Mean sub-words of the word: clean, noisy, placebo."""
    units = [unit for chunk in read.chunks for unit in chunk.units]
    return [float(np.mean([unit.sides[side].last - unit.sides[side].first for unit in units])) for side in range(3)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds the data sets, and icdar2017-postocr")
    parser.add_argument("--model", default="smollm2", help="a model or a tagger's folder")
    parser.add_argument(
        "--data", default="", help="a data set, or real:en, real:fr; without it the page is written anew"
    )
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--work", type=Path, required=True, help="where activations and cases are kept")
    parser.add_argument("--placebo", default="cased-letters", choices=("letters", "cased-letters", "signs"))
    parser.add_argument("--words", type=int, default=1_000, help="words of a data set, at most")
    parser.add_argument("--characters", type=int, default=150_000, help="of real OCR, clean text, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
