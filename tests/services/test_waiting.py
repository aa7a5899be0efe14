"""The short readings of an index find what one plain query finds: every row, once, in the same order."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import case, func, insert, select
from sqlalchemy.orm import Session

from prom_server.core.permissions import StaffMember
from prom_server.core.schedule import NOT_INFUSED_YET, Anchor, Offset, Protocol, TimePoint
from prom_server.core.worklist import COUNTED_AT_MOST, Courses, Filter, Show
from prom_server.services import catalogue, finding, moving, waiting
from prom_server.store.assessments import Assessment
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.support.clinic import NOON

DAY = timedelta(days=1)
TODAY = NOON.date()
A_COURSE = 40  # of each protocol


def point(name: str, *days: int, months: int = 0, first: bool = False) -> TimePoint:
    opens, due, overdue, closes = (Offset(each, months) for each in days)
    return TimePoint(name, name, name, Anchor.FIRST_INFUSION, opens, due, overdue, closes, first)


LATER = point("later", 76, 90, 97, 120)
LATER_IN_MONTHS = point("later", -14, 0, 7, 30, months=3)


class Shelf:
    """Protocols that disagree in one time point."""

    PROTOCOLS = (
        Protocol(
            "days", 1, "", 5, (), (point("baseline", -30, 0, 1, 0, first=True), point("later", 76, 90, 97, 120)), ""
        ),
        Protocol("days", 2, "", 5, (), (point("last", 0, 0, 1, 3), point("later", 85, 90, 120, 121)), ""),
        Protocol("months", 1, "", 1, (), (LATER_IN_MONTHS, point("week-4", 26, 28, 30, 33)), ""),
    )

    def protocol_revisions(self) -> Sequence[Protocol]:
        return self.PROTOCOLS


@pytest.fixture
def by(database: Database) -> StaffMember:
    with database.writing() as session:
        return people.cast(session).cora


def some_windows(chance: random.Random) -> list[dict[str, object]]:
    """As plans make them, and as staff and patients leave them behind."""
    rows = []
    for protocol in Shelf.PROTOCOLS:
        for number in range(A_COURSE):
            anchor = TODAY + chance.randint(-160, 40) * DAY
            rows += [(protocol, number, window(each, anchor, chance)) for each in protocol.time_points]
    rows.append(
        (
            Shelf.PROTOCOLS[0],
            0,
            {
                "opens_on": TODAY,
                "due_on": TODAY,
                "overdue_on": TODAY + 9 * DAY,
                "closes_on": TODAY + 199 * DAY,
                "time_point": "of a file that is gone",
            },
        )
    )
    return [{"course": (protocol.id, protocol.revision, number), **facts} for protocol, number, facts in rows]


def window(each: TimePoint, anchor: date, chance: random.Random) -> dict[str, object]:
    planned = each.window(anchor)
    facts: dict[str, object] = {
        "time_point": each.id,
        "opens_on": planned.opens_on,
        "due_on": planned.due_on,
        "overdue_on": planned.overdue_on,
        "closes_on": planned.closes_on,
        "closed_at": None,
        "reopened_at": None,
        "own_days": False,
        "started_at": None,
        "declined_at": None,
        "completed_at": None,
        "cancelled_at": None,
    }
    if each.closes_at_first_infusion:
        given = chance.random() < 0.5
        facts["closes_on"] = planned.closes_on if given else planned.closes_on + NOT_INFUSED_YET
        facts["closed_at"] = NOON + (anchor - TODAY) - timedelta(hours=1) if given else None
    if planned.closes_on < TODAY and chance.random() < 0.3:
        closes_on = TODAY + chance.randint(-1, 90) * DAY
        facts |= {"reopened_at": NOON - DAY, "closes_on": closes_on, "closed_at": None, "own_days": True}
    elif chance.random() < 0.2:  # begun, then its course was put off: as planning leaves it
        closes_on = planned.closes_on + chance.randint(1, 60) * DAY
        facts |= {"started_at": NOON - DAY, "closes_on": closes_on, "closed_at": None, "own_days": True}
    for column, often in (("declined_at", 0.1), ("completed_at", 0.2), ("cancelled_at", 0.1)):
        facts[column] = NOON - 9 * DAY if chance.random() < often else None
    return facts


def put(session: Session, by: StaffMember, rows: list[dict[str, object]]) -> None:
    patient = session.scalars(select(Patient.id).where(Patient.clinic_id == by.clinic.id)).first()
    own = {"clinic_id": by.clinic.id, "patient_id": patient}
    courses: dict[object, int] = {}
    for row in rows:
        key = row.pop("course")
        if key not in courses:
            pinned = {"protocol_id": key[0], "protocol_revision": key[1], "starts_on": TODAY, "created_at": NOON}
            new = insert(Course).values(public_id=opaque_id(), number=len(courses) + 1, **own, **pinned)
            courses[key] = session.execute(new.returning(Course.id)).scalar_one()
        session.execute(insert(Assessment).values(public_id=opaque_id(), course_id=courses[key], **own, **row))


def plainly(session: Session, wanted: Filter, by: StaffMember, at: datetime) -> list[int]:
    """All that waits, as one query that reads every row."""
    day = finding.local_day(at, by.clinic)
    kind = {
        Show.ALL: Assessment.id > 0,
        Show.OVERDUE: Assessment.overdue_on <= day,
        Show.DUE: (Assessment.due_on <= day) & (Assessment.overdue_on > day),
        Show.CLOSING: Assessment.closes_on <= day + 7 * DAY,
    }[wanted.show]
    conditions = [
        Assessment.clinic_id == by.clinic.id,
        Assessment.completed_at.is_(None),
        Assessment.cancelled_at.is_(None),
        Assessment.opens_on <= day,
        Assessment.closes_on >= day,
        func.coalesce(Assessment.closed_at > at, case((Assessment.id > 0, True))),
        kind,
    ]
    if wanted.show is not Show.ALL or not wanted.declined:
        conditions.append(Assessment.declined_at.is_(None))
    if wanted.time_point:
        conditions.append(Assessment.time_point == wanted.time_point)
    if wanted.courses is not Courses.ALL:
        conditions.append((Course.number == 1) == (wanted.courses is Courses.FIRST))
    found = select(Assessment.id).join(Course, Course.id == Assessment.course_id).where(*conditions)
    return list(session.scalars(found.order_by(Assessment.closes_on, Assessment.id)))


def paged(session: Session, wanted: Filter, by: StaffMember, at: datetime, limit: int) -> list[int]:
    points, found, after = waiting.time_points(session, by=by), [], None
    while True:
        rows = session.execute(waiting.first(wanted, points, after=after, limit=limit, by=by, at=at)).all()
        found += [row[0].id for row in rows]
        if len(rows) < limit:
            return found
        after = (rows[-1][0].closes_on, rows[-1][0].id)


WANTED = [
    *(Filter(show, courses=courses) for show in Show for courses in Courses),
    *(Filter(show, time_point=name) for show in Show for name in ("later", "baseline", "of a file that is gone")),
    Filter(declined=False),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_is_found_once_in_order(
    database: Database, by: StaffMember, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(catalogue, "library", Shelf)
    with database.writing() as session:
        put(session, by, some_windows(random.Random(seed)))
        kinds = set()
        for days in (0, 3, 31):
            at = NOON + days * DAY
            for wanted in WANTED:
                all_of_it = plainly(session, wanted, by, at)
                kinds.add((wanted.show, bool(all_of_it)))
                assert paged(session, wanted, by, at, 1000) == all_of_it, (days, wanted)
                assert paged(session, wanted, by, at, 7) == all_of_it, (days, wanted)
            counts = waiting.counts(session, waiting.time_points(session, by=by), by=by, at=at)
            for show, number in (
                (Show.OVERDUE, counts.overdue),
                (Show.DUE, counts.due),
                (Show.CLOSING, counts.closing),
            ):
                assert number == min(len(plainly(session, Filter(show), by, at)), COUNTED_AT_MOST + 1)
    assert {(show, True) for show in Show} <= kinds


def test_a_begun_baseline_that_is_put_off_stays_on_the_list(database: Database) -> None:
    """Its course begins forty days later: it keeps the day on which it is overdue, and can be answered for longer."""
    with database.writing() as session:
        team = people.cast(session)
        course = people.start(session, team, starts_on=TODAY + 10 * DAY)
        people.answer_part(session, course, team.bob, 0)
        page = moving.move_page(session, course, TODAY + 50 * DAY, by=team.cora, at=NOON)
        assert page.preview is not None
        moving.move(session, course, TODAY + 50 * DAY, page.preview.seen, by=team.cora, at=NOON)
        (row,) = session.scalars(select(Assessment).where(Assessment.time_point == "baseline"))
        session.refresh(row)
        assert (row.opens_on, row.overdue_on) < (TODAY, TODAY + 12 * DAY)
        assert row.closes_on >= TODAY + 50 * DAY
        for days in range(0, (row.closes_on - TODAY).days + 1, 3):
            assert row.id in paged(session, Filter(), team.cora, NOON + days * DAY, 7), days
        assert paged(session, Filter(Show.OVERDUE), team.cora, NOON + 20 * DAY, 7) == [row.id]


def test_numbers_stop_at_a_hundred(database: Database, by: StaffMember, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "library", Shelf)
    same = LATER.window(TODAY - 100 * DAY)
    facts = {name: getattr(same, name) for name in ("time_point", "opens_on", "due_on", "overdue_on", "closes_on")}
    with database.writing() as session:
        put(session, by, [{"course": ("days", 1, number), **facts} for number in range(120)])
        counts = waiting.counts(session, waiting.time_points(session, by=by), by=by, at=NOON)
    assert (counts.overdue, counts.due, counts.closing) == (100, 0, 0)
