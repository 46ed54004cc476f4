"""Can a small classifier tell synthetic noise from real? 0.5 means that it cannot; its features say what gives it away.

It sees the edits of a window and never the text between them: which strings became which, with one character on either
side, their shapes, how many there are and how far apart. Limits: the strings that changed come from the clean text, so
texts of different vocabulary can be told apart by them alone: give twins, or texts of one kind, at the same error rate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.seeds import derive, generator
from ocr_neurons.noise.measured.measure import KINDS, SHORT, describe
from ocr_neurons.text.align import Alignment, Edit, align
from ocr_neurons.text.pairs import TextPair

FAMILIES = ("edit", "context", "shape", "kind", "mark", "count", "gap")
"""Families of features; each name begins with its family."""
FOLDS = 5
RARE = 3
"""Features of fewer windows are left out: they could only be learned by heart."""
MOST_FEATURES = 20_000
MOST_WINDOWS = 10_000
"""Most windows of each class; more are drawn from at random."""
STRENGTH = 0.3
"""Inverse strength of the classifier's L2 penalty."""
DRAWS = 2_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """The noise of a stretch of clean text."""

    document: str
    synthetic: bool
    features: Counter[str]


@dataclass(frozen=True, slots=True)
class Feature:
    """What the classifier goes by: positive weight speaks for synthetic, negative for real.

    ``real`` and ``synthetic`` are the shares of windows of either class that have the feature.
    """

    name: str
    weight: float
    real: float
    synthetic: float


