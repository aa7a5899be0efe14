"""Two records of one person made one, and parted again exactly."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.core.courses import FinishReason
from prom_server.core.enrolment import MergedInto, PatientDetails
from prom_server.core.merging import (
    ADDRESSES,
    FIELDS,
    BirthDatesDiffer,
    Block,
    CannotMerge,
    LaterMergeFirst,
    MergeUndone,
    SamePatient,
)
from prom_server.core.patient_status import Stop
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import (
    contacts,
    courses,
    enrolment,
    handovers,
    invitations,
    merge_views,
    merging,
    opioid_doses,
    outbox,
    patient_status,
    reminding,
    satisfying,
    unmerging,
    visits,
)
from prom_server.store.assessments import Administration, Assessment, Satisfaction
from prom_server.store.audit import AuditEntry
from prom_server.store.base import Base, opaque_id
from prom_server.store.care import Expected
from prom_server.store.contact import Call, Channel, Ringing
from prom_server.store.courses import Course
from prom_server.store.database import Database
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.two_courses import MONTH_3, answer, second_course

DAY = timedelta(days=1)
TODAY = NOON.date()
LATER = NOON + 2 * DAY
OTHER_BIRTH_DATE = date(1986, 3, 12)
EVERYTHING = frozenset((*FIELDS, *ADDRESSES))


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def second(database: Database, team: Cast) -> str:
    """Alice again: a finished course of last month with an alert, and one of everything else."""
    with database.writing() as session:
        details = PatientDetails("OLD-1", "Alicia", "Specimen", OTHER_BIRTH_DATE, None, "1 Long Road", None, "es")
        second = enrolment.add_patient(session, details, by=team.cora, at=NOON)
        course = people.start(session, team, patient_id=second, starts_on=TODAY - 10 * DAY)
        row = session.scalars(select(Course).where(Course.public_id == course)).one()
        session.execute(update(Patient).where(Patient.public_id == second).values(birth_date=BIRTH_DATE))
        people.submit_part(session, people.answer_part(session, course, team.bob, 2))
        session.execute(update(Patient).where(Patient.public_id == second).values(birth_date=OTHER_BIRTH_DATE))
        handovers.make_code(session, clinic.assessment_of(session, course, "baseline"), by=team.cora, at=NOON)
        _around(session, team, second, row)
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=team.bob, at=NOON)
        return second


def _around(session: Session, team: Cast, patient: str, course: Course) -> None:
    ours = {"clinic_id": team.cora.clinic.id, "patient_id": course.patient_id}
    assessment = session.scalars(select(Assessment).where(Assessment.course_id == course.id)).first()
    opioid_doses.record_dose(session, course.public_id, "oxycodone", Decimal(20), TODAY, by=team.bob, at=NOON)
    contacts.set_address(session, patient, Kind.EMAIL, "old@example.org", consent=True, by=team.cora, at=NOON)
    contacts.set_address(session, patient, Kind.SMS, "2025550143", consent=True, by=team.cora, at=NOON)
    about = {"assessment_id": assessment.id}
    call = {"public_id": opaque_id(), "called_by": team.cora.id, "called_at": NOON, "outcome": "no_answer"}
    session.execute(insert(Call).values(**ours, **about, **call))
    session.execute(insert(Ringing).values(**ours, **about, staff_id=team.cora.id, since=NOON))
    for on in (TODAY, TODAY + DAY):
        session.execute(insert(Expected).values(**ours, public_id=opaque_id(), on=on, checked_in_at=NOON))
    outbox.enqueue(
        session,
        **ours,
        **about,
        purpose="link",
        channel="email",
        address="old@example.org",
        language="en",
        key=opaque_id(),
        at=NOON,
    )


@pytest.fixture
def first(database: Database, team: Cast) -> str:
    """Alice: a course that began today, expected today, with an address and a dose."""
    with database.writing() as session:
        course = people.start(session, team)
        people.answer_part(session, course, team.bob, 1)
        contacts.set_address(session, team.alice, Kind.EMAIL, "alice@example.org", consent=True, by=team.cora, at=NOON)
        patient_id = session.scalars(select(Patient.id).where(Patient.public_id == team.alice)).one()
        ours = {"clinic_id": team.cora.clinic.id, "patient_id": patient_id}
        session.execute(insert(Expected).values(**ours, public_id=opaque_id(), on=TODAY, time="09:30", reason="Visit"))
        return team.alice


def dump(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for what is only ever appended."""
    with database.reading() as session:
        return {
            table.name: [tuple(row) for row in session.execute(table.select().order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
            if table.name not in {"audit", "merge", "merge_row"}
        }


def merge(
    database: Database, team: Cast, kept: str, gone: str, from_gone: frozenset[str] = frozenset(), at=LATER
) -> str:
    with database.writing() as session:
        return merging.merge(session, kept, gone, from_gone, although_born_apart=True, by=team.cora, at=at)


def undo(database: Database, team: Cast, public_id: str, at=LATER + DAY) -> None:
    with database.writing() as session:
        unmerging.undo(session, public_id, by=team.cora, at=at)


def patient(session: Session, public_id: str) -> Patient:
    return session.scalars(select(Patient).where(Patient.public_id == public_id)).one()


def test_every_table_with_a_patient_is_thought_of() -> None:
    known = {model.__tablename__ for model in merging.MOVED} | {"course", "channel", "expected", "ringing"}
    for table in Base.metadata.sorted_tables:
        if "patient_id" in table.c and table.name != "audit":
            assert table.name in known, table.name


@pytest.mark.parametrize("from_gone", [frozenset(), EVERYTHING, frozenset({"record_number", "sms"})])
@pytest.mark.parametrize("which", ["first", "second"])
def test_undoing_gives_back_every_row(
    database: Database, team: Cast, first: str, second: str, which: str, from_gone: frozenset[str]
) -> None:
    before = dump(database)
    kept, gone = (first, second) if which == "first" else (second, first)
    public_id = merge(database, team, kept, gone, from_gone)
    merged = dump(database)
    assert {name for name in before if merged[name] != before[name]} >= {"patient", "course", "assessment", "alert"}
    undo(database, team, public_id)
    after = dump(database)
    for name in before:
        assert after[name] == before[name], name


def test_the_kept_record_has_all_of_both(database: Database, team: Cast, first: str, second: str) -> None:
    merge(database, team, first, second, frozenset({"name", "record_number"}))
    with database.reading() as session:
        kept, gone = patient(session, first), patient(session, second)
        assert (kept.given_name, kept.record_number, kept.birth_date) == ("Alicia", "OLD-1", BIRTH_DATE)
        assert (kept.address, gone.record_number, gone.merged_into_id) == (None, "DEMO-1", kept.id)
        rows = session.scalars(select(Course).where(Course.patient_id == kept.id).order_by(Course.number)).all()
        assert [(row.number, row.starts_on) for row in rows] == [(1, TODAY - 10 * DAY), (2, TODAY)]
        for table in Base.metadata.sorted_tables:
            if "patient_id" in table.c and table.name not in {"audit", "expected"}:
                left = select(table.c.patient_id).where(table.c.patient_id == gone.id)
                assert session.scalars(left).all() == [], table.name
        active = select(Channel.kind, Channel.address).where(Channel.withdrawn_at.is_(None)).order_by(Channel.kind)
        assert [tuple(row) for row in session.execute(active)] == [
            ("email", "alice@example.org"),
            ("sms", "+12025550143"),
        ]
        mine = select(Expected).where(Expected.patient_id == kept.id).order_by(Expected.on)
        days = session.scalars(mine).all()
        assert [(row.on, row.time, row.checked_in_at) for row in days] == [
            (TODAY, "09:30", NOON),
            (TODAY + DAY, None, NOON),
        ]
        left = session.scalars(select(Expected).where(Expected.patient_id == gone.id)).one()
        assert left.cancelled_at == LATER
        audited = select(AuditEntry.patient_id).where(AuditEntry.action == "patient.merge").order_by(AuditEntry.id)
        assert session.scalars(audited).all() == [kept.id, gone.id]


def test_the_link_of_the_record_that_is_gone_asks_for_the_kept_birth_date(
    database: Database, team: Cast, second: str
) -> None:
    with database.writing() as session:
        course = session.scalars(select(Course.public_id)).one()
        courses.reopen_course(session, course, by=team.bob, at=NOON)
        link = invitations.issue(
            session, clinic.assessment_of(session, course, "baseline"), by=team.cora, at=NOON
        ).token
    merge(database, team, team.alice, second)
    with database.writing() as session:
        visits.count_attempt(session, link, at=LATER)
        assert visits.identify(session, link, OTHER_BIRTH_DATE, at=LATER).token is None
        visits.count_attempt(session, link, at=LATER)
        assert visits.identify(session, link, BIRTH_DATE, at=LATER).token is not None
        with pytest.raises(MergedInto):
            enrolment.patient_file(session, second, by=team.cora, at=LATER)


def test_stop_at_the_same_address_stays(database: Database, team: Cast, first: str, second: str) -> None:
    with database.writing() as session:
        contacts.set_address(session, second, Kind.EMAIL, "alice@example.org", consent=True, by=team.cora, at=NOON)
        gone = patient(session, second).id
        session.execute(
            update(Channel).where(Channel.patient_id == gone, Channel.kind == "email").values(stopped_at=NOON)
        )
        patient_status.stop(session, second, Stop.REMINDERS, by=team.cora, at=NOON)
    merge(database, team, first, second)
    with database.reading() as session:
        mine = select(Channel).where(Channel.kind == "email", Channel.withdrawn_at.is_(None))
        assert session.scalars(mine).one().stopped_at == NOON
        assert patient(session, first).reminders_off_at == NOON


def test_what_came_since_is_named_and_stays_or_goes_with_its_course(
    database: Database, team: Cast, first: str, second: str
) -> None:
    public_id = merge(database, team, first, second)
    since = LATER + timedelta(hours=1)
    with database.writing() as session:
        mine, theirs = session.scalars(select(Course).order_by(Course.starts_on.desc())).all()
        courses.finish_course(session, mine.public_id, FinishReason.COMPLETED, None, by=team.bob, at=since)
        session.execute(update(Course).where(Course.id == mine.id).values(finished_at=since))
        new = courses.start_course(session, first, clinic.FREE, since.date() + DAY, by=team.bob, at=since)
        enrolment.edit_patient(
            session,
            first,
            PatientDetails("DEMO-1", "Alice", "New", BIRTH_DATE, "(303) 555-0199"),
            by=team.cora,
            at=since,
        )
        contacts.set_address(session, first, Kind.EMAIL, "new@example.org", consent=True, by=team.cora, at=since)
        assessment = session.scalars(select(Assessment).where(Assessment.course_id == theirs.id)).first()
        call = {"public_id": opaque_id(), "called_by": team.cora.id, "called_at": since, "outcome": "no_answer"}
        ours = {"clinic_id": team.cora.clinic.id, "patient_id": patient(session, first).id}
        session.execute(insert(Call).values(**ours, **call, assessment_id=assessment.id))
        view = merge_views.undoing(session, public_id, by=team.cora, at=since)
        assert view.stays == (("courses", 1), ("addresses", 1))
        assert view.goes == (("calls", 1),)
    undo(database, team, public_id)
    with database.reading() as session:
        kept, gone = patient(session, first), patient(session, second)
        numbers = select(Course.public_id, Course.number).where(Course.patient_id == kept.id).order_by(Course.number)
        assert [row.number for row in session.execute(numbers)] == [1, 2]
        assert session.execute(numbers).all()[1].public_id == new
        assert {row.patient_id for row in session.scalars(select(Call))} == {gone.id}
        assert (kept.family_name, gone.merged_into_id) == ("New", None)
        mine = select(Channel.address).where(Channel.patient_id == kept.id, Channel.withdrawn_at.is_(None))
        assert session.scalars(mine).all() == ["new@example.org"]


@pytest.fixture
def infused(database: Database, team: Cast) -> tuple[str, str]:
    """A second record of Alice with a finished course, whose 3 months are due; its patient and the course."""
    with database.writing() as session:
        patient_id = people.patient(session, team.cora, "Alicia", "Specimen", number="OLD-1")
        course = people.start(session, team, patient_id=patient_id)
        people.infuse(session, course, team.bob, 0, 1, 2, 3, 4)
        courses.finish_course(session, course, FinishReason.COMPLETED, "", by=team.bob, at=NOON + 5 * DAY)
        return patient_id, course


def test_answers_that_were_linked_across_the_two_are_not_any_more(
    database: Database, team: Cast, infused: tuple[str, str]
) -> None:
    old, course = infused
    at = MONTH_3 + timedelta(hours=1)
    with database.writing() as session:
        answer(session, team, course, "month-3")
        mine = second_course(session, team, at=at)
    public_id = merge(database, team, team.alice, old, at=at)
    with database.writing() as session:
        baseline = clinic.assessment_of(session, mine, "baseline")
        satisfying.use(session, baseline, by=team.cora, at=at)
        assert merge_views.undoing(session, public_id, by=team.cora, at=at).unlinked == 2
    undo(database, team, public_id, at + DAY)
    with database.reading() as session:
        row = session.scalars(select(Assessment).where(Assessment.public_id == baseline)).one()
        assert (row.patient_id, row.started_at, row.completed_at) == (patient(session, team.alice).id, None, None)
        assert set(session.scalars(select(Satisfaction.undone_at))) == {at + DAY}
        theirs = select(Assessment).join(Administration, Administration.assessment_id == Assessment.id)
        assert {each.patient_id for each in session.scalars(theirs)} == {patient(session, old).id}
        audited = select(AuditEntry.patient_id).where(AuditEntry.action == satisfying.UNDONE)
        assert session.scalars(audited).all() == [row.patient_id]


def test_a_link_within_the_record_that_goes_back_stays(
    database: Database, team: Cast, infused: tuple[str, str]
) -> None:
    old, course = infused
    at = MONTH_3 + timedelta(hours=1)
    with database.writing() as session:
        answer(session, team, course, "month-3")
        again = courses.start_course(session, old, clinic.FREE, TODAY + 101 * DAY, by=team.bob, at=at)
        satisfying.use(session, clinic.assessment_of(session, again, "baseline"), by=team.cora, at=at)
    public_id = merge(database, team, team.alice, old, at=at)
    undo(database, team, public_id, at + DAY)
    with database.reading() as session:
        assert set(session.scalars(select(Satisfaction.undone_at))) == {None}


def test_a_reminder_of_both_that_waits_goes_to_neither(
    database: Database, team: Cast, infused: tuple[str, str]
) -> None:
    old, _course = infused
    with database.writing() as session:
        for each, address in ((team.alice, "alice@example.org"), (old, "other@example.org")):
            contacts.set_address(session, each, Kind.EMAIL, address, consent=True, by=team.cora, at=NOON)
    public_id = merge(database, team, team.alice, old, at=MONTH_3 - DAY)
    with database.writing() as session:
        assert reminding.remind_patient(session, patient(session, team.alice).id, at=MONTH_3) == 1
        assert session.scalars(select(Message)).one().cancelled_at is None
    undo(database, team, public_id, MONTH_3)
    with database.writing() as session:
        message = session.scalars(select(Message)).one()
        assert (message.cancelled_at, message.reason) == (MONTH_3, "parted")
        assert session.scalars(select(Reminder).where(Reminder.message_id.is_not(None))).all() == []
        assert reminding.remind_patient(session, patient(session, old).id, at=MONTH_3) == 1
        sent = session.scalars(select(Message).where(Message.cancelled_at.is_(None))).one()
        assert (sent.patient_id, sent.address) == (patient(session, old).id, "other@example.org")


def test_what_was_changed_since_stays_changed(database: Database, team: Cast, first: str, second: str) -> None:
    public_id = merge(database, team, first, second, EVERYTHING)
    with database.writing() as session:
        details = PatientDetails("X-9", "Alicia", "Specimen", OTHER_BIRTH_DATE, "(303) 555-0199", "1 Long Road")
        enrolment.edit_patient(session, first, details, by=team.cora, at=LATER)
        view = merge_views.undoing(session, public_id, by=team.cora, at=LATER)
        assert view.changed == ("language", "phone", "record_number")
    undo(database, team, public_id)
    with database.reading() as session:
        kept, gone = patient(session, first), patient(session, second)
        assert (kept.record_number, kept.phone, kept.given_name) == ("X-9", "(303) 555-0199", "Alice")
        assert (gone.record_number, kept.birth_date) == ("OLD-1", BIRTH_DATE)


def test_what_is_planned_again_when_only_the_kept_one_withdrew_since(
    database: Database, team: Cast, first: str, second: str
) -> None:
    public_id = merge(database, team, second, first)
    with database.writing() as session:
        patient_status.stop(session, second, Stop.WITHDRAWN, reason="Moved away", by=team.cora, at=LATER)
    undo(database, team, public_id)
    with database.reading() as session:
        mine = (Assessment.patient_id == patient(session, first).id, Assessment.cancelled_at.is_not(None))
        assert session.scalars(select(Assessment).where(*mine)).all() == []
        assert patient(session, first).withdrawn_at is None


def test_what_stands_in_the_way(database: Database, team: Cast, first: str, second: str) -> None:
    with database.writing() as session:
        old = session.scalars(select(Course).order_by(Course.starts_on)).first().public_id
        courses.reopen_course(session, old, by=team.bob, at=NOON)
        patient_status.stop(session, second, Stop.WITHDRAWN, reason="Moved away", by=team.cora, at=NOON)
        with pytest.raises(CannotMerge) as refused:
            merging.merge(session, first, second, although_born_apart=True, by=team.cora, at=NOON)
        assert refused.value.blocks == (Block.BOTH_UNFINISHED, Block.STOPPED_DIFFERS)
        assert merge_views.compare(session, first, second, by=team.cora, at=NOON).blocks == refused.value.blocks
        with pytest.raises(SamePatient):
            merging.merge(session, first, first, by=team.cora, at=NOON)


def test_two_dates_of_birth_need_a_second_word(database: Database, team: Cast, first: str, second: str) -> None:
    with database.writing() as session:
        with pytest.raises(BirthDatesDiffer):
            merging.merge(session, first, second, by=team.cora, at=NOON)
        view = merge_views.compare(session, first, second, by=team.cora, at=NOON)
        assert view.birth_dates_differ
        assert [(each.name, each.from_gone) for each in view.fields if each.from_gone] == [
            ("address", True),
            ("sms", True),
        ]
        assert [line.number for line in view.gone.courses] == [1]
        assert (view.gone.alerts, view.gone.open_alerts) == (1, 1)


def test_merges_are_undone_in_order(database: Database, team: Cast, first: str, second: str) -> None:
    with database.writing() as session:
        third = people.patient(session, team.cora, "Alice", "Specimen", number="OLD-2")
    inner = merge(database, team, second, third)
    outer = merge(database, team, first, second)
    with database.writing() as session:
        with pytest.raises(MergedInto) as led:
            enrolment.patient_file(session, third, by=team.cora, at=LATER)
        assert led.value.kept == first
        _ref, lines = merge_views.standing(session, first, by=team.cora)
        assert [line.public_id for line in lines] == [outer]
    with pytest.raises(LaterMergeFirst):
        undo(database, team, inner)
    undo(database, team, outer)
    with pytest.raises(MergeUndone):
        undo(database, team, outer)
    undo(database, team, inner)
    with database.writing() as session:
        assert merge_views.standing(session, second, by=team.cora)[1] == ()


def test_who_may(database: Database, team: Cast, first: str, second: str) -> None:
    public_id = merge(database, team, first, second)
    for who, refusal in ((team.charlie, NotFound), (team.ada, NotAllowed)):
        with database.writing() as session:
            with pytest.raises(refusal):
                unmerging.undo(session, public_id, by=who, at=LATER)
            with pytest.raises(refusal):
                merging.merge(session, first, second, by=who, at=LATER)
    with database.writing() as session, pytest.raises(NotFound):
        merging.merge(session, first, team.charlies, by=team.cora, at=LATER)
