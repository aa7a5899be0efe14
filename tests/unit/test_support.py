"""What the other tests stand on stands."""

import http.client
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser
from sqlalchemy import inspect

from prom_server.store.database import Database
from tests.support import axe
from tests.support.live_server import LiveServer
from tests.support.postgresql import Cluster
from tests.support.tls_proxy import TlsProxy


def test_every_database_is_migrated_and_new(database: Database, database_kind: str) -> None:
    tables = inspect(database.writer).get_table_names()
    assert "alembic_version" in tables
    assert database.on_sqlite == (database_kind == "sqlite")


def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    assert inspect(database.writer).get_table_names() == []
    database.dispose()


@pytest.mark.postgresql
def test_an_own_cluster_stops_and_starts_again(own_cluster: Cluster) -> None:
    own_cluster.create_database("kept")
    own_cluster.stop()
    with pytest.raises(psycopg.OperationalError):
        own_cluster.execute("SELECT 1")
    own_cluster.start()
    with psycopg.connect(f"host={own_cluster.folder} user=postgres dbname=kept") as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_live_server_dies_and_comes_back(live_server: LiveServer) -> None:
    assert live_server.pids()
    live_server.kill()
    assert live_server.pids() == []
    assert not live_server.healthy()
    live_server.start()
    assert live_server.healthy()
    live_server.stop()
    assert live_server.pids() == []


@pytest.mark.browser
def test_axe_tells_what_is_wrong(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<html lang=en><title>A</title><main><h1>A</h1><input></main></html>")
    assert "Form elements must have labels" in axe.violations(page)
    page.set_content("<html lang=en><title>A</title><main><h1>A</h1><label>B <input></label></main></html>")
    axe.assert_accessible(page)
    page.close()


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers and the body that it got."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(str(self.headers).encode() + body)

    def log_message(self, *_words: object) -> None:
        """Says nothing."""


def test_the_tls_proxy_forwards_and_says_so(tmp_path: Path) -> None:
    upstream = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    proxy = TlsProxy()
    try:
        with proxy.before(f"http://127.0.0.1:{upstream.server_port}", tmp_path):
            context = ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
            connection = http.client.HTTPSConnection("localhost", proxy.port, context=context, timeout=10)
            connection.request("POST", "/x", b"answer=1")
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
    finally:
        upstream.shutdown()
        thread.join()
        upstream.server_close()
    assert "X-Forwarded-Proto: https" in text
    assert f"Host: localhost:{proxy.port}" in text
    assert text.endswith("answer=1")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
