"""What ``explore`` does: a run's folder in, a page on this machine until it is stopped."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
import webbrowser
from typing import TYPE_CHECKING

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

HOST = "127.0.0.1"
PORT = 8750


def options(parser: argparse.ArgumentParser) -> None:
    """What the command takes besides the machine's options."""
    from pathlib import Path

    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--port", type=int, default=PORT, help=f"port of 127.0.0.1 (default {PORT}; 0: any free one)")
    parser.add_argument("--no-open", action="store_true", help="print the address, and open no browser on a desktop")


def explore(args: argparse.Namespace) -> None:
    """``explore``: serve the page until Ctrl-C."""
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise UserError(f"explore needs {error.name}; install it with: pip install 'ocr-neurons[explore]'") from None
    if not 0 <= args.port <= 65535:
        raise UserError(f"port {args.port} given; wanted a number from 1024 to 65535, or 0 for any free one")
    reporter = Reporter(args.quiet)
    with _listening(args.port) as listener:
        app = _app(args.run, args.device, args.dtype, reporter)
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        print(address, flush=True)
        reporter.say("open this address in a browser on this machine; Ctrl-C stops the explorer")
        if not args.no_open and _on_a_desktop():
            webbrowser.open(address)
        settings = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", lifespan="off")
        try:
            uvicorn.Server(settings).run(sockets=[listener])
        except KeyboardInterrupt:
            reporter.say("stopped")


def _app(folder: Path, device: str, dtype: str, reporter: Reporter) -> FastAPI:
    from ocr_neurons.common.cache import cache_root
    from ocr_neurons.explore.folder import open_run
    from ocr_neurons.explore.server import make_app
    from ocr_neurons.explore.session import open_session
    from ocr_neurons.lm.load import pick_device, pick_dtype

    chosen = pick_device(device)
    precision = pick_dtype(dtype, chosen)
    run = open_run(folder)
    if run.no_data:
        reporter.say(f"{run.no_data} Texts can be pasted all the same.")
    reporter.say(f"explore: loading the tagger of {folder} …")
    return make_app(open_session(run, cache_root(), chosen, precision))


def _listening(port: int) -> socket.socket:
    """A socket that listens on this machine alone, taken before any long work.

    Raises:
        UserError: the port is in use, or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            why = "is in use, perhaps by another explorer"
        elif error.errno == errno.EACCES:
            why = "needs a privileged user"
        else:
            why = f"cannot be listened on ({error.strerror})"
        raise UserError(f"port {port} of {HOST} {why}; choose another with --port, or --port 0 for any free") from None
    return listener


def _on_a_desktop() -> bool:
    """Whether there is someone at this machine's screen: a terminal, a display, and no remote login."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
