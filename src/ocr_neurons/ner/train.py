"""Training a tagger: LoRA on a token-classification model, by the Hugging Face Trainer."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import derive
from ocr_neurons.lm.load import load_tokenizer, resolve
from ocr_neurons.lm.registry import EMBEDDED
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.encode import Window, windows
from ocr_neurons.ner.labels import IGNORED, inventory, label_ids
from ocr_neurons.ner.model import CARD, build, write_card
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.text.document import Document


def train(
    documents: Sequence[Document],
    base: str,
    out: Path,
    *,
    recipe: Recipe | None = None,
    labels: Sequence[str] | None = None,
    seed: int = 1,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
    data: str = "",
    reporter: Reporter = QUIET,
) -> dict[str, Any]:
    """Train a tagger on ``documents`` and write its folder: adapter, tokenizer, ``ocr_neurons.json``.

    ``labels`` defaults to the inventory of the documents. The global random generators are left as they were found.
    Returns the card, with ``losses`` (one a logged step) and ``seconds``.

    Raises:
        UserError: no document, no entity, windows longer than the model reads, or an output folder that holds
            something else.
    """
    recipe, device = recipe or Recipe(), device or torch.device("cpu")
    if not documents:
        raise UserError("no training documents; wanted a data set with a train split")
    if out.exists() and any(out.iterdir()) and not (out / CARD).exists():
        raise UserError(f"{out}: holds files that are not a tagger's; choose another folder")
    names = list(labels or inventory(documents))
    inventory(documents)  # refuses documents without entities
    source = resolve(base)
    tokenizer = load_tokenizer(source)
    examples = _examples(documents, windows(documents, tokenizer, recipe.max_length), names)
    start = time.monotonic()
    with _own_generators(derive(seed, "train") % 2**32), _old_name_forgiven():
        model = build(source, names, attention=recipe.attention, dtype=dtype, device=device)
        positions = getattr(model.config, "max_position_embeddings", None)
        if isinstance(positions, int) and recipe.max_length > positions:
            raise UserError(f"recipe: max_length = {recipe.max_length} given; {base} has {positions} positions")
        lora = LoraConfig(
            task_type=TaskType.TOKEN_CLS,
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=lora_targets(model, recipe.target),
        )
        wrapped = get_peft_model(model, lora)
        progress = _Progress(reporter)
        with tempfile.TemporaryDirectory(prefix="ocr-neurons-") as scratch:
            trainer = Trainer(
                model=wrapped,
                args=_arguments(recipe, scratch, seed, dtype, device),
                train_dataset=examples,
                data_collator=_Collator(int(tokenizer.pad_token_id or 0)),
                callbacks=[progress],
            )
            trainer.remove_callback(_printer())
            trainer.train()
    card = {
        # a relative path would only be found from here
        "base": str(Path(source).resolve()) if base not in EMBEDDED and Path(source).is_dir() else base,
        "labels": names,
        "attention": recipe.attention,
        "max_length": recipe.max_length,
        "recipe": asdict(recipe),
        "data": data,
        "documents": len(documents),
        "windows": len(examples),
        "seed": seed,
        "dtype": str(dtype).removeprefix("torch."),
        "losses": progress.losses,
    }
    _save(out, wrapped, tokenizer, card)
    return card | {"seconds": time.monotonic() - start}


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
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        model.save_pretrained(str(part))
        tokenizer.save_pretrained(str(part))
        (part / "README.md").unlink(missing_ok=True)  # peft's empty form
        write_card(part, card)
        part.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _arguments(recipe: Recipe, scratch: str, seed: int, dtype: torch.dtype, device: torch.device) -> TrainingArguments:
    return TrainingArguments(
        output_dir=scratch,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup,
        lr_scheduler_type="linear",
        seed=derive(seed, "train") % 2**32,
        bf16=dtype == torch.bfloat16,
        use_cpu=device.type == "cpu",
        save_strategy="no",
        report_to=[],
        logging_steps=5,
        logging_strategy="steps",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _examples(
    documents: Sequence[Document], cut: Sequence[Window], labels: Sequence[str]
) -> list[dict[str, list[int]]]:
    numbers = [label_ids(document, labels) for document in documents]
    examples = []
    for window in cut:
        targets = [IGNORED] * len(window.ids)
        # a sub-word shared by two tokens keeps the label of the first
        for position, token in reversed(window.heads):
            targets[position] = numbers[window.document][token]
        examples.append({"input_ids": list(window.ids), "labels": targets})
    return examples


class _Collator:
    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, examples: Sequence[dict[str, list[int]]]) -> dict[str, Tensor]:
        longest = max(len(example["input_ids"]) for example in examples)
        ids = torch.full((len(examples), longest), self.pad_id)
        attention = torch.zeros((len(examples), longest), dtype=torch.long)
        labels = torch.full((len(examples), longest), IGNORED)
        for row, example in enumerate(examples):
            length = len(example["input_ids"])
            ids[row, :length] = torch.tensor(example["input_ids"])
            attention[row, :length] = 1
            labels[row, :length] = torch.tensor(example["labels"])
        return {"input_ids": ids, "attention_mask": attention, "labels": labels}


class _Progress(TrainerCallback):  # type: ignore[misc]
    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.losses: list[float] = []
        self.start = self.spoken = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ANN401
        if not logs or "loss" not in logs:
            return
        self.losses.append(round(float(logs["loss"]), 4))
        now = time.monotonic()
        if now - self.spoken >= 10:
            left = (now - self.start) / state.global_step * (state.max_steps - state.global_step)
            self.reporter.say(
                f"  training: step {state.global_step}/{state.max_steps}, epoch {state.epoch:.1f}, "
                f"loss {self.losses[-1]:.3f}, about {left:.0f} s left"
            )
            self.spoken = now


def _printer() -> Any:  # noqa: ANN401 - a transformers class
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


@contextmanager
def _old_name_forgiven() -> Iterator[None]:
    """Silence one warning: peft and the Trainer ask transformers for a property by its old name themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


@contextmanager
def _own_generators(seed: int) -> Iterator[None]:
    """Seed the global generators inside, give the caller's back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the Trainer draws from it
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
