"""Static text is gzipped where the browser takes it; a page with a secret in it never is."""

import gzip
from pathlib import Path

import pytest

from prom_server.store.database import Database
from tests.support import clinic
from tests.support.browsing import Browser, application

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
STATIC = Path("prom_server/web/static").absolute()


@pytest.fixture
def browser(database: Database, tmp_path: Path) -> Browser:
    clinic.bind_definitions()
    return Browser(application(database, tmp_path))


@pytest.mark.parametrize("name", ["patient.css", "answer.js"])
def test_static_text_is_packed(browser: Browser, name: str) -> None:
    reply = browser.client.get(f"/static/{name}", headers=GZIP, buffered=True)
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in reply.headers["Vary"]
    assert int(reply.headers["Content-Length"]) == len(reply.data) < (STATIC / name).stat().st_size / 2
    assert gzip.decompress(reply.data) == (STATIC / name).read_bytes()
    again = browser.client.get(
        f"/static/{name}", headers={**GZIP, "If-None-Match": reply.headers["ETag"]}, buffered=True
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    "headers", [{}, {"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip;q=0"}, {**GZIP, "Range": "bytes=0-9"}]
)
def test_who_does_not_take_it_gets_it_as_it_is(browser: Browser, headers: dict[str, str]) -> None:
    reply = browser.client.get("/static/patient.css", headers=headers, buffered=True)
    assert "Content-Encoding" not in reply.headers
    assert (STATIC / "patient.css").read_bytes().startswith(reply.data)


@pytest.mark.parametrize("path", ["/sign-in", "/a/unknown", "/healthz", "/static/nothing.css"])
def test_nothing_else_is_packed(browser: Browser, path: str) -> None:
    assert "Content-Encoding" not in browser.client.get(path, headers=GZIP, buffered=True).headers


def test_a_font_is_packed_already(browser: Browser) -> None:
    font = next((STATIC / "font").glob("*.woff2")).name
    assert "Content-Encoding" not in browser.client.get(f"/static/font/{font}", headers=GZIP, buffered=True).headers
