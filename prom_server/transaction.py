"""Joins the edges to the database, and nothing else does.

An edge opens `with transaction() as session:` around one service call. It has committed when the block is left, so a
response built afterwards acknowledges only what is on disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from prom_server.store.database import Database, DatabaseUnavailable

__all__ = ["DatabaseUnavailable", "bind", "reading", "transaction"]

_bound: list[Database] = []


def bind(database: Database) -> None:
    """Makes `database` the one of this process."""
    _bound[:] = [database]


@contextmanager
def transaction() -> Iterator[Session]:
    """A session in one write transaction. Raises DatabaseUnavailable; then nothing was stored."""
    with _bound[0].writing() as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads."""
    with _bound[0].reading() as session:
        yield session
