"""One file from a server: its bytes and no others, and one line for everything that can go wrong."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_server import LocalServer, chunks, running, stall, stated, status, whole
from ocr_neurons.common.download import BLOCK, download
from ocr_neurons.common.errors import UserError

CONTENT = bytes(range(256)) * (BLOCK // 100)
HTTP = ("http",)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running() as local:
        yield local


def got(server: LocalServer, path: str = "/file", size: int = len(CONTENT), timeout: float = 10) -> bytes:
    return b"".join(download(server.base + path, size, schemes=HTTP, timeout=timeout))


@pytest.mark.parametrize("answer", [whole(CONTENT), chunks(CONTENT[:1000], CONTENT[1000:])])
def test_bytes_are_those_of_the_server(server: LocalServer, answer) -> None:
    server.answers["/file"] = answer
    assert got(server) == CONTENT


def test_redirect_is_followed(server: LocalServer) -> None:
    server.answers |= {"/file": status(302, "/moved"), "/moved": whole(CONTENT)}
    assert got(server) == CONTENT
    assert server.asked == ["/file", "/moved"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("ftp://127.0.0.1/file", " is sent on to ftp://127.0.0.1/file, which is not http; nothing was taken"),
        ("https://127.0.0.1:9/file", " is sent on to https://127.0.0.1:9/file, which is not http; nothing was taken"),
        ("file:///etc/passwd", ": sent on to a place that is not taken (status 301)"),
        ("/file", ": sent on to a place that is not taken (status 301)"),
    ],
)
def test_redirect_to_another_scheme_or_in_a_circle_is_refused(server: LocalServer, target: str, told: str) -> None:
    server.answers["/file"] = status(301, target)
    with pytest.raises(UserError) as error:
        got(server)
    assert str(error.value).startswith(f"{server.base}/file{told}")


def test_https_alone_is_taken_by_default(server: LocalServer) -> None:
    server.answers["/file"] = whole(CONTENT)
    for url in (f"{server.base}/file", "file:///etc/passwd", "ftp://127.0.0.1/file", "nothing"):
        with pytest.raises(UserError, match="is not https"):
            list(download(url, len(CONTENT)))
    assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (stated(CONTENT[:70_000], len(CONTENT)), f"broke off after 70000 of {len(CONTENT)} bytes"),
        (stated(CONTENT[:-1], len(CONTENT) - 1), f"broke off after {len(CONTENT) - 1} of {len(CONTENT)} bytes"),
        (stated(b"", 0), f"broke off after 0 of {len(CONTENT)} bytes"),
        (chunks(CONTENT[:100], finished=False), f" of {len(CONTENT)} bytes"),
        (whole(CONTENT + b"x"), f"longer than the {len(CONTENT)} bytes"),
        (status(404), r"not there \(status 404\)"),
        (status(429), r"refused \(status 429\)"),
        (status(503), "answered with status 503; try later"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(server: LocalServer, answer, told: str) -> None:
    server.answers["/file"] = answer
    with pytest.raises(UserError, match=told) as error:
        got(server)
    assert str(error.value).startswith(f"{server.base}/file: ")
    assert "\n" not in str(error.value)


def test_endless_answer_is_left_early(server: LocalServer) -> None:
    server.answers["/file"] = chunks(*[CONTENT] * 50)
    taken = bytearray()
    with pytest.raises(UserError, match="longer than the 1000 bytes"):
        taken.extend(byte for block in download(f"{server.base}/file", 1000, schemes=HTTP) for byte in block)
    assert len(taken) <= 1000


def test_silent_server_is_given_up(server: LocalServer) -> None:
    server.answers["/file"] = stall(server, CONTENT)
    with pytest.raises(UserError, match=r"broke off after \d+ of \d+ bytes \(no answer in time\)"):
        got(server, timeout=0.2)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only its maker trusts, and its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("needs the program openssl to make a certificate")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = subprocess.run([*command, "-keyout", str(file), "-out", "-"], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + made.stdout)
    return file


def test_https_with_a_certificate_that_is_trusted_and_one_that_is_not(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    with running(certificate) as local:
        local.answers["/file"] = whole(CONTENT)
        with pytest.raises(UserError, match=r"cannot be reached \(.*certificate verify failed"):
            list(download(f"{local.base}/file", len(CONTENT)))
        assert local.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert b"".join(download(f"{local.base}/file", len(CONTENT))) == CONTENT


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=r"cannot be reached \(Connection refused\); check the network"):
        list(download(f"http://127.0.0.1:{port}/file", 1, schemes=HTTP))
