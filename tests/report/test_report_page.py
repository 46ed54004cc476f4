from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import sample
from ocr_neurons.common.errors import UserError
from ocr_neurons.report import phrase
from ocr_neurons.report.page import write_report

EVIL = "<script>alert(1)</script>\" onload='x' & $x^2$ --> ]]>"
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """The page as a strict reader sees it: elements, attributes, text; unbalanced tags are an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.text))

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]


def page(
    folder: Path, summary: dict[str, Any] | None = None, details: dict[str, Any] | None = None, manifest: Any = None
) -> Page:
    summary, details = summary or sample.summary(), details or sample.details()
    return Page(write_report(sample.write_run(folder, summary, details, manifest)))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of the sample run."""
    return page(tmp_path_factory.mktemp("usual"), manifest=sample.manifest())


def test_the_page_says_what_the_run_found(usual: Page) -> None:
    shown = usual
    assert phrase.printed(sample.summary()["verdict"]) in shown.words
    for said in (
        "74.9 strict F1 95 % interval [71.4, 78.4]",
        "clean twin minus OCR text: +3.1 [1.2, 5.0], p = 0.001",
        "chosen minus baseline: +0.4 [−0.6, 1.3], p = 0.42; chosen minus random neurons: +0.4 [−0.5, 1.2], p = 0.14",
        "ocr-neurons run --data gazette --seed 1",
        "2025-03-01T09:12:44+00:00",
        "With 16 test documents they are probably too narrow.",
    ):
        assert said in re.sub(r"\s+", " ", shown.words), said
    rows = {row[0]: row[1:] for row in shown.rows if len(row) == 9}
    assert rows["baseline"] == ["76.1", "73.8", "74.9", "[71.4, 78.4]", "85.1", "82.8", "83.9", "[80.4, 87.4]"]
    assert rows["random neurons"][3] == "–"
    assert rows["clean twin"][2] == "77.9"
    assert ["torch", "2.13.0"] in shown.rows
    assert ["train.rank", "16"] in shown.rows
    assert ["sweep.factors", "0.0, 0.5, 2.0"] in shown.rows
    assert ["train", "2 min 0 s"] in shown.rows
    assert ["test", "16", "96", "2,096", "176", "64", "16", "48", "16", "32", "28 %"] in shown.rows


def test_the_page_needs_nothing_from_outside(usual: Page) -> None:
    shown = usual
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(shown.names())
    assert "http:" not in shown.source
    assert "https:" not in shown.source
    assert "@import" not in shown.source
    assert "/tmp" not in shown.source  # noqa: S108 - no path of this machine
    for _, attributes in shown.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href"):
                assert (value or "").startswith("#")
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", shown.source))


def test_ids_are_unique_and_references_resolve(usual: Page) -> None:
    shown = usual
    ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', shown.source)
    assert len(wanted) > 20
    assert set(wanted) <= set(ids)


def test_each_figure_has_a_caption_words_for_the_blind_and_its_numbers(usual: Page) -> None:
    shown = usual
    assert shown.names().count("figure") == shown.names().count("figcaption") == 9
    labels = [attributes.get("aria-label") for tag, attributes in shown.tags if tag == "svg"]
    assert len(labels) == 18  # wide and narrow
    assert all(label and len(label) > 40 for label in labels)
    assert shown.source.count("The numbers of this figure") == 9


def test_untrusted_text_stays_text(tmp_path: Path) -> None:
    summary, details = sample.summary(), sample.details()
    summary |= {"model": EVIL, "data": EVIL, "verdict": EVIL, "timings": {EVIL: 1.0}}
    summary["chosen"]["edit"] |= {"description": EVIL, "region": EVIL}
    summary["noise_cost"]["recall_by_bin"][0]["label"] = EVIL
    layers = details["layers"]
    layers |= {"levels": [EVIL], "site": EVIL, "sensitive_rule": EVIL, "regions": {EVIL: [0, 1]}}
    layers["cka"] = {EVIL: layers["cka"]["low"]}
    layers["bands"]["levels"] = {EVIL: layers["bands"]["levels"]["low"]}
    layers["mean_difference"] = {EVIL: layers["mean_difference"]["low"]}
    for trial in details["trials"]:
        trial["region"] = EVIL
    details["examples"][0]["document"] = EVIL
    for token in details["examples"][0]["tokens"]:
        token["text"] = EVIL
        token["gold"] = "B-" + EVIL
    details["data"]["languages"] = [EVIL]
    details["data"]["splits"]["test"]["entities"] = {EVIL: 3}
    manifest = {"command": EVIL, "started": EVIL, "versions": {EVIL: EVIL}, "config": {"a": [EVIL]}, EVIL: EVIL}
    shown = page(tmp_path, summary, details, manifest)
    assert "script" not in shown.names()
    assert "<script" not in shown.source
    assert "&lt;script&gt;" in shown.source
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
    assert shown.words.count("<script>alert(1)</script>") > 40


