"""The call list: whom to ring next and never twice, what came of it, and what follows from that."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.calls import (
    RINGS_FOR,
    NobodyToRing,
    Outcome,
    Recorded,
    RingingElsewhere,
    RungMeanwhile,
    Said,
)
from prom_server.core.contacts import Kind
from prom_server.core.courses import FinishReason
from prom_server.core.patient_status import Stop
from prom_server.core.permissions import Role, StaffMember
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import call_list, calling, contacts, courses, finding, outbox, patient_status
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.contact import Call
from prom_server.store.database import Database, DatabaseUnavailable
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
OVERDUE = NOON + 98 * DAY  # a Monday, 3 months and 8 days after the infusion


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def month_3(database: Database, team: Cast) -> str:
    """Alice's, overdue from day 97 to 120."""
    return infused(database, team, team.alice)


def infused(database: Database, team: Cast, patient: str, days: int = 0) -> str:
    with database.writing() as session:
        starts_on = NOON.date() + days * DAY
        course = people.start(session, team, patient_id=patient, starts_on=starts_on)
        at = NOON + days * DAY
        courses.record_infusion(session, course, at, by=team.cora, at=max(at, NOON))
        return clinic.assessment_of(session, course, "month-3")


def another(database: Database, team: Cast, name: str, days: int = 0, **more: object) -> str:
    with database.writing() as session:
        patient = people.patient(session, team.cora, name, number=name, **more)
    return infused(database, team, patient, days)


def listed(database: Database, team: Cast, at: datetime = OVERDUE, **more):
    with database.writing() as session:
        return call_list.call_list(session, by=team.cora, at=at, **more)


def names(database: Database, team: Cast, at: datetime = OVERDUE) -> list[str]:
    return [row.patient.name.split()[0] for row in listed(database, team, at).rows]


def record(
    database: Database, team: Cast, assessment: str, outcome: Outcome, *, by=None, at: datetime = OVERDUE, **more
) -> Recorded:
    with database.writing() as session:
        seen = more.pop("seen", None)
        if seen is None:
            seen = len(calling.call_page(session, assessment, by=team.cora, at=at).calls)
        return calling.record(session, assessment, Said(outcome, seen, **more), by=by or team.cora, at=at)


def row_of(database: Database, assessment: str) -> Assessment:
    with database.reading() as session:
        return session.scalars(select(Assessment).where(Assessment.public_id == assessment)).one()


def reminded(session: Session, team: Cast, *assessments: str) -> None:
    """One message that waits to be sent reminds of all of these; when they opened, nothing went out."""
    rows = [finding.assessment(session, each, by=team.cora)[0] for each in assessments]
    message = outbox.enqueue(
        session,
        clinic_id=team.cora.clinic.id,
        purpose="reminder",
        channel="email",
        address="a@example.org",
        language="en",
        key="remind",
        at=OVERDUE,
        patient_id=rows[0].patient_id,
    )
    for row in rows:
        for facts in ({"kind": "opens", "passed_over": "no_channel"}, {"kind": "due", "message_id": message}):
            session.execute(insert(Reminder).values(assessment_id=row.id, nth=0, at=OVERDUE, **facts))


def next_for(database: Database, who, at: datetime = OVERDUE) -> str | None:
    with database.writing() as session:
        return call_list.take_next(session, by=who, at=at)


@only_postgresql
def test_two_who_move_to_each_other_s_patients_are_told_and_not_stuck(
    database: Database, team: Cast, month_3: str
) -> None:
    theirs = another(database, team, "Rosa")
    for who, held in ((team.cora, month_3), (team.bob, theirs)):
        with database.writing() as session:
            call_list.take(session, held, by=who, at=OVERDUE)
    both = threading.Barrier(2)

    def wait(*args: object) -> None:
        """Each has let go of whom they held before either goes on, if that can be."""
        if str(args[2]).startswith("DELETE FROM ringing"):
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(1)

    event.listen(database.writer, "after_cursor_execute", wait)

    def move(who: StaffMember, to: str) -> str:
        try:
            with database.writing() as session:
                call_list.take(session, to, by=who, at=OVERDUE)
        except (RingingElsewhere, DatabaseUnavailable) as error:
            return type(error).__name__
        return "taken"

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(move, (team.cora, team.bob), (theirs, month_3)))
    assert found == ["RingingElsewhere"] * 2
    assert (listed(database, team).mine, next_for(database, team.bob)) != (None, None)


