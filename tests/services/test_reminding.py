"""Reminders go out once, on mornings of opening days, one message for everything; outages are caught up, no flood."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.services import composing, contacts, outbox, reminding
from prom_server.services.composing import Composed, NothingToSend
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic, ClosedDay
from prom_server.store.database import Database
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, mornings

URL = "https://prom.example.org"
DENVER = ZoneInfo("America/Denver")


def morning(day: str, hour: str = "09:00", zone: ZoneInfo = DENVER) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=zone).astimezone(UTC)


@pytest.fixture
def team(database: Database) -> Cast:
    """Alice is reached by e-mail; she was infused on five days from Monday 23 November."""
    with database.writing() as session:
        team = people.cast(session)
        course = people.start(session, team)
        write_to(session, team, team.alice)
        people.infuse(session, course, team.bob, 0, 1, 2, 3, 4)
        session.execute(update(Assessment).where(Assessment.time_point == "baseline").values(completed_at=clinic.NOON))
        return team


def write_to(session: Session, team: Cast, patient: str, address: str = "alice@example.org") -> None:
    kind = Kind.EMAIL if "@" in address else Kind.SMS
    contacts.set_address(session, patient, kind, address, consent=True, by=team.bob, at=clinic.NOON)


def run(database: Database, at: datetime, *, sent: bool = True) -> int:
    """Until there is nobody left: how many turns it took. What was put into the outbox leaves, or waits."""
    for turn in range(50):
        with database.writing() as session:
            if not mornings.remind(session, at=at):
                if sent:
                    session.execute(update(Message).where(*outbox.pending()).values(sent_at=at))
                return turn
    raise AssertionError("it never comes to an end")


def messages(database: Database) -> list[Message]:
    with database.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def lines(database: Database) -> list[tuple[str, int, bool, str | None]]:
    with database.reading() as session:
        rows = session.scalars(select(Reminder).order_by(Reminder.id))
        return [(each.kind, each.nth, each.message_id is not None, each.passed_over) for each in rows]


def next_days(database: Database) -> dict[str, date | None]:
    with database.reading() as session:
        rows = session.execute(select(Assessment.time_point, Assessment.remind_on).where(Assessment.clinic_id == 1))
        return {row.time_point: row.remind_on for row in rows}


def settle_last_infusion(database: Database) -> None:
    with database.writing() as session:
        session.execute(
            update(Assessment).where(Assessment.time_point == "last-infusion").values(cancelled_at=clinic.NOON)
        )


# The last infusion was on 27 November, so the 3 months open on Thursday 11 February and are due on Thursday the 25th.


def test_each_reminder_on_its_morning_and_never_twice(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    day = date(2027, 2, 8)
    sent: list[str] = []
    while day < date(2027, 4, 20):
        for hour in ("08:30", "09:00", "09:05", "13:00", "21:00"):
            before = len(messages(database))
            run(database, morning(str(day), hour))
            sent += [f"{day:%a} {day}"] * (len(messages(database)) - before)
        day += timedelta(days=1)
    assert sent == [
        "Thu 2027-02-11",  # it opens
        "Thu 2027-02-25",  # due
        "Mon 2027-03-01",  # 3 days later is Sunday
        "Thu 2027-03-04",
        "Thu 2027-03-11",
        "Thu 2027-03-18",
    ]
    assert next_days(database)["month-3"] is None
    assert [each[:3] for each in lines(database)] == [
        ("opens", 0, True), ("due", 0, True), ("due", 3, True), ("due", 7, True), ("due", 14, True), ("due", 21, True)
    ]  # fmt: skip


def test_a_worker_dead_for_ten_days_sends_one_message(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-11"))
    assert run(database, morning("2027-03-05")) == 1  # due, +3, +7 were missed
    assert [each.key.rpartition(":")[2] for each in messages(database)] == ["2027-02-11", "2027-03-05"]
    assert lines(database)[1:] == [
        ("due", 0, False, "caught_up"),
        ("due", 3, False, "caught_up"),
        ("due", 7, True, None),
    ]
    assert next_days(database)["month-3"] == date(2027, 3, 11)


def test_one_message_for_several_assessments(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(
            update(Assessment)
            .where(Assessment.time_point.in_(["month-3", "month-6"]))
            .values(opens_on=date(2027, 2, 11), due_on=date(2027, 2, 25), closes_on=date(2027, 3, 30))
        )
        session.execute(
            update(Assessment).where(Assessment.time_point == "month-6").values(remind_on=date(2027, 2, 11))
        )
    assert run(database, morning("2027-02-11")) == 1
    (message,) = messages(database)
    assert message.key == f"remind:{team.alice}:email:2027-02-11"
    assert [each for each in lines(database) if each[2]] == [("opens", 0, True, None)] * 2


def test_not_on_a_day_when_the_clinic_is_closed(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    with database.writing() as session:
        session.add(ClosedDay(clinic_id=team.bob.clinic.id, on=date(2027, 2, 11), name="A holiday"))
    assert run(database, morning("2027-02-11")) == 0
    assert run(database, morning("2027-02-12")) == 1


def test_the_clock_set_back_doubles_nothing(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-25"))
    for at in (morning("2027-02-25"), morning("2027-02-24"), morning("2027-02-11"), morning("2027-02-26")):
        run(database, at)
    assert len(messages(database)) == 1


def test_what_becomes_due_after_todays_message_waits_for_tomorrow(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-11"))
    with database.writing() as session:
        session.execute(
            update(Assessment)
            .where(Assessment.time_point == "month-6")
            .values(opens_on=date(2027, 2, 11), remind_on=date(2027, 2, 11))
        )
    assert run(database, morning("2027-02-11", "10:00")) == 1
    assert len(messages(database)) == 1
    assert next_days(database)["month-6"] == date(2027, 2, 12)
    run(database, morning("2027-02-12"))
    assert len(messages(database)) == 2


def test_nobody_to_write_to_is_said_and_the_next_reminder_is_tried(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    with database.writing() as session:
        contacts.withdraw_consent(session, team.alice, Kind.EMAIL, by=team.bob, at=clinic.NOON)
    run(database, morning("2027-02-11"))
    with database.writing() as session:
        contacts.give_consent(session, team.alice, Kind.EMAIL, by=team.bob, at=morning("2027-02-12"))
    run(database, morning("2027-02-12"))
    assert messages(database) == []
    run(database, morning("2027-02-25"))
    assert lines(database) == [("opens", 0, False, "no_consent"), ("due", 0, True, None)]


@pytest.mark.parametrize("fact", ["withdrawn_at", "deceased_on"])
def test_it_ends_with_withdrawal_and_death(database: Database, team: Cast, fact: str) -> None:
    settle_last_infusion(database)
    with database.writing() as session:
        known = clinic.NOON if fact == "withdrawn_at" else clinic.NOON.date()
        session.execute(update(Patient).where(Patient.public_id == team.alice).values({fact: known}))
    run(database, morning("2027-02-11"))
    assert (messages(database), lines(database)) == ([], [])
    assert next_days(database)["month-3"] is None


def test_it_ends_when_declined_and_when_closed(database: Database, team: Cast) -> None:
    with database.writing() as session:
        where = update(Assessment).where(Assessment.time_point == "month-3")
        session.execute(where.values(declined_at=clinic.NOON))
    run(database, morning("2027-03-01"))  # the last infusion closed long ago, and nobody was asked then
    assert (messages(database), lines(database)) == ([], [])


def test_a_clock_that_is_wrong_for_a_minute_ends_no_reminder(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    with database.writing() as session:  # this alone seems to be open then
        session.execute(
            update(Assessment)
            .where(Assessment.time_point == "month-6")
            .values(
                remind_on=date(2028, 2, 11),
                opens_on=date(2028, 2, 11),
                due_on=date(2028, 2, 25),
                closes_on=date(2028, 3, 30),
            )
        )
    assert run(database, morning("2028-02-11")) == 1
    before = lines(database)
    assert run(database, morning("2027-02-11")) == 1
    assert lines(database) == [*before, ("opens", 0, True, None)]


def test_one_that_was_tried_in_vain_and_taken_back_is_seen(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-25"), sent=False)
    with database.writing() as session:
        session.execute(update(Message).values(tries=5, reason="busy"))
    run(database, morning("2027-03-01"), sent=False)
    old, new = messages(database)
    assert (old.refused_at, old.cancelled_at, old.reason) == (morning("2027-03-01"), None, "busy")
    assert new.tries == 0


def test_one_who_opted_out_is_passed_over_and_may_come_back(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    with database.writing() as session:
        session.execute(update(Patient).where(Patient.public_id == team.alice).values(reminders_off_at=clinic.NOON))
    run(database, morning("2027-02-11"))
    assert lines(database) == [("opens", 0, False, "opted_out")]
    assert next_days(database)["month-3"] == date(2027, 2, 25)


def test_each_clinic_by_its_own_calendar(database: Database, team: Cast) -> None:
    """When it is nine in Sydney on Thursday, it is Wednesday afternoon in Denver; both have clocks that change."""
    settle_last_infusion(database)
    with database.writing() as session:
        session.execute(update(Clinic).where(Clinic.id == team.charlie.clinic.id).values(time_zone="Australia/Sydney"))
        course = people.courses.start_course(
            session, team.charlies, clinic.FREE, date(2027, 4, 4), by=team.charlie, at=datetime(2027, 3, 3, tzinfo=UTC)
        )
        contacts.set_address(
            session, team.charlies, Kind.EMAIL, "zed@example.org", consent=True, by=team.charlie, at=clinic.NOON
        )
        assert course
    sydney = ZoneInfo("Australia/Sydney")
    assert run(database, morning("2027-03-08", zone=sydney)) == 1
    assert [each.clinic_id for each in messages(database)] == [team.charlie.clinic.id]
    assert run(database, morning("2027-04-05", zone=sydney)) == 1  # the clocks went back in the night of the due day
    assert run(database, morning("2027-04-05", zone=sydney)) == 0


# ---- What could not leave on its day


def compose(database: Database, message: Message, at: datetime) -> Composed | NothingToSend:
    """As the delivery does it: what will not be sent is cancelled."""
    with database.writing() as session:
        row = session.get_one(Message, message.id)
        found = composing.compose(session, row, public_url=URL, at=at)
        if isinstance(found, NothingToSend):
            row.cancelled_at, row.reason = at, found.reason
        return found


@pytest.mark.parametrize("delivery_first", [True, False])
def test_a_message_held_up_for_days_and_what_came_meanwhile_are_one(
    database: Database, team: Cast, *, delivery_first: bool
) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-25"), sent=False)
    (held,) = messages(database)
    later = morning("2027-03-01")  # +3 is due by now
    if delivery_first:
        assert compose(database, held, later) == NothingToSend("another_day")
    run(database, later, sent=False)
    waiting = [each for each in messages(database) if each.cancelled_at is None]
    assert [each.key.rpartition(":")[2] for each in waiting] == ["2027-03-01"]
    assert isinstance(compose(database, waiting[0], later), Composed)
    assert [each for each in lines(database) if each[2]] == [("due", 3, True, None)]


def test_a_message_held_up_is_caught_up_though_nothing_else_is_due(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-25"), sent=False)
    assert compose(database, messages(database)[0], morning("2027-02-26")) == NothingToSend("another_day")
    run(database, morning("2027-02-26"), sent=False)
    assert [each.cancelled_at is None for each in messages(database)] == [False, True]
    assert isinstance(compose(database, messages(database)[1], morning("2027-02-26")), Composed)


def test_what_is_just_being_sent_is_left_alone(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-25"), sent=False)
    with database.writing() as session:
        session.execute(update(Message).values(sending_at=morning("2027-02-25")))
    run(database, morning("2027-03-01"), sent=False)
    assert [each.cancelled_at for each in messages(database)] == [None, None]
    assert [each for each in lines(database) if each[2]] == [("due", 0, True, None), ("due", 3, True, None)]


def test_a_protocol_whose_file_is_gone_stops_nobodys_reminders(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prom_server.core.refusals import NotFound

    def gone(*_ids: object) -> None:
        raise NotFound("no such protocol")

    settle_last_infusion(database)
    monkeypatch.setattr(reminding.catalogue, "protocol", gone)
    assert run(database, morning("2027-02-11")) == 1
    assert len(messages(database)) == 1


def test_a_patient_whom_another_worker_holds_is_left_to_it(database: Database, team: Cast) -> None:
    if database.on_sqlite:
        return  # one writer at a time
    settle_last_infusion(database)
    at = morning("2027-02-11")
    with database.writing() as session, database.writing() as other:
        assert mornings.remind(session, at=at) == 1
        assert mornings.remind(other, at=at) == 0
    assert run(database, at) == 0
    assert len(messages(database)) == 1


def test_the_trail_says_what_was_covered(database: Database, team: Cast) -> None:
    settle_last_infusion(database)
    run(database, morning("2027-02-11"))
    with database.reading() as session:
        assert people.audited(session)[-1] == "reminder.enqueue"
