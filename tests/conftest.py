"""Fixtures for every test: a fresh database on each kind, a live server, a browser.

A test that asks for `database_url` or `database` runs once per database. `--databases=sqlite` leaves PostgreSQL out;
otherwise its absence is a failure, not a skip.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, BrowserContext, Page

from prom_server import resources
from prom_server.definitions.library import Library
from prom_server.services import accounts
from prom_server.store.database import Database
from tests.support import databases
from tests.support.browser import chromium_browser
from tests.support.live_server import LiveServer
from tests.support.postgresql import Cluster
from tests.support.tls_proxy import TlsProxy

StartServer = Callable[..., LiveServer]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--databases",
        default=",".join(databases.KINDS),
        type=_chosen_databases,
        help="which databases to test on, separated by commas (default: all of sqlite,postgresql)",
    )


def _chosen_databases(text: str) -> str:
    unknown = set(text.split(",")) - set(databases.KINDS)
    if unknown:
        raise pytest.UsageError(
            f"--databases: unknown {', '.join(sorted(unknown))}; there are {', '.join(databases.KINDS)}"
        )
    return text


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = any("database_kind" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "database_kind" not in metafunc.fixturenames or chosen:
        return
    kinds = metafunc.config.getoption("databases").split(",")
    if _is_of_pages(metafunc.module.__name__):
        kinds = kinds[:1]
    metafunc.parametrize("database_kind", [pytest.param(kind, marks=_marks(kind)) for kind in kinds])


def _is_of_pages(module: str) -> bool:
    """A page shows what services return, and they are tested on each database; the map asks for every page on each."""
    return module.startswith("tests.web.") and not module.endswith((".test_map", ".test_unavailable"))


def _marks(kind: str) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.postgresql,) if kind == "postgresql" else ()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "postgresql" in config.getoption("databases").split(","):
        return
    left_out = [item for item in items if item.get_closest_marker("postgresql")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def definitions_read_once() -> Iterator[None]:
    """The shipped definitions never change: read them once, not for every application that a test makes."""
    read, shipped, folder = Library.shipped, Library.shipped(), resources.directory("instruments")

    def once(supplements: Path | None = None) -> Library:
        return read(supplements) if supplements or resources.directory("instruments") != folder else shipped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Library, "shipped", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Most of the time of a test that shows pages would go into compiling the same templates for each application."""
    compiled = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": compiled})
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_hashed_cheaply() -> Iterator[None]:
    """Each sign-in of a test would cost what it is meant to cost a thief. A live server hashes as it should."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """The cluster that all tests share, without fsync. A test that stops or kills a server takes `own_cluster`."""
    with ExitStack() as stack:
        cluster = Cluster()
        stack.callback(cluster.remove)
        cluster.start()
        yield cluster


@pytest.fixture(scope="session")
def postgresql_template(postgresql_cluster: Cluster) -> str:
    return databases.postgresql_template(postgresql_cluster)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster for this test alone, with fsync on: stop it, start it again. Mark the test `postgresql`."""
    with ExitStack() as stack:
        cluster = Cluster(durable=True)
        stack.callback(cluster.remove)
        cluster.start()
        yield cluster


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database with nothing in it, this test's own."""
    if database_kind == "sqlite":
        yield databases.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path)
        return
    template = request.getfixturevalue("postgresql_template")
    with databases.postgresql_database(request.getfixturevalue("postgresql_cluster"), template) as url:
        yield url


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, for tests of the migrations."""
    if database_kind == "sqlite":
        (tmp_path / "empty.sqlite3").touch()
        yield databases.sqlite_url(tmp_path / "empty.sqlite3")
        return
    with databases.postgresql_database(request.getfixturevalue("postgresql_cluster"), None) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """`start_server(database_url, NAME=value, …)`: a running server; all of them are stopped at the end."""
    with ExitStack() as stack:

        def start(database_url: str, **env: str) -> LiveServer:
            return stack.enter_context(LiveServer(database_url, tmp_path, env))

        yield start


@pytest.fixture
def live_server(database_url: str, start_server: StartServer) -> LiveServer:
    """The real server over this test's database."""
    return start_server(database_url)


@pytest.fixture
def tls_url(database_url: str, start_server: StartServer, tmp_path: Path) -> Iterator[str]:
    """The address of the real server behind a proxy with TLS, as a clinic runs it."""
    proxy = TlsProxy()
    server = start_server(database_url, PUBLIC_URL=proxy.url, TRUSTED_PROXIES="1")
    with proxy.before(server.url, tmp_path):
        yield proxy.url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def browser_context(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone with an empty profile, which trusts the certificate of the TLS proxy."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, ignore_https_errors=True)
    yield context
    context.close()


@pytest.fixture
def page(browser_context: BrowserContext) -> Page:
    return browser_context.new_page()