# ---- Who is on the list


@pytest.mark.parametrize(("day", "expected"), [(96, []), (97, ["Alice"]), (120, ["Alice"]), (121, [])])
def test_from_overdue_to_the_last_day(database: Database, team: Cast, month_3: str, day: int, expected) -> None:
    assert names(database, team, NOON + day * DAY) == expected


def test_call_backs_come_first_then_what_closes_first(database: Database, team: Cast, month_3: str) -> None:
    another(database, team, "Early", -10)
    later = another(database, team, "Later", 3)  # overdue only on day 100
    assert names(database, team) == ["Early", "Alice"]
    record(database, team, later, Outcome.CALL_BACK, call_back_at=OVERDUE + HOUR)
    assert names(database, team) == ["Early", "Alice"]
    assert names(database, team, OVERDUE + HOUR) == ["Later", "Early", "Alice"]
    assert next_for(database, team.cora, OVERDUE + HOUR) == later


def test_once_a_day_whatever_it_is_about(database: Database, team: Cast, month_3: str) -> None:
    """The two courses of a patient who came back are one person at the telephone."""
    with database.writing() as session:
        course, _patient = finding.assessment(session, month_3, by=team.cora)[1:]
        courses.finish_course(session, course.public_id, FinishReason.STOPPED_EARLY, "x", by=team.bob, at=NOON)
    second = infused(database, team, team.alice, 1)
    assert names(database, team) == ["Alice", "Alice"]
    record(database, team, second, Outcome.NO_ANSWER)
    assert names(database, team, OVERDUE + 6 * HOUR) == []
    assert names(database, team, OVERDUE + DAY - 4 * HOUR - timedelta(minutes=1)) == []
    assert names(database, team, OVERDUE + DAY - 4 * HOUR) == ["Alice", "Alice"]  # at eight


def test_withdrawn_dead_and_declined_are_never_rung(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(reminders_off_at=NOON))
    assert names(database, team) == ["Alice"]  # opted out of messages: a call is another matter
    for column, value in (("withdrawn_at", NOON), ("deceased_on", NOON.date())):
        with database.writing() as session:
            session.execute(update(Patient).values({column: value}))
        assert names(database, team) == []
        assert next_for(database, team.cora) is None
        with database.writing() as session, pytest.raises(NobodyToRing):
            call_list.take(session, month_3, by=team.cora, at=OVERDUE)
        with database.writing() as session:
            session.execute(update(Patient).values({column: None}))
    record(database, team, month_3, Outcome.DECLINED, note="No time.")
    assert names(database, team, OVERDUE + 3 * DAY) == []


def test_who_asked_and_then_withdraws_is_not_called_back(database: Database, team: Cast, month_3: str) -> None:
    record(database, team, month_3, Outcome.CALL_BACK, call_back_at=OVERDUE + HOUR)
    with database.writing() as session:
        patient_status.stop(session, team.alice, Stop.WITHDRAWN, reason="x", by=team.cora, at=OVERDUE)
    assert names(database, team, OVERDUE + HOUR) == []


def test_nobody_is_offered_without_a_number(database: Database, team: Cast) -> None:
    another(database, team, "Mute", phone=None)
    (row,) = listed(database, team).rows
    assert row.phone is None
    assert next_for(database, team.cora) is None


def test_pages_cost_the_same_and_miss_nobody(database: Database, team: Cast) -> None:
    for number in range(27):
        another(database, team, f"P{number}", -(number % 5))
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def cost(act) -> int:
        statements.clear()
        act()
        return len([each for each in statements if not each.startswith("BEGIN")])

    seen, pages, after = [], [], None
    while True:
        assert cost(lambda after=after: pages.append(listed(database, team, after=after))) <= 8
        seen += [row.assessment_id for row in pages[-1].rows]
        after = pages[-1].after
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 27
    assert cost(lambda: next_for(database, team.cora)) <= 8  # one of them holds the rows of both, against a deadlock


# ---- Two at once


