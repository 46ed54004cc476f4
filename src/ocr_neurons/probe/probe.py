"""Probing: pairs through a model's trunk, statistics out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.lm.batches import token_budget
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.positions import positions
from ocr_neurons.lm.sites import SITE, SITES, blocks, readings, site_width
from ocr_neurons.probe import fields, pilot, processes
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.batching import pool
from ocr_neurons.probe.capture import POOLS
from ocr_neurons.probe.checkpoint import Checkpoint
from ocr_neurons.probe.chunks import CHUNK, PROTOCOLS, Chunk, Chunks
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.probe.units import Side
from ocr_neurons.probe.views import CONTRAST, CONTROL, NOISE, View
from ocr_neurons.text.pairs import TextPair


@dataclass(frozen=True)
class Probing:
    """How a model is read. ``layers`` None reads all; ``pool`` says how a word's sub-words become one value;
    ``language`` is that of whole texts, which it helps to cut into words.

    ``shard`` (number, of how many) reads a part of the pairs; the profiles of all parts merge into the whole.
    """

    site: str = SITE
    layers: tuple[int, ...] | None = None
    protocol: str = "context"
    pool: str = "mean"
    seed: int = 1
    shard: tuple[int, int] = (0, 1)
    language: str = ""

    def __post_init__(self) -> None:
        for name, given, known in (
            ("site", self.site, SITES),
            ("protocol", self.protocol, PROTOCOLS),
            ("pool", self.pool, POOLS),
        ):
            if given not in known:
                raise UserError(f"probe: {name} {given!r} given; wanted one of {', '.join(known)}")
        if not 0 <= self.shard[0] < self.shard[1]:
            raise UserError(f"probe: shard {self.shard[0] + 1} of {self.shard[1]} given; wanted 1 to {self.shard[1]}")


def probe(
    trunk: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[TextPair],
    how: Probing | None = None,
    *,
    budget: int | None = None,
    about: dict[str, Any] | None = None,
    like: Profile | None = None,
    checkpoint: Path | None = None,
    reporter: Reporter = QUIET,
) -> Profile:
    """What the neurons of every layer do on both sides of each pair, as a Profile.

    Pairs are shuffled by the seed, all levels of a word together, and read in chunks of about ``CHUNK``. Memory holds
    the pooled activations of one chunk and the sums, whatever the number of pairs. The result depends on ``budget`` by
    rounding only. Started by ``torchrun`` or ``accelerate launch``, each process reads a part and all get the whole.

    Args:
        trunk: a transformer without head (or one whose head costs little), in evaluation or training mode.
        tokenizer: its tokenizer, with offsets.
        pairs: clean and noisy words in context or alone, or texts (protocol ``aligned``); a ``PairFile`` for many.
        how: site, layers, protocol, pooling, seed and shard.
        budget: sub-words a batch, padding counted; None: by device.
        about: what to write into the Profile besides fingerprint, site and seed.
        like: take the edges of the histograms from this profile, so that the two can be merged.
        checkpoint: a file to go on from, and to write to once a minute (each process its own, with its number at the
            end); :func:`ocr_neurons.probe.checkpoint.remove` it when the profile is written.
        reporter: hears of progress, and beforehand of the memory that is needed.

    Raises:
        UserError: no pair can be read, or the model has no such site. Pairs whose word has no sub-word on one side are
            counted in ``about["skipped"]``.
    """
    (found,) = _probe(
        trunk, tokenizer, pairs, None, how or Probing(), (NOISE,), budget, about, like, checkpoint, reporter
    )  # fmt: skip
    return found


def probe_beside(
    trunk: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[TextPair],
    control: Sequence[TextPair],
    how: Probing | None = None,
    *,
    budget: int | None = None,
    about: dict[str, Any] | None = None,
    checkpoint: Path | None = None,
    reporter: Reporter = QUIET,
) -> Profiles:
    """:func:`probe` of pairs and of placebos of the same words in one go: each text is read once.

    ``control`` are placebos of the pairs (:func:`ocr_neurons.noise.controls.control_pairs`), told by word, place and
    level. Pairs without one are left out of all three profiles.

    Raises:
        UserError: as :func:`probe`, for whole texts (protocol ``aligned``), or if no placebo is of any pair.
    """
    views = (NOISE, CONTROL, CONTRAST)
    return Profiles(
        *_probe(
            trunk, tokenizer, pairs, control, how or Probing(), views, budget, about, None, checkpoint, reporter
        )
    )  # fmt: skip


def _probe(
    trunk: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[TextPair],
    control: Sequence[TextPair] | None,
    how: Probing,
    views: Sequence[View],
    budget: int | None,
    about: dict[str, Any] | None,
    like: Profile | None,
    checkpoint: Path | None,
    reporter: Reporter,
) -> list[Profile]:
    """A profile for each of ``views``."""
    maps = readings(trunk, how.site, how.layers)
    device = next(trunk.parameters()).device
    chunks = Chunks(pairs, tokenizer, how.protocol, how.seed, how.language, _positions(trunk, tokenizer), control)
    tokens = budget or token_budget(device)
    reader = _Reader(
        trunk, maps, site_width(trunk, how.site), tokens, int(tokenizer.pad_token_id or 0), how.pool
    )  # fmt: skip
    reporter.say(f"  {memory(len(maps), reader.width, len(chunks.levels), len(views))}")
    rank, ranks = processes.place()
    shard, shards = how.shard[0] + how.shard[1] * rank, how.shard[1] * ranks
    known: dict[str, Any] = {
        "fingerprint": fingerprint(trunk),
        "site": how.site,
        "depth": len(blocks(trunk)),
        "read": [reading.layer for reading in maps],
        "protocol": how.protocol,
        "pool": how.pool,
        "language": how.language,
        "seed": how.seed,
        "shards": [f"{how.shard[0] + 1}/{how.shard[1]} of {chunks.digest}"],
    }
    file = checkpoint.with_name(f"{checkpoint.name}.{rank}") if checkpoint and ranks > 1 else checkpoint
    # the fingerprint is that of the weights: the same in every precision, and whichever way the mask is set
    reads = str(next(trunk.parameters()).dtype), getattr(trunk.config, "is_causal", None)
    beside = chunks.control.digest if chunks.control else ""
    identity = digest(known, shard, shards, like.about if like else None, reads, beside)
    kept = Checkpoint(file, identity, how.seed, count=len(views))
    summing = torch.device("cpu") if device.type == "mps" else device  # no float64 there
    accumulators, start, pilots = _begin(reader, chunks, views, like, how.seed, summing, kept)
    if start:
        reporter.say(f"  going on at chunk {start} of about {len(chunks)}")
    todo = chunks.take(shard, shards, start)
    for chunk in reporter.track(todo, "probing", total=max(1, (len(chunks) - start) // shards)):
        for accumulator in accumulators:
            for why, count in chunk.skipped.items():
                accumulator.skip(why, count)
        if chunk.units:
            sides = [side.to(summing) for side in pilots.pop(chunk.number, None) or reader.read(chunk)]
            for view, accumulator in zip(views, accumulators, strict=True):
                accumulator.update(*view.of(sides), _rows(chunk, chunks, view))
        kept.keep(accumulators, chunk.number + 1)
    for accumulator in accumulators:
        processes.add_up(accumulator)
    known |= about or {}
    return [
        freeze(accumulator, known if view is NOISE else known | {"view": view.name})
        for view, accumulator in zip(views, accumulators, strict=True)
    ]


def _begin(
    reader: _Reader,
    chunks: Chunks,
    views: Sequence[View],
    like: Profile | None,
    seed: int,
    device: torch.device,
    kept: Checkpoint,
) -> tuple[list[Accumulator], int, dict[int, tuple[Tensor, ...]]]:
    """Accumulators, the chunk to begin with, and the activations of the first chunk where they were read here."""
    resumed = kept.resume(device)
    if resumed:
        return *resumed, {}
    first = next((chunk for chunk in chunks.take() if chunk.units), None)
    if first is None:
        raise UserError(
            f"{len(chunks.pairs)} pairs given, none has a word that the tokenizer sees; wanted at least one"
        )
    sides = reader.read(first)
    made = []
    for view in views:
        before, after = view.of(sides)
        shift, edges = pilot.shift(before), pilot.edges(before, after)
        if like is not None:
            if like.shift.shape != tuple(shift.shape) or like.edges is None:
                raise UserError(
                    "--like: a profile of another model or site, or without histograms; wanted one of this model"
                )
            shift, edges = torch.from_numpy(like.shift), torch.from_numpy(like.edges)
        made.append(
            Accumulator(
                len(reader.maps), reader.width, chunks.levels, shift=shift, edges=edges, seed=seed, device=device
            )
        )
    return made, 0, {first.number: sides}


def _positions(trunk: nn.Module, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Sub-words that a text may have where positions are learned, one by one; None for rotary and relative ones."""
    limit = positions(trunk)
    words = trunk.get_input_embeddings()  # type: ignore[operator]
    tables = [part for part in trunk.modules() if isinstance(part, nn.Embedding) and part is not words]
    if limit is None:
        return None
    config: Any = trunk.config
    size = config.max_position_embeddings
    if not any(size <= part.num_embeddings <= size + 2 for part in tables):
        return None
    return min(limit, int(tokenizer.model_max_length))


