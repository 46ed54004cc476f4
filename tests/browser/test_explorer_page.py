"""The explorer's page in Chromium, as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import ARGUMENTS, CHROMIUM, Watched, serving, until

import tiny_run
from ocr_neurons.common.seeds import generator
from ocr_neurons.explore.editing import Wanted
from ocr_neurons.explore.session import Session
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise

pytest.importorskip("fastapi", reason="pip install 'ocr-neurons[explore]'")
sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
if not Path(CHROMIUM).exists():
    pytest.skip("no Chromium: apt-get install chromium", allow_module_level=True)

TEXT = "The ship of John Thornton arrived in Liverpool with letters."


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Session:
    run = tiny_run.make_run(tmp_path_factory.mktemp("explore"), tiny_folder("llama"))
    return tiny_run.explore(run, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def address(session: Session) -> Iterator[str]:
    with serving(app_of(session)) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    made = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def watched(context: Any, address: str) -> Iterator[Watched]:
    """A page that must say nothing on its console and ask nobody else."""
    made = Watched(context.new_page(), address)
    yield made
    assert made.said == []
    assert made.elsewhere == []


def app_of(session: Session) -> Any:
    from ocr_neurons.explore.server import make_app

    return make_app(session)


def entities(page: Any, row: str) -> list[str]:
    return [text.strip() for text in page.locator(f"dd[data-row='{row}'] .entity").all_inner_texts()]


def slide(page: Any, name: str, value: float) -> None:
    page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def test_it_opens_on_the_first_test_document(watched, session):
    page = watched.open()
    passage = session.passage("test:0", 0)
    assert page.input_value("#clean") == passage["clean"]
    assert page.input_value("#doc") == "test:0"
    assert page.locator("#kicker").inner_text().endswith("4 layers × 48 neurons · data " + session.run.config.data)
    expected = session.noise(passage["clean"], "en", 0.08, 1)["noisy"]
    assert page.input_value("#noisy") == expected
    found = session.compare(passage["clean"], expected, "en")
    assert len(entities(page, "clean text")) == len(found["clean"]["entities"])
    assert len(entities(page, "noisy text")) == len(found["noisy"]["entities"])
    assert len(entities(page, "marked by hand")) == len(passage["gold"]) > 0
    changed = [word for word in found["words"] if word["changed"]]
    assert page.locator("#map tr[data-word]").count() == len(changed)
    assert page.locator("#map tr[data-word] td").count() == 4 * len(changed)


def test_the_noise_slider(watched):
    page = watched.open()
    clean = page.input_value("#clean")
    slide(page, "rate", 20)
    watched.settle()
    until(page, "document.querySelector('#align-note').textContent.includes('error rate')")
    maker = NoiseMaker(load_noise("en"))
    assert page.input_value("#noisy") == maker.corrupt(clean, generator(1, "explore"), cer=0.2).noisy
    assert page.inner_text("#rate-value") == "20.0\u00a0%"
    page.click("#redraw")
    watched.settle()
    assert page.input_value("#noisy") == maker.corrupt(clean, generator(2, "explore"), cer=0.2).noisy
    slide(page, "rate", 0)
    until(page, "document.querySelector('#align-note').textContent === 'The two texts are the same.'")
    assert page.input_value("#noisy") == clean
    assert "No word is changed" in page.inner_text("#heat-note")


def test_a_text_of_ones_own_made_noisy_by_hand(watched, session):
    page = watched.open()
    page.fill("#clean", TEXT)
    page.fill("#noisy", TEXT.replace("Liverpool", "Livcrp0ol"))
    until(page, "document.querySelectorAll('#aligned .change').length === 2")
    assert page.input_value("#doc") == "own"
    assert page.is_checked("input[value=hand]")
    assert [row.inner_text() for row in page.locator("#map tr[data-word] button").all()] == ["Liverpool → Livcrp0ol"]
    watched.settle()
    first = page.locator("#neurons tbody tr").first.inner_text().split("\t")
    found = session.neurons(
        TEXT, TEXT.replace("Liverpool", "Livcrp0ol"), "en", word=None, layer=None, order="deviations"
    )["neurons"][0]
    assert first[0] == f"{found['layer']}.{found['index']}"
    assert float(first[3].replace("−", "-")) == pytest.approx(found["difference"], rel=0.02)


def test_markup_in_a_text_stays_text(watched):
    page = watched.open()
    evil = 'A <img src=x onerror="document.title=1"> in <b>Derby</b>.'
    page.fill("#clean", evil)
    page.fill("#noisy", evil.replace("Derby", "Dcrby<script>"))
    until(page, "document.querySelector('#entities').textContent.includes('onerror')")
    watched.settle()
    assert page.locator("main img, main script").count() == 0
    assert "A <img src=x onerror" in page.inner_text("dd[data-row='clean text']")
    assert page.title().startswith("Explorer")


def test_edit_on_factor_and_off(watched, session):
    page = watched.open("#doc=test:1&seed=3")
    plain = entities(page, "noisy text")
    assert page.locator("dd[data-row='noisy text, edited']").count() == 0
    page.check("#edit-on")
    page.fill("#count", "90")
    slide(page, "factor", 1)
    watched.settle()
    assert entities(page, "noisy text, edited") == plain, "a factor of 1 does nothing"
    assert "changes no tag" in page.inner_text("#entities-summary")
    slide(page, "factor", -1)
    until(page, "document.querySelector('#entities-summary').textContent.includes('times -1')")
    watched.settle()
    clean, noisy = page.input_value("#clean"), page.input_value("#noisy")
    found = session.edit(clean, noisy, "en", Wanted("ranking", 90, factor=-1.0))
    shown = entities(page, "noisy text, edited")
    assert len(shown) == len(found["entities"])
    for text, row in zip(shown, found["entities"], strict=True):
        assert text.startswith(f"{noisy[row['start'] : row['end']]} {row['type']} ")
        assert ("△" in text) == row["moved"]
    assert any(row["moved"] for row in found["entities"]) or found["dropped"]
    page.uncheck("#edit-on")
    watched.settle()
    assert page.locator("dd[data-row='noisy text, edited']").count() == 0
    page.check("input[value=run]")
    watched.settle()
    assert session.run.edit.describe() in page.inner_text("#entities-summary")


def test_a_neuron_is_looked_up(watched, session):
    page = watched.open()
    name = page.locator("#neurons tbody button").first.inner_text()
    page.locator("#neurons tbody button").first.click()
    page.wait_for_selector("#neuron-facts table")
    layer, index = map(int, name.split("."))
    assert page.input_value("#neuron") == name
    assert page.locator("#neuron-facts p").first.inner_text().startswith(f"Neuron {index} of layer {layer}: ")
    place = int(session.places[layer, index])
    assert re.search(rf"\b{place}(st|nd|rd|th) of 192", page.locator("#neuron-facts p").first.inner_text())
    until(page, "document.querySelector('#alone-says').textContent !== ''")
    slide(page, "alone-factor", 3)
    until(page, "document.querySelector('#alone-value').textContent === '× 3.00'")
    page.click("#fires")
    page.wait_for_selector("#contexts table")
    cells = page.locator("#contexts table").first.locator("td.n").all_inner_texts()
    values = [float(text.replace("−", "-")) for text in cells]
    assert len(values) == 8
    assert values == sorted(values, reverse=True)
    assert page.locator("#contexts mark").first.inner_text() == session.contexts(layer, index)["highest"][0]["word"]
    page.click("#pick")
    watched.settle()
    assert page.input_value("#picked") == name
    assert page.is_checked("#edit-on")
    assert "1 neuron of layer" in page.inner_text("#entities-summary")


def test_cells_by_keyboard_and_by_mouse(watched):
    page = watched.open()
    page.locator("#map tr[data-word] td").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    watched.settle()
    chosen = page.locator("#map td.chosen")
    assert chosen.count() == 1
    assert chosen.get_attribute("data-layer") == "1"
    assert page.input_value("#in-layer") == "1"
    assert "layer 1: moved by" in page.inner_text("#readout")
    assert all(text.startswith("1.") for text in page.locator("#neurons tbody button").all_inner_texts())
    chosen.click()
    watched.settle()
    assert page.locator("#map td.chosen").count() == 0
    assert page.input_value("#in-layer") == "-1"


def test_bad_input_gets_a_sentence_and_is_recovered_from(watched):
    page = watched.open()
    page.check("#edit-on")
    watched.settle()
    for field, bad, good, says in (
        ("#layers", "0-77", "", "this model has 0 to 3"),
        ("#count", "100000", "20", "wanted 1 to 192"),
        ("#factor-number", "99", "0.5", "wanted a number from -10 to 10"),
        ("#picked", "three", "1.1", "“three” is no list of neurons"),
        ("#picked", "9.9", "1.1", "Neuron 9.9 does not exist"),
    ):
        page.fill(field, bad)
        page.keyboard.press("Tab")
        page.wait_for_selector("#edit-error:not([hidden])")
        assert says in page.inner_text("#edit-error")
        assert page.locator("dd[data-row='noisy text, edited']").count() == 0
        page.fill(field, good)
        page.keyboard.press("Tab")
        page.wait_for_selector("dd[data-row='noisy text, edited']")
        assert page.locator("#edit-error").is_hidden()
    # the browser itself notes answers of status 400 on its console
    watched.said[:] = [line for line in watched.said if "status of 400" not in line]


def test_texts_that_are_too_long_or_empty(watched):
    page = watched.open()
    page.fill("#clean", "word " * 500)
    page.wait_for_selector("#text-error:not([hidden])")
    assert "2,500 characters; the explorer takes 2,000 at most" in page.inner_text("#text-error")
    assert page.locator("#map table").count() == 0
    page.fill("#clean", "")
    until(page, "document.querySelector('#text-error').textContent.includes('has no word')")
    page.fill("#clean", TEXT)
    page.wait_for_selector("#entities dd")
    assert page.locator("#text-error").is_hidden()
    page.fill("#neuron", "nothing")
    page.click("#lookup button[type=submit]")
    assert "is no neuron" in page.inner_text("#neuron-error")
    watched.said[:] = [line for line in watched.said if "status of 400" not in line]


def test_a_link_restores_everything(watched, context):
    page = watched.open()
    page.fill("#clean", TEXT)
    until(page, "document.querySelector('#aligned').textContent.length > 10")
    slide(page, "rate", 15)
    page.fill("#seed", "7")
    page.keyboard.press("Tab")
    page.check("#edit-on")
    page.fill("#count", "50")
    page.fill("#layers", "1-2")
    slide(page, "factor", 2)
    page.check("#all-words")
    page.fill("#neuron", "2.7")
    page.click("#lookup button[type=submit]")
    page.wait_for_selector("#neuron-facts table")
    until(page, "document.querySelector('#entities-summary').textContent.includes('times 2')")
    page.locator("#map tr[data-word] td").nth(2).click()
    watched.settle()
    other = Watched(context.new_page(), watched.address)
    again = other.open(page.evaluate("location.hash"))
    again.wait_for_selector("#neuron-facts table")
    until(again, "document.querySelector('#entities-summary').textContent.includes('times 2')")
    other.settle()
    for field in ("clean", "noisy", "seed", "rate", "count", "layers", "factor", "neuron", "doc", "over", "in-layer"):
        assert again.input_value(f"#{field}") == page.input_value(f"#{field}"), field
    for panel in ("entities", "neurons", "map", "aligned", "entities-summary", "neuron-facts"):
        assert again.inner_text(f"#{panel}") == page.inner_text(f"#{panel}"), panel
    assert again.is_checked("#edit-on")
    assert other.said == other.elsewhere == []


@pytest.mark.parametrize(
    "fragment", ["#doc=test:99", "#part=7", "#rate=abc&n=&factor=x&kind=evil&word=9&layer=77", "#%%%"]
)
def test_links_that_are_broken_still_open(watched, fragment):
    watched.page.goto(f"{watched.address}/{fragment}")
    until(watched.page, "document.querySelector('#doc').options.length > 2")
    watched.settle()
    assert watched.page.locator("#text-error:not([hidden]), #entities dd").count() > 0
    watched.said[:] = [line for line in watched.said if "status of 400" not in line]


def test_two_tabs_at_once(watched, context, session):
    first, other = watched.open(), Watched(context.new_page(), watched.address)
    second = other.open("#doc=test:2&on=1&n=90&factor=-1")
    for step in range(6):  # both drag at once; neither waits for its answers
        slide(first, "rate", 2 + step)
        slide(second, "factor", -1 + step / 10)
    watched.settle()
    until(second, "document.querySelector('#entities-summary').textContent.includes('times -0.5')")
    other.settle()
    clean, noisy = first.input_value("#clean"), first.input_value("#noisy")
    assert noisy == session.noise(clean, "en", 0.07, 1)["noisy"]
    assert len(entities(first, "noisy text")) == len(session.compare(clean, noisy, "en")["noisy"]["entities"])
    assert other.said == other.elsewhere == []


def test_a_slider_that_is_dragged_asks_little(watched):
    page = watched.open("#on=1&n=90")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/api/edit") else None)
    page.evaluate(
        """() => { const slider = document.querySelector('#factor');
        for (let i = 0; i <= 60; i++) {
          slider.value = i / 20;
          slider.dispatchEvent(new Event('input', {bubbles: true}));
        } }"""
    )
    until(page, "document.querySelector('#entities-summary').textContent.includes('times 3')")
    watched.settle()
    assert len(asked) == 2, "the first one, and the last one"


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_nothing_is_wider_than_the_screen(browser, address, scheme, width):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = Watched(context.new_page(), address).open("#on=1&neuron=1.2")
    page.wait_for_selector("#neuron-facts table")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unlabelled = page.evaluate(
        """() => [...document.querySelectorAll('input, select, textarea, button, progress')].filter(
        (one) => !one.labels?.length && !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')
        && !one.textContent.trim()).map((one) => one.id)"""
    )
    assert unlabelled == []
    context.close()


def test_when_the_explorer_has_gone(context, session):
    with serving(app_of(session)) as address:
        watched = Watched(context.new_page(), address)
        page = watched.open()
    slide(page, "rate", 3)
    page.wait_for_selector("#text-error:not([hidden])")
    assert "Is `ocr-neurons explore` still running?" in page.inner_text("#text-error")
