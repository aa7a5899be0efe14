"""What pages cost with 1,000 and with 100,000 patients of ten assessments each, on both databases.

The 95th percentiles of the same requests, asked of the small and of the large clinic in turn, and their ratios; those
of the staff's pages must not pass 1.3.

Run: bin/bench scale [patients]
"""

import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select, text

from prom_server import clock, transaction
from prom_server.core.permissions import Role
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from tests import cast as people
from tests.bench._population import populate
from tests.support import clinic, databases
from tests.support.browsing import Browser, application

BASE = 999_000  # their ids begin far from those that the database gives, and each growth far from the one before
FEW = 1_000
TIMES = 200
VISITS = 4
LIMIT = 1.3

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
    page_of: str = ""

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
        facts = (self.by.clinic.id, self.by.id, self.grown * BASE, patients - self.patients, self.at)
        populate(self.database, *facts)
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

    def a_patient_s(self) -> str:
        """The page of one of many."""
        self.page_of = self.page_of or f"/patients/{self.one_of_many()}"
        return self.page_of


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collects the statements that are sent meanwhile; beginnings and ends of transactions are none.

    Nor is the look at a demonstration's clock, every so many seconds.
    """
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        first_word = statement.split(maxsplit=1)[0].upper()
        if first_word not in {"BEGIN", "COMMIT", "ROLLBACK", "PRAGMA"} and "FROM demo_clock" not in statement:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


STAFF_PAGES = ("/today", "/follow-ups", "/calls", "/expected", "/patients", "/alerts")
PARTS = ("overdue", "due", "closing")
SEARCHES = {"a name": "synthetic9995", "a number": "S-9995", "a birth date": "12 Mar 1944"}


@dataclass
class Times:
    """Milliseconds of one kind of request."""

    found: dict[str, list[float]]

    def take(self, name: str, act: Callable[[], object]) -> None:
        began = time.perf_counter()
        act()
        self.found.setdefault(name, []).append(1000 * (time.perf_counter() - began))

    def p95(self, name: str) -> float:
        return statistics.quantiles(self.found[name], n=20, method="inclusive")[-1]


def compare(desks: tuple[Desk, Desk]) -> tuple[Times, Times]:
    """The same requests of both clinics, in turn: what else the machine does meanwhile is in both."""
    times = (Times({}), Times({}))
    for name, path in _pages().items():
        _in_turn(
            desks, times, name, lambda desk, path=path: desk.browser.get(path or f"/patients/{desk.one_of_many()}")
        )
    for name, words in SEARCHES.items():
        for desk in desks:
            transaction.bind(desk.database)
            search(desk, words)
        _in_turn(desks, times, f"search, {name}", lambda desk: desk.browser.get("/patients"))
    for _ in range(VISITS):
        for desk, mine in zip(desks, times, strict=True):
            transaction.bind(desk.database)
            _visit(desk, mine)
    return times


def _pages() -> dict[str, str]:
    """By name, the address; "" for a patient's page."""
    parts = {f"/follow-ups, {part}": f"/follow-ups?show={part}" for part in PARTS}
    point = {"/follow-ups, 3 months": "/follow-ups?time_point=month-3&courses=repeat"}
    return {path: path for path in STAFF_PAGES} | parts | point | {"/patients/<id>": ""}


def _in_turn(desks: tuple[Desk, Desk], times: tuple[Times, Times], name: str, ask: Callable[[Desk], object]) -> None:
    for _ in range(TIMES):
        for desk, mine in zip(desks, times, strict=True):
            transaction.bind(desk.database)
            mine.take(name, lambda desk=desk: ask(desk))


def search(desk: Desk, words: str) -> None:
    form = next(form for form in desk.browser.get("/patients").page.forms if "q" in form.fields)
    desk.browser.submit(form, q=words)


def _visit(desk: Desk, times: Times) -> None:
    phone = desk.phone().begin(desk.invite().token)
    while phone.path != "/answer/thanks":
        path, form = phone.path, phone.page.form
        if path.endswith("/review"):
            times.take("submit", lambda p=phone, a=path, f=form: p.client.post(a, data=f.fields))
        else:
            times.take("answer, shown", lambda p=phone, a=path: p.client.get(a))
            fields = {**form.fields, "value": "0"}
            times.take("answer, posted", lambda p=phone, a=path, f=fields: p.client.post(a, data=f))
        phone.get("/answer/go-on")


def begun(url: str, folder: Path, patients: int) -> Desk:
    database = Database(url)
    database.migrate()
    desk = Desk.begin(database, folder, at=clock.now())
    desk.grow(patients)
    if not database.on_sqlite:
        with database.writer.begin() as connection:
            connection.execute(text("ANALYZE"))  # as PostgreSQL does by itself after a while
    return desk


def run(kind: str, desks: tuple[Desk, Desk]) -> bool:
    """Prints the table; whether every page of the staff keeps the limit."""
    small, large = compare(desks)
    with desks[1].database.reading() as session:
        rows = session.query(Assessment).count()
    print(f"{kind}: {rows:,} assessments; 95th percentiles of {TIMES} requests of each, in ms")
    print(f"  {'':24} {desks[0].patients:>9,} {desks[1].patients:>9,}   ratio")
    worst = 0.0
    for name in small.found:
        ratio = large.p95(name) / small.p95(name)
        worst = max(worst, ratio if name.startswith(("/", "search")) else 0)
        print(f"  {name:24} {small.p95(name):9.1f} {large.p95(name):9.1f} {ratio:7.2f}{'  over' * (ratio > LIMIT)}")
    return worst <= LIMIT


def main() -> None:
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    logging.disable(logging.INFO)  # a line for each request
    kept = []
    for kind in databases.KINDS:
        pairs = zip(databases.empty_of_each_kind(kind), databases.empty_of_each_kind(kind), strict=True)
        for (_, few, folder), (_, many, other) in pairs:
            desks = begun(few, folder, FEW), begun(many, other, patients)
            kept.append(run(kind, desks))
            for desk in desks:
                desk.database.dispose()
    sys.exit(0 if all(kept) else f"a page costs more than {LIMIT} times as much")


if __name__ == "__main__":
    main()
