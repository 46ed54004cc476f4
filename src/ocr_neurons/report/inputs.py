"""What a run left behind, read and checked: ``summary.json``, ``details.json``, ``manifest.json``.

Scores and differences are shares between 0 and 1 (-1 and 1) here, as in the files; only what is shown is in points.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_neurons.rank.beyond import Again
from ocr_neurons.report.fields import Field
from ocr_neurons.report.inputs_examples import Example, read_example
from ocr_neurons.report.inputs_layers import Layers, read_layers
from ocr_neurons.report.older import completed
from ocr_neurons.report.weak import headed, is_weak
from ocr_neurons.score.intervals import beyond_chance

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall, F1; the 95 % interval of the F1 and (tp, fp, fn) where the file gives them.

    Precision is ``None`` where nothing was predicted.
    """

    precision: float | None
    recall: float
    f1: float
    interval: Interval | None
    counts: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Scores:
    """The two ways to score; ``fuzzy`` is ``None`` where the file has strict scores alone."""

    strict: Score
    fuzzy: Score | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two strict F1 (positive: the first named is better), its 95 % interval and p-value."""

    f1: float
    interval: Interval
    p: float

    @property
    def better(self) -> bool:
        """Whether a paired difference is a gain beyond chance: interval and p agree."""
        return beyond_chance(*self.interval, self.p) > 0

    @property
    def worse(self) -> bool:
        """Whether it is a loss beyond chance."""
        return beyond_chance(*self.interval, self.p) < 0


@dataclass(frozen=True, slots=True)
class Edit:
    """The edit that dev chose; ``factor`` is ``None`` for operations without one."""

    region: str
    layers: tuple[int, ...]
    count: int
    operation: str
    factor: float | None
    description: str


@dataclass(frozen=True, slots=True)
class Control:
    """Random neurons in the place of the chosen ones: strict F1 of each draw, mean scores."""

    f1s: tuple[float, ...]
    scores: Scores


@dataclass(frozen=True, slots=True)
class Opposite:
    """The chosen neurons changed as much in the other direction; ``difference`` is to the tagger without an edit."""

    factor: float | None
    scores: Scores
    difference: Difference


@dataclass(frozen=True, slots=True)
class RandomBest:
    """What dev would have chosen ``among`` as many settings of random neurons, by the rule that chose the edit.

    ``on_dev`` is its difference to the tagger without an edit there, ``chosen_on_dev`` that of the chosen edit;
    ``difference`` is its own on test.
    """

    edit: Edit
    among: int
    on_dev: Difference
    chosen_on_dev: Difference
    scores: Scores
    difference: Difference


@dataclass(frozen=True, slots=True)
class NoiseBin:
    """Gold entities that OCR damaged to one degree, ``low`` to ``high``: 0 and 0 clean, both ``None`` unknown.

    Recalls are ``None`` where there are no such entities.
    """

    label: str
    low: float | None
    high: float | None
    entities: int
    strict: float | None
    fuzzy: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Twin:
    """The same tagger on the clean text of the same documents; ``difference`` is clean minus noisy.

    ``whole`` is false where only the entities are clean and the words around them as noisy as before.
    """

    scores: Scores
    difference: Difference
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting of the sweep on dev; differences are to the tagger without an edit."""

    region: str
    count: int
    operation: str
    factor: float | None
    f1: float
    difference: float
    interval: Interval | None
    random: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """All that the page shows of a run. ``method`` is that of its ranking, empty where the folder has none."""

    model: str
    data: str
    seed: int
    baseline: Scores
    edit: Edit | None
    chosen: Scores
    control: Control | None
    gain: Difference
    gain_over_control: Difference | None
    bins: tuple[NoiseBin, ...]
    twin: Twin | None
    verdict: str
    timings: dict[str, float]
    layers: Layers
    described: dict[str, Any]
    dev_f1: float
    trials: tuple[Trial, ...]
    examples: tuple[Example, ...]
    manifest: dict[str, Any]
    opposite: Opposite | None = None
    again: Again | None = None
    random_best: RandomBest | None = None
    method: str = ""

    @property
    def weak(self) -> bool:
        """Whether the tagger gets so little right that nothing else can be read from the run."""
        return is_weak(self.baseline.strict.f1)

    @property
    def test_documents(self) -> int | None:
        """Number of test documents, where the details say it."""
        splits = self.described.get("splits")
        test = splits.get("test") if isinstance(splits, dict) else None
        documents = test.get("documents") if isinstance(test, dict) else None
        return documents if isinstance(documents, int) else None

    @property
    def trained(self) -> bool:
        """Whether the run trained its tagger and was not given one; so it is where the manifest says nothing."""
        steps = self.manifest.get("steps")
        return not isinstance(steps, dict) or "train" in steps

    @property
    def entities(self) -> int | None:
        """Number of gold entities in test, where the summary counts them."""
        counts = self.baseline.strict.counts
        return None if counts is None else counts[0] + counts[2]


