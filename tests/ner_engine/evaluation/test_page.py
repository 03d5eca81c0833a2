"""The page and the Markdown: complete, self-contained, and silent about notes."""

from __future__ import annotations

import re
from xml.dom.minidom import parseString

from ner_engine.evaluation.calibration import Bin
from ner_engine.evaluation.markdown import to_markdown
from ner_engine.evaluation.page import to_page
from ner_engine.evaluation.report import build_report, scored_cases
from ner_engine.evaluation.svg import Bar, bar_chart, reliability_plot
from ner_engine.types import Document, Span

TEXT = "Toma aspirina por <b>fiebre</b> & tos."
GOLD = Document("n1", TEXT, "es", (Span(5, 13, "MEDICATION"), Span(21, 27, "FINDING")))
FOUND = Document(
    "n1", TEXT, "es", (Span(5, 13, "MEDICATION", 0.9), Span(21, 33, "FINDING", 0.4))
)
PAIRS = [(GOLD, FOUND)]


def test_to_page_asks_nothing_of_the_outside_and_runs_nothing():
    page = to_page(build_report(PAIRS, against=[("other", PAIRS)]), title="Scores")
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe|object)|@import|url\(", page)
    assert set(re.findall(r"https?://[^\"' ]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert page.count("<svg") == 3  # labels, reliability, errors


def test_to_page_shows_no_text_unless_asked():
    report = build_report(PAIRS)
    for page in (to_page(report, title="x"), to_markdown(report, title="x")):
        assert "aspirina" not in page
        assert "fiebre" not in page
    shown = to_page(report, title="x", cases=scored_cases(PAIRS, report.system.scores))
    assert "fiebre" in shown
    assert "holds text of notes" in shown


def test_to_page_escapes_text_labels_and_titles():
    gold = Document("<i>", TEXT, "es", (Span(18, 31, "<u>"),))
    report = build_report([(gold, Document("<i>", TEXT, "es", ()))])
    cases = scored_cases([(gold, gold)], report.system.scores)
    missed = [case._replace(predicted=()) for case in cases]
    page = to_page(report, title="<s>", cases=missed)
    assert not re.search(r"<(i|u|s|b)>", page)
    assert "&lt;b&gt;fiebre&lt;/b&gt;" in page


def test_to_markdown_has_the_figures_of_the_report():
    report = build_report(PAIRS, against=[("other", PAIRS)])
    lines = to_markdown(report, title="Scores").splitlines()
    assert "| MEDICATION | 1.000 | 1.000 to 1.000 | 1.000 | 1.000 | 1 | 1 |" in lines
    assert (
        "| overlap, micro | 1.000 | 1.000 to 1.000 | 1.000 | 1.000 | 2 | 2 |" in lines
    )
    assert "| boundary | 1 |" in lines
    assert "## Against other" in lines
    assert any(line.startswith("Not enough to say") for line in lines)


def test_plots_are_well_formed_and_hold_every_value():
    # written by us a moment ago: no untrusted XML
    chart = parseString(bar_chart([Bar("A & B", 0.5, 0.4, 0.6)], title="<t>"))  # noqa: S318
    texts = [item.firstChild.data for item in chart.getElementsByTagName("text")]
    assert "A & B" in texts
    assert "0.500" in texts
    plot = reliability_plot([Bin(3, 0.2, 0.0), Bin(9, 0.9, 1.0)], title="t")
    dots = parseString(plot).getElementsByTagName("circle")  # noqa: S318
    assert [float(dot.getAttribute("cx")) for dot in dots] == [112, 322]
    assert [float(dot.getAttribute("cy")) for dot in dots] == [312, 12]


def test_page_of_nothing_can_be_made():
    report = build_report([])
    assert "<h1>x</h1>" in to_page(report, title="x")
    assert to_markdown(report, title="x").startswith("# x")
