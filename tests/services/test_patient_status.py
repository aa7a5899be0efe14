"""Reminders stopped, withdrawn, deceased: what was said to stop stops at once, and can be taken back."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.core.enrolment import PatientStopped
from prom_server.core.entry import How, Mode
from prom_server.core.kiosks import HandoverGone, NotAnswerable
from prom_server.core.patient_status import AlreadyStopped, ImplausibleDeath, ReasonNeeded, Stop
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import (
    answering,
    contacts,
    entry,
    finding,
    handovers,
    invitations,
    links,
    outbox,
    patient_status,
    tablet_entry,
    visits,
)
from prom_server.services.tablet_entry import Where
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.invitations import PatientSession
from prom_server.store.kiosks import Handover
from prom_server.store.outbox import Message
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


def withdraw(session: Session, team: Cast) -> patient_status.Stopping:
    return patient_status.stop(session, team.alice, Stop.WITHDRAWN, reason="Moved away", by=team.cora, at=LATER)


def die(session: Session, team: Cast) -> patient_status.Stopping:
    return patient_status.stop(session, team.alice, Stop.DECEASED, died_on=NOON.date(), by=team.cora, at=LATER)


def facts(session: Session) -> list[tuple[object, ...]]:
    """Every assessment's time point, days and whether it counts."""
    row = Assessment
    columns = (row.time_point, row.opens_on, row.closes_on, row.closed_at, row.cancelled_at, row.remind_on)
    return [tuple(each) for each in session.execute(select(*columns).order_by(row.id))]


def message(session: Session, team: Cast, key: str, **more: object) -> int:
    patient = finding.patient(session, team.alice, by=team.cora)
    found = outbox.enqueue(
        session, clinic_id=team.cora.clinic.id, purpose="reminder", channel="email", address="alice@example.org",
        language="en", key=key, at=NOON, patient_id=patient.id,
    )  # fmt: skip
    assert found is not None
    if more:
        session.execute(update(Message).where(Message.id == found).values(**more))
    return found


@pytest.mark.parametrize("stop", [withdraw, die])
def test_everything_stops_at_once_as_was_said_before(
    database: Database, team: Cast, stop: Callable[[Session, Cast], patient_status.Stopping]
) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        token = people.answer_part(session, course, team.cora, 0)  # the baseline is half done
        baseline = clinic.assessment_of(session, course, "baseline")
        link = invitations.issue(session, baseline, by=team.cora, at=NOON).token
        handover = handovers.start_here(session, baseline, by=team.cora, at=NOON)
        waiting, on_its_way = message(session, team, "one"), message(session, team, "two", sending_at=NOON)
        what = Stop.WITHDRAWN if stop is withdraw else Stop.DECEASED
        said = patient_status.look(session, team.alice, what, by=team.cora, at=LATER)
        unfinished = [each for each in facts(session) if each[4] is None]
        assert (said.assessments, said.messages, said.since) == (len(unfinished), 1, None)
        done = stop(session, team)
        assert (done.assessments, done.messages) == (said.assessments, said.messages)
        session.expire_all()
        assert all(each[3] is not None or each[4] is not None for each in facts(session))
        assert all(each[5] is None for each in facts(session))  # nothing reminds
        cancelled = {row.id: row.cancelled_at for row in session.scalars(select(Message))}
        assert cancelled == {waiting: LATER, on_its_way: None}
        assert not session.scalars(select(PatientSession.id).where(PatientSession.ended_at.is_(None))).all()
        assert not session.scalars(select(Handover.id).where(*handovers.WAITS)).all()
        with pytest.raises(links.LinkClosed):
            visits.look_at_link(session, link, at=LATER)
        with pytest.raises(links.LinkClosed):
            visits.identify(session, link, BIRTH_DATE, at=LATER)
        with pytest.raises(visits.SessionOver):
            answering.start(session, token, at=LATER)
        with pytest.raises(HandoverGone):
            tablet_entry.identify(session, Where(None, handover), BIRTH_DATE, at=NOON)
        with pytest.raises(NotAnswerable):
            handovers.make_code(session, baseline, by=team.cora, at=LATER)
        with pytest.raises(visits.AssessmentClosed):
            entry.begin(session, baseline, 1, How(Mode.TELEPHONE), by=team.cora, at=LATER)
        with pytest.raises(PatientStopped):
            people.start(session, team)


