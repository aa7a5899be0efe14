"""The engines. SQLite: one writer at a time, on disk before it is acknowledged. PostgreSQL: by its address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from prom_server.resources import directory

WAIT_SECONDS = 5  # for a lock or a connection, before a person is told to try again


class DatabaseUnavailable(Exception):
    """Locked, gone or full: nothing was stored. The edge shows a page with what was posted and "Try again"."""


class Database:
    """One database, with sessions for writing and for reading.

    On SQLite the writers of this process take turns on a lock instead of waiting on the file, and readers use
    connections of their own that cannot write, so that a slow read never holds the write lock.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.on_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._turn = threading.Lock()
        if self.on_sqlite:
            self.writer = _sqlite_engine(url, writes=True)
            self.reader = _sqlite_engine(url, writes=False)
        else:
            self.writer = _postgresql_engine(url)
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ")  # one snapshot, as SQLite's

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on any exception."""
        with (
            self._my_turn(),
            _telling_when_unavailable(),
            Session(self.writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, all of it as of one moment."""
        with _telling_when_unavailable(), Session(self.reader) as session:
            yield session

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self.on_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise DatabaseUnavailable("no turn to write within the time")
        try:
            yield
        finally:
            self._turn.release()

    def migrate(self, revision: str = "head") -> None:
        """Brings the schema to `revision`."""
        self.make_file()
        with self.writer.connect() as connection:
            command.upgrade(self.alembic(connection), revision)
            connection.commit()

    def is_newest(self) -> bool:
        """Whether the schema is at the newest revision."""
        with _telling_when_unavailable(), self.reader.connect() as connection:
            newest = ScriptDirectory.from_config(self.alembic(connection)).get_current_head()
            return MigrationContext.configure(connection).get_current_revision() == newest

    def make_file(self) -> None:
        """On SQLite: the file, if there is none. The engines never make one."""
        if self.on_sqlite:
            path = Path(make_url(self.url).database or "")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)

    def alembic(self, connection: Connection) -> Config:
        config = Config()
        config.set_main_option("script_location", str(directory("migrations")))
        config.attributes["connection"] = connection
        return config

    def dispose(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


@contextmanager
def _telling_when_unavailable() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("no connection within the time") from error
    except DBAPIError as error:
        if _is_unavailable(error):
            raise DatabaseUnavailable(type(error.orig).__name__) from error
        raise


# Locked, in use, read-only, unreadable, damaged, full, cannot be opened, protocol, not a database. 1 is our mistake.
SQLITE_UNAVAILABLE = {5, 6, 8, 10, 11, 13, 14, 15, 26}


def _is_unavailable(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in SQLITE_UNAVAILABLE
    read_only = getattr(error.orig, "sqlstate", None) == "25006"  # a standby, for example
    return read_only or error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))


def _sqlite_engine(url: str, *, writes: bool) -> Engine:
    path = Path(make_url(url).database or "").absolute()
    # mode=rw: a file that is gone is an error, not a new and empty one. Only `migrate` makes one.
    address = f"sqlite:///file:{quote(str(path))}?mode=rw&uri=true"
    engine = create_engine(address, connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False}, pool_size=32)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # NORMAL loses acknowledged answers in a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA recursive_triggers = ON")  # else REPLACE would pass by the triggers that refuse DELETE
        if not writes:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: str) -> Engine:
    limits = f"-c statement_timeout={3 * WAIT_SECONDS}s -c lock_timeout={WAIT_SECONDS}s -c timezone=UTC"
    return create_engine(
        url,
        pool_size=16,
        max_overflow=16,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": WAIT_SECONDS, "options": limits},
    )
