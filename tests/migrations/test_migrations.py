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
from sqlalchemy.exc import DBAPIError, IntegrityError

from prom_server.store.base import Base
from prom_server.store.database import Database

APPEND_ONLY = ("audit", "response", "alert_step", "definition", "score")
MOMENT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)

Rows = dict[str, list[dict[str, Any]]]


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


def fill(database: Database) -> Rows:
    """A row in every table; all of them as they are read back."""
    with database.writer.begin() as connection:
        metadata = reflected(connection)
        for table in metadata.sorted_tables:
            connection.execute(table.insert(), filled(table, aware=not database.on_sqlite))
    return rows(database)


def rows(database: Database) -> Rows:
    with database.reader.connect() as connection:
        tables = reflected(connection).sorted_tables
        return {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables}


def common(found: Rows, like: Rows) -> Rows:
    """What `found` has of the tables and columns of `like`, where each has its row."""
    return {
        table: [{column: row[column] for column in like[table][0]} for row in found[table]]
        for table in like
        if table in found
    }


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


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_rows_come_through(empty: Database, revision: str) -> None:
    """What an older server stored is there after the newest migration, and could be stored at all."""
    empty.migrate(revision)
    stored = fill(empty)
    assert all(len(found) == 1 for found in stored.values())
    empty.migrate()
    assert common(rows(empty), stored) == stored


THE_CLINICS_DAY = {
    "adverse_event",
    "attendance",
    "call",
    "channel",
    "closed_day",
    "course_note",
    "demo_clock",
    "expected",
    "import_batch",
    "import_row",
    "infusion_day",
    "merge",
    "merge_row",
    "message",
    "message_template",
    "on_call",
    "opening",
    "opioid_dose",
    "other_care",
    "reminder",
    "ringing",
    "satisfaction",
    "side_effect",
    "task_run",
    "vital_sign",
}
TABLES_SINCE = {
    "0001": THE_CLINICS_DAY | {"definition", "device", "handover"},
    "0002": THE_CLINICS_DAY | {"definition", "device", "handover"},
    "0003": THE_CLINICS_DAY | {"device", "handover"},
    "0004": THE_CLINICS_DAY,
    "0005": THE_CLINICS_DAY,
}


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_rows_come_through_down_and_up(empty: Database, revision: str) -> None:
    """Everything that the older server knows; what only the newer one does is lost."""
    empty.migrate()
    stored = fill(empty)
    downgrade(empty, revision)
    kept = rows(empty)
    assert set(stored) - set(kept) == TABLES_SINCE[revision]
    assert common(stored, kept) == kept
    empty.migrate()
    assert common(rows(empty), kept) == kept


def test_the_way_down_loses_a_tablet_s_sessions_and_keeps_those_of_links(empty: Database) -> None:
    empty.migrate()
    fill(empty)  # with one session, of a link
    with empty.writer.begin() as connection:
        sessions = reflected(connection).tables["patient_session"]
        row = filled(sessions, aware=not empty.on_sqlite) | {"id": 2, "invitation_id": None, "token_hash": "another"}
        connection.execute(sessions.insert(), row)
    downgrade(empty, "0003")
    assert [row["id"] for row in rows(empty)["patient_session"]] == [1]


def fill_but(database: Database, **other: dict[str, Any]) -> None:
    """A row in every table, with some columns otherwise."""
    with database.writer.begin() as connection:
        for table in reflected(connection).sorted_tables:
            connection.execute(table.insert(), filled(table, aware=not database.on_sqlite) | other.get(table.name, {}))


ASKED_AGAIN = {"submitted_at": None, "in_error_at": None}


def test_the_way_down_leaves_no_score_of_a_part_that_was_asked_again_and_answered(empty: Database) -> None:
    """An older server knows none before the part is sent."""
    empty.migrate()
    fill_but(empty, administration=ASKED_AGAIN, score={"superseded_at": None}, response={"sequence": 2})
    downgrade(empty, "0004")
    (score,), (administration,) = rows(empty)["score"], rows(empty)["administration"]
    assert score["superseded_at"] is not None
    assert administration["submitted_at"] is None


@pytest.mark.parametrize("open_parts", [0, 1])
def test_the_way_down_sends_again_what_was_asked_again_and_not_answered(empty: Database, open_parts: int) -> None:
    empty.migrate()
    fill_but(empty, administration=ASKED_AGAIN, score={"superseded_at": None}, assessment={"completed_at": None})
    with empty.writer.begin() as connection:
        parts = reflected(connection).tables["administration"]
        other = filled(parts, aware=not empty.on_sqlite) | ASKED_AGAIN | {"sent_before_at": None}
        for number in range(2, 2 + open_parts):
            connection.execute(parts.insert(), other | {"id": number, "position": number, "public_id": str(number)})
    downgrade(empty, "0004")
    (score,), (assessment,) = rows(empty)["score"], rows(empty)["assessment"]
    (sent,) = [row["submitted_at"] for row in rows(empty)["administration"] if row["id"] == 1]
    assert score["superseded_at"] is None
    assert sent is not None
    assert assessment["completed_at"] == (None if open_parts else sent)


