"""The schema: up, down, up; models equal head; rows come through; what is append-only refuses every change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, Date, DateTime, Float, MetaData, String, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from prom_server.store.base import Base
from prom_server.store.database import Database

APPEND_ONLY = ("audit", "response", "alert_step")
MOMENT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    yield database
    database.dispose()


def downgrade(database: Database, revision: str = "base") -> None:
    with database.writer.connect() as connection:
        command.downgrade(database.alembic(connection), revision)
        connection.commit()


def head(database: Database) -> str | None:
    with database.writer.connect() as connection:
        return ScriptDirectory.from_config(database.alembic(connection)).get_current_head()


def schema(database: Database) -> dict[str, list[str]]:
    """Tables with their columns and indexes, as the database tells them."""
    found = inspect(database.writer)
    return {
        table: sorted(column["name"] for column in found.get_columns(table))
        + sorted(str(index["name"]) for index in found.get_indexes(table))
        for table in found.get_table_names()
    }


def triggers(database: Database) -> list[str]:
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if not database.on_sqlite:
        names = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION SELECT proname FROM pg_proc"
        names += " WHERE pronamespace = 'public'::regnamespace"
    with database.reading() as session:
        return sorted(session.scalars(text(names)))


def reflected(connection: Connection) -> MetaData:
    """The tables as they are at this revision, not as our models are today."""
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name != "alembic_version")
    return metadata


def filled(table: Table, *, aware: bool) -> dict[str, Any]:
    """One row with something in every column; every row's id is 1."""
    return {column.name: _value(column, aware=aware) for column in table.columns}


def _value(column: Any, *, aware: bool) -> Any:
    if isinstance(column.type, String):
        return column.name[: column.type.length]
    if isinstance(column.type, DateTime):
        return MOMENT if aware else MOMENT.replace(tzinfo=None)
    kinds: tuple[tuple[type, Any], ...] = ((Date, date(1968, 3, 12)), (Boolean, True), (Float, 59.9))
    return next((value for kind, value in kinds if isinstance(column.type, kind)), 1)


def fill(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """A row in every table; all of them as they are read back."""
    with database.writer.begin() as connection:
        metadata = reflected(connection)
        for table in metadata.sorted_tables:
            connection.execute(table.insert(), filled(table, aware=not database.on_sqlite))
    return rows(database)


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reader.connect() as connection:
        tables = reflected(connection).sorted_tables
        return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in tables}


def test_up_down_up(empty: Database) -> None:
    empty.migrate()
    first, first_triggers = schema(empty), triggers(empty)
    assert set(Base.metadata.tables) | {"alembic_version"} == set(first)
    downgrade(empty)
    assert set(schema(empty)) == {"alembic_version"}
    assert triggers(empty) == []
    empty.migrate()
    assert schema(empty) == first
    assert triggers(empty) == first_triggers != []


def test_there_is_one_head_and_every_step_goes_down_and_up_again(empty: Database) -> None:
    with empty.writer.connect() as connection:
        scripts = ScriptDirectory.from_config(empty.alembic(connection))
        assert len(scripts.get_heads()) == 1
        revisions = [script.revision for script in scripts.walk_revisions()]
    for revision in reversed(revisions):
        empty.migrate(revision)
        reached = schema(empty)
        downgrade(empty, "-1")
        empty.migrate(revision)
        assert schema(empty) == reached, revision


def test_migrating_twice_changes_nothing(database: Database) -> None:
    before = schema(database)
    database.migrate()
    assert schema(database) == before


def test_models_equal_head(database: Database) -> None:
    with database.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_partial_indexes_are_partial_in_the_database(database: Database) -> None:
    """A comparison of names does not see a lost WHERE, and a page's cost hangs on it."""
    dialect = "sqlite" if database.on_sqlite else "postgresql"
    wanted = {
        index.name
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if index.dialect_options[dialect]["where"] is not None
    }
    listed = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
    if not database.on_sqlite:
        listed = "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%WHERE%' AND schemaname = 'public'"
    with database.reading() as session:
        assert set(session.scalars(text(listed))) == wanted != set()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_rows_come_through(empty: Database, revision: str) -> None:
    """What an older server stored is there after the newest migration, and could be stored at all."""
    empty.migrate(revision)
    stored = fill(empty)
    assert all(len(found) == 1 for found in stored.values())
    empty.migrate()
    after = rows(empty)
    assert {table: after[table] for table in stored} == stored


def test_rows_come_through_down_and_up(empty: Database) -> None:
    empty.migrate()
    stored = fill(empty)
    downgrade(empty, "0001")
    empty.migrate()
    assert rows(empty) == stored


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "UPDATE {} SET id = 2", "DELETE FROM {}"])
def test_what_is_append_only_refuses_every_change(database: Database, table: str, act: str) -> None:
    stored = fill(database)
    with pytest.raises(DBAPIError, match=f"{table} is append-only"), database.writer.begin() as connection:
        connection.execute(text(act.format(table)))
    assert rows(database) == stored


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_append_only_cannot_be_emptied_or_replaced(database: Database, table: str) -> None:
    """The ways around UPDATE and DELETE that each database has."""
    stored = fill(database)
    act = f"TRUNCATE {table}"
    if database.on_sqlite:
        act = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    with pytest.raises(DBAPIError, match=f"{table} is append-only"), database.writer.begin() as connection:
        connection.execute(text(act))
    assert rows(database) == stored


def test_what_is_append_only_still_grows(database: Database) -> None:
    fill(database)
    with database.writer.begin() as connection:
        table = reflected(connection).tables["audit"]
        connection.execute(table.insert(), filled(table, aware=not database.on_sqlite) | {"id": 2})
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(text("audit"))) == 2