def test_the_contents_lead_to_every_section(usual: Page) -> None:
    targets = [value for tag, attributes in usual.tags if tag == "a" and (value := attributes["href"])]
    sections = [attributes.get("id") for tag, attributes in usual.tags if tag == "section"]
    assert targets == [f"#{name}" for name in sections] == [
        "#cost", "#where", "#edits", "#compared", "#examples", "#made"
    ]  # fmt: skip


def test_key_numbers_come_with_their_n_and_their_meaning(usual: Page) -> None:
    for said in (
        "n = 555 entities in 16 documents",  # 411 found and 144 missed
        "Of 100 entities in the text it finds about 74 exactly; of 100 that it marks, about 76 are exactly right.",
        "Without the errors it would find about 77 of 100 entities instead of 74.",
        "Other documents like these would show a loss too",
        "The interval holds 0",
    ):
        assert said in usual.words, said


def test_the_opposite_edit_is_shown(usual: Page) -> None:
    rows = {row[0]: row[1:] for row in usual.rows if len(row) == 9}
    assert rows["opposite"][:4] == ["75.2", "72.9", "74.0", "[70.5, 77.5]"]
    assert "times 1.5 in the place of 0.5, minus baseline: −0.9 [−1.8, 0.1], p = 0.091" in usual.words.replace(" ", " ")


def test_what_the_search_finds_among_random_neurons(usual: Page, tmp_path: Path) -> None:
    rows = {row[0]: row[1:] for row in usual.rows if len(row) == 9}
    assert rows["random, best on dev"][2] == "74.5"
    said = usual.words.replace("\u00a0", " ")
    assert (
        "On dev the chosen edit changed +1.2 [0.1, 2.4], p = 0.051. Of 30 settings of random neurons the same" in said
    )
    assert "layers 20-29 (last) times 2: +1.5 [−0.2, 3.3], p = 0.12 on dev, −0.3 [−1.1, 0.5], p = 0.43 on test." in said
    assert "no sign that the chosen ones are special" in said
    summary = sample.summary()
    for name in ("on_dev", "chosen_on_dev"):
        summary["random_best"][name] = {"f1": -0.001, "ci95": [-0.01, 0.002], "p": 0.5}
    assert "Neither search improved dev." in page(tmp_path, summary, light()).words
    summary["random_best"] = None  # no random neurons were swept
    plain = page(tmp_path, summary, light())
    assert "would have chosen" not in plain.words
    assert "random, best on dev" not in {row[0] for row in plain.rows if row}


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (0.12, "So most of it is the luck of the draw: other words would name other neurons"),
        (0.68, "a list that agrees in good part, not in all (expected: rank correlation 0.68 within layers)"),
        (
            0.81,
            "As many other words would name mostly the same neurons (expected: rank correlation 0.81 within layers).",
        ),
    ],
)
def test_how_sure_the_list_of_neurons_is(tmp_path: Path, whole: float, said: str) -> None:
    ranking = {"method": "effect", "words": 300, "share": 0.05, "overlap": 0.37, "expected": 0.06, "within": 0.3}
    shown = page(tmp_path, sample.summary() | {"ranking": ranking | {"whole": whole}}, light())
    assert "It rests on 300 words. Of the best 5% of all neurons by one half of these words, 37% are" in shown.words
    assert said in shown.words


