"""The report as HTML and as PDF: what it says, that it is tagged, and that its renderer reaches nothing."""

import io
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

import pikepdf
import pytest
from jinja2 import UndefinedError

from prom_server.core.change import Change, Direction
from prom_server.core.instrument import Threshold
from prom_server.core.trend_facts import TrendFacts
from prom_server.core.trend_view import TrendView
from prom_server.reports import pdf, renderer, score_report
from prom_server.reports.score_report import ReportFacts
from tests import factories_trend as synthetic

FACTS = ReportFacts(
    "R-12", datetime(2026, 11, 24, 10, 14, tzinfo=UTC), "Pat Pretend", "Harbour Street Pain Clinic", demo=True
)


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    yield
    pdf.shutdown()


@pytest.fixture(scope="module")
def html() -> str:
    return score_report.render(synthetic.view(), FACTS)


@pytest.fixture(scope="module")
def document(html: str) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(pdf.render(html))) as opened:
        yield opened


def words_of(data: bytes) -> str:
    read = subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True)
    return " ".join(read.stdout.decode().split())


def elements(node: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """All structure elements below one."""
    if isinstance(node, pikepdf.Array):
        for each in node:
            yield from elements(each)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        yield node
        if "/K" in node:
            yield from elements(node.K)


def tags(document: pikepdf.Pdf) -> list[str]:
    return [str(each.S) for each in elements(document.Root.StructTreeRoot.K)]


# the document


def test_is_tagged_titled_and_in_a_language(document: pikepdf.Pdf) -> None:
    assert document.Root.MarkInfo.Marked
    assert str(document.Root.Lang) == "en"
    assert document.Root.ViewerPreferences.DisplayDocTitle
    with document.open_metadata() as metadata:
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"] == "Patient-reported outcomes report"
    found = set(tags(document))
    assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD", "/Figure"} <= found


def test_every_figure_says_its_points(document: pikepdf.Pdf) -> None:
    figures = [each for each in elements(document.Root.StructTreeRoot.K) if str(each.S) == "/Figure"]
    told = [str(each.Alt) for each in figures if "/Alt" in each]
    assert sum("is better. 8 Jan 2026, Baseline: " in each for each in told) == 6
    assert all("/Alt" in each for each in figures)


def test_says_what_the_page_says(html: str) -> None:
    words = words_of(pdf.render(html))
    for said in (
        "Rosa Specimen, born 12 Mar 1968, record DEMO-0417",
        "Demo clinic, synthetic data",
        "Open alert. PHQ-9, Thoughts of self-harm: 1 on Tue 24 Nov 2026, 10:02, changed to 2 at 10:03",
        "Now 2, “More than half the days” on Tue 24 Nov 2026 (before that: 1 at 10:02)",
        "PHQ-9 12 to 17 (+5): reaches the threshold; measurement error not known.",
        "6 months of course 1: not answered",
        "6 months of course 2, Wed 24 Feb 2027 (in 92 days)",
        "Monticone 2022",
        "No permission required to reproduce",
        "revision 1 (5f3a5f3a)",
        "Document R-12, generated Tue 24 Nov 2026, 10:14 by Pat Pretend",
        "Page 1 of 3",
    ):
        assert said in words, said


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize(
    ("facts", "today", "pages"),
    [
        (synthetic.two_courses(), synthetic.TODAY, 3),
        (synthetic.three_courses(), date(2027, 10, 1), 3),
        (synthetic.nothing_yet(), synthetic.TODAY, 1),
    ],
    ids=["two courses", "three courses", "nothing yet"],
)
def test_few_pages_on_both_papers(facts: TrendFacts, today: date, pages: int, paper: pdf.Paper) -> None:
    data = pdf.render(score_report.render(synthetic.view(facts, today), FACTS), paper=paper)
    with pikepdf.open(io.BytesIO(data)) as document:
        assert len(document.pages) <= pages
        width = float(document.pages[0].mediabox[2])
    assert width == pytest.approx({"a4": 595.3, "letter": 612}[paper], abs=0.5)


def test_all_charts_on_request() -> None:
    assert score_report.render(synthetic.view(), FACTS, all_charts=True).count('<svg class="chart"') == 16


def test_no_health_information_in_the_title(html: str) -> None:
    title = re.search("<title>(.*)</title>", html)
    assert title is not None
    assert title[1] == "Patient-reported outcomes report"


# the words


def body(view: TrendView) -> str:
    environment = score_report.environment("en", score_report.UNTRANSLATED)
    return environment.get_template("clinic/_trend_body.html").render(view=view)


EVERY = {
    "two": synthetic.view(),
    "baseline": synthetic.view(synthetic.only_baseline()),
    "none": synthetic.view(synthetic.nothing_yet()),
    "nothing": synthetic.view(replace(synthetic.nothing_yet(), courses=(), assessments=())),
    "three": synthetic.view(synthetic.three_courses(), date(2027, 10, 1)),
}


@pytest.mark.parametrize("view", EVERY.values(), ids=list(EVERY))
def test_page_and_report_render_for_everyone(view: TrendView) -> None:
    for text in (body(view), score_report.render(view, FACTS)):
        assert " style=" not in text
        assert "<style" not in text
        assert "<script" not in text
        assert "improved" not in text.lower()
        assert not re.search("[≥≤→▲●✓]", text)
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids))


