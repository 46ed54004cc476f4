"""transformers without its progress bars, reports and warnings."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def quiet_transformers(keep_bars: bool = False) -> Iterator[None]:
    """Silence transformers inside the block; restore its settings afterwards, also after an error.

    With ``keep_bars`` its progress bars stay (a download of many gigabytes should show that it is alive).
    Standard error is held back too unless bars are kept: some of its loops draw bars that no setting turns off.
    """
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub_verbosity = hub_logging.get_verbosity()
    logging.set_verbosity_error()
    hub_logging.set_verbosity(logging.ERROR)  # without a network it tells of every retry
    if not keep_bars:
        logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if keep_bars:
                yield
            else:
                with redirect_stderr(io.StringIO()):
                    yield
    finally:
        logging.set_verbosity(verbosity)
        hub_logging.set_verbosity(hub_verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def hushed() -> Iterator[None]:
    """Hide transformers' bars and log lines inside the block; Python's warnings and standard error stay as they are."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
