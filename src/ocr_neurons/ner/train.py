"""Training a tagger: LoRA or full fine-tuning of a token-classification model, by the Hugging Face Trainer."""

from __future__ import annotations

import gc
import glob
import random
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import PreTrainedTokenizerBase
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in, replacing_folder
from ocr_neurons.common.launched import processes
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import derive
from ocr_neurons.lm.load import configuration, fingerprint, load_tokenizer, resolve
from ocr_neurons.lm.positions import positions
from ocr_neurons.lm.quiet import hushed
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.adapters import quick_adapters
from ocr_neurons.ner.base import base_facts
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.examples import Collator, Corrupt, Example, ExampleMaker
from ocr_neurons.ner.labels import check_types, inventory
from ocr_neurons.ner.model import CARD, build, cards, write_card
from ocr_neurons.ner.origin import BASE_FINGERPRINT
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.schedule import Schedule, schedule
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.trainer import Judge, TaggerTrainer, arguments
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import format_hipe


def train(
    documents: Sequence[Document],
    base: str,
    out: Path,
    *,
    dev: Sequence[Document] = (),
    recipe: Recipe | None = None,
    labels: Sequence[str] | None = None,
    corrupt: Corrupt | None = None,
    during: Callable[[nn.Module], AbstractContextManager[None]] | None = None,
    seed: int = 1,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
    data: str = "",
    facts: dict[str, Any] | None = None,
    report_to: str = "",
    reporter: Reporter = QUIET,
) -> dict[str, Any]:
    """Train a tagger on ``documents`` and write its folder: adapter or weights, tokenizer, ``ocr_neurons.json``.

    ``labels`` defaults to the inventory of the documents. ``dev`` is looked at only if the recipe has patience.
    ``corrupt`` puts noise on a document, for recipes that ask for it. ``during`` changes the model while it is trained,
    such as ``edit.on``. ``facts`` stand in the card beside ours, and decide with the rest whether a training that was
    interrupted is the same one: it then goes on from its last epoch. ``report_to`` names loggers of the Trainer.

    The global random generators are left as they were found. Returns the card, with ``losses`` (one a logged step),
    ``dev_f1`` (one an epoch) and ``seconds``.

    Raises:
        UserError: no document, no entity, no dev or noise where the recipe wants it, windows longer than the model
            reads, or an output folder that holds something else.
    """
    recipe, device = (recipe or Recipe()).settled(documents), device or torch.device("cpu")
    _check(documents, dev, out, recipe, corrupt)
    names = list(labels or inventory(documents))
    inventory(documents)  # refuses documents without entities
    if recipe.patience:
        check_types(dev, names, "dev")
    source = resolve(base)
    _refuse_packed(base, source)
    tokenizer = load_tokenizer(source)
    card: dict[str, Any] = {
        **base_facts(base, source, out),
        "labels": names,
        "attention": recipe.mask,
        "encoding": recipe.encoding.to_json(),
        "recipe": asdict(recipe),
        "data": data,
        "documents": len(documents),
        "seed": seed,
        "dtype": str(dtype).removeprefix("torch."),
        **(facts or {}),
    }
    start = time.monotonic()
    # small steps are lost in weights of bfloat16; autocast computes in it all the same
    kept = torch.float32 if recipe.method == "full" else dtype
    with _own_generators(derive(seed, "train") % 2**32, device), _old_name_forgiven():
        model = build(source, names, attention=recipe.mask, dtype=kept, device=device)
        origin = {BASE_FINGERPRINT: fingerprint(model)}
        longest = _positions(model, recipe, base)
        maker = ExampleMaker(documents, tokenizer, recipe.encoding, names, longest)
        plan = schedule(epoch_examples(maker, recipe, corrupt, seed), recipe.batch_tokens, recipe.batch, seed)
        wrapped = adapted(model, recipe)
        judge = _judge(wrapped, tokenizer, names, recipe, dev) if recipe.patience else None
        key = digest(card, plan.examples, format_hipe(dev) if judge else "", str(source))
        scratch = out.parent / f"{_scratch(out)}{key[:12]}"
        scratch.mkdir(parents=True, exist_ok=True)
        edited = during(wrapped) if during else nullcontext()
        with alone_in(scratch), _kept_if_useful(scratch), hushed(), edited, quick_adapters(wrapped):
            trainer = TaggerTrainer(
                wrapped,
                arguments(recipe, scratch, seed, dtype, device, judged=judge is not None, report_to=report_to),
                plan, Collator(int(tokenizer.pad_token_id or 0)), recipe, judge, reporter,
            )  # fmt: skip
            last = _last_checkpoint(scratch)
            if last:
                reporter.say("  training: goes on from the last epoch that was finished")
            trainer.train(resume_from_checkpoint=last)
            card |= _found(trainer, plan, maker) | origin
            _save(out, wrapped, tokenizer, card)
    del trainer, wrapped, model, judge, edited
    gc.collect()  # the Trainer's wrapper refers to itself, and its model would stand beside the next one
    _clear(out)
    return card | {"seconds": time.monotonic() - start}


def _scratch(out: Path) -> str:
    """How the names of the folders begin that trainings for ``out`` work in."""
    return f".{out.name}.training-"


