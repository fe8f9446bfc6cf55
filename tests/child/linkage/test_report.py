"""The report is one page that fetches nothing and names no child."""

import re

import pytest

pytest.importorskip("splink", reason="the extra 'identity' is not installed")

from server.child.likeness.feature import Features
from server.child.likeness.model import model
from server.child.linkage.cluster import Pair
from server.child.linkage.examples import examples
from server.child.linkage.link import gathered
from server.child.linkage.report import Told, page
from server.child.linkage.truth import Truth, curve, judge

ROBIN = Features(
    given=(("robin",),), family=(("quexley",),), born="2014-03-14", homes=(("ZA11AA", "12", "mill road"),)
)
KIT = Features(
    given=(("kit",),), family=(("quexley",),), born="2014-03-14", homes=(("ZA11AA", "12", "mill road"),)
)


def told(*, known: bool) -> str:
    children = [ROBIN, ROBIN, KIT]
    pairs = [Pair(0, 1, 14.0), Pair(0, 2, 2.0), Pair(1, 2, -8.0)]
    found = gathered(children, model(), pairs)
    truth = Truth(["a", "a", "b"], ["t", "t", "t"])
    return page(
        Told(
            sources=[("<care>", 3)], facts=[], pairs=pairs, gathered=found, match=10, review=1,
            examples=examples(children, model(), pairs, found),
            truth=truth if known else None, judged=judge(truth, found) if known else None,
            points=curve(truth, pairs, range(-10, 20)) if known else (),
        )
    )  # fmt: skip


def test_the_page_fetches_nothing() -> None:
    text = told(known=True)
    assert not re.search(r"(src|href|@import|url\()", text)
    assert "<script" not in text


def test_the_page_names_no_child() -> None:
    text = told(known=True).lower()
    assert not any(word in text for word in ("robin", "quexley", "mill road", "za11aa", "2014-03-14"))


def test_names_of_sources_are_text() -> None:
    assert "&lt;care&gt;" in told(known=False)


def test_precision_and_recall_are_told_where_the_truth_is_known() -> None:
    assert "precision" in told(known=True)
    assert "precision" not in told(known=False)


def test_it_has_its_charts() -> None:
    text = told(known=True)
    assert text.count("<svg") >= 4
    assert "<polyline" in text