def test_the_clean_sentence_stands_above_and_what_differs_is_marked(usual: Page) -> None:
    assert "left the Mersey loc ✓ right on Wednesday time ✓ right, writes Mr. Thornton pers ✗ wrong" in usual.words
    marked = re.findall(r'<span class="changed">(.)</span>', usual.source)
    assert marked == ["s", "f", "f", "f"]  # Mersey once, Merfey as gold, baseline and chosen have it


def test_runs_of_earlier_versions_are_shown_and_what_they_lack_is_said(tmp_path: Path) -> None:
    summary, details = sample.summary(), light()
    del summary["opposite"], summary["difference"]["opposite_minus_baseline"], summary["random_best"]
    del details["layers"]["bands"], details["layers"]["found"], details["examples"][0]["clean"]
    shown = page(tmp_path, summary, details)
    assert "made by an earlier version, which kept no intervals of these curves" in shown.words
    assert "What the opposite edit does was not kept by this run." in shown.words
    assert "The clean text of these sentences is not known to this run." in shown.words
    assert "Other strategies were not compared in this run." in shown.words
    assert "No placebo was read in this run" in shown.words


def test_what_scrolls_has_a_name(usual: Page) -> None:
    scrolled = [attributes for tag, attributes in usual.tags if attributes.get("class") == "scroll"]
    assert scrolled
    assert all(attributes.get("role") == "region" and attributes.get("aria-label") for attributes in scrolled)


def test_a_run_that_gained_nothing_says_how_to_have_a_better_tagger(tmp_path: Path) -> None:
    summary = sample.summary() | {"data": "my pages"}
    shown = page(tmp_path, summary, light())
    assert "ocr-neurons train 'my pages' --recipe noise --out better" in shown.words
    assert "'my pages' --out THIS-FOLDER/strategies" in shown.words
    better = summary["difference"]["chosen_minus_baseline"]["ci95"][0] > 0
    assert ("for a better tagger see" in shown.words) is not better


def test_entities_are_marked_in_words_not_colour_alone(usual: Page) -> None:
    words = usual.words
    assert "repaired 1, broke 1, added 1 false" in words
    assert (
        "Lady Gwenllian prod ✓ right left the Merfey loc missed on Wednesday time ✓ right, writes Mr. Thornton" in words
    )
    assert "Lady Gwenllian pers ✗ wrong left the Merfey loc ✓ right on" in words


def test_equal_runs_give_equal_pages(usual: Page, tmp_path: Path) -> None:
    assert usual.source == page(tmp_path, manifest=sample.manifest()).source


def test_a_page_made_again_is_the_same(tmp_path: Path) -> None:
    """While a run writes its page that step is begun and not done; afterwards it is, and was timed."""
    manifest = sample.manifest() | {"begun": ["report "]}
    first = page(tmp_path, details=light(), manifest=manifest)
    manifest["steps"]["report"] = {"key": "", "seconds": 2.59}
    summary = sample.summary()
    summary["timings"]["report"] = 2.59
    again = page(tmp_path, summary, light(), manifest | {"begun": []})
    assert again.source == first.source
    assert ["train.seconds", "120.3"] in again.rows


def test_the_page_goes_where_it_is_told(tmp_path: Path) -> None:
    run = sample.write_run(tmp_path / "run", sample.summary() | {"random_control": None}, light())
    assert write_report(run) == run / "report.html"
    assert write_report(run, tmp_path / "x" / "y.html") == tmp_path / "x" / "y.html"
    assert write_report(run, tmp_path / "x") == tmp_path / "x" / "report.html"
    (run / "details.json").unlink()
    with pytest.raises(UserError):
        write_report(run, tmp_path / "z.html")
    assert not (tmp_path / "z.html").exists()


def light() -> dict[str, Any]:
    """Details of a run of three layers that tried nothing: quick to draw."""
    details = sample.details()
    layers = details["layers"]
    layers |= {
        "count": 3,
        "sensitive": [0, 2, 1],
        "regions": {"first": [0], "middle": [1], "last": [2]},
        "placebo": None,
        "bands": None,
        "found": None,
    }
    for curves in (layers["cka"], layers["mean_difference"]):
        curves |= {level: values[:3] for level, values in curves.items()}
    return details | {"trials": []}