@dataclass(frozen=True, slots=True)
class Discrimination:
    """How well real and synthetic windows were told apart, on documents the classifier had not seen.

    Attributes:
        accuracy: share of windows told right; half of them are real, so 0.5 is chance.
        interval: 95 %: the wider end each of a bootstrap over documents and of Wilson's interval over windows.
        windows: how many windows, both classes together.
        documents: how many documents, twins counted once.
        features: those with the largest weights of a fit on all windows, the largest first.
    """

    accuracy: float
    interval: tuple[float, float]
    windows: int
    documents: int
    features: tuple[Feature, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def table(self) -> str:
        """Accuracy and features as text."""
        low, high = self.interval
        rows = [f"{f.weight:+.2f}  {f.real:.1%}  {f.synthetic:.1%}  {f.name}" for f in self.features]
        return "\n".join(
            [
                f"accuracy {self.accuracy:.3f} [{low:.3f}, {high:.3f}] (0.5: cannot be told apart), "
                f"{self.windows} windows of {self.documents} documents",
                "weight (positive: synthetic), share of real and of synthetic windows, feature:",
                *rows,
                "",
            ]
        )


def document_key(source: str) -> str:
    """The document of a pair: its source up to the last ``#``, so ``set/12#learned`` is a twin of ``set/12``."""
    return source.rpartition("#")[0] or source


def tell_apart(
    real: Iterable[TextPair],
    synthetic: Iterable[TextPair],
    seed: int,
    window: int = 200,
    leave_out: Collection[str] = (),
    document: Callable[[str], str] = document_key,
    top: int = 20,
) -> Discrimination:
    """Train and cross-validate a logistic regression on windows of ``window`` clean characters with at least one edit.

    Classes are balanced by drawing. ``document`` makes a pair's source its document; all windows of a document and of
    its twins are in one fold. A pair without a source is a document of its own, named by its clean text. ``leave_out``
    names families of ``FAMILIES`` the classifier shall not see. Needs scikit-learn.

    Raises:
        UserError: scikit-learn is absent, a family is unknown, or a class has edits in fewer than two documents.
    """
    _learner("linear_model")
    for family in leave_out:
        if family not in FAMILIES:
            raise UserError(f"feature family {family!r} is unknown{nearest(family, FAMILIES)}")
    if window < 1:
        raise UserError(f"window {window}: wanted a number of characters, at least 1")
    ours = list(_windows(real, False, window, document))
    theirs = list(_windows(synthetic, True, window, document))
    for name, found in (("real", ours), ("synthetic", theirs)):
        if len({w.document for w in found}) < 2:
            raise UserError(
                f"the {name} pairs hold edits in fewer than 2 documents; wanted 2 or more to cross-validate"
            )
    windows = _balanced(ours, theirs, seed)
    matrix, names = _matrix(windows, leave_out)
    truth = np.array([w.synthetic for w in windows])
    groups = np.unique([w.document for w in windows], return_inverse=True)[1]
    right = _cross_validated(matrix, truth, groups, seed) == truth
    return Discrimination(
        float(right.mean()),
        _interval(right, groups, seed),
        len(windows),
        int(groups.max()) + 1,
        _top(matrix, truth, names, seed, top),
    )


def _learner(module: str) -> Any:  # noqa: ANN401 - scikit-learn has no types
    try:
        return import_module(f"sklearn.{module}")
    except ImportError:
        raise UserError(
            "telling noise apart needs scikit-learn, which is not installed: pip install 'ocr-neurons[noise]'"
        ) from None


def _windows(pairs: Iterable[TextPair], synthetic: bool, size: int, document: Callable[[str], str]) -> Iterator[Window]:
    for pair in pairs:
        alignment = align(pair.clean, pair.noisy)
        cells: defaultdict[int, list[Edit]] = defaultdict(list)
        for edit in alignment.edits:
            cells[edit[0] // size].append(edit)
        key = document(pair.source) if pair.source else f"text: {pair.clean}"
        for edits in cells.values():
            yield Window(key, synthetic, features(alignment, edits))


def features(alignment: Alignment, edits: Sequence[Edit]) -> Counter[str]:
    """What is said of some edits of a text, by name and how often; nothing is said of text without edits."""
    found: Counter[str] = Counter()
    units = 0
    for edit in edits:
        start, end, noisy_start, noisy_end = edit
        source, target = alignment.clean[start:end], alignment.noisy[noisy_start:noisy_end]
        segment = describe(source, target)
        found[f"shape {segment.shape}"] += 1
        if max(len(source), len(target)) <= SHORT:
            found[f"edit {_shown(source)}→{_shown(target)}"] += 1
            left, right = alignment.clean[max(0, start - 1) : start], alignment.clean[end : end + 1]
            found[f"context {_shown(left)}[{_shown(source)}→{_shown(target)}]{_shown(right)}"] += 1
        for kind, times in zip(KINDS, segment.units, strict=True):
            found[f"kind {kind}"] += times
            units += times
        for mark in segment.marks:
            found[f"mark {mark}"] += 1
    found[f"count segments {_step(len(edits))}"] = 1
    found[f"count units {_step(units)}"] = 1
    for before, after in pairwise(edits):
        found[f"gap {_step(after[0] - before[1])}"] += 1
    return +found


def _shown(text: str) -> str:
    """A string in a feature's name: spaces are made visible."""
    return text.replace(" ", "␣").replace("\n", "⏎") or "∅"


def _step(number: int) -> str:
    """A number as a step of a scale: 1, 2, 3, 4, 5-6, 7-9, 10-14, 15-24, 25-49, 50 and more."""
    bounds = (1, 2, 3, 4, 5, 7, 10, 15, 25, 50)
    for low, behind in pairwise(bounds):
        if number < behind:
            return str(low) if behind == low + 1 else f"{low}-{behind - 1}"
    return "50+"


def _balanced(real: list[Window], synthetic: list[Window], seed: int) -> list[Window]:
    """As many windows of either class, drawn at random from the larger one."""
    size = min(len(real), len(synthetic), MOST_WINDOWS)
    chosen: list[Window] = []
    for name, windows in (("real", real), ("synthetic", synthetic)):
        order = generator(seed, "tell apart", name).permutation(len(windows))[:size]
        chosen += [windows[int(index)] for index in sorted(order)]
    return chosen


def _matrix(windows: Sequence[Window], leave_out: Collection[str]) -> tuple[Any, list[str]]:
    """A sparse matrix [windows, features] of log(1 + times), and the features' names.

    Features are chosen by how many windows have them, whatever their class, so that choosing them tells no label.
    """
    spread = Counter(name for w in windows for name in w.features if name.split(" ", 1)[0] not in leave_out)
    names = [name for name, times in sorted(spread.items(), key=lambda item: (-item[1], item[0])) if times >= RARE]
    names = names[:MOST_FEATURES]
    places = {name: index for index, name in enumerate(names)}
    cells = [
        (row, places[name], times)
        for row, w in enumerate(windows)
        for name, times in w.features.items()
        if name in places
    ]
    rows, columns, times = np.array(cells, dtype=np.int64).reshape(-1, 3).T
    sparse = import_module("scipy.sparse")  # scikit-learn brings it
    return sparse.csr_matrix((np.log1p(times), (rows, columns)), shape=(len(windows), len(names))), names


def _fit(matrix: Any, truth: NDArray[np.bool_], seed: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    regression = _learner("linear_model").LogisticRegression
    model = regression(
        C=STRENGTH, solver="liblinear", class_weight="balanced", random_state=derive(seed, "fit") % 2**32
    )
    return model.fit(matrix, truth)


def _cross_validated(matrix: Any, truth: NDArray[np.bool_], groups: Ints, seed: int) -> NDArray[np.bool_]:  # noqa: ANN401
    """What each window is taken for by a classifier that has seen no window of its document."""
    folds = _learner("model_selection").StratifiedGroupKFold
    fewest = min(len(np.unique(groups[truth == kind])) for kind in (True, False))
    split = folds(min(FOLDS, fewest), shuffle=True, random_state=derive(seed, "folds") % 2**32)
    taken = np.zeros(len(truth), dtype=np.bool_)
    for train, test in split.split(matrix, truth, groups):
        taken[test] = _fit(matrix[train], truth[train], seed).predict(matrix[test])
    return taken


def _interval(right: NDArray[np.bool_], groups: Ints, seed: int) -> tuple[float, float]:
    totals = np.array([np.bincount(groups, weights=right), np.bincount(groups)], dtype=np.float64).T
    count = len(totals)
    weights = generator(seed, "tell apart", "interval").multinomial(count, np.full(count, 1 / count), size=DRAWS)
    drawn = weights @ totals
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    wilson = wilson_interval(int(right.sum()), len(right))
    return min(float(low), wilson[0]), max(float(high), wilson[1])


def wilson_interval(found: int, tried: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share, at 95 % by default."""
    share = found / tried
    middle = (share + z**2 / (2 * tried)) / (1 + z**2 / tried)
    half = z / (1 + z**2 / tried) * (share * (1 - share) / tried + z**2 / (4 * tried**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _top(matrix: Any, truth: NDArray[np.bool_], names: Sequence[str], seed: int, top: int) -> tuple[Feature, ...]:  # noqa: ANN401
    """The features with the largest weights, of a fit on everything."""
    weights: Floats = _fit(matrix, truth, seed).coef_[0]
    present = matrix > 0
    real, synthetic = (np.asarray(present[truth == kind].mean(axis=0)).ravel() for kind in (False, True))
    order = sorted(range(len(names)), key=lambda index: -abs(weights[index]))[:top]
    return tuple(Feature(names[i], float(weights[i]), float(real[i]), float(synthetic[i])) for i in order)
