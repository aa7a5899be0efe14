"""Many patients of a clinic, written where they are stored: ten assessments each, and some of everything of a day."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from prom_server.core.schedule import Window
from prom_server.services import catalogue
from prom_server.store.database import Database
from tests.support import clinic

GROUPS = 50  # patients of one group began on the same day
PARTS = 4
OPEN_EVERY = 3  # of what is open now one patient in so many has not answered
RARE = 30  # at least: one patient in so many is expected today, has a locked link, …
A_DAY = 300  # of each of these in a large clinic

TEXT_ID = "'{0}' || CAST(i AS TEXT)"  # every one its own, and short enough
NUMBERED = "WITH RECURSIVE n(i) AS (SELECT CAST(:low AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < :high) "


def own(prefix: str) -> str:
    return TEXT_ID.format(prefix)


PATIENT = (
    "INSERT INTO patient (id, public_id, clinic_id, record_number, given_name, family_name, sort_name, birth_date,"
    f" wrong_birth_dates, created_at, locked_at) SELECT i, {own('p')}, :clinic, 'S-' || CAST(i AS TEXT), 'Many',"
    " 'Synthetic' || CAST(i AS TEXT), 'synthetic' || CAST(i AS TEXT) || ', many', CAST(:born AS {date}), 0,"
    " CAST(:at AS {moment}), CASE WHEN i % {rare} = 4 THEN CAST(:at AS {moment}) END FROM n"
)
COURSE = (
    "INSERT INTO course (id, public_id, clinic_id, patient_id, number, protocol_id, protocol_revision, starts_on,"
    " finished_at, finish_reason, created_at)"
    f" SELECT 3 * i + :k, {own('c')} || 'x{{k}}', :clinic, i, :k + 1, :protocol, 1,"
    " CAST(:starts AS {date}), CAST(:finished AS {moment}), 'completed', CAST(:at AS {moment}) FROM n WHERE {which}"
)
ASSESSMENT = (
    "INSERT INTO assessment (id, public_id, clinic_id, patient_id, course_id, time_point, opens_on, due_on, overdue_on,"
    f" closes_on, started_at, completed_at) SELECT 10 * i + :k, {own('a')} || 'x{{k}}', :clinic, i, 3 * i + :course,"
    " :time_point, CAST(:opens AS {date}), CAST(:due AS {date}), CAST(:overdue AS {date}), CAST(:closes AS {date}),"
    " CAST(:started AS {moment}), CAST(:completed AS {moment}) FROM n WHERE {which}"
)
ADMINISTRATION = (
    "INSERT INTO administration (id, public_id, clinic_id, assessment_id, position, instrument_id, instrument_revision,"
    " content_hash, language, mode, watched, sequence, started_at, submitted_at)"
    f" SELECT 4 * i + :k, {own('d')} || 'x{{k}}', :clinic, 10 * i + 6, :k + 1, 'phq-9', 1, :content_hash, 'en',"
    " 'own_device', false, 9, CAST(:at AS {moment}),"
    " CASE WHEN i % {rare} = 8 THEN CAST(:now AS {moment}) ELSE CAST(:at AS {moment}) END FROM n"
)
BEGUN = (
    "INSERT INTO administration (id, public_id, clinic_id, assessment_id, position, instrument_id, instrument_revision,"
    f" content_hash, language, mode, watched, sequence, started_at) SELECT 50000000 + i, {own('b')}, :clinic,"
    " 10 * i + 8, 1, 'phq-9', 1, :content_hash, 'en', 'own_device', false, 0, CAST(:at AS {moment}) FROM n"
    " WHERE {which}"
)
INVITATION = (
    "INSERT INTO invitation (id, token_hash, clinic_id, patient_id, assessment_id, created_at)"
    f" SELECT i, {own('h')}, :clinic, i, 10 * i + :k, CAST(:at AS {{moment}}) FROM n WHERE {{which}}"
)
EXPECTED = (
    'INSERT INTO expected (id, public_id, clinic_id, patient_id, "on", time, reason, checked_in_at)'
    f" SELECT i, {own('e')}, :clinic, i, CAST(:today AS {{date}}), '10:30', 'Visit', CAST(:came AS {{moment}})"
    " FROM n WHERE {which}"
)
INFUSION_DAY = (
    f"INSERT INTO infusion_day (id, public_id, clinic_id, patient_id, course_id, planned_on) SELECT i, {own('i')},"
    " :clinic, i, 3 * i + 2, CAST(:today AS {date}) FROM n WHERE {which}"
)
INFUSION = (
    "INSERT INTO infusion (id, public_id, course_id, given_at, recorded_by, recorded_at)"
    f" SELECT i, {own('f')}, 3 * i + 2, CAST(:at AS {{moment}}), :staff, CAST(:at AS {{moment}}) FROM n WHERE {{which}}"
)
MESSAGE = (
    "INSERT INTO message (id, public_id, clinic_id, patient_id, key, purpose, channel, address, language, created_at,"
    f" next_try_at, tries, refused_at, reason) SELECT i, {own('m')}, :clinic, i, {own('k')}, 'reminder', 'email',"
    " 'a@example.org', 'en', CAST(:at AS {moment}), CAST(:at AS {moment}), 1, CAST(:at AS {moment}), 'address'"
    " FROM n WHERE {which}"
)


def populate(database: Database, clinic_id: int, staff_id: int, first_id: int, patients: int, at: datetime) -> None:
    """So many patients more."""
    rare = max(RARE, patients // A_DAY // OPEN_EVERY * OPEN_EVERY)
    step, last_id = -(-patients // GROUPS), first_id + patients - 1
    with database.writer.begin() as connection:
        for group, low in enumerate(range(first_id, last_id + 1, step)):
            facts = {"low": low, "high": min(low + step - 1, last_id), "clinic": clinic_id, "rare": rare}
            _group(connection, facts, 76 + 3 * group, group, at)
            _day(connection, facts, staff_id, at)


def _group(connection: Connection, facts: dict[str, Any], days: int, group: int, at: datetime) -> None:
    """Two courses long ago; a third whose last infusion was 76 to 223 days ago, so that follow-ups are open."""
    today, began = at.date(), at - timedelta(days=days)
    _pour(connection, PATIENT, **facts, at=began, born=date(1930 + group, 3, 12))
    for k, back in enumerate((1000, 500, days)):
        starts, going_on = today - timedelta(days=back), "i % {rare} in (5, 7)" if k == 2 else "false"
        course = {**facts, "starts": starts, "protocol": clinic.FREE, "at": began}
        _pour(connection, COURSE, k, f"not ({going_on})", **course, finished=began)
        _pour(connection, COURSE, k, going_on, **course, finished=None)
    for k in range(10):
        back = (1000, 1000, 1000, 1000, 500, 500)[k] if k < 6 else days
        _assessment(connection, facts, k, today - timedelta(days=back), at)
    _pour(connection, INVITATION, 8, **facts, at=at - timedelta(days=days - 76, hours=1))
    content_hash = catalogue.instrument("phq-9", 1).content_hash
    begun = {**facts, "at": at - timedelta(days=5), "content_hash": content_hash}
    _pour(connection, BEGUN, 0, f"i % {2 * OPEN_EVERY} = 0", **begun)
    for k in range(PARTS):
        _pour(connection, ADMINISTRATION, k, **facts, at=began, now=at, content_hash=content_hash)


def _assessment(connection: Connection, facts: dict[str, Any], k: int, anchor: date, at: datetime) -> None:
    """The k-th of a patient's ten. One that nobody answered stays among those that wait, also when it has expired."""
    place = k if k < 4 else (0, 1, 0, 1, 2, 3)[k - 4]
    point = catalogue.protocol(clinic.FREE, 1).time_points[place]
    window: Window = point.window(anchor)
    done, answered = None if window.opens_on > at.date() else at - timedelta(days=1), f"i % {OPEN_EVERY} <> 0"
    row = {
        **facts,
        "course": 0 if k < 4 else 1 if k < 6 else 2,
        "time_point": point.id,
        "opens": window.opens_on,
        "due": window.due_on,
        "overdue": window.overdue_on,
        "closes": window.closes_on,
    }
    if k in (5, 8, 9):
        _pour(connection, ASSESSMENT, k, answered, **row, started=done, completed=done)
        left, just_now = f"i % {2 * OPEN_EVERY} = 0", f"i % {2 * OPEN_EVERY} <> 0 and i % {{rare}} = 9"
        begun = ((left, timedelta(days=5)), (just_now, timedelta(hours=2))) if k == 8 else ()
        never = " and ".join(f"not ({each})" for each in (answered, *(which for which, _ in begun)))
        _pour(connection, ASSESSMENT, k, never, **row, started=None, completed=None)
        for which, ago in begun:
            _pour(connection, ASSESSMENT, k, f"not ({answered}) and {which}", **row, started=at - ago, completed=None)
    else:
        _pour(connection, ASSESSMENT, k, **row, started=done, completed=done)