@pytest.mark.parametrize("stop", [withdraw, die])
def test_taken_back_it_is_as_if_nothing_had_been_said(
    database: Database, team: Cast, stop: Callable[[Session, Cast], patient_status.Stopping]
) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        people.answer_part(session, course, team.cora, 0)
        link = invitations.issue(session, clinic.assessment_of(session, course, "baseline"), by=team.cora, at=NOON)
        before = facts(session)
        stop(session, team)
        what = Stop.WITHDRAWN if stop is withdraw else Stop.DECEASED
        patient_status.take_back(session, team.alice, what, by=team.cora, at=LATER)
        session.expire_all()
        assert facts(session) == before
        assert visits.look_at_link(session, link.token, at=LATER)
        patient_status.take_back(session, team.alice, what, by=team.cora, at=LATER)
        assert people.audited(session)[-1] == {
            Stop.WITHDRAWN: "patient.withdraw_undo", Stop.DECEASED: "patient.deceased_undo"
        }[what]  # fmt: skip


def test_what_staff_had_opened_again_is_closed_and_opened_with_the_days_they_gave(
    database: Database, team: Cast
) -> None:
    with database.writing() as session:
        people.start(session, team)
        session.execute(update(Assessment).values(reopened_at=NOON, closes_on=NOON.date() + timedelta(days=99)))
        session.expire_all()
        before = facts(session)
        assert withdraw(session, team).assessments == len(before)
        patient_status.take_back(session, team.alice, Stop.WITHDRAWN, by=team.cora, at=LATER)
        session.expire_all()
        assert [each[:5] for each in facts(session)] == [each[:5] for each in before]


def test_nothing_opens_as_long_as_it_holds_whatever_was_opened_since(database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        baseline = clinic.assessment_of(session, course, "baseline")
        link = invitations.issue(session, baseline, by=team.cora, at=NOON).token
        withdraw(session, team)
        session.execute(update(Assessment).values(cancelled_at=None, closed_at=None))
        session.expire_all()
        handover = handovers.start_here(session, baseline, by=team.cora, at=LATER)
        with pytest.raises(links.LinkClosed):
            visits.look_at_link(session, link, at=LATER)
        with pytest.raises(HandoverGone):
            tablet_entry.identify(session, Where(None, handover), BIRTH_DATE, at=LATER)
        with pytest.raises(visits.AssessmentClosed):
            entry.begin(session, baseline, 1, How(Mode.TELEPHONE), by=team.cora, at=LATER)


def test_of_two_stops_the_other_one_still_holds(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
        session.execute(update(Assessment).where(Assessment.time_point == "baseline").values(reopened_at=NOON))
        session.expire_all()
        withdraw(session, team)
        die(session, team)
        patient_status.take_back(session, team.alice, Stop.WITHDRAWN, by=team.cora, at=LATER)
        session.expire_all()
        assert all(each[3] is not None or each[4] is not None for each in facts(session))
        with pytest.raises(PatientStopped):
            people.start(session, team)


def test_reminders_alone_leave_the_assessments(database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        link = invitations.issue(session, clinic.assessment_of(session, course, "baseline"), by=team.cora, at=NOON)
        before = facts(session)
        contacts.set_address(session, team.alice, Kind.EMAIL, "a@example.org", consent=True, by=team.cora, at=NOON)
        message(session, team, "one")
        done = patient_status.stop(session, team.alice, Stop.REMINDERS, by=team.cora, at=LATER)
        assert (done.assessments, done.messages) == (0, 1)
        session.expire_all()
        assert facts(session) == before
        assert visits.look_at_link(session, link.token, at=LATER)
        with pytest.raises(AlreadyStopped):
            patient_status.stop(session, team.alice, Stop.REMINDERS, by=team.cora, at=LATER)
        patient_status.take_back(session, team.alice, Stop.REMINDERS, by=team.cora, at=LATER)
        assert contacts.contact(session, team.alice, by=team.cora, at=LATER).why_not is None


@pytest.mark.parametrize("died_on", [None, NOON.date() + timedelta(days=1), BIRTH_DATE - timedelta(days=1)])
def test_a_death_needs_its_day_and_a_withdrawal_its_reason(
    database: Database, team: Cast, died_on: date | None
) -> None:
    with database.writing() as session:
        with pytest.raises(ImplausibleDeath):
            patient_status.stop(session, team.alice, Stop.DECEASED, died_on=died_on, by=team.cora, at=NOON)
        with pytest.raises(ReasonNeeded):
            patient_status.stop(session, team.alice, Stop.WITHDRAWN, by=team.cora, at=NOON)
        for what in Stop:
            for act in (patient_status.look, patient_status.stop, patient_status.take_back):
                with pytest.raises(NotFound):
                    act(session, team.charlies, what, by=team.cora, at=NOON)
                with pytest.raises(NotAllowed):
                    act(session, team.alice, what, by=team.ada, at=NOON)