def _clear(out: Path) -> None:
    """Remove what trainings for ``out`` left, of other settings too: it is there, and none of them can go on to it."""
    for folder in out.parent.glob(f"{glob.escape(_scratch(out))}*"):
        with suppress(UserError), alone_in(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _check(
    documents: Sequence[Document], dev: Sequence[Document], out: Path, recipe: Recipe, corrupt: Corrupt | None
) -> None:
    if not documents:
        raise UserError("no training documents; wanted a data set with a train split")
    if recipe.patience and not dev:
        raise UserError(f"recipe: patience = {recipe.patience} given; wanted a data set with a dev split to stop by")
    if recipe.noise_share and corrupt is None:
        raise UserError(
            f"recipe: noise_share = {recipe.noise_share} given without a noise model; name one (en, fr, de)"
        )
    if out.exists() and any(out.iterdir()) and not (out / CARD).exists():
        raise UserError(f"{out}: holds files that are not a tagger's; choose another folder")
    if processes() > 1:
        raise UserError(
            f"training: started as {processes()} processes by a launcher; wanted one process, which uses one card"
        )


def _refuse_packed(base: str, source: str) -> None:
    """Refuse weights in 8 or 4 bits: adapters cannot be merged into them, so the tagger could not be loaded."""
    if getattr(configuration(source), "quantization_config", None):
        raise UserError(
            f"{base}: its weights are packed in fewer bits; wanted the model unpacked, as taggers are merged"
        )


def longest_input(model: nn.Module, encoding: Encoding) -> int:
    """How many positions an input may take."""
    return positions(model) or 2 * encoding.longest


def _positions(model: nn.Module, recipe: Recipe, base: str) -> int:
    longest = longest_input(model, recipe.encoding)
    if recipe.encoding.longest > longest:
        twice = ", twice each" if recipe.encoding.repeat else ""
        raise UserError(f"recipe: max_length = {recipe.max_length}{twice} given; {base} has {longest} positions")
    return longest


def epoch_examples(maker: ExampleMaker, recipe: Recipe, corrupt: Corrupt | None, seed: int) -> list[list[Example]]:
    """The examples of each epoch of ``recipe``, with noise by ``corrupt`` if it asks for noise."""
    if not recipe.noise_share or corrupt is None:
        return [maker.plain] * recipe.epochs
    beside = recipe.stability > 0
    return [maker.noisy_epoch(corrupt, recipe.noise_share, beside, seed, n) for n in range(recipe.epochs)]


def adapted(model: nn.Module, recipe: Recipe) -> nn.Module:
    """The model with what is trained in it: its adapters and head, or all of it."""
    if recipe.method == "full":
        return model
    lora = LoraConfig(
        task_type=TaskType.TOKEN_CLS,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=lora_targets(model, recipe.target),
    )
    wrapped: nn.Module = get_peft_model(model, lora)
    return wrapped


def _judge(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    labels: list[str],
    recipe: Recipe,
    dev: Sequence[Document],
) -> Judge:
    tagger = Tagger(model, tokenizer, labels, recipe.encoding, {})
    prepared = tagger.prepare(dev)
    return lambda: evaluate(dev, prepared.tag(tagger)).total("strict").f1


def _found(trainer: TaggerTrainer, plan: Schedule, maker: ExampleMaker) -> dict[str, Any]:
    progress = trainer.progress
    found: dict[str, Any] = {
        "windows": len(maker.plain),
        "steps": trainer.state.global_step,
        "padding": round(plan.padding, 4),
        "losses": progress.losses,
    }
    if maker.cut_short:
        found["noisy_windows_too_long"] = maker.cut_short
    if progress.scores:
        found |= {"dev_f1": progress.scores, "epoch_kept": 1 + int(np.argmax(progress.scores))}
    return found


def _last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that is whole; those that were cut off while they were written are removed."""
    while folder.is_dir() and (last := get_last_checkpoint(str(folder))):
        if (Path(last) / TRAINER_STATE_NAME).is_file():  # written last
            return str(last)
        shutil.rmtree(last)
    return None


@contextmanager
def _kept_if_useful(folder: Path) -> Iterator[None]:
    """Of a training that does not end, keep the folder only if it holds a checkpoint to go on from."""
    try:
        yield
    except BaseException:
        if folder.is_dir() and _last_checkpoint(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def lora_targets(model: nn.Module, target: str) -> list[str]:
    """The linear maps that LoRA adapts, as names inside a block: all of them, or those called ``target``.

    The head is none of them: it is trained whole.

    Raises:
        UserError: no map of the blocks is called ``target``.
    """
    names = {
        name
        for block in blocks(model)
        for name, module in block.named_modules()
        if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
    }
    chosen = sorted(name for name in names if target in ("all-linear", name, name.rpartition(".")[2]))
    if not chosen:
        raise UserError(f"recipe: target {target!r} given; wanted all-linear or one of {', '.join(sorted(names))}")
    return chosen


def _save(out: Path, model: Any, tokenizer: Any, card: dict[str, Any]) -> None:  # noqa: ANN401 - transformers' types
    with replacing_folder(out) as part:
        model.save_pretrained(str(part))
        tokenizer.save_pretrained(str(part))
        (part / "README.md").unlink(missing_ok=True)  # peft's empty form
        write_card(part, card)


@contextmanager
def _old_name_forgiven() -> Iterator[None]:
    """Silence one warning: peft and the Trainer ask transformers for a property by its old name themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


@contextmanager
def _own_generators(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators inside, give the caller's back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the Trainer draws from it
    with torch.random.fork_rng(devices=cards(device)):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