def test_tables_scroll_inside_their_own_focusable_regions() -> None:
    text = body(EVERY["two"])
    assert text.count("<table") == text.count('<div class="scroll" tabindex="0" role="region" aria-labelledby=') == 3


def test_names_are_escaped() -> None:
    facts = synthetic.two_courses()
    odd = replace(facts, patient=replace(facts.patient, name="<i>Rosa</i>"))
    assert "<i>" not in score_report.render(synthetic.view(odd), FACTS)


def test_an_unknown_name_in_a_template_is_an_error() -> None:
    environment = score_report.environment("en", score_report.UNTRANSLATED)
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nobody.name }}").render()


CHEN = Threshold(Decimal(3), "Chen 2018", "synthetic")


def moved(difference: str, error: str | None, threshold: Threshold | None = CHEN, **more: object) -> Change:
    number = Decimal(difference)
    reached = None if threshold is None else abs(number) >= threshold.value
    facts: dict[str, object] = {"could_improve": True, "could_worsen": True} | more
    return Change(number, Direction.BETTER, threshold, reached, Decimal(error) if error else None, **facts)


SENTENCES = [
    (moved("-9.5", "5.0"), "reaches the threshold (3, Chen 2018) and is beyond measurement error (±5.0)"),
    (
        moved("-3.0", "6.4"),
        "reaches the threshold (3, Chen 2018) but is within measurement error (±6.4): may be chance",
    ),
    (moved("-2.9", "2.8"), "does not reach the threshold (3, Chen 2018) but is beyond measurement error (±2.8)"),
    (moved("-1.9", "6.7"), "does not reach the threshold (3, Chen 2018) and is within measurement error (±6.7)"),
    (moved("-5", None), "reaches the threshold (3, Chen 2018); measurement error not known"),
    (moved("-2", None), "does not reach the threshold (3, Chen 2018); measurement error not known"),
    (moved("-2", None, None), "no published threshold"),
    (moved("-9", "7.7", None), "no published threshold; beyond measurement error (±7.7)"),
    (moved("-7", "7.7", None), "no published threshold; within measurement error (±7.7)"),
]


@pytest.mark.parametrize(("change", "words"), SENTENCES, ids=[words for _, words in SENTENCES])
def test_the_fixed_sentences(change: Change, words: str) -> None:
    environment = score_report.environment("en", score_report.UNTRANSLATED)
    macros = environment.get_template("_macros/change.html").module
    assert str(macros.sentence(change)) == words


def test_floor_is_said_where_the_threshold_could_not_be_reached() -> None:
    environment = score_report.environment("en", score_report.UNTRANSLATED)
    macros = environment.get_template("_macros/change.html").module
    floor = moved("-2", None, could_improve=False)
    assert "could not get better by that much" in str(macros.limit(floor))
    assert str(macros.limit(moved("-5", None))).strip() == ""


# the renderer


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "https://example.org/",
        "ftp://example.org/",
        renderer.ROOT + "tokens.css",
        renderer.ROOT + "font/../../../../pyproject.toml",
        renderer.ROOT + "font/OFL.txt",
        "relative.css",
    ],
)
def test_fetcher_refuses(url: str) -> None:
    with pytest.raises(ValueError, match=r"protocol|absolute"):
        renderer.fetcher_of_bundled().fetch(url)


