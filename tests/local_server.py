"""A web server on this machine that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class LocalServer:
    """``answers``: what is done for each path (unquoted); other paths get status 404."""

    base: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: threading.Event = field(default_factory=threading.Event)
    """Set by :func:`stall` when half of its content is out."""
    release: threading.Event = field(default_factory=threading.Event)


def whole(content: bytes) -> Answer:
    """Status 200 and all of ``content``."""
    return stated(content, len(content))


def stated(content: bytes, length: int) -> Answer:
    """Status 200 and ``content``, said to be ``length`` bytes; then the connection ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(content)
        request.close_connection = True

    return answer


def chunks(*blocks: bytes, finished: bool = True) -> Answer:
    """Status 200 and ``blocks`` with no length stated; without the last, empty chunk unless ``finished``."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for block in blocks:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        if finished:
            request.wfile.write(b"0\r\n\r\n")
        request.close_connection = True

    return answer


def status(code: int, location: str = "") -> Answer:
    """A status without content; with where to go instead, if given."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        if location:
            request.send_header("Location", location)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def stall(server: LocalServer, content: bytes) -> Answer:
    """Half of ``content``; the rest when the server's ``release`` is set."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        half = len(content) // 2
        request.wfile.write(content[:half])
        request.wfile.flush()
        server.sent.set()
        server.release.wait(60)
        request.wfile.write(content[half:])

    return answer


@contextmanager
def running(certificate: Path | None = None) -> Iterator[LocalServer]:
    """A server on a free port of 127.0.0.1, until the end of the block; with a certificate (and key) by https."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(self.path)
            server.asked.append(path)
            server.answers.get(path, status(404))(self)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            with suppress(OSError):  # who asked has gone
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            web.socket = context.wrap_socket(web.socket, server_side=True)
        server = LocalServer(f"{'https' if certificate else 'http'}://127.0.0.1:{web.server_port}")
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            web.shutdown()
            thread.join()
