"""A real browser for the tests of the explorer's page, and what it may and may not do."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The application on a free port of this machine, in a thread; its address."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", lifespan="off")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


class Watched:
    """A page, what it said on its console, and whom it asked."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.said: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", self._ask)

    def _ask(self, request: Any) -> None:
        if not request.url.startswith(self.address + "/"):
            self.elsewhere.append(request.url)

    def open(self, fragment: str = "") -> Any:
        """Go there; the page when everything has been answered."""
        self.page.goto(f"{self.address}/{fragment}")
        return self.settle()

    def settle(self) -> Any:
        """Wait until no question is open."""
        until(self.page, "document.documentElement.dataset.open === '0'")
        return self.page


def until(page: Any, holds: str) -> None:
    """Wait until a JavaScript expression is true. The page's policy forbids what Playwright's own waiting does."""
    for _ in range(1000):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(f"never true: {holds}")