def test_two_people_never_get_the_same_person(database: Database, team: Cast, month_3: str) -> None:
    other = another(database, team, "Early", -10)
    assert next_for(database, team.cora) == other
    assert next_for(database, team.cora) == other  # she is still ringing
    assert next_for(database, team.bob) == month_3
    (early, alice) = listed(database, team).rows
    assert (early.ringing.name, early.ringing.mine) == ("Cora Example", True)
    assert (alice.ringing.name, alice.ringing.since, alice.ringing.mine) == ("Bob Example", OVERDUE, False)
    assert listed(database, team).mine.assessment_id == other
    with database.writing() as session, pytest.raises(RingingElsewhere):
        call_list.take(session, month_3, by=team.cora, at=OVERDUE)
    assert listed(database, team).mine is None  # she has let go of the other one to take this one
    with pytest.raises(RingingElsewhere):
        record(database, team, month_3, Outcome.NO_ANSWER)


def test_a_call_that_nobody_recorded_is_free_again(database: Database, team: Cast, month_3: str) -> None:
    assert next_for(database, team.bob) == month_3
    assert next_for(database, team.cora, OVERDUE + RINGS_FOR - timedelta(seconds=1)) is None
    assert next_for(database, team.cora, OVERDUE + RINGS_FOR) == month_3
    assert next_for(database, team.bob, OVERDUE + RINGS_FOR) is None


def test_it_can_be_left_to_others(database: Database, team: Cast, month_3: str) -> None:
    next_for(database, team.bob)
    with database.writing() as session:
        call_list.release(session, month_3, by=team.cora, at=OVERDUE)  # it is not hers
    assert next_for(database, team.cora) is None
    with database.writing() as session:
        call_list.release(session, month_3, by=team.bob, at=OVERDUE)
    assert next_for(database, team.cora) == month_3


