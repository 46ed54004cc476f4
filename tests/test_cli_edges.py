"""The command line at its edges: pipes that close, screens that know few letters, places that are shut, stops."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocr_neurons import commands
from ocr_neurons.cli import _parser, main
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in, require_writable
from ocr_neurons.text.hipe_tsv import HEADER
from ocr_neurons.text.pairs import read_pairs

CONLL = "-DOCSTART- -X- O O\n\nThe DT O O\nship NN O O\nLiverpool NNP I-LOC B-LOC\nsailed VB O O\n. . O O\n\n"
ALTO = (
    '<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout><Page ID="p"><PrintSpace><TextBlock ID="b">'
    '<TextLine><String CONTENT="Liverpool"/></TextLine></TextBlock></PrintSpace></Page></Layout></alto>'
)

Fails = Callable[..., str]


def hipe(identity: str, text: str, entity: str, label: str) -> str:
    """A file of one document, whose one entity is a word."""
    rows = [f"{word}\t{label if word == entity else 'O'}" + "\t_" * 8 for word in text.split()]
    return "\n".join([HEADER, f"# hipe2022:document_id = {identity}", "# hipe2022:language = en", *rows, ""])


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    """Run a command that must end with status 2; return its one line on standard error."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert (err.count("\n"), err[:13]) == (1, "ocr-neurons: ")
        return err

    return run


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    (tmp_path / "gold.tsv").write_text(hipe("a", "The steamer reached Liverpool .", "Liverpool", "B-loc"))
    return tmp_path / "gold.tsv"


