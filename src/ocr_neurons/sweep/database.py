"""Opening the database of a store, so that whatever is read and written in one step is one step for everybody."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError

PATIENCE = 60
"""Seconds that SQLite waits for others to finish writing."""


def file_url(path: Path) -> str:
    """The storage URL of a SQLite file; the signs that SQLAlchemy or Optuna would read otherwise are escaped."""
    escaped = str(path.resolve()).replace("%", "%25").replace("?", "%3F")
    return "sqlite:///" + escaped.replace("{", "{{").replace("}", "}}")


def shown(url: str) -> str:
    """A URL for people: without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def open_storage(url: str, heartbeat: float, grace: float) -> Any:  # noqa: ANN401 - optuna is untyped here
    """Optuna's storage at ``url``; tables are made where there are none.

    In SQLite every transaction takes the write lock at its beginning. Optuna reads a trial's state and then writes it;
    PostgreSQL and MySQL lock the row meanwhile, SQLite would let two processes read it before either writes.

    Raises:
        UserError: the URL is none, its driver is missing, or there is no such database.
    """
    import optuna

    sqlite = url.startswith("sqlite")
    for again in (True, True, True, False):
        try:
            with experimental():
                storage = optuna.storages.RDBStorage(
                    url,
                    {"connect_args": {"timeout": PATIENCE}} if sqlite else {"pool_pre_ping": True},
                    heartbeat_interval=heartbeat,
                    grace_period=grace,
                )
        except ImportError as error:
            raise UserError(
                f"store {shown(url)}: {error}; for PostgreSQL install ocr-neurons[postgres] and begin the URL with "
                "postgresql+psycopg://"
            ) from None
        except Exception as error:
            if again and "already exists" in str(error):  # another process was making the tables
                time.sleep(0.2)
                continue
            raise cannot_be_opened(url, error) from None
        if sqlite:
            _lock_early(storage.engine)
        return storage
    raise AssertionError("the last try returns or raises")


def cannot_be_opened(url: str, error: Exception) -> UserError:
    """One line on a database that does not open."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return UserError(f"store {shown(url)}: cannot be opened ({first}); wanted a URL such as sqlite:///sweep.db")


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """One line instead of a traceback when the database goes away in the middle.

    Raises:
        UserError: it did.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import OperationalError

    try:
        yield
    except (StorageInternalError, OperationalError) as error:
        cause = str(error.__cause__ or error).strip().splitlines()[0]
        raise UserError(
            f"store {shown(url)}: cannot be reached any more ({cause}); the same command goes on once it can"
        ) from None


@contextmanager
def experimental() -> Iterator[None]:
    """Without Optuna's warnings that heartbeats may change in a later version; which one is used is pinned."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _lock_early(engine: Any) -> None:  # noqa: ANN401
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, _record: Any) -> None:  # noqa: ANN401
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def take_the_lock(connection: Any) -> None:  # noqa: ANN401
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections made before know nothing of this
