"""The bytes of one file by https, never more of them than it is known to have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from ocr_neurons import __version__
from ocr_neurons.common.errors import UserError

BLOCK = 1 << 16
TIMEOUT = 30.0
"""Seconds without an answer, or without a byte, after which a server is given up."""
SECURE = ("https",)


def download(url: str, size: int, *, schemes: Collection[str] = SECURE, timeout: float = TIMEOUT) -> Iterator[bytes]:
    """Yield the bytes of ``url`` in blocks; ``size`` is how many there must be.

    Redirects are followed where their scheme is in ``schemes``. Proxies are those of the environment. The content is
    not checked here.

    Raises:
        UserError: no network, an answer other than 200, a redirect to another scheme, fewer or more bytes.
    """
    _require_scheme(url, url, schemes)
    try:
        response = _opener(schemes).open(url, timeout=timeout)
    except HTTPError as error:
        with error:
            raise UserError(f"{url}: {_meaning(error.code)}") from None
    except (OSError, HTTPException) as error:
        raise UserError(f"{url}: cannot be reached ({_reason(error)}); check the network") from None
    with response:
        received = 0
        while True:
            try:
                block = response.read(BLOCK)
            except (OSError, HTTPException) as error:
                raise UserError(f"{url}: broke off after {received} of {size} bytes ({_reason(error)})") from None
            if not block:
                break
            received += len(block)
            if received > size:
                raise UserError(f"{url}: longer than the {size} bytes it should have; not the file that is wanted")
            yield block
    if received < size:
        raise UserError(f"{url}: broke off after {received} of {size} bytes")


def _opener(schemes: Collection[str]) -> OpenerDirector:
    class Redirects(HTTPRedirectHandler):
        def redirect_request(
            self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
        ) -> Request | None:
            _require_scheme(newurl, req.full_url, schemes)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    opener = build_opener(Redirects)
    opener.addheaders = [("User-Agent", f"ocr-neurons/{__version__}"), ("Accept-Encoding", "identity")]
    return opener


def _require_scheme(url: str, asked: str, schemes: Collection[str]) -> None:
    if urlsplit(url).scheme not in schemes:
        what = "" if url == asked else f" is sent on to {url}, which"
        raise UserError(f"{asked}{what or ':'} is not {' or '.join(schemes)}; nothing was taken from there")


def _meaning(status: int) -> str:
    if status in (404, 410):
        return f"not there (status {status}); the repository may have moved"
    if status in (403, 429):
        return f"refused (status {status}); the server may count requests: wait an hour"
    if 300 <= status < 400:
        return f"sent on to a place that is not taken (status {status})"
    return f"the server answered with status {status}; try later"


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
