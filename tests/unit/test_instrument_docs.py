"""The docs pages of the instruments: what the definitions say, each time the same, no wording that is not shipped."""

from pathlib import Path

from prom_server.core.instrument import LicenceKind
from prom_server.definitions.library import Library
from tests.tools import instrument_docs
from tests.tools.instrument_docs import DOCS, ROOT

PAGES = instrument_docs.expected()


def page(instrument: str) -> str:
    return PAGES[ROOT / DOCS / f"{instrument}.md"]


def test_the_pages_are_what_the_definitions_say() -> None:
    assert instrument_docs.stale() == {}, "run bin/instrument-docs"


def test_they_are_the_same_every_time() -> None:
    assert instrument_docs.expected() == PAGES


def test_every_instrument_has_a_page_and_a_line_in_the_index() -> None:
    for each in Library.shipped().instruments():
        assert each.content_hash in page(each.id)
        assert f"]({each.id}.md)" in page("README")


def test_the_notice_comes_before_the_wording() -> None:
    for each in Library.shipped().instruments():
        text, notice = page(each.id), instrument_docs.escaped(each.licence.notice)
        assert text.index(notice) < text.index("## Items"), each.id
        if each.licence.kind is LicenceKind.PERMISSION:
            assert text.index("is not covered by this project's licence") < text.index("## Items"), each.id


def test_what_is_not_shipped_is_not_printed() -> None:
    assert page("pcs").count("*wording to be supplied*") == 13
    assert "not public" in page("promis-self-efficacy-symptoms-4a")


def test_the_table_is_printed_in_full() -> None:
    rows = Library.shipped().get("promis-depression-4a").scales[0].rule.rows
    for raw, row in rows.items():
        assert f"| {raw} | {row.t} | {row.se} |" in page("promis-depression-4a")


def test_markup_in_a_text_is_shown_as_it_is() -> None:
    assert instrument_docs.escaped("8/8*9 [a](b) <i> c_d | e") == r"8/8\*9 \[a\](b) \<i\> c\_d \| e"


def test_a_stale_page_and_one_too_many_are_found_and_mended(tmp_path: Path, capsys) -> None:
    for folder in ("templates", "instruments", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    assert instrument_docs.main(["--check"], tmp_path) == 1
    assert instrument_docs.main([], tmp_path) == 0
    assert instrument_docs.main(["--check"], tmp_path) == 0
    (tmp_path / DOCS / "phq-9.md").write_text("Something else.")
    (tmp_path / DOCS / "gone.md").write_text("An instrument that is gone.")
    assert instrument_docs.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().out
    assert "phq-9.md" in said
    assert "gone.md" in said
    assert instrument_docs.main([], tmp_path) == 0
    assert instrument_docs.stale(tmp_path) == {}
    assert not (tmp_path / DOCS / "gone.md").exists()
