"""The user's cache folder, and what can go wrong when writing into it."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import user_path

CACHE_VARIABLE = "OCR_NEURONS_CACHE"
"""The environment variable that names the cache folder."""
_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no quota error


def cache_root() -> Path:
    """The cache folder: ``OCR_NEURONS_CACHE``, or ``ocr-neurons`` in the user's cache directory. Not created here."""
    if given := os.environ.get(CACHE_VARIABLE):
        return user_path(given).absolute()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not base.is_absolute():  # the XDG rules: a relative path is to be ignored
            base = _home() / ".cache"
    return base / "ocr-neurons"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise UserError(
            f"no home folder is known here to keep the cache in; set {CACHE_VARIABLE} to a folder"
        ) from None


@contextmanager
def writing_cache(root: Path, name: str, room: int) -> Iterator[None]:
    """Around the fetching of ``name``, which needs about ``room`` bytes below ``root``.

    Raises:
        UserError: in place of the system's error, when the disk is full or the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise no_room(root, name, room, "the disk is full") from None
        if isinstance(error, PermissionError) or error.errno in (errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise UserError(
                f"{root}: cannot be written ({error.strerror}); wanted a folder for {name}; set {CACHE_VARIABLE}"
            ) from None
        raise
    except UserError:
        raise
    except Exception as error:
        if "no space left" in str(error).lower():  # safetensors and pip wrap the system's error into their own
            raise no_room(root, name, room, "the disk is full") from None
        raise


def require_room(folder: Path, name: str, room: int) -> None:
    """Raise a UserError if the disk of ``folder`` has less than ``room`` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < room:
        raise no_room(folder, name, room, f"{megabytes(free)} free")


def no_room(where: Path, name: str, room: int, why: str) -> UserError:
    """The error that says how much room fetching ``name`` needs."""
    return UserError(
        f"{where}: {why}; fetching {name} needs about {megabytes(room)}; "
        f"free some, or set {CACHE_VARIABLE} to a folder on another disk"
    )


def megabytes(count: int) -> str:
    """A size in words: ``98 MB``, ``1.4 MB``, ``0.02 MB``."""
    value = count / 1e6
    return f"{value:,.0f} MB" if value >= 10 else f"{value:.1f} MB" if value >= 0.1 else f"{value:.2f} MB"
