"""The HTTP layer: who may ask, what may be asked, and many who ask at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

pytest.importorskip("fastapi", reason="pip install 'ocr-neurons[explore]'")

from fastapi.testclient import TestClient

from ocr_neurons.explore.contexts import Contexts
from ocr_neurons.explore.server import BODY, make_app
from tiny_run import TEXT

NOISY = TEXT.replace("ship", "sh1p")
PAIR = {"clean": TEXT, "noisy": NOISY, "language": "en"}


@pytest.fixture
def client(session) -> Iterator[TestClient]:
    with TestClient(make_app(session), base_url="http://127.0.0.1:8750") as made:
        yield made


def test_the_page_and_its_parts(client):
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for name, kind in (("main.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")):
        part = client.get(f"/page/{name}")
        assert part.headers["content-type"].startswith(kind)
        assert part.headers["x-content-type-options"] == "nosniff"
        assert "://" not in part.text.replace("http://www.w3.org/2000/svg", ""), "nothing comes from elsewhere"
        assert "innerHTML" not in part.text
    assert "://" not in page.text


@pytest.mark.parametrize("name", ["other.js", "..%2fserver.py", "%2e%2e/server.py", "../server.py", ".", "main.js%00"])
def test_nothing_but_the_page_is_served(client, name):
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_answers_are_the_sessions(client, session):
    facts = session.facts()
    assert client.get("/api/run").json() == json.loads(json.dumps(facts))
    assert client.get("/api/passage?document=test:1&part=0").json()["clean"] == session.passage("test:1", 0)["clean"]
    made = client.post("/api/noise", json={"text": TEXT, "language": "en", "rate": 0.1, "seed": 4}).json()
    assert made == session.noise(TEXT, "en", 0.1, 4)
    found = client.post("/api/compare", json=PAIR).json()
    expected = json.loads(json.dumps(session.compare(TEXT, NOISY, "en")))
    assert found | {"seconds": 0} == expected | {"seconds": 0}
    answer = client.post("/api/neurons", json=PAIR | {"layer": 1, "order": "difference"}).json()
    assert answer == session.neurons(TEXT, NOISY, "en", word=None, layer=1, order="difference")
    edited = client.post("/api/edit", json=PAIR | {"kind": "neurons", "picked": [[1, 2]], "factor": 0}).json()
    assert edited["says"] == "1 neuron of layer 1 times 0"
    assert client.post("/api/neuron", json={"layer": 1, "index": 2}).json() == session.neuron(1, 2)
    assert client.post("/api/contexts", json={"layer": 1, "index": 2}).json() == session.contexts(1, 2)
    assert client.get("/api/progress").json()["progress"] >= 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8750", "127.0.0.1.evil.example", "", "10.0.0.1:8750"])
@pytest.mark.parametrize("path", ["/", "/api/run", "/page/main.js"])
def test_other_names_of_this_machine_are_refused(client, host, path):
    assert client.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8750", "127.0.0.1:8750"])
def test_its_own_names_are_not(client, host):
    assert client.get("/api/run", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8750"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_get_no_answer(client, headers):
    answer = client.post("/api/compare", json=PAIR, headers=headers)
    assert answer.status_code == 403
    assert "other sites" in answer.json()["error"]


def test_a_link_from_elsewhere_opens_the_page_alone(client):
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=linked).status_code == 200
    assert client.get("/api/run", headers=linked).status_code == 403
    assert client.get("/page/main.js", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_its_own_origin_is_answered(client):
    own = {"Origin": "http://127.0.0.1:8750", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/compare", json=PAIR, headers=own).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_refused(client, kind):
    answer = client.post("/api/compare", content=json.dumps(PAIR), headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_long_questions_are_refused_before_they_are_read(client):
    answer = client.post("/api/compare", json=PAIR | {"clean": "x" * BODY})
    assert answer.status_code == 413
    answer = client.post("/api/compare", content=iter([b"{}"]), headers={"Content-Type": "application/json"})
    assert answer.status_code == 411


@pytest.mark.parametrize(
    ("path", "question"),
    [
        ("compare", {"clean": TEXT}),
        ("compare", PAIR | {"more": 1}),
        ("compare", PAIR | {"clean": 5}),
        ("compare", [1, 2]),
        ("noise", {"text": TEXT, "language": "en", "rate": "much"}),
        ("noise", {"text": TEXT, "language": "en", "rate": 0.1, "seed": -1}),
        ("edit", PAIR | {"kind": "neurons", "picked": [[1]]}),
        ("edit", PAIR | {"kind": "neurons", "picked": [[1, 2, 3]]}),
        ("edit", PAIR | {"kind": "neurons", "picked": [[0, 0]] * 1001}),
        ("neuron", {"layer": 1.5, "index": 0}),
    ],
)
def test_questions_of_another_shape(client, path, question):
    answer = client.post(f"/api/{path}", json=question)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("The question cannot be read: ")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"layer": NaN, "index": 0}', b"[" * 20000])
def test_bodies_that_are_no_json(client, body):
    answer = client.post("/api/neuron", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]


def test_bad_input_gives_one_sentence(client):
    for path, question, says in (
        ("compare", PAIR | {"clean": " "}, "The clean text has no word"),
        ("compare", PAIR | {"noisy": "x" * 2001}, "the explorer takes 2,000 at most"),
        ("neuron", {"layer": 77, "index": 0}, "Neuron 77.0 does not exist"),
        ("edit", PAIR | {"kind": "ranking", "count": 10**9}, "wanted 1 to 192"),
        ("noise", {"text": TEXT, "language": "xx", "rate": 0.1}, "no noise model for language 'xx'"),
    ):
        answer = client.post(f"/api/{path}", json=question)
        assert answer.status_code == 400
        assert says in answer.json()["error"]
        assert "\n" not in answer.json()["error"]
    assert client.get("/api/passage?document=nothing").status_code == 400
    assert client.get("/nothing").json() == {"error": "Not Found"}


def test_many_at_once_get_what_each_alone_would(client):
    """Plain and edited readings run side by side; no edit may leak into another's answer."""
    texts = [PAIR | {"noisy": NOISY.replace("cotton", word)} for word in ("cot1on", "coffon", "eotton", "cotten")]
    edits = [text | {"kind": "ranking", "count": 90, "factor": -2.0} for text in texts]
    asked = [("/api/edit", question) for question in edits] + [("/api/compare", question) for question in texts]

    def ask(question):
        return client.post(question[0], json=question[1]).json() | {"seconds": 0}

    alone = [ask(question) for question in asked]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, asked * 3)) == alone * 3


def test_a_long_search_keeps_nobody_waiting(client, session, monkeypatch):
    """While one page waits for the documents to be read, others draw noise, look neurons up and read texts."""
    begun, others_done = Event(), Event()
    reading = Contexts._read

    def slow(self, layer, turn):
        begun.set()
        assert others_done.wait(20), "the others waited for the search"
        return reading(self, layer, turn)

    monkeypatch.setattr(Contexts, "_read", slow)
    monkeypatch.setattr(session, "_contexts", Contexts(session.tagger, session.run.data, Path("/dev/null"), sample=300))
    with ThreadPoolExecutor(1) as pool:
        search = pool.submit(client.post, "/api/contexts", json={"layer": 2, "index": 1})
        assert begun.wait(20)
        questions = {"noise": {"text": TEXT, "language": "en", "rate": 0.1}, "neuron": {"layer": 1, "index": 2}}
        for path, question in (questions | {"compare": PAIR}).items():
            assert client.post(f"/api/{path}", json=question).status_code == 200
        others_done.set()
        assert search.result(20).status_code == 200
