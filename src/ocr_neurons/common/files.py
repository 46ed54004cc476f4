"""Files that are either whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError

STALE_SECONDS = 24 * 3600


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on failure.

    Raises:
        OSError: the system's error, with ``path`` as its file name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_hidden(path)}{os.getpid()}.part")
    try:
        with _blaming(path):
            yield temporary
            temporary.chmod(_allowed(path.parent) & 0o666)  # some libraries write for their owner only
            temporary.replace(path)
    finally:
        with suppress(OSError):  # where nothing can be written, nothing was
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; rename it to ``folder`` on success, remove it on failure.

    What stood there before is gone then: whoever calls this has looked.

    Raises:
        OSError: the system's error, with ``folder`` as its file name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _blaming(folder):
        part = Path(tempfile.mkdtemp(prefix=_hidden(folder), suffix=".part", dir=folder.parent))
        try:
            yield part
            _share(part)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _allowed(folder: Path) -> int:
    """The mode of what is written into ``folder``: who may read that may read it too, as far as the umask goes."""
    umask = os.umask(0o077)  # it cannot be read without being set
    os.umask(umask)
    return folder.stat().st_mode & 0o777 & ~umask


def _share(part: Path) -> None:
    """Give a folder and all in it the mode of what stands where it does: made for a while, it is its owner's alone."""
    allowed = _allowed(part.parent)
    for path in (part, *part.rglob("*")):
        kept = path.stat().st_mode & 0o7000  # a folder shared by a group hands its group on
        path.chmod(allowed | kept if path.is_dir() else allowed & 0o666)


def _hidden(path: Path) -> str:
    """How the temporary name beside ``path`` begins; a long name is cut, since file systems allow 255 bytes."""
    return f".{path.name[:50]}."


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Name ``path`` in errors of the system that name a hidden file or folder beside it, or none (a full disk)."""
    try:
        yield
    except OSError as error:
        named = error.filename2 or error.filename
        hidden = named is None or f"{os.sep}{_hidden(path)}" in f"{os.sep}{os.fsdecode(named)}"
        if error.errno is None or not hidden:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    except Exception as error:
        number = re.search(r"os error (\d+)", str(error))
        if type(error).__name__ != "SafetensorError" or number is None:  # which holds the system's in its text
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let no other process that asks for the same into ``folder``, which must be there, as long as this goes on.

    The lock is the system's: nothing is written, and it ends with the process, however that ends. Where the system or
    the disk has none, nobody is kept out. Whoever holds it removes what writers left in the folder that were
    killed (:func:`remove_stale`).

    Raises:
        UserError: another process is in it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another ocr-neurons is at work in it; wait until it ends, or choose another folder"
            ) from None
        except OSError:  # some disks of a network
            pass
        else:
            remove_stale(folder)
        yield
    finally:
        os.close(handle)


def remove_stale(folder: Path) -> None:
    """Remove hidden ``*.part`` files and folders that a killed process left in ``folder`` more than a day ago."""
    for old in folder.glob(".*.part"):
        try:
            if time.time() - old.stat().st_mtime <= STALE_SECONDS:
                continue
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.unlink()
        except FileNotFoundError:  # another process removed it
            continue


def require_writable(path: Path) -> None:
    """Refuse a file or folder that could not be written in the end, before the work that leads there.

    Raises:
        UserError: the nearest folder above it that there is (or itself) may not be written to, or is a file.
    """
    given = path.absolute()
    place = given if _is(Path.is_dir, given) else next(parent for parent in given.parents if _is(Path.exists, parent))
    if not place.is_dir():
        raise UserError(f"{path}: cannot be written, as {place} is a file; choose another place")
    if not os.access(place, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise UserError(f"{path}: cannot be written, as nothing may be written into {place}; choose another place")


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    """Whether that can be seen: not in a folder that may not be entered, nor of a name that is too long."""
    try:
        return what(path)
    except OSError:
        return False


def user_path(given: str | Path) -> Path:
    """A path as the user spells it, ``~`` being the home folder; ``~somebody`` who is not here stays as it is."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, whole or not at all.

    Raises:
        UserError: half a character in the text, as a file name that is not UTF-8 gives it.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        around = ascii(text[max(0, error.start - 20) : error.end + 20])
        raise UserError(
            f"{path}: cannot be written as UTF-8, because of {around}; if that is of a file's name, rename the file"
        ) from None
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever json can write
    """Write readable JSON, whole or not at all. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def read_text(path: Path, wanted: str) -> str:
    """Read a UTF-8 file, or raise a UserError that says it should have held ``wanted``."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; wanted {wanted}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; wanted {wanted}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}); wanted {wanted}; convert it first") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); wanted {wanted}") from None


def read_json(path: Path, wanted: str) -> Any:  # noqa: ANN401 - whatever json holds
    """Read a JSON file, or raise a UserError that says where it stops being JSON."""
    text = read_text(path, wanted)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not JSON ({error.msg}); wanted {wanted}") from None
    except (RecursionError, ValueError) as error:  # nested too deeply, a number of thousands of figures
        raise UserError(f"{path}: JSON that cannot be read ({error}); wanted {wanted}") from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
