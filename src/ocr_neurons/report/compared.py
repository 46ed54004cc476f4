"""What a comparison of strategies says of one strategy's edit: what a model card states."""

from __future__ import annotations

from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.report.fields import Field
from ocr_neurons.report.headline import Headline, OnDev
from ocr_neurons.report.inputs import Difference, difference, read_scores
from ocr_neurons.report.phrase import p_value, signed
from ocr_neurons.report.weak import headed

MADE, EDIT, COMPARED = "made.json", "edit.json", "strategies.json"
PLAIN = "nothing"


def is_strategy(folder: Path) -> bool:
    """Whether a folder is that of a strategy, in one of a finished comparison."""
    return (folder / MADE).is_file() and (folder.parent / COMPARED).is_file()


def plain_tagger(folder: Path) -> Path:
    """The tagger that the edit in a strategy's folder acts on."""
    trained = folder.parent / PLAIN / "tagger"
    return trained if trained.is_dir() else Path(_comparison(folder)["model"].text())


def read_compared(folder: Path) -> Headline:
    """The scores of the strategy whose folder this is, over doing nothing.

    Raises:
        UserError: no edit in it, the comparison has no such strategy, or the edit acts on a tagger that was trained in
            another way.
    """
    if not (folder / EDIT).is_file():
        raise UserError(f"{folder}: a strategy without an edit; wanted one with {EDIT}, such as damp or gains-all")
    tagger = Field.of(folder / MADE, "what a strategy made")["tagger"].text()
    if tagger != PLAIN:
        raise UserError(f"{folder}: its edit acts on the tagger of {tagger}, and its scores are those of both together")
    value = _comparison(folder)
    rows = {row["name"].text(): row for row in value["strategies"].items()}
    if folder.name not in rows:
        raise UserError(f"{folder.parent / COMPARED}: has no strategy {folder.name}; compare again")
    plain, own = rows[PLAIN], rows[folder.name]
    change, control = difference(own["difference"]), own.nullable("random_control")
    baseline, dev = read_scores(plain["ocr"]), [row["dev_f1"].number() for row in (plain, own)]
    verdict = _verdict(change, own["difference"]["p_holm"].number(), len(rows) - 1)
    return Headline(
        data=value["data"].text(),
        seed=value["seed"].whole(),
        dev=OnDev(dev[0], dev[1], signed(dev[1] - dev[0])),
        baseline=baseline,
        chosen=read_scores(own["ocr"]),
        gain=change,
        gain_over_control=difference(control["chosen_minus_random_control"]) if control else None,
        verdict=headed(verdict, baseline.strict.f1),
    )


def _comparison(folder: Path) -> Field:
    return Field.of(folder.parent / COMPARED, "a comparison of strategies (JSON)")


def _verdict(change: Difference, holm: float, count: int) -> str:
    said = "Nothing was gained or lost on test that can be told from chance"
    if change.better or change.worse:
        said = f"A {'gain' if change.better else 'loss'} on test, asked by itself"
    if count == 1:
        return f"{said}; it was the only strategy that was compared there."
    return f"{said}; one of {count} strategies that were compared there, corrected for all of them {p_value(holm)}."