def without_edit() -> tuple[dict[str, Any], dict[str, Any]]:
    summary, details = sample.summary(), sample.details()
    summary["chosen"] = {"edit": None, **summary["baseline"]}
    summary["difference"]["chosen_minus_baseline"] = {"f1": 0.0, "ci95": [0.0, 0.0], "p": 1.0}
    summary["difference"]["chosen_minus_random_control"] = None
    summary["random_control"] = None
    details["examples"] = []
    return summary, details


def test_no_edit_no_control_no_examples(tmp_path: Path) -> None:
    shown = page(tmp_path, *without_edit())
    assert "no edit beat the baseline on the development data, so none was made" in shown.words
    assert "No random control was scored on test." in shown.words
    assert "No edit was chosen, so no entity changed." in shown.words
    assert "No cell was chosen." in shown.words
    assert "holds no manifest" in shown.words
    assert shown.names().count("figure") == 7  # neither differences on test nor random draws


def test_without_a_clean_twin_the_cost_is_the_recall_lost(tmp_path: Path) -> None:
    summary = sample.summary()
    summary["noise_cost"]["clean_twin"] = None
    shown = page(tmp_path, summary, light())
    assert "5.1 points of recall 80.1 on entities that OCR left clean, 75.0 on all of known noise" in shown.words
    summary["noise_cost"]["recall_by_bin"] = []
    shown = page(tmp_path, summary, light())
    assert "not measured: no clean twin" in shown.words
    assert "Recall by noise was not measured" in shown.words


def test_a_twin_that_is_clean_in_its_entities_alone_is_said_to_be(tmp_path: Path) -> None:
    summary = sample.summary()
    whole = page(tmp_path, summary, light())
    assert "the same documents without OCR errors" in whole.words
    summary["noise_cost"]["clean_twin"]["scope"] = "entities"
    shown = page(tmp_path, summary, light())
    assert "entities as printed minus OCR text: +3.1 [1.2, 5.0], p = 0.001" in shown.words
    assert "the same documents with every entity as the page has it" in shown.words
    assert "errors in the entities themselves cost" in shown.words
    assert "without OCR errors" not in shown.words


def test_an_empty_noise_bin_is_said_to_be_empty(tmp_path: Path) -> None:
    summary = sample.summary()
    summary["noise_cost"]["recall_by_bin"][1] |= {
        "entities": 0,
        "recall_strict": None,
        "recall_fuzzy": None,
        "ci95": None,
    }
    shown = page(tmp_path, summary, light())
    assert ["light", "0", "–", "–", "–"] in shown.rows
    assert "no such entities" in shown.words


def test_one_layer_one_trial_and_undefined_cka(tmp_path: Path) -> None:
    details = sample.details()
    layers = details["layers"]
    layers |= {"count": 1, "sensitive": [0], "regions": {"first": [0], "all": [0]}, "placebo": None}
    layers |= {"bands": None, "found": None}
    layers["cka"] = {"low": [None], "medium": [0.5], "high": [-0.1]}
    layers["mean_difference"] = {"low": [0.1], "medium": [None], "high": [0.0]}
    details["trials"] = [details["trials"][0] | {"random_differences": []}]
    shown = page(tmp_path, details=details)
    assert ["0", "–", "0.100", "0.500", "–", "−0.100", "0.000", "0"] in shown.rows
    assert "Undefined CKA values, left out: 1." in shown.words
    assert "Random neurons (none drawn)" in shown.words


def test_all_cka_undefined_and_no_trial(tmp_path: Path) -> None:
    details = sample.details()
    details["layers"]["cka"] = {level: [None] * 30 for level in sample.LEVELS}
    details["trials"] = []
    shown = page(tmp_path, details=details)
    assert "Undefined CKA values, left out: 90." in shown.words
    assert "No setting was tried." in shown.words


@pytest.mark.parametrize("manifest", [{}, {"command": None, "versions": None, "steps": [], "config": "x", "seed": 1}])
def test_a_poor_manifest_is_no_obstacle(tmp_path: Path, manifest: dict[str, Any]) -> None:
    details = light()
    details["data"] = {"splits": {"test": {"tokens": 5}, "odd": None}}
    shown = page(tmp_path, details=details, manifest=manifest)
    assert ["test", "–", "–", "5", "0", "–"] in shown.rows
