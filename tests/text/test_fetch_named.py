"""Fetching: whole and right, or not there; what was stopped is gone on with."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_server import LocalServer, running, stall, stated, status, whole
from ocr_neurons.common.errors import UserError
from ocr_neurons.text.catalogue import DataFile, Entry
from ocr_neurons.text.fetch_named import fetch_named, summary

CONTENTS = {
    "set/en/one train.tsv": b"TOKEN\tx\n" * 20_000,
    "set/en/zwei-für.tsv": bytes(range(256)) * 600,
    "set/more#3.tsv": b"three\n",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def entry(contents: dict[str, bytes] = CONTENTS, repository: str = "owner/repo") -> Entry:
    listed = tuple(DataFile(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in contents.items())
    return Entry(
        name="ours:set", kind="entities", title="our set", languages=("en",), years=(), licence="CC BY-NC 4.0",
        cite="us", place="ours-v1/set/en", folder="ours-v1", repository=repository, commit=COMMIT, source="data/v 1",
        companion="", files=listed, facts={},
    )  # fmt: skip


OURS = entry()
URL = {path: f"/owner/repo/{COMMIT}/data/v 1/{path}" for path in CONTENTS}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running() as local:
        local.answers |= {URL[path]: whole(data) for path, data in CONTENTS.items()}
        yield local


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "data"


Fetch = Callable[..., int]


@pytest.fixture
def fetch(server: LocalServer, root: Path) -> Fetch:
    def run(what: Entry = OURS) -> int:
        return fetch_named(what, root, base=server.base, schemes=("http",))

    return run


def there(root: Path) -> dict[str, bytes]:
    """Every file below the folder, hidden ones too."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def wanted(*paths: str) -> dict[str, bytes]:
    return {f"ours-v1/{path}": CONTENTS[path] for path in sorted(paths)}


def write_all(folder: Path, prefix: str = "") -> Path:
    for path, data in CONTENTS.items():
        target = folder / prefix / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def test_addresses_are_quoted() -> None:
    assert OURS.url(OURS.files[1]) == (
        f"https://raw.githubusercontent.com/owner/repo/{COMMIT}/data/v%201/set/en/zwei-f%C3%BCr.tsv"
    )
    assert OURS.url(OURS.files[2]).endswith("/set/more%233.tsv")


def test_fetched_from_the_repository_and_not_twice(fetch: Fetch, server: LocalServer, root: Path) -> None:
    assert not OURS.is_whole(root)
    assert fetch() == 3
    assert there(root) == wanted(*CONTENTS)
    assert OURS.is_whole(root)
    assert server.asked == list(URL.values())
    assert fetch() == 0
    assert len(server.asked) == 3
    assert summary(OURS, 3, root) == f"ours:set: 3 files, 0.3 MB, hashes right: {root / 'ours-v1/set/en'}"
    assert "hashes right, 2 there before: " in summary(OURS, 1, root)
    assert "hashes right, all there before: " in summary(OURS, 0, root)


SECOND = CONTENTS["set/en/zwei-für.tsv"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (stated(SECOND[:90_000], len(SECOND)), "broke off after 90000 of 153600 bytes"),
        (stated(SECOND[:-1], len(SECOND) - 1), "broke off after 153599 of 153600 bytes"),
        (whole(SECOND[:-1] + b"?"), "SHA-256 [0-9a-f]{64}; the catalogue has [0-9a-f]{64}"),
        (whole(SECOND + b"?"), "longer than the 153600 bytes"),
        (status(404), "not there"),
        (status(500), "status 500"),
    ],
)
def test_failure_leaves_whole_files_alone_and_the_next_fetch_goes_on(
    fetch: Fetch, server: LocalServer, root: Path, answer, told: str
) -> None:
    server.answers[URL["set/en/zwei-für.tsv"]] = answer
    with pytest.raises(
        UserError, match=f"zwei-f%C3%BCr.tsv: .*{told}.*the same command goes on.*--from FOLDER"
    ) as error:
        fetch()
    assert "\n" not in str(error.value)
    assert there(root) == wanted("set/en/one train.tsv")
    assert not OURS.is_whole(root)
    server.answers[URL["set/en/zwei-für.tsv"]] = whole(SECOND)
    server.asked.clear()
    assert fetch() == 2
    assert server.asked == [URL["set/en/zwei-für.tsv"], URL["set/more#3.tsv"]]
    assert there(root) == wanted(*CONTENTS)