def test_fetcher_gives_the_font_and_data() -> None:
    fetcher = renderer.fetcher_of_bundled()
    assert fetcher.fetch(renderer.ROOT + renderer.FONT).read().startswith(b"wOF2")
    assert fetcher.fetch("data:text/plain,hello").read() == b"hello"


def test_the_document_uses_our_font(document: pikepdf.Pdf) -> None:
    fonts = {str(each.BaseFont) for page in document.pages for each in page.Resources.Font.values()}
    assert fonts
    assert all("Atkinson" in each for each in fonts), fonts


def test_a_file_that_a_document_names_does_not_enter_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="20"><text y="15">SECRET</text></svg>'
    )
    page = f'<html lang="en"><title>x</title><body>Open<img alt="x" src="{secret.as_uri()}"></body></html>'
    words = words_of(pdf.render(page))
    assert "Open" in words
    assert "SECRET" not in words


def test_eight_threads_share_one_process() -> None:
    with ThreadPoolExecutor(8) as threads:
        written = list(threads.map(lambda number: pdf.render(f"<p>{number}</p>"), range(8)))
    assert all(each.startswith(b"%PDF-") for each in written)
    assert [each.name for each in multiprocessing.active_children()].count("pdf") == 1


def test_starts_again_after_shutdown(html: str) -> None:
    pdf.shutdown()
    assert not [each for each in multiprocessing.active_children() if each.name == "pdf"]
    assert pdf.render(html).startswith(b"%PDF-")


def test_starts_again_after_its_process_was_killed(html: str) -> None:
    pdf.render(html)
    process = next(each for each in multiprocessing.active_children() if each.name == "pdf")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert pdf.render(html).startswith(b"%PDF-")


def test_paper_is_checked() -> None:
    with pytest.raises(ValueError, match="a4, letter"):
        pdf.render("<p>", paper="a5")


def sleeps(connection: Connection) -> None:
    connection.recv()
    time.sleep(60)


def dies(connection: Connection) -> None:
    connection.recv()
    os._exit(1)


def lacks_libraries(connection: Connection) -> None:
    connection.recv()
    connection.send((False, renderer.MISSING))


def test_a_hung_renderer_is_ended_with_a_clear_error() -> None:
    hung = pdf.Renderer(sleeps)
    begun = time.monotonic()
    with pytest.raises(pdf.RenderingFailed, match="within 3 seconds"):
        hung.render("<p>", "a4", 3)
    assert time.monotonic() - begun < 10
    hung.shutdown()


def test_waiting_behind_a_hung_renderer_ends_too() -> None:
    hung = pdf.Renderer(sleeps)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(hung.render, "<p>", "a4", 4)
        time.sleep(0.5)
        with pytest.raises(pdf.RenderingFailed, match="others are waiting"):
            hung.render("<p>", "a4", 0.5)
        assert isinstance(first.exception(), pdf.RenderingFailed)
    hung.shutdown()


def test_a_renderer_that_dies_is_a_clear_error() -> None:
    dead = pdf.Renderer(dies)
    with pytest.raises(pdf.RenderingFailed, match="ended before"):
        dead.render("<p>", "a4", 20)
    dead.shutdown()


def test_missing_libraries_name_the_packages() -> None:
    without = pdf.Renderer(lacks_libraries)
    with pytest.raises(pdf.RenderingFailed, match=r"libpango-1\.0-0 libpangoft2-1\.0-0 libharfbuzz-subset0"):
        without.render("<p>", "a4", 20)
    without.shutdown()


def test_an_import_that_fails_is_that_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(renderer.MissingLibraries, match="apt-get install libpango"):
        renderer.write("<p>", "a4")


PARENT = """
import multiprocessing, os, signal, sys, threading, time
from prom_server.reports import pdf, renderer

def busy(connection):  # a long rendering: it does not look at its pipe
    threading.Thread(target=renderer.end_with_parent, daemon=True).start()
    time.sleep(60)

if __name__ == "__main__":
    asked = pdf.Renderer(busy if sys.argv[1] == "busy" else renderer.serve)
    threading.Thread(target=asked.render, args=("<p>x", "a4", 30), daemon=True).start()
    while not multiprocessing.active_children():
        time.sleep(0.05)
    time.sleep(1.5)
    print(multiprocessing.active_children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path, state: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, script, state],
        capture_output=True,
        check=False,
        timeout=30,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    child = int(ended.stdout)
    until = time.monotonic() + 5
    while alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(child)
