"""Whether the scores of a run, or a strategy, are those of a tagger under an edit, before they stand beside both."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_text, sha256
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.report.compared import is_strategy, plain_tagger, read_compared
from ocr_neurons.report.headline import Headline, read_headline


def scores_of(run: Path, edits: Edits, tagger: Path) -> Headline:
    """What ``run``, a run's folder or a strategy's, says of ``edits`` in the tagger of the folder ``tagger``.

    Raises:
        UserError: the run chose another edit, was made with another tagger or one that is not found, or is no finished
            run.
    """
    compared = is_strategy(run)
    found = read_compared(run) if compared else read_headline(run)
    if Edits.load(run / "edit.json") != edits:
        raise UserError(f"{run}: its edit.json is another edit; wanted the run that chose this one")
    own = plain_tagger(run) if compared else run / "tagger" if (run / "tagger").is_dir() else _given(run)
    if own is not None and not own.is_dir():
        raise UserError(
            f"{run}: its own tagger is not found ({own}, seen from here), so nobody can tell whether {tagger} is it; "
            "call from the folder that it was called from, or put the tagger there"
        )
    if own is None or not _same_weights(own, tagger):
        raise UserError(f"{run}: its scores are those of another tagger than {tagger}; wanted the tagger of the run")
    return found


def _given(run: Path) -> Path | None:
    """The tagger that the run was given, if it was given one."""
    settings = run / "run.toml"
    if not settings.exists():
        return None
    try:
        model = tomllib.loads(read_text(settings, "a run's settings")).get("model")
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{settings}: not TOML ({error})") from None
    return Path(str(model)) if model else None


def _same_weights(one: Path, other: Path) -> bool:
    if one.resolve() == other.resolve():
        return True
    left, right = ({path.name: path for path in folder.glob("*.safetensors")} for folder in (one, other))
    return bool(left) and set(left) == set(right) and all(sha256(left[name]) == sha256(right[name]) for name in left)
