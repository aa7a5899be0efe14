"""The demo's clock: moved ahead step by step with its jobs, never in a real clinic, and not twice after a crash."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import func, select

from prom_server import clock, demo_clock, transaction
from prom_server.core.contacts import Kind
from prom_server.core.time_travel import NotADemo, NotThatFar
from prom_server.demo import travel
from prom_server.jobs import loop
from prom_server.services import contacts, time_travel
from prom_server.store.database import Database
from prom_server.store.outbox import DemoClock, Message, TaskRun
from tests import cast as people
from tests.support import clinic
from tests.support.clinic import NOON

DAY = timedelta(days=1)
DENVER = ZoneInfo("America/Denver")


@pytest.fixture(autouse=True)
def world(database: Database) -> Iterator[time_machine.Traveller]:
    transaction.bind(database)
    clinic.bind_definitions()
    with time_machine.travel(NOON, tick=False) as traveller:
        demo_clock.begin()
        yield traveller
    clock.set_ahead(timedelta(0))


def ticks(seen: list[datetime], dies_after: int | None = None):
    def tick(at: datetime) -> None:
        if dies_after is not None and len(seen) == dies_after:
            raise KeyboardInterrupt
        seen.append(at)

    return tick


def nothing(_stop: datetime) -> None:
    """Of the progress."""


def offset(database: Database) -> timedelta:
    with database.reading() as session:
        return time_travel.offset(session)


def test_each_journey_adds_to_the_one_before(database: Database) -> None:
    with database.writing() as session:
        people.cast(session)
    seen: list[datetime] = []
    for days, ahead in ((3, 3), (2, 5)):
        travel.travel(days, ticks(seen), nothing)
        assert (offset(database), clock.now()) == (ahead * DAY, NOON + ahead * DAY)
    assert seen == sorted(set(seen))
    assert (seen[0], seen[-1]) == (NOON + timedelta(hours=1), NOON + 5 * DAY)
    assert people.count(database, DemoClock) == 1


def test_a_real_clinic_s_clock_is_never_moved(database: Database) -> None:
    seen: list[datetime] = []
    with pytest.raises(NotADemo):  # nor that of no clinic at all
        travel.travel(1, ticks(seen), nothing)
    with database.writing() as session:
        people.cast(session, demo=False)
        with pytest.raises(NotADemo):
            time_travel.set_offset(session, DAY)
    with pytest.raises(NotADemo):
        travel.travel(1, ticks(seen), nothing)
    assert (offset(database), clock.ahead(), seen) == (timedelta(0), timedelta(0), [])


def test_what_stands_in_a_real_clinic_s_database_moves_no_clock(database: Database) -> None:
    """As after a demo's table was restored into it."""
    with database.writing() as session:
        people.cast(session, demo=False)
        session.add(DemoClock(id=1, ahead_seconds=86400))
    demo_clock.begin()
    assert clock.now() == NOON


@pytest.mark.parametrize("days", [0, -1, 3661])
def test_never_back_and_never_too_far(database: Database, days: int) -> None:
    with database.writing() as session:
        people.cast(session)
    with pytest.raises(NotThatFar):
        travel.travel(days, ticks([]), nothing)
    with database.writing() as session:
        time_travel.set_offset(session, 2 * DAY)
        with pytest.raises(ValueError, match="never back"):
            time_travel.set_offset(session, DAY)


def test_a_journey_that_dies_stays_where_it_was_and_goes_on_from_there(database: Database) -> None:
    with database.writing() as session:
        people.cast(session)
    seen: list[datetime] = []
    with pytest.raises(KeyboardInterrupt):
        travel.travel(10, ticks(seen, dies_after=30), nothing)
    reached = offset(database)
    assert seen[-1] < NOON + reached < NOON + 10 * DAY  # stored before the step's jobs began
    demo_clock.begin()  # another process
    assert clock.now() == NOON + reached
    travel.travel(1, ticks(seen), nothing)
    assert seen == sorted(set(seen))  # no step twice
    assert offset(database) == reached + DAY


def test_another_process_follows_within_seconds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        people.cast(session)
    demo_clock.begin()
    with database.writing() as session:
        time_travel.set_offset(session, 7 * DAY)
    demo_clock.follow()
    assert clock.ahead() == timedelta(0)  # it looked just now
    monkeypatch.setattr(demo_clock, "LOOK_AFTER", 0.0)
    demo_clock.follow()
    assert (clock.ahead(), demo_clock.today()) == (7 * DAY, NOON.date() + 7 * DAY)


def patient_with_a_course(session, team: people.Cast, number: int) -> str:
    """One infusion at noon: the last one's forms are due on Friday 27, the three months' open 76 days from noon."""
    patient = people.patient(session, team.cora, f"Alice {number}", number=f"DEMO-1{number}")
    people.infuse(session, people.start(session, team, patient_id=patient), team.bob, 0)
    address = f"alice{number}@example.org"
    contacts.set_address(session, patient, Kind.EMAIL, address, consent=True, by=team.cora, at=NOON)
    return patient


def sent(database: Database, since: datetime = NOON) -> list[tuple[int, int]]:
    """Of each message to a patient: whose, and how many days after noon it was made."""
    with database.reading() as session:
        rows = session.execute(
            select(Message.patient_id, Message.created_at).where(Message.created_at > since).order_by(Message.id)
        )
        return [(row.patient_id, round((row.created_at - NOON) / DAY)) for row in rows]


def test_a_worker_that_stood_still_for_ten_days_tells_each_patient_once(database: Database) -> None:
    """The three months' opened, became due and were to be reminded of while nothing ran; nobody is flooded after it."""
    with database.writing() as session:
        team = people.cast(session)
        patients = [patient_with_a_course(session, team, number) for number in range(3)]
        time_travel.set_offset(session, 84 * DAY)
    demo_clock.begin()
    loop.tick(clock.now() - timedelta(hours=3))  # Monday 9:00, the morning on which the worker stopped
    stopped = clock.now()
    assert len(sent(database)) == len(patients)  # the opening, caught up
    with database.writing() as session:
        time_travel.set_offset(session, 94 * DAY)
    demo_clock.begin()
    loop.tick(clock.now() - timedelta(hours=3))
    again = sent(database, stopped)
    assert sorted({patient for patient, _day in again}) == sorted(patient for patient, _day in again)
    assert [day for _patient, day in again] == [94] * len(patients)
    loop.tick(clock.now())
    assert sent(database, stopped) == again
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Message.logged_at.is_(None))) == 0  # a demo only logs
        assert set(session.scalars(select(TaskRun.error))) == {None}


def test_jobs_run_on_the_way_as_they_would_have(database: Database) -> None:
    """With the worker on the way each reminder goes on its own morning: the Friday that it is due, then the Monday."""
    with database.writing() as session:
        patient_with_a_course(session, people.cast(session), 1)
        time_travel.set_offset(session, 3 * DAY)
    travel.travel(4, loop.tick, nothing)
    with database.reading() as session:
        made = [each.astimezone(DENVER) for each in session.scalars(select(Message.created_at).order_by(Message.id))]
    assert [f"{each:%a %d %H:%M}" for each in made] == ["Fri 27 09:00", "Mon 30 09:00"]
