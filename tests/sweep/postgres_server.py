"""A PostgreSQL server of our own for a while: Debian's binaries, a temporary folder, a unix socket and no network."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "sweeper"


def binaries() -> Path | None:
    """The folder of the newest server's programs, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def why_not() -> str | None:
    """Why no server can be started here, and what to do about it."""
    if binaries() is None:
        return "no PostgreSQL server here; install Debian's postgresql"
    if importlib.util.find_spec("psycopg") is None:
        return "no psycopg here; install ocr-neurons[postgres]"
    return None


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database on a server that lives as long as the ``with`` block.

    The server refuses to run as root; it is then given to the user postgres, or nobody.
    """
    folder, programs = Path(tempfile.mkdtemp(prefix="pg-")), binaries()
    assert programs
    owner: dict[str, str] = {}
    if os.geteuid() == 0:
        known = {entry.pw_name for entry in pwd.getpwall()}
        owner = {"user": "postgres" if "postgres" in known else "nobody"}
        shutil.chown(folder, owner["user"])
    data = folder / "data"
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, stdout=log, stderr=log, cwd=folder, **owner,
        )  # fmt: skip
        running = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
            stdout=log, stderr=log, cwd=folder, **owner,
        )  # fmt: skip
        try:
            _await(folder)
            yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
        finally:
            running.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            running.wait(30)
            shutil.rmtree(folder)


def _await(folder: Path) -> None:
    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(host=str(folder), user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError((folder / "log").read_text())
