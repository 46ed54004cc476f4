"""How a run ranked the neurons that it edited, and what the paper's rule finds beside that, in words."""

from __future__ import annotations

from ocr_neurons.rank.methods import METHODS
from ocr_neurons.report.chart_placebo import COMPARED
from ocr_neurons.report.inputs import Run
from ocr_neurons.report.phrase import whole


def ranked(run: Run) -> str:
    """How the neurons were chosen, by the method of ``ranking.json``."""
    if not run.method:
        return "How the neurons were chosen is not known: the run folder holds no ranking."
    plain = run.method.removeprefix("specific ")
    said = f"How the neurons were chosen: all were ranked by method “{run.method}”"
    if plain in METHODS:
        said += f" (“{plain}”: {METHODS[plain].says})"
    if run.method != plain:
        said += f", {_beyond(run, plain)}"
    return f"{said}. The “most sensitive” are the first of this ranking in the layers named."


def _beyond(run: Run, plain: str) -> str:
    if plain != "effect":
        return "less what it gives under the placebo"
    how = COMPARED[run.layers.placebo.paired] if run.layers.placebo else ""
    return f"by how much further they go under the noise than under the placebo{how}"


def paper_rule(run: Run) -> str:
    """How many neurons pass the paper's rule, and where they are shown."""
    passed = sum(run.layers.sensitive)
    return (
        f"The paper's rule ({run.layers.rule}) finds {whole(passed)} neuron{'' if passed == 1 else 's'}; "
        "the bars under “Where the noise shows” count them by layer."
    )
