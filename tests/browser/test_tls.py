"""One visit over TLS through a proxy, as a clinic runs it."""

import pytest
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select

from prom_server.store.assessments import RecordedScore
from prom_server.store.database import Database
from tests.support import clinic, recompute
from tests.support.databases import only_sqlite
from tests.support.phone import DEAF_MS, Phone

pytestmark = [pytest.mark.browser, only_sqlite]

YEAR = 365 * 24 * 60 * 60


@pytest.fixture
def link(database: Database) -> str:
    return clinic.invitations_for(database, 1)[0]


def test_a_visit_over_tls(
    link: str, tls_url: str, page: Page, browser_context: BrowserContext, database: Database
) -> None:
    phone = Phone(page)
    page.clock.install()
    phone.begin(tls_url, link)
    while phone.path != "/answer/thanks":
        if phone.path.endswith("/review"):
            phone.press("Send this part")
        else:
            page.clock.fast_forward(DEAF_MS + 1)
            phone.next(0)
    assert phone.complaints == []
    [cookie] = browser_context.cookies()
    assert cookie["name"].startswith("__Host-")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "localhost")
    assert cookie["expires"] == -1  # ends with the browser
    with database.reading() as session:
        assert [int(value) for value in session.scalars(select(RecordedScore.value))] == [0, 0]
        assert recompute.differences(session) == []


def test_every_response_asks_for_tls_from_now_on(link: str, tls_url: str, page: Page) -> None:
    for path in (f"/a/{link}", "/sign-in", "/nowhere", "/healthz", "/static/answer.js"):
        response = page.request.get(tls_url + path)
        name, _, seconds = response.headers["strict-transport-security"].partition("=")
        assert name == "max-age"
        assert int(seconds.partition(";")[0]) >= YEAR, path


def test_forms_are_refused_without_their_token_or_from_elsewhere(link: str, tls_url: str, page: Page) -> None:
    """Over TLS the Referer is checked too; our own policy makes browsers send it."""
    page.goto(f"{tls_url}/a/{link}")
    token = page.locator("#page input[name=csrf_token]").get_attribute("value")
    assert token
    form = {"month": "3", "day": "12", "year": "1968", "csrf_token": token}
    address = f"{tls_url}/a/{link}"

    def status(referer: str | None, **changed: str) -> int:
        headers = {"Referer": referer} if referer else {}
        return page.request.post(address, form={**form, **changed}, headers=headers, max_redirects=0).status

    assert status(address, csrf_token="") == 400
    assert status(None) == 400
    assert status("https://elsewhere.example.org/") == 400
    assert status(address.replace("https:", "http:")) == 400
    assert status(address) == 303


def test_a_link_for_a_patient_leads_to_the_public_address(tls_url: str, page: Page) -> None:
    """Redirects stay on it: no http, and not the address behind the proxy."""
    response = page.request.get(f"{tls_url}/answer", max_redirects=0)
    assert response.status == 303
    assert response.headers["location"].startswith(("/", f"{tls_url}/"))
