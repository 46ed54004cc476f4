"""Progress: every item once, lines where there is no terminal, nothing when quiet."""

from __future__ import annotations

import io
import re

import pytest

from ocr_neurons.common.progress import QUIET, Reporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("items", [range(7), [], "abc"])
def test_every_item_once_in_order(stream, quiet, items):
    reporter = Reporter(quiet, stream())
    assert list(reporter.track(items, "work", every=0)) == list(items)
    assert list(reporter.track(iter(items), "work", every=0)) == list(items)
    assert list(reporter.track(iter(items), "work", total=len(items), every=0)) == list(items)


def test_lines_say_how_far_it_is():
    stream = io.StringIO()
    list(Reporter(stream=stream).track(range(4), "tagging", every=0))
    lines = stream.getvalue().splitlines()
    assert [re.sub(r"about \d+", "about N", line) for line in lines] == [
        f"  tagging: {done}/4, about N s left" for done in (1, 2, 3)
    ]
    stream = io.StringIO()
    list(Reporter(stream=stream).track(iter(range(3)), "reading", every=0))
    assert stream.getvalue().splitlines() == ["  reading: 1/?", "  reading: 2/?"]


def test_short_work_says_nothing():
    stream = io.StringIO()
    list(Reporter(stream=stream).track(range(1000), "tagging"))
    assert stream.getvalue() == ""


def test_a_bar_on_a_terminal():
    stream = Terminal()
    list(Reporter(stream=stream).track(range(3), "tagging"))
    assert "tagging" in stream.getvalue()
    assert "3" in stream.getvalue()


def test_quiet_says_nothing():
    stream = io.StringIO()
    Reporter(True, stream).say("line")
    assert stream.getvalue() == ""
    Reporter(False, stream).say("line")
    assert stream.getvalue() == "line\n"
    assert QUIET.quiet


def test_the_work_stops_where_the_caller_stops():
    taken = []

    def items():
        for i in range(10):
            taken.append(i)
            yield i

    for item in Reporter(stream=io.StringIO()).track(items(), "work"):
        if item == 2:
            break
    assert taken == [0, 1, 2]