def test_an_insert_that_comes_second_gets_nobody(
    database: Database, team: Cast, month_3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the list before either wrote."""
    next_for(database, team.bob)
    monkeypatch.setattr(call_list, "_free", lambda *_: ())
    assert next_for(database, team.cora) is None


def test_two_who_press_at_once_get_two_people(database: Database, team: Cast, month_3: str) -> None:
    another(database, team, "Early", -10)
    with ThreadPoolExecutor(2) as both:
        for minutes in range(0, 320, 16):  # each time the last calls are over
            at = OVERDUE + minutes * timedelta(minutes=1)
            found = list(both.map(lambda who, at=at: next_for(database, who, at), (team.bob, team.cora)))
            assert len({*found} - {None}) == 2


# ---- What came of it


def test_each_call_is_appended_and_audited(database: Database, team: Cast, month_3: str) -> None:
    record(database, team, month_3, Outcome.NO_ANSWER)
    record(
        database, team, month_3, Outcome.CALL_BACK, call_back_at=OVERDUE + 3 * DAY, note="After work.", at=OVERDUE + DAY
    )
    with database.writing() as session:
        page = calling.call_page(session, month_3, by=team.cora, at=OVERDUE + DAY)
        lines = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "call.record")).all()
    assert [(each.outcome, each.by, each.note) for each in page.calls] == [
        (Outcome.CALL_BACK, "Cora Example", "After work."),
        (Outcome.NO_ANSWER, "Cora Example", None),
    ]
    assert page.call_back_at == OVERDUE + 3 * DAY
    assert lines == ["no_answer", "call_back"]
    assert (page.days_left, page.assessment.items, page.may_ring) == (21, 16, True)


def test_a_second_press_records_nothing_and_somebody_else_s_call_is_shown_first(
    database: Database, team: Cast, month_3: str
) -> None:
    record(database, team, month_3, Outcome.NO_ANSWER, seen=0)
    record(database, team, month_3, Outcome.NO_ANSWER, seen=0)
    assert people.count(database, Call) == 1
    with pytest.raises(RungMeanwhile):
        record(database, team, month_3, Outcome.NO_ANSWER, seen=0, by=team.bob)
    with pytest.raises(RungMeanwhile):
        record(database, team, month_3, Outcome.ONLINE, seen=0)
    assert people.count(database, Call) == 1


def test_recording_lets_go(database: Database, team: Cast, month_3: str) -> None:
    next_for(database, team.cora)
    record(database, team, month_3, Outcome.DONE)
    with database.reading() as session:
        patient = session.scalars(select(Patient.id).where(Patient.public_id == team.alice)).one()
        assert call_list.ringing(session, [patient], by=team.cora, at=OVERDUE) == {}


def test_online_sends_one_link_where_the_patient_is_reached(database: Database, team: Cast, month_3: str) -> None:
    assert record(database, team, month_3, Outcome.ONLINE) == Recorded(why_not="no_channel")
    with database.writing() as session:
        contacts.set_address(session, team.alice, Kind.SMS, "(303) 555-0177", consent=True, by=team.cora, at=NOON)
    assert record(database, team, month_3, Outcome.ONLINE, at=OVERDUE + DAY) == Recorded(link_to="sms")
    record(database, team, month_3, Outcome.ONLINE, at=OVERDUE + DAY, seen=1)  # pressed twice
    with database.reading() as session:
        (message,) = session.scalars(select(Message)).all()
        assert (message.purpose, message.channel, message.address) == ("link", "sms", "+13035550177")
        assert message.assessment_id == row_of(database, month_3).id
    assert names(database, team, OVERDUE + 3 * DAY) == []
    assert names(database, team, OVERDUE + 4 * DAY) == ["Alice"]


def test_a_wrong_number_is_removed_unless_it_was_put_right(database: Database, team: Cast, month_3: str) -> None:
    record(database, team, month_3, Outcome.WRONG_NUMBER, number="(303) 555-0999")  # the page was older
    assert listed(database, team).rows[0].phone == "(303) 555-0100"
    record(database, team, month_3, Outcome.WRONG_NUMBER, number="(303) 555-0100")
    (row,) = listed(database, team).rows  # the desk is asked for a number, and rings as soon as there is one
    assert (row.phone, row.attempts) == (None, 2)
    with database.reading() as session:
        details = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "patient.wrong_number")).all()
    assert details == ["phone: (303) 555-0100 -> None"]


def test_a_decline_ends_reminders_and_what_waits_to_be_sent(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        reminded(session, team, month_3)
    at = NOON + 91 * DAY
    record(database, team, month_3, Outcome.DECLINED, note="Has no time.", at=at)
    row = row_of(database, month_3)
    assert (row.declined_at, row.declined_reason, row.remind_on) == (at, "Has no time.", None)
    with database.reading() as session:
        assert session.scalars(select(Message.reason)).all() == ["declined"]
    with database.writing() as session:
        calling.take_back_decline(session, month_3, by=team.cora, at=at)
        calling.take_back_decline(session, month_3, by=team.cora, at=at)
        lines = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "call.take_back")).all()
    row = row_of(database, month_3)
    assert (row.declined_at, row.declined_reason) == (None, None)
    assert row.remind_on == (NOON + 93 * DAY).date()  # the next of the protocol: what was covered is not sent twice
    assert lines == ["Has no time."]
    assert names(database, team) == ["Alice"]


def test_a_message_about_something_else_too_still_goes(database: Database, team: Cast, month_3: str) -> None:
    """It says then only the other."""
    at = NOON + 91 * DAY
    with database.writing() as session:
        course = finding.assessment(session, month_3, by=team.cora)[1].public_id
        reminded(session, team, month_3, clinic.assessment_of(session, course, "month-6"))
    record(database, team, month_3, Outcome.DECLINED, note="No.", at=at)
    with database.reading() as session:
        assert session.scalars(select(Message.cancelled_at)).all() == [None]


def test_nothing_is_recorded_about_what_is_over(database: Database, team: Cast, month_3: str) -> None:
    for at in (NOON + 75 * DAY, NOON + 121 * DAY):
        with pytest.raises(NobodyToRing):
            record(database, team, month_3, Outcome.NO_ANSWER, at=at)
    with database.writing() as session:
        session.execute(update(Assessment).values(completed_at=NOON))
    with pytest.raises(NobodyToRing):
        record(database, team, month_3, Outcome.NO_ANSWER)
    assert people.count(database, Call) == 0


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        assert call_list.call_list(session, by=team.charlie, at=OVERDUE).rows == ()
        assert call_list.take_next(session, by=team.charlie, at=OVERDUE) is None
        for act in (call_list.take, call_list.release, calling.call_page, calling.take_back_decline):
            with pytest.raises(NotFound):
                act(session, month_3, by=team.charlie, at=OVERDUE)
            with pytest.raises(NotAllowed):
                act(session, month_3, by=team.of(Role.ADMINISTRATOR), at=OVERDUE)
        with pytest.raises(NotFound):
            calling.record(session, month_3, Said(Outcome.NO_ANSWER, 0), by=team.charlie, at=OVERDUE)
