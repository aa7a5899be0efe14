"""A migrated database per test: made once as a template, then copied."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from prom_server.store.database import Database
from tests.support.postgresql import Cluster

KINDS = ("sqlite", "postgresql")
TEMPLATE = "template_migrated"

# For a test that has one database by its nature: `@only_sqlite`, `@only_postgresql`.
only_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"])
only_postgresql = pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)])

_numbers = itertools.count(1)


def migrate(url: str) -> None:
    database = Database(url)
    try:
        database.migrate()
    finally:
        database.dispose()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def sqlite_template(folder: Path) -> Path:
    """A migrated SQLite file with nothing in it."""
    path = folder / "template.sqlite3"
    migrate(sqlite_url(path))
    return path


def copy_sqlite(template: Path, folder: Path) -> str:
    path = folder / "prom.sqlite3"
    shutil.copyfile(template, path)
    return sqlite_url(path)


def postgresql_template(cluster: Cluster) -> str:
    """The name of a migrated PostgreSQL database with nothing in it."""
    migrate(cluster.create_database(TEMPLATE))
    return TEMPLATE


@contextmanager
def _durable_cluster() -> Iterator[Cluster]:
    cluster = Cluster(durable=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def empty_of_each_kind(*kinds: str) -> Iterator[tuple[str, str, Path]]:
    """For a bench: the kind, the URL of an empty and durable database of it, and a folder; all kinds unless some are
    named, one after the other.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        if "sqlite" in (kinds or KINDS):
            yield "sqlite", sqlite_url(folder / "bench.sqlite3"), folder
        if "postgresql" in (kinds or KINDS):
            with _durable_cluster() as cluster, postgresql_database(cluster, None) as url:
                yield "postgresql", url, folder


@contextmanager
def postgresql_database(cluster: Cluster, template: str | None) -> Iterator[str]:
    """The URL of a new database. Without a template it has no table, for tests of the migrations.

    One with a template is emptied at the end and serves again, unless its schema was touched or it has grown: to make
    one and to open the first connection to it takes longer than most tests do.
    """
    spare = cluster.spare.pop() if template and cluster.spare else None
    name = spare or f"test_{next(_numbers)}"
    url = cluster.url(name) if spare else cluster.create_database(name, template)
    try:
        yield url
    finally:
        if template and cluster.empty(name, template):
            cluster.spare.append(name)
        else:
            cluster.drop_database(name)