def memory(layers: int, width: int, levels: int, views: int = 1) -> str:
    """What probing holds besides the model and one batch, in words."""
    sums = views * fields.size(levels, layers, width)
    sides = 2 if views == 1 else 3
    pooled = 2 * sides * layers * 2 * CHUNK * width * 4  # gathered and by span, and while quantiles are taken
    return (
        f"{layers} layers x {width:,} numbers: about {(sums + pooled) / 1e6:,.0f} MB beside the model "
        f"({sums / 1e6:,.0f} MB of sums), whatever the number of pairs"
    )


class _Reader:
    def __init__(self, trunk: nn.Module, maps: Sequence[Any], width: int, budget: int, pad_id: int, how: str) -> None:
        self.trunk, self.maps, self.width, self.budget, self.pad_id, self.how = trunk, maps, width, budget, pad_id, how

    def read(self, chunk: Chunk) -> tuple[Tensor, ...]:
        """Pooled activations of a chunk, ``[layers, units, width]``: clean, noisy, and the placebo's if it has one."""
        return pool(
            self.trunk, self.maps, self.width, chunk.units, budget=self.budget, pad_id=self.pad_id, how=self.how
        )


def _rows(chunk: Chunk, chunks: Chunks, view: View) -> Rows:
    place = {level: number for number, level in enumerate(chunks.levels)}
    examples: dict[Side, int] = {}
    return Rows(
        [place[unit.level] for unit in chunk.units],
        [unit.cluster for unit in chunk.units],
        [view.dose(unit) for unit in chunk.units],
        chunks.name(chunk.number),
        [examples.setdefault(view.first(unit), len(examples)) for unit in chunk.units],
    )