def test_the_way_down_words_a_declined_score_as_an_older_server_can_read_it(empty: Database) -> None:
    empty.migrate()
    fill_but(empty, score={"reason": "declined"})
    guards = triggers(empty)
    downgrade(empty, "0004")
    assert rows(empty)["score"][0]["reason"] == "declined"
    before = triggers(empty)
    downgrade(empty, "0003")
    assert rows(empty)["score"][0]["reason"] == "items-missing"
    assert triggers(empty) == before != guards
    with pytest.raises(DBAPIError, match="score is append-only"), empty.writer.begin() as connection:
        connection.execute(text("UPDATE score SET reason = 'prorated'"))


def test_scores_of_an_older_server_say_what_they_were_computed_under(empty: Database) -> None:
    empty.migrate("0002")
    fill(empty)
    empty.migrate()
    (score,), (administration,) = rows(empty)["score"], rows(empty)["administration"]
    assert score["instrument_revision"] == administration["instrument_revision"] == 1
    assert score["content_hash"] == administration["content_hash"] == "content_hash"
    assert score["computed_at"] == administration["submitted_at"]
    assert (score["supplement_hash"], score["superseded_at"]) == (None, None)
    assert administration["supplement_hash"] is None  # not known: today's wording, and never "none"


def test_the_way_down_keeps_the_scores_of_the_submission(empty: Database) -> None:
    empty.migrate()
    fill(empty)  # with one score, superseded
    with empty.writer.begin() as connection:
        scores = reflected(connection).tables["score"]
        first = filled(scores, aware=not empty.on_sqlite)
        connection.execute(scores.insert(), first | {"id": 2, "superseded_at": None})
    downgrade(empty, "0002")
    assert [row["id"] for row in rows(empty)["score"]] == [1]


def test_an_older_server_may_still_write_while_this_one_migrates(empty: Database) -> None:
    """Every column that is new may be left out."""
    empty.migrate("0002")
    with empty.writer.begin() as connection:
        older = {table.name: set(table.columns.keys()) for table in reflected(connection).sorted_tables}
    empty.migrate()
    with empty.writer.begin() as connection:
        metadata = reflected(connection)
        for table in metadata.sorted_tables:
            row = filled(table, aware=not empty.on_sqlite)
            if table.name in older:
                connection.execute(table.insert(), {name: row[name] for name in older[table.name]})
    assert rows(empty)["score"][0]["content_hash"] is None


def test_a_score_is_superseded_once_and_never_otherwise_changed(database: Database) -> None:
    with database.writer.begin() as connection:
        metadata = reflected(connection)
        for table in metadata.sorted_tables:
            row = filled(table, aware=not database.on_sqlite)
            connection.execute(table.insert(), row | ({"superseded_at": None} if table.name == "score" else {}))
    with pytest.raises(DBAPIError, match="score is append-only"), database.writer.begin() as connection:
        connection.execute(text("UPDATE score SET sequence = 2"))
    with database.writer.begin() as connection:
        connection.execute(text("UPDATE score SET superseded_at = '2026-11-24 08:00:00'"))
    for act in ("superseded_at = NULL", "superseded_at = '2026-11-25 08:00:00'", "value = 1", "band = NULL"):
        with pytest.raises(DBAPIError, match="score is append-only"), database.writer.begin() as connection:
            connection.execute(text(f"UPDATE score SET {act}"))


def test_one_scale_has_one_current_score_and_any_number_of_superseded_ones(database: Database) -> None:
    fill(database)
    with database.writer.begin() as connection:
        scores = reflected(connection).tables["score"]
        row = filled(scores, aware=not database.on_sqlite)
        connection.execute(scores.insert(), row | {"id": 2})
        connection.execute(scores.insert(), row | {"id": 3, "superseded_at": None})
    with pytest.raises(IntegrityError), database.writer.begin() as connection:
        connection.execute(scores.insert(), row | {"id": 4, "superseded_at": None})


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


def test_a_link_of_a_reminder_has_no_maker_and_is_closed_on_the_way_down(empty: Database) -> None:
    """On SQLite the constraint is lifted in the schema's text: the table stays sound, and gets it back."""
    empty.migrate()
    fill_but(empty, invitation={"created_by": None})
    downgrade(empty, "0005")
    assert rows(empty)["invitation"] == rows(empty)["patient_session"] == []
    with empty.writer.connect() as connection:
        invitations = reflected(connection).tables["invitation"]
        another = filled(invitations, aware=not empty.on_sqlite) | {"created_by": None, "id": 2}
        with pytest.raises(IntegrityError):
            connection.execute(invitations.insert(), another | {"token_hash": "another"})
    empty.migrate()
    if empty.on_sqlite:
        with empty.reading() as session:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"


@pytest.mark.parametrize(
    ("level", "acknowledged", "waits"), [("alert", False, True), ("alert", True, False), ("flag", False, False)]
)
def test_what_nobody_acknowledged_escalates_after_the_upgrade(
    empty: Database, level: str, acknowledged: bool, waits: bool
) -> None:
    empty.migrate("0005")
    unseen = {} if acknowledged else {"acknowledged_at": None, "acknowledged_by": None}
    fill_but(empty, alert={"level": level, "resolved_at": None} | unseen)
    empty.migrate()
    (alert,) = rows(empty)["alert"]
    assert alert["escalates_at"] == (alert["raised_at"] if waits else None)
    assert alert["raised_at"] is not None


def test_what_waits_is_reminded_of_after_the_upgrade(empty: Database) -> None:
    empty.migrate("0005")
    fill_but(empty, assessment={"completed_at": None, "cancelled_at": None})
    empty.migrate()
    (assessment,) = rows(empty)["assessment"]
    assert assessment["remind_on"] == assessment["opens_on"] is not None
