"""Several items on one screen of a tablet, with scripts: sent in the background, and held while the line is lost."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from prom_server.services import catalogue
from prom_server.store.assessments import Response
from prom_server.store.database import Database
from tests.support import axe
from tests.support.browsing import application
from tests.support.databases import only_sqlite
from tests.support.tablet_browser import ClinicWithTablet, put_credential, type_birth_date

pytestmark = [pytest.mark.browser, only_sqlite]


@pytest.fixture
def tablet_clinic(database: Database) -> ClinicWithTablet:
    return ClinicWithTablet(database, 1)


@pytest.fixture
def url(
    database: Database, tablet_clinic: ClinicWithTablet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Served by a thread of this process, where a protocol asks for three items on a screen."""
    app = application(database, tmp_path)
    shipped = catalogue.protocol
    monkeypatch.setattr(catalogue, "protocol", lambda *which: replace(shipped(*which), items_per_screen=3))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_three_answers_given_without_a_line_are_held_and_sent(
    chromium: Browser, url: str, tablet_clinic: ClinicWithTablet, database: Database
) -> None:
    context = chromium.new_context(viewport={"width": 768, "height": 1024})
    put_credential(context, url, tablet_clinic.credential)
    tablet = context.new_page()
    tablet_clinic.hand_over(tablet_clinic.people[0])
    tablet.goto(f"{url}/kiosk")
    type_birth_date(tablet)
    tablet.get_by_role("button", name="Start").click()
    tablet.wait_for_url("**/answer/1/1")
    axe.assert_accessible(tablet)
    tablet.wait_for_timeout(600)
    for question, key in enumerate("132"):  # a number chooses in the question that has the focus
        tablet.locator("fieldset").nth(question).get_by_role("radio").first.focus()
        tablet.keyboard.press(key)
    context.set_offline(True)
    tablet.get_by_role("button", name="Next").click()
    expect(tablet.locator(".waiting")).to_be_visible()
    assert tablet.url.endswith("/answer/1/1")
    context.set_offline(False)
    tablet.wait_for_url("**/answer/1/4", timeout=20_000)
    with database.reading() as session:
        stored = session.execute(select(Response.item_id, Response.value).order_by(Response.sequence))
        assert [tuple(each) for each in stored] == [("phq1", 0), ("phq2", 2), ("phq3", 1)]
    context.close()
