from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.scored_file import HEADER, holds_scores, load_scored, save_scored

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(3, 5))


@pytest.mark.parametrize("full", [True, False])
def test_what_is_saved_is_read_back(tmp_path: Path, full: bool) -> None:
    more = {"error": np.abs(SCORES), "p": RNG.random((3, 5))} if full else {}
    scored = Scored("gain", SCORES, np.sign(SCORES), **more, about={"documents": 7, "parameters": {"side": "noisy"}})
    save_scored(scored, tmp_path / "s")
    found = load_scored(tmp_path / "s")
    assert holds_scores(tmp_path / "s")
    assert (found.name, found.about) == (scored.name, scored.about)
    for name in ("score", "sign", "error", "p"):
        np.testing.assert_array_equal(getattr(found, name), getattr(scored, name))


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("scores")
    save_file({"score": SCORES}, tmp_path / "other")
    save_file({"score": SCORES}, tmp_path / "half", metadata={HEADER: '{"name": "x", "about": {}}'})
    uneven = {"score": SCORES, "sign": SCORES, "p": SCORES[:2]}
    save_file(
        {k: np.ascontiguousarray(v) for k, v in uneven.items()},
        tmp_path / "uneven",
        metadata={HEADER: '{"name": "x", "about": {}}'},
    )
    for name in ("text", "other", "half", "uneven", "absent"):
        with pytest.raises(UserError, match=f"{name}: (not scores|no such file)") as caught:
            load_scored(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert not holds_scores(tmp_path / "text")
    assert not holds_scores(tmp_path / "other")
    assert not holds_scores(tmp_path / "absent")