def read_run(folder: Path) -> Run:
    """Read a run folder. ``manifest.json`` may be absent; the page then says so.

    Raises:
        UserError: a file is missing or not JSON, or a key is missing or not what it should be; the line names both.
    """
    summary = Field.of(folder / "summary.json", "a run's summary (JSON)")
    details = Field.of(folder / "details.json", "a run's details (JSON)")
    manifest = folder / "manifest.json"
    chosen, cost, control = summary["chosen"], summary["noise_cost"], summary.nullable("random_control")
    edit, twin = chosen.nullable("edit"), cost.nullable("clean_twin")
    against = summary["difference"].nullable("chosen_minus_random_control")
    baseline, ranking = read_scores(summary["baseline"]), folder / "ranking.json"
    return Run(
        model=summary["model"].text(),
        data=summary["data"].text(),
        seed=summary["seed"].whole(),
        baseline=baseline,
        edit=read_edit(edit) if edit else None,
        chosen=read_scores(chosen),
        control=_control(control) if control else None,
        gain=difference(summary["difference"]["chosen_minus_baseline"]),
        gain_over_control=difference(against) if against else None,
        bins=tuple(_bin(field) for field in cost["recall_by_bin"].items()),
        twin=_twin(twin) if twin else None,
        verdict=headed(summary["verdict"].text(), baseline.strict.f1),
        timings={name: field.number() for name, field in summary["timings"].entries().items()},
        layers=read_layers(completed(folder, details["layers"])),
        described=details["data"].entries() and details["data"].value,
        dev_f1=details["dev_baseline_f1"].number(),
        trials=tuple(read_trial(field) for field in details["trials"].items()),
        examples=tuple(read_example(field) for field in details["examples"].items()),
        manifest=Field.of(manifest, "a run's manifest (JSON)").value if manifest.exists() else {},
        opposite=_opposite(summary),
        again=_again(found) if (found := summary.maybe("ranking")) is not None and found.value else None,
        random_best=_random_best(best) if (best := summary.maybe("random_best")) is not None and best.value else None,
        method=_method(Field.of(ranking, "a run's ranking (JSON)")) if ranking.is_file() else "",
    )


def _method(ranking: Field) -> str:
    name = ranking["method"].maybe("name")
    return name.text() if name else ""


def _again(field: Field) -> Again:
    shares = {name: field[name].number() for name in ("share", "overlap", "expected", "within", "whole")}
    return Again(method=field["method"].text(), words=field["words"].whole(), **shares)


def _random_best(field: Field) -> RandomBest:
    return RandomBest(
        edit=read_edit(field["edit"]),
        among=field["among"].whole(),
        on_dev=difference(field["on_dev"]),
        chosen_on_dev=difference(field["chosen_on_dev"]),
        scores=read_scores(field),
        difference=difference(field["minus_baseline"]),
    )


def _twin(field: Field) -> Twin:
    scope = field.maybe("scope")
    return Twin(read_scores(field), difference(field["difference"]), scope is None or scope.text() == "text")


def _score(field: Field) -> Score:
    interval, precision = field.maybe("ci95"), field.nullable("precision")
    counts = [field.maybe(name) for name in ("tp", "fp", "fn")]
    known = [int(count.number()) for count in counts if count is not None]
    return Score(
        precision=precision.number() if precision else None,
        recall=field["recall"].number(),
        f1=field["f1"].number(),
        interval=interval.interval() if interval else None,
        counts=(known[0], known[1], known[2]) if len(known) == 3 else None,
    )


def read_scores(field: Field) -> Scores:
    """Strict scores, and fuzzy ones where there are any."""
    fuzzy = field.maybe("fuzzy")
    return Scores(_score(field["strict"]), _score(fuzzy) if fuzzy else None)


def difference(field: Field) -> Difference:
    """A difference as a summary holds it."""
    return Difference(field["f1"].number(), field["ci95"].interval(), field["p"].number())


def read_edit(field: Field) -> Edit:
    """An edit; one without a factor has none."""
    factor = field.maybe("factor")
    return Edit(
        region=field["region"].text(),
        layers=tuple(layer.whole() for layer in field["layers"].items()),
        count=field["count"].whole(),
        operation=field["operation"].text(),
        factor=factor.number() if factor else None,
        description=field["description"].text(),
    )


def _control(field: Field) -> Control:
    f1s = tuple(value.number() for value in field["f1s"].items())
    if len(f1s) != field["draws"].whole() or not f1s:
        raise field["f1s"].wrong(f"as many F1 as there are draws ({field['draws'].value}), at least one")
    return Control(f1s, read_scores(field))


def _opposite(summary: Field) -> Opposite | None:
    scores, change = summary.maybe("opposite"), summary["difference"].maybe("opposite_minus_baseline")
    if scores is None or change is None:
        return None
    factor = scores.maybe("factor")
    return Opposite(factor.number() if factor else None, read_scores(scores), difference(change))


def _bin(field: Field) -> NoiseBin:
    strict, fuzzy, interval = field.nullable("recall_strict"), field.nullable("recall_fuzzy"), field.maybe("ci95")
    low, high, entities = field.nullable("low"), field.nullable("high"), field["entities"].whole()
    return NoiseBin(
        label=field["label"].text(),
        low=low.number() if low else None,
        high=high.number() if high else None,
        entities=entities,
        strict=strict.number() if strict and entities else None,
        fuzzy=fuzzy.number() if fuzzy and entities else None,
        interval=interval.interval() if interval and entities else None,
    )


def read_trial(field: Field) -> Trial:
    """A setting of the sweep and what it did on dev."""
    factor, interval = field.maybe("factor"), field.nullable("ci95")
    return Trial(
        region=field["region"].text(),
        count=field["count"].whole(),
        operation=field["operation"].text(),
        factor=factor.number() if factor else None,
        f1=field["f1"].number(),
        difference=field["difference"].number(),
        interval=interval.interval() if interval else None,
        random=tuple(value.number() for value in field["random_differences"].items()),
    )