def _day(connection: Connection, facts: dict[str, Any], staff_id: int, at: datetime) -> None:
    today = {**facts, "today": at.date()}
    _pour(connection, INFUSION_DAY, 0, "i % {rare} = 1", **today)
    _pour(connection, EXPECTED, 0, "i % {rare} = 2", **today, came=None)
    _pour(connection, EXPECTED, 0, "i % {rare} = 3", **today, came=at - timedelta(hours=1))
    _pour(connection, INFUSION, 0, "i % {rare} = 5", **facts, staff=staff_id, at=at - timedelta(days=4))
    _pour(connection, MESSAGE, 0, "i % {rare} = 6", **facts, at=at - timedelta(hours=9))


def _pour(connection: Connection, statement: str, k: int = 0, which: str = "true", **facts: Any) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    kinds = {"date": "TEXT", "moment": "TEXT"} if on_sqlite else {"date": "DATE", "moment": "TIMESTAMPTZ"}
    sql = statement.replace("{k}", str(k)).replace("{which}", which).replace("{rare}", str(facts["rare"]))
    for name, kind in kinds.items():
        sql = sql.replace("{" + name + "}", kind)
    insert_into, _, rest = sql.partition(" SELECT ")
    words = {name: _stored(value) if on_sqlite else value for name, value in facts.items()}
    bound = {**words, "k": k}
    used = {name: value for name, value in bound.items() if f":{name}" in NUMBERED + sql}
    connection.execute(text(f"{insert_into} {NUMBERED} SELECT {rest}"), used)


def _stored(value: Any) -> Any:
    """As SQLite keeps days and moments."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else value
