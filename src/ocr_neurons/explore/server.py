"""The HTTP layer of the explorer: it checks who asks and what, calls the session, and serves the page.

Only this machine is listened to, and only under its own name, so that no page of another site can reach it by making
its name point here (DNS rebinding). What changes or computes something wants JSON and the explorer's own origin, which
the forms and scripts of other sites cannot give.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ocr_neurons.common.errors import UserError
from ocr_neurons.explore.editing import Wanted
from ocr_neurons.explore.session import Session

HOSTS = ["127.0.0.1", "localhost"]
BODY = 64 * 1024
"""Bytes of a question, at most."""
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Short = Annotated[str, Field(max_length=200)]


class Question(BaseModel):
    """What all questions have in common: nothing in them is unknown or converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NoiseQuestion(Question):
    """A text, and how much noise."""

    text: str
    language: Short = ""
    rate: float
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1


class PairQuestion(Question):
    """A clean text and its noisy form."""

    clean: str
    noisy: str
    language: Short = ""


class NeuronsQuestion(PairQuestion):
    """Which neurons react: over all changed words or one, in all layers or one."""

    word: int | None = None
    layer: int | None = None
    order: Short = "deviations"


class EditQuestion(PairQuestion):
    """An edit: see :class:`ocr_neurons.explore.editing.Wanted`."""

    kind: Short = "none"
    count: int = 100
    layers: Short = ""
    picked: Annotated[list[Annotated[list[int], Field(min_length=2, max_length=2)]], Field(max_length=1000)] = []
    factor: float | None = None


class NeuronQuestion(Question):
    """One neuron."""

    layer: int
    index: int


def make_app(session: Session) -> FastAPI:
    """The explorer of one session as an ASGI application."""
    app = FastAPI(title="ocr-neurons explore", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = _refused(request) or await call_next(request)
        response.headers.update(HEADERS)
        return response

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)

    @app.exception_handler(UserError)
    async def user_error(_request: Request, error: UserError) -> Response:
        return _error(400, " ".join(str(error).split()))

    @app.exception_handler(RequestValidationError)
    async def not_valid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first.get("loc", ()) if part != "body")
        return _error(422, f"The question cannot be read: {where or 'body'}: {first.get('msg', 'not valid')}.")

    @app.exception_handler(HTTPException)
    async def no_such(_request: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail))

    @app.get("/")
    def page() -> Response:
        return _file("index.html")

    @app.get("/page/{name}")
    def part(name: str) -> Response:
        return _file(name)

    @app.get("/api/run")
    def run() -> Response:
        return JSONResponse(session.facts())

    @app.get("/api/passage")
    def passage(document: str, part: int = 0) -> Response:
        return JSONResponse(session.passage(document, part))

    @app.get("/api/progress")
    def progress() -> Response:
        return JSONResponse(session.progress())

    @app.post("/api/noise")
    def noise(asked: NoiseQuestion) -> Response:
        return JSONResponse(session.noise(asked.text, asked.language, asked.rate, asked.seed))

    @app.post("/api/compare")
    def compare(asked: PairQuestion) -> Response:
        return JSONResponse(session.compare(asked.clean, asked.noisy, asked.language))

    @app.post("/api/neurons")
    def neurons(asked: NeuronsQuestion) -> Response:
        return JSONResponse(
            session.neurons(
                asked.clean, asked.noisy, asked.language, word=asked.word, layer=asked.layer, order=asked.order
            )
        )

    @app.post("/api/edit")
    def edit(asked: EditQuestion) -> Response:
        picked = tuple((layer, index) for layer, index in asked.picked)
        wanted = Wanted(asked.kind, asked.count, asked.layers, picked, asked.factor)
        return JSONResponse(session.edit(asked.clean, asked.noisy, asked.language, wanted))

    @app.post("/api/neuron")
    def neuron(asked: NeuronQuestion) -> Response:
        return JSONResponse(session.neuron(asked.layer, asked.index))

    @app.post("/api/contexts")
    def contexts(asked: NeuronQuestion) -> Response:
        return JSONResponse(session.contexts(asked.layer, asked.index))

    return app


def _refused(request: Request) -> Response | None:
    """The answer to a question that is not the page's own, or too long; None if it may be answered."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        if request.method == "GET" and request.url.path == "/" and request.headers.get("sec-fetch-mode") == "navigate":
            return None  # a link to the explorer in a mail or a note
        return _error(403, "Questions from other sites are not answered.")
    if request.method in ("GET", "HEAD"):
        return None
    origin = request.headers.get("origin")
    if origin is not None and (
        urlsplit(origin).scheme != "http" or urlsplit(origin).netloc != request.headers.get("host")
    ):
        return _error(403, "Questions from other sites are not answered.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _error(415, "Questions must come as application/json.")
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdecimal():
        return _error(411, "The length of the question is not given.")
    if int(length) > BODY:
        return _error(413, f"The question has {int(length):,} bytes; {BODY:,} are read at most. Shorten the text.")
    return None


def _error(status: int, sentence: Any) -> Response:  # noqa: ANN401 - what a framework gives
    return JSONResponse({"error": str(sentence)}, status)


def _file(name: str) -> Response:
    """A file of the page, by a name that is in its folder."""
    for found in files("ocr_neurons.explore").joinpath("page").iterdir():
        suffix = "." + found.name.rpartition(".")[2]
        if found.name == name and suffix in KINDS:
            return Response(found.read_bytes(), media_type=f"{KINDS[suffix]}; charset=utf-8")
    raise HTTPException(404, "There is no such page.")
