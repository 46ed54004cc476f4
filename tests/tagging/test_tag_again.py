"""``tag`` on a folder that it tagged before: what is done stays done, what is older is named."""

from __future__ import annotations

import shutil
from pathlib import Path

from tagged_folders import OUTPUTS, listing, records, tag, text_of

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.tagging import job


def test_what_is_done_stays_done(tagger, pages, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(job, "GROUP", 1)
    assert tag(tagger, pages, "--out", out) == 0
    first = {name: (out / name).read_bytes() for name in OUTPUTS}
    times = {name: (out / name).stat().st_mtime_ns for name in OUTPUTS}
    said = capsys.readouterr().err.splitlines()[-4]

    assert tag(tagger, pages, "--out", out) == 0
    again = capsys.readouterr().err
    assert "(5 files, 5 of them before, 3 pages" in again
    assert again.split(" words")[0].split(" entities")[0] == said.split(" entities")[0]
    assert all((out / name).stat().st_mtime_ns == times[name] for name in OUTPUTS[:-1])

    (pages / "1.txt").write_text("Liverpool again.")
    (out / "b" / "3.xml.jsonl").unlink()
    (pages / "b" / "5.txt").write_text(text_of(5))
    assert tag(tagger, pages, "--out", out) == 0
    assert "(6 files, 3 of them before" in capsys.readouterr().err
    changed = {name for name in OUTPUTS[:-1] if (out / name).stat().st_mtime_ns != times[name]}
    assert changed == {"1.txt.jsonl", "b/3.xml.jsonl"}
    assert (out / "b" / "3.xml.jsonl").read_bytes() == first["b/3.xml.jsonl"]
    assert records(out / "1.txt.jsonl")[0]["text"] == "Liverpool again."

    (pages / "2.xml").unlink()
    (pages / "1.txt").write_bytes(b"caf\xe9")
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 1
    said = capsys.readouterr().err
    assert "(4 files, 4 of them before" in said
    assert "no longer among the inputs: 1 file (2.xml)" in said
    assert f"refused: {pages / '1.txt'}: not UTF-8" in said


def test_another_tagger_or_edit_tags_anew(tagger, pages, tmp_path, capsys):
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    Edit(NeuronSet("x", "neuron", 4, 48, {3: tuple(range(48))}), 0.0).save(tmp_path / "edit.json")
    assert tag(tagger, pages, "--out", out, "--edit", tmp_path / "edit.json") == 0
    said = capsys.readouterr().err
    assert "tagger, edit, options or version differ from those of last time; all is tagged anew" in said
    assert "before" not in said
    shutil.copytree(tagger, tmp_path / "other")
    (tmp_path / "other" / "note").write_text("x")
    assert tag(tmp_path / "other", pages, "--out", out) == 0
    assert "tagged anew" in capsys.readouterr().err


def test_outputs_that_stay_from_before_are_named(tagger, pages, tmp_path, capsys):
    """Whoever reads the folder must know which files are not of the tagger that the record names."""
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    (pages / "1.txt").unlink()
    shutil.copytree(tagger, tmp_path / "other")
    (tmp_path / "other" / "note").write_text("x")
    for before in ("", ", 4 of them before"):
        capsys.readouterr()
        assert tag(tmp_path / "other", pages, "--out", out) == 0
        said = capsys.readouterr().err
        assert f"(4 files{before}" in said
        assert "not of this tagger, options and text, but from before: 1 file (1.txt.jsonl)" in said
    assert "1.txt" not in (out / "report.html").read_text()
    assert tag(tmp_path / "other", pages, "--out", out, "--format", "csv") == 0
    assert "but from before: 5 files" in capsys.readouterr().err
    assert not (out / "report.html").exists()
    assert tag(tmp_path / "other", pages, "--out", out) == 0
    assert "but from before: 5 files (1.txt.jsonl" in capsys.readouterr().err  # and four of CSV


def test_an_input_that_is_refused_now_counts_no_more(tagger, pages, tmp_path, capsys):
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    (pages / "1.txt").write_bytes(b"caf\xe9")
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 1
    said = capsys.readouterr().err
    assert "but from before: 1 file (1.txt.jsonl)" in said
    counted = said[: said.index(" entit")].split()[-1]
    page = (out / "report.html").read_text()
    assert f"{counted} entities in 4 files" in page
    assert "1.txt: not UTF-8" in page
    (pages / "1.txt").write_text(text_of(1))
    assert tag(tagger, pages, "--out", out) == 0
    assert "from before" not in capsys.readouterr().err


def test_another_version_tags_anew(tagger, pages, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    monkeypatch.setattr("ocr_neurons.__version__", "9.9.9")
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 0
    assert "all is tagged anew" in capsys.readouterr().err


def test_an_interruption_loses_a_group_at_most(tagger, pages, tmp_path, monkeypatch, capsys):
    """Stopped at the third file, the next run does the others only, and all is as in a run without a stop."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    monkeypatch.setattr(job, "GROUP", 1)
    assert tag(tagger, pages, "--out", whole) == 0
    written = job.write_tagged

    def stopping(path: Path, *rest: object) -> None:
        if path.name == "4.tsv.jsonl":
            raise KeyboardInterrupt
        written(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "write_tagged", stopping)
    assert tag(tagger, pages, "--out", out) == 130
    assert listing(out) == ["1.txt.jsonl", "2.xml.jsonl", "tagging.json"]
    monkeypatch.setattr(job, "write_tagged", written)
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 0
    assert "(5 files, 2 of them before" in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in OUTPUTS[:-1]} == {
        name: (whole / name).read_bytes() for name in OUTPUTS[:-1]
    }


def test_a_stop_while_the_first_outputs_are_written(tagger, pages, tmp_path, monkeypatch, capsys):
    """The folder is known as ours from the first output on, and outputs by another key are not taken for done."""
    out, write = tmp_path / "out", job.write_tagged
    left = 2

    def stops(path: Path, *rest: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(path, *rest)

    monkeypatch.setattr(job, "write_tagged", stops)
    assert tag(tagger, pages, "--out", out) == 130
    assert capsys.readouterr().err.endswith("stopped; the same command goes on from the last finished step\n")
    assert len([name for name in listing(out) if name != "tagging.json"]) == 2
    monkeypatch.setattr(job, "write_tagged", write)
    assert tag(tagger, pages, "--out", out) == 0
    plain = {name: (out / name).read_bytes() for name in OUTPUTS[:-1]}

    edit = tmp_path / "edit.json"
    Edit(NeuronSet("x", "neuron", 4, 48, {3: tuple(range(48))}), 100.0).save(edit)
    left = 2
    monkeypatch.setattr(job, "write_tagged", stops)
    assert tag(tagger, pages, "--out", out, "--edit", edit) == 130
    assert any((out / name).read_bytes() != plain[name] for name in OUTPUTS[:-1]), "nothing was edited"
    monkeypatch.setattr(job, "write_tagged", write)
    assert tag(tagger, pages, "--out", out) == 0
    assert {name: (out / name).read_bytes() for name in OUTPUTS[:-1]} == plain


def test_a_stop_of_what_cannot_go_on_promises_nothing(tagger, pages, tmp_path, monkeypatch, capsys):
    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "write_tagged", stops)
    assert tag(tagger, pages, "--out", tmp_path / "all.csv") == 130
    assert capsys.readouterr().err.endswith("ocr-neurons: stopped\n")


def test_a_file_that_changes_while_it_is_tagged_is_tagged_again(tagger, tmp_path, monkeypatch):
    pages, out = tmp_path / "pages", tmp_path / "out"
    pages.mkdir()
    (pages / "a.txt").write_text(text_of(1))
    plain = job._tag

    def meanwhile(*args):
        (pages / "a.txt").write_text(text_of(2))
        return plain(*args)

    with monkeypatch.context() as patch:
        patch.setattr(job, "_tag", meanwhile)
        assert tag(tagger, pages, "--out", out) == 0
    assert records(out / "a.txt.jsonl")[0]["text"] == text_of(1)
    assert tag(tagger, pages, "--out", out) == 0
    assert records(out / "a.txt.jsonl")[0]["text"] == text_of(2)