@contextmanager
def shut() -> Iterator[Path]:
    """A folder that the process may not write into, even where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        _parser()  # imports, while all may be read
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(before)
            folder.chmod(0o755)


def command(*arguments: str, **settings: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ocr_neurons", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | settings,
    )


def test_help_waits_for_no_library():
    code = "import sys; from ocr_neurons.cli import _parser; _parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert "ocr_neurons.commands_noise" in loaded
    assert not {"numpy", "rapidfuzz", "torch", "transformers", "matplotlib", "optuna"} & set(loaded)


@pytest.mark.parametrize("arguments", [["--help"], ["data", "list"]])
def test_a_pipe_that_closes_early_is_no_error(arguments):
    process = command(*arguments)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_standard_output_may_be_closed(gold):
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'ocr_neurons', *sys.argv[1:]])"
    made = [sys.executable, "-c", code, "pairs", str(gold), "--words", "2", "--out", str(gold.with_name("p.jsonl"))]
    done = subprocess.run(made, capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_a_screen_that_knows_ascii_alone(gold):
    out, err = command("score", str(gold), str(gold), "--draws", "10", PYTHONIOENCODING="ascii").communicate()
    assert err == b""
    assert b"\\u2013: not defined" in out


def test_a_folder_that_may_not_be_written(gold, fails):
    with shut() as folder:
        for path in (folder, folder / "x.json", folder / "new" / "x.json"):
            with pytest.raises(UserError) as caught:
                require_writable(path)
            said = f"{path}: cannot be written, as nothing may be written into {folder}; choose another place"
            assert str(caught.value) == said
        line = fails("score", gold, gold, "--errors", folder / "errors.tsv")
    assert f"{folder / 'errors.tsv'}: cannot be written" in line


def test_outputs_take_nobodys_place(gold, tmp_path, fails):
    pairs, before = tmp_path / "p.jsonl", gold.read_bytes()
    assert main(["pairs", str(gold), "--words", "2", "--out", str(pairs), "--quiet"]) == 0
    kept = pairs.read_bytes()
    lost = "it is an input, and would be lost; choose another name"
    assert f"--errors {gold}: {lost}" in fails("score", gold, gold, "--errors", gold)
    assert f"--out {pairs}: {lost}" in fails("control", pairs, "--out", pairs)
    (tmp_path / "link.jsonl").symlink_to(pairs)
    assert lost in fails("control", pairs, "--out", tmp_path / "link.jsonl")
    both = tmp_path / "x.tsv"
    assert "--tsv" in fails("score", gold, gold, "--errors", both, "--tsv", both)
    assert f"{gold / 'x'}: cannot be written, as {gold} is a file" in fails("control", pairs, "--out", gold / "x")
    assert (gold.read_bytes(), pairs.read_bytes()) == (before, kept)
    assert {path.name for path in tmp_path.iterdir()} == {"gold.tsv", "p.jsonl", "link.jsonl"}


@pytest.mark.parametrize(
    ("given", "what"), [("", "'' is empty"), ("/", "'/' is a folder"), ("here", "'here' is a folder")]
)
def test_a_file_is_to_be_named(gold, tmp_path, monkeypatch, capsys, given, what):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    for line in (["pairs", "gold.tsv", "--out", given], ["score", "gold.tsv", "gold.tsv", "--errors", given]):
        with pytest.raises(SystemExit) as stop:
            main(line)
        assert stop.value.code == 2
        assert f"{what}; wanted a file's name; see `ocr-neurons {line[0]} --help`" in capsys.readouterr().err


def test_a_split_that_is_not_there_is_not_another_one(gold, tmp_path, fails, capsys):
    (tmp_path / "set").mkdir()
    for split in ("dev", "test"):
        (tmp_path / "set" / f"x-{split}-en.tsv").write_bytes(gold.read_bytes())
    out = ["--words", "2", "--out", str(tmp_path / "p.jsonl")]
    assert "no train split; it has dev, test: choose one with --split" in fails("pairs", tmp_path / "set", *out)
    assert "no dev split; it has test" in fails("pairs", gold, "--split", "dev", *out)
    assert not (tmp_path / "p.jsonl").exists()
    assert main(["pairs", str(gold), *out]) == 0
    assert "pairs from test of gold" in capsys.readouterr().err


def test_noise_is_put_on_text_alone(tmp_path, fails):
    (tmp_path / "page.xml").write_text(ALTO)
    (tmp_path / "eng.testb").write_text(CONLL)
    (tmp_path / "page.txt").write_bytes("\ufeffThe steamer reached Liverpool.\r\n".encode())
    out = ["--cer", "0.1", "--out", tmp_path / "n.jsonl"]
    assert "page.xml: ALTO XML, of which the marks would be noised too" in fails(
        "noise", "apply", "en", tmp_path / "page.xml", *out
    )
    for name, text in {
        "eng.testb": "The ship Liverpool sailed.",
        "page.txt": "The steamer reached Liverpool.\r\n",
    }.items():
        assert main([*map(str, ["noise", "apply", "en", tmp_path / name, *out, "--quiet"])]) == 0
        assert [pair.clean.replace(" .", ".") for pair in read_pairs(tmp_path / "n.jsonl")] == [text]


def test_pages_are_no_data_set(tmp_path, fails):
    """The first thing a newcomer may try: OCR output where marked text is wanted."""
    (tmp_path / "pages").mkdir()
    for name, text in {"1.png": "x", "1.xml": ALTO, "2.xml": ALTO}.items():
        (tmp_path / "pages" / name).write_text(text)
    (tmp_path / "page.txt").write_text("The steamer reached Liverpool.")
    for given, kind in {"pages": "ALTO XML", "pages/1.xml": "ALTO XML", "page.txt": "plain text (.txt)"}.items():
        line = fails("data", "show", tmp_path / given)
        assert str(tmp_path / given) in line
        assert f"{kind}, in which no entities are marked" in line
        assert line.endswith("; pages to be tagged go to `ocr-neurons tag`\n")


def test_conll_is_scored_like_the_rest(tmp_path, capsys):
    (tmp_path / "eng.testb").write_text(CONLL)
    (tmp_path / "predicted.tsv").write_text(hipe("eng.testb-1", "The ship Liverpool sailed .", "ship", "B-LOC"))
    assert main(["score", str(tmp_path / "eng.testb"), str(tmp_path / "predicted.tsv")]) == 0
    (line,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("strict")]
    assert line[-3:] == ["0", "1", "1"], "nothing found, one tagged in vain, one missed"


def test_homes_that_are_not_there(fails, tmp_path, monkeypatch):
    assert "~nobody-of-this-name/x: neither a data set's name nor a file" in fails(
        "data", "show", "~nobody-of-this-name/x"
    )
    monkeypatch.setenv("OCR_NEURONS_DATA", "~nobody-of-this-name")
    assert "which is no folder" in fails("pairs", "hipe2022:ajmc-en", "--out", tmp_path / "p.jsonl")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory (MemoryError); give smaller batches"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "out of memory ([enforce",
        ),
        (
            RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0"),
            "a checkpoint cannot be written (",
        ),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory."), "out of memory (CUDA out of memory.)"),
    ],
)
def test_memory_or_disk_that_does_not_suffice(fails, tmp_path, monkeypatch, error, said):
    def lacks(_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "run_job", lacks)
    assert said in fails("run", "--out", tmp_path / "out")


def test_other_errors_of_ours_are_not_hidden(tmp_path, monkeypatch):
    def wrong(_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(commands, "run_job", wrong)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        main(["run", "--out", str(tmp_path / "out")])


def test_a_stop_says_what_comes_of_it(tmp_path, gold, monkeypatch, capsys):
    def stops(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run_job", stops)
    monkeypatch.setattr(commands, "pairs", stops)
    assert main(["run", "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "ocr-neurons: stopped; the same command goes on from the last finished step\n"
    assert main(["pairs", str(gold), "--out", str(tmp_path / "p.jsonl")]) == 130
    assert capsys.readouterr().err == "ocr-neurons: stopped\n"


def test_what_a_killed_writer_left_goes_when_the_folder_is_worked_in_again(tmp_path):
    code = (
        "import sys, pathlib; from ocr_neurons.common.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as part: part.write_text('half'); print('in'); input()"
    )
    line = [sys.executable, "-uc", code, str(tmp_path / "summary.json")]
    writer = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"in\n"
    writer.kill()
    writer.wait()
    (left,) = tmp_path.iterdir()
    with alone_in(tmp_path):  # just written: perhaps another process is at it
        assert left.exists()
    os.utime(left, (0, 0))
    with alone_in(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_one_process_in_a_folder(tmp_path):
    code = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), 2); print('in'); input()"
    other = subprocess.Popen(
        [sys.executable, "-uc", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"in\n"
    with pytest.raises(UserError, match=f"{tmp_path}: another ocr-neurons is at work in it"), alone_in(tmp_path):
        raise AssertionError("let in")
    other.kill()
    other.wait()
    with alone_in(tmp_path):
        handle = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
    with alone_in(tmp_path):
        assert list(tmp_path.iterdir()) == [], "a lock leaves nothing"