def test_damaged_file_is_fetched_anew(fetch: Fetch, root: Path) -> None:
    fetch()
    victim = root / "ours-v1/set/en/one train.tsv"
    victim.write_bytes(b"y" + victim.read_bytes()[1:])
    assert fetch() == 1
    assert there(root) == wanted(*CONTENTS)


def test_killed_half_way(fetch: Fetch, server: LocalServer, root: Path) -> None:
    server.answers[URL["set/en/zwei-für.tsv"]] = stall(server, SECOND)
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from test_fetch_named import OURS
        from ocr_neurons.text.fetch_named import fetch_named
        fetch_named(OURS, Path({str(root)!r}), base={server.base!r}, schemes=("http",))
        """
    )
    here = Path(__file__).resolve().parent
    code = f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n{script}"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        assert server.sent.wait(60)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    left = {name: data for name, data in there(root).items() if not name.endswith(".part")}
    assert left == wanted("set/en/one train.tsv")
    assert not OURS.is_whole(root)
    server.release.set()
    server.answers[URL["set/en/zwei-für.tsv"]] = whole(SECOND)
    server.asked.clear()
    assert fetch() == 2
    assert URL["set/en/one train.tsv"] not in server.asked
    assert OURS.is_whole(root)
    assert {name: data for name, data in there(root).items() if not name.endswith(".part")} == wanted(*CONTENTS)


@pytest.mark.parametrize("prefix", ["ours-v1", "data/v 1", "repo/data/v 1"])
def test_copy_checkout_and_folder_of_checkouts(tmp_path: Path, root: Path, prefix: str) -> None:
    source = write_all(tmp_path / "source", prefix)
    assert fetch_named(OURS, root, source=source) == 3
    assert there(root) == wanted(*CONTENTS)


def test_wrong_and_missing_files_of_a_copy(tmp_path: Path, root: Path) -> None:
    source = write_all(tmp_path / "source", "data/v 1")
    (source / "data/v 1/set/en/zwei-für.tsv").write_bytes(SECOND[::-1])
    with pytest.raises(UserError, match=r"zwei-für\.tsv: SHA-256 .*wanted a checkout of owner/repo at 0123456789ab"):
        fetch_named(OURS, root, source=source)
    assert there(root) == wanted("set/en/one train.tsv")
    (source / "data/v 1/set/en/zwei-für.tsv").unlink()
    with pytest.raises(UserError, match=r"no ours-v1/set/en/zwei-für\.tsv or data/v 1/set/en/zwei-für\.tsv in it"):
        fetch_named(OURS, root, source=source)
    with pytest.raises(UserError, match="no such folder; wanted a checkout of owner/repo, or a copy"):
        fetch_named(OURS, root, source=tmp_path / "none")


def test_nothing_is_copied_when_a_file_is_missing(tmp_path: Path, root: Path) -> None:
    source = write_all(tmp_path / "source", "ours-v1")
    (source / "ours-v1/set/more#3.tsv").unlink()
    with pytest.raises(UserError, match="more#3"):
        fetch_named(OURS, root, source=source)
    assert not root.exists()


def test_set_without_repository_comes_from_a_folder_alone(tmp_path: Path, root: Path) -> None:
    derived = entry(repository="")
    with pytest.raises(UserError, match="no public repository holds it in this form; give a folder"):
        fetch_named(derived, root)
    assert fetch_named(derived, root, source=write_all(tmp_path / "copy", "ours-v1")) == 3


def test_cache_that_cannot_be_written(fetch: Fetch, root: Path) -> None:
    root.parent.mkdir()
    root.write_text("a file")
    with pytest.raises(UserError, match=r"cannot be written.*wanted a folder for ours:set; set OCR_NEURONS_CACHE"):
        fetch()


def test_too_little_disk(fetch: Fetch, server: LocalServer, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = replace(OURS, files=(*OURS.files, DataFile("set/big.tsv", 30_000_000, "0" * 64)))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=20_000_000))
    with pytest.raises(
        UserError, match="20 MB free; fetching ours:set needs about 30 MB; free some, or set OCR_NEURONS"
    ):
        fetch(big)
    assert server.asked == []
    assert there(root) == {}
