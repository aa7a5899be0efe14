"""What pages cost with 100 and with 100,000 patients: medians and their ratios from one run, on both databases.

Run: bin/bench scale [patients]
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, select, text

from prom_server import clock
from prom_server.core.permissions import Role
from prom_server.services import catalogue
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from tests import cast as people
from tests.support import clinic, databases
from tests.support.browsing import Browser, application

GROUPS = 50  # patients of one group began on the same day
BASE = 1_000_000  # their ids begin far from those that the database gives, and each growth far from the one before
PARTS = 4
TIMES = 40
OPEN_EVERY = 3  # one patient in so many has questions open now: with 100 patients more than a page of them

# ---- Many patients, written where they are stored

ID = "'{0}' || CAST(i AS TEXT)"  # every one its own, and short enough
NUMBERED = "WITH RECURSIVE n(i) AS (SELECT CAST(:low AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < :high) "
ASSESSMENT = (
    "INSERT INTO assessment (id, public_id, clinic_id, patient_id, course_id, time_point, opens_on, due_on, overdue_on,"
    " closes_on, started_at, completed_at) SELECT 4 * i + :k, " + ID.format("a{k}") + ", :clinic, i, i, :time_point,"
    " CAST(:opens AS {date}), CAST(:due AS {date}), CAST(:overdue AS {date}), CAST(:closes AS {date}),"
    " CAST(:started AS {moment}), CAST(:completed AS {moment}) FROM n WHERE {which}"
)
ADMINISTRATION = (
    "INSERT INTO administration (id, public_id, clinic_id, assessment_id, position, instrument_id, instrument_revision,"
    " content_hash, language, mode, watched, sequence, started_at, submitted_at) SELECT 4 * i + :k, "
    + ID.format("d{k}")
    + ", :clinic, 4 * i, :k + 1, 'phq-9', 1, :content_hash, 'en', 'own_device', false, 9, CAST(:at AS {moment}),"
    " CAST(:at AS {moment}) FROM n"
)
PATIENT = (
    "INSERT INTO patient (id, public_id, clinic_id, record_number, given_name, family_name, sort_name, birth_date,"
    " wrong_birth_dates, created_at) SELECT i, " + ID.format("p") + ", :clinic, 'S-' || CAST(i AS TEXT), 'Many',"
    " 'Synthetic' || CAST(i AS TEXT), 'synthetic' || CAST(i AS TEXT) || ', many', CAST(:born AS {date}), 0,"
    " CAST(:at AS {moment}) FROM n"
)
COURSE = (
    "INSERT INTO course (id, public_id, clinic_id, patient_id, number, protocol_id, protocol_revision, starts_on,"
    " finished_at, finish_reason, created_at) SELECT i, " + ID.format("c") + ", :clinic, i, 1, :protocol, 1,"
    " CAST(:starts AS {date}), CAST(:at AS {moment}), 'completed', CAST(:at AS {moment}) FROM n"
)


def populate(database: Database, clinic_id: int, first_id: int, patients: int, at: datetime) -> None:
    """So many patients: each with a course, four assessments, and the battery of the first one."""
    step, last_id = -(-patients // GROUPS), first_id + patients - 1
    with database.writer.begin() as connection:
        for group, low in enumerate(range(first_id, last_id + 1, step)):
            _group(connection, clinic_id, low, min(low + step - 1, last_id), group, at)


def _group(connection: Connection, clinic_id: int, low: int, high: int, group: int, at: datetime) -> None:
    """A course 80 to 129 days ago: its baseline answered, 3 months open for a few, 6 months still to come."""
    starts = at.date() - timedelta(days=80 + group)
    began = at - timedelta(days=80 + group)
    facts = {"low": low, "high": high, "clinic": clinic_id, "at": began}
    _pour(connection, PATIENT, **facts, born=date(1968, 3, 12))
    _pour(connection, COURSE, **facts, starts=starts, protocol=clinic.FREE)
    windows = (
        ("baseline", starts - timedelta(days=30), starts, began),
        ("last-infusion", starts + timedelta(days=4), starts + timedelta(days=7), began),
        ("month-3", at.date() - timedelta(days=5), at.date() + timedelta(days=3 + group % 30), None),
        ("month-6", at.date() + timedelta(days=20 + group), at.date() + timedelta(days=95 + group), None),
    )
    for k, (time_point, opens, closes, done) in enumerate(windows):
        days = {"opens": opens, "due": opens + timedelta(days=2), "overdue": closes, "closes": closes}
        done_at = {"started": done, "completed": done}
        if time_point != "month-3":
            _pour(connection, ASSESSMENT, k, **_without(facts, "at"), **days, **done_at, time_point=time_point)
            continue
        for which, moment in ((f"i % {OPEN_EVERY} = 0", None), (f"i % {OPEN_EVERY} <> 0", began)):
            done_at = {"started": moment, "completed": moment}
            words = {**_without(facts, "at"), **days, **done_at, "time_point": time_point}
            _pour(connection, ASSESSMENT, k, which, **words)
    content_hash = catalogue.instrument("phq-9", 1).content_hash
    for k in range(PARTS):
        _pour(connection, ADMINISTRATION, k, **facts, content_hash=content_hash)


def _without(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != name}


def _pour(connection: Connection, statement: str, k: int = 0, which: str = "true", **facts: Any) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    kinds = {"date": "TEXT", "moment": "TEXT"} if on_sqlite else {"date": "DATE", "moment": "TIMESTAMPTZ"}
    sql = statement.replace("{k}", str(k)).replace("{which}", which)
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


# ---- What is asked, and what it costs


@dataclass
class Desk:
    """A clinic with one clinician signed in, and as many more patients as wanted."""

    database: Database
    browser: Browser
    at: datetime
    by: Any
    patients: int = 0
    grown: int = 0
    invited: int = 0

    @classmethod
    def begin(cls, database: Database, folder: Path, *, at: datetime) -> "Desk":
        clinic.bind_definitions()
        with database.writing() as session:
            ours = clinic.clinic(session)
            by = clinic.member(session, ours, Role.CLINICIAN)
            people.set_password(session, by, by=clinic.member(session, ours, Role.ADMINISTRATOR, "Ada Example"))
            email = session.execute(select(Staff.email).where(Staff.id == by.id)).scalar_one()
        browser = Browser(application(database, folder))
        browser.get("/sign-in").submit(email=email, password=people.PASSWORD)
        return cls(database, browser, at, by)

    def grow(self, patients: int) -> None:
        self.grown += 1
        populate(self.database, self.by.clinic.id, self.grown * BASE, patients - self.patients, self.at)
        self.patients = patients

    def invite(self) -> clinic.Invited:
        self.invited += 1
        with self.database.writing() as session:
            return clinic.invited(session, self.by, number=self.invited, at=clock.now())

    def phone(self) -> Browser:
        return Browser(self.browser.client.application)

    def one_of_many(self) -> str:
        """The public id of a patient with a trend to show."""
        with self.database.reading() as session:
            return session.execute(select(Patient.public_id).where(Patient.id == BASE)).scalar_one()


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collects the statements that are sent meanwhile; beginnings and ends of transactions are none."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.split(maxsplit=1)[0].upper() not in {"BEGIN", "COMMIT", "ROLLBACK", "PRAGMA"}:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


STAFF_PAGES = ("/today", "/follow-ups", "/patients", "/alerts")


def _median(act: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def measure(desk: Desk) -> dict[str, float]:
    """Milliseconds per page, in this process: the network is no part of it."""
    found = {path: _median(lambda path=path: desk.browser.get(path)) for path in STAFF_PAGES}
    patient = f"/patients/{desk.one_of_many()}"
    found["/patients/<id>"] = _median(lambda: desk.browser.get(patient))
    _search(desk, "synthetic10000")
    found["/patients, a name"] = _median(lambda: desk.browser.get("/patients"))
    _search(desk, "")
    found |= _visit(desk)
    return found


def _search(desk: Desk, words: str) -> None:
    form = next(form for form in desk.browser.get("/patients").page.forms if "q" in form.fields)
    desk.browser.submit(form, q=words)


def _visit(desk: Desk) -> dict[str, float]:
    times: dict[str, list[float]] = {"answer, shown": [], "answer, posted": [], "submit": []}
    for _ in range(4):
        phone = desk.phone().begin(desk.invite().token)
        while phone.path != "/answer/thanks":
            path, form = phone.path, phone.page.form
            if path.endswith("/review"):
                _timed(times["submit"], lambda p=phone, a=path, f=form: p.client.post(a, data=f.fields))
            else:
                _timed(times["answer, shown"], lambda p=phone, a=path: p.client.get(a))
                fields = {**form.fields, "value": "0"}
                _timed(times["answer, posted"], lambda p=phone, a=path, f=fields: p.client.post(a, data=f))
            phone.get("/answer/go-on")
    return {name: statistics.median(found) for name, found in times.items()}


def _timed(times: list[float], act: Callable[[], object]) -> None:
    began = time.perf_counter()
    act()
    times.append(1000 * (time.perf_counter() - began))


def run(kind: str, url: str, folder: Path, patients: int) -> None:
    database = Database(url)
    database.migrate()
    desk = Desk.begin(database, folder, at=clock.now())
    found = []
    for size in (100, patients):
        desk.grow(size)
        if not database.on_sqlite:
            with database.writer.begin() as connection:
                connection.execute(text("ANALYZE"))  # as PostgreSQL does by itself after a while
        found.append(measure(desk))
    with database.reading() as session:
        rows = session.query(Assessment).count()
    print(f"{kind}: {rows} assessments, one patient in {OPEN_EVERY} with one open; medians of {TIMES} in ms")
    print(f"  {'':20} {100:>9,} {patients:>9,}   ratio")
    for name, small in found[0].items():
        large = found[1][name]
        print(f"  {name:20} {small:9.1f} {large:9.1f} {large / small:7.2f}")
    database.dispose()


def main() -> None:
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for kind, url, folder in databases.empty_of_each_kind():
        run(kind, url, folder, patients)


if __name__ == "__main__":
    main()
