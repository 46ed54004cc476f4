"""Bringing a named data set into the cache, file by file, each whole and checked or not there at all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from ocr_neurons.common.cache import megabytes, require_room, writing_cache
from ocr_neurons.common.download import BLOCK, SECURE, download
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import remove_stale, replacing, sha256
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.text.catalogue import RAW, DataFile, Entry, catalogue

_GO_ON = "the same command goes on from here; or take a local copy with --from FOLDER"


def fetch_named(
    entry: Entry,
    root: Path,
    *,
    source: Path | None = None,
    reporter: Reporter = QUIET,
    base: str = RAW,
    schemes: Collection[str] = SECURE,
) -> int:
    """Bring the files of ``entry`` that ``root`` lacks; return how many there were.

    They come from the repository at the catalogue's commit, served at ``base``, or from ``source``: a checkout, a
    folder of checkouts, or a folder laid out like ``root``. A file is taken if its size and SHA-256 are those of the
    catalogue, and appears under its name only then, so a fetch that was stopped is gone on with by another. What a
    killed process left behind is removed a day later.

    Raises:
        UserError: no network, a file that is missing or another than the catalogue's, no room, no repository.
    """
    if source is None and not entry.repository:
        raise UserError(
            f"{entry.name}: no public repository holds it in this form; give a folder that holds "
            f"{entry.folder}/{entry.files[0].path} with --from FOLDER"
        )
    if source is not None and not source.is_dir():
        raise UserError(f"{source}: no such folder; wanted a checkout of {entry.repository or entry.name}, or a copy")
    missing = [file for file in entry.files if not _is_right(entry.path(root, file), file)]
    if not missing:
        return 0
    found = {file: _local(entry, file, source) for file in missing} if source else {}
    room = sum(file.bytes for file in missing)
    with writing_cache(root, entry.name, room):
        for folder in {entry.path(root, file).parent for file in missing}:
            folder.mkdir(parents=True, exist_ok=True)
            remove_stale(folder)
        require_room(root, entry.name, room)
        for file in reporter.track(missing, entry.name):
            if source:
                blocks, where, hint = _read(found[file]), str(found[file]), f"wanted {_wanted(entry)}"
            else:
                where, hint = entry.url(file, base), _GO_ON
                blocks = _downloaded(where, file, schemes)
            _place(entry.path(root, file), file, blocks, where, hint)
    return len(missing)


def summary(entry: Entry, brought: int, root: Path) -> str:
    """One line on what :func:`fetch_named` did."""
    count = len(entry.files)
    files = f"{count} file{'s' * (count > 1)}, {megabytes(entry.bytes)}, hashes right"
    before = "" if brought == count else ", all there before" if not brought else f", {count - brought} there before"
    return f"{entry.name}: {files}{before}: {root / entry.place}"


def licence_line(entry: Entry) -> str:
    """One line on the licence, and plainly what it does not allow."""
    terms = f": {entry.terms}" if entry.terms else ""
    return f"{entry.name}: licence {entry.licence}{terms}; to cite: {entry.cite}"


def companion_of(entry: Entry, root: Path, source: Path | None) -> tuple[Entry | None, str]:
    """The data set that belongs to ``entry``, if any, and where it is: ``here``, in the ``source``, or nowhere."""
    companion = catalogue().get(entry.companion)
    if companion is None or companion.is_whole(root):
        return companion, "here" if companion else ""
    return companion, "source" if source and companion.is_whole(source) else ""


def _is_right(path: Path, file: DataFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and sha256(path) == file.sha256


def _local(entry: Entry, file: DataFile, source: Path) -> Path:
    """The file in a copy, a checkout or a folder of checkouts; the first of them that has it."""
    places = [source / entry.folder / file.path]
    if entry.repository:
        repository = entry.repository.split("/")[1]
        places += [source / entry.source / file.path, source / repository / entry.source / file.path]
    for place in places:
        if place.is_file():
            return place
    wanted = " or ".join(str(place.relative_to(source)) for place in places[:2])
    raise UserError(f"{source}: no {wanted} in it; wanted {_wanted(entry)}")


def _wanted(entry: Entry) -> str:
    if not entry.repository:
        return f"a folder that holds {entry.folder}"
    return f"a checkout of {entry.repository} at {entry.commit[:12]}, or a folder that holds {entry.folder}"


def _downloaded(url: str, file: DataFile, schemes: Collection[str]) -> Iterator[bytes]:
    try:
        yield from download(url, file.bytes, schemes=schemes)
    except UserError as error:
        raise UserError(f"{error}; {_GO_ON}") from None


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                yield block
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _place(target: Path, file: DataFile, blocks: Iterator[bytes], where: str, hint: str) -> None:
    """Write ``blocks`` to ``target`` if they are the catalogue's file; nothing stays otherwise."""
    digest = hashlib.sha256()
    with replacing(target) as temporary:
        with temporary.open("wb") as stream:
            for block in blocks:
                digest.update(block)
                stream.write(block)
        if digest.hexdigest() != file.sha256:
            raise UserError(f"{where}: SHA-256 {digest.hexdigest()}; the catalogue has {file.sha256}; {hint}")
