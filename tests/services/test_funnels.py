"""The funnel counts what was sent, looked at and answered, each assessment once; looking at a link is noted once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.contacts import Kind
from prom_server.core.entry import How, Mode
from prom_server.core.funnel import Apart, Channel
from prom_server.core.patient_status import Stop
from prom_server.core.permissions import Role
from prom_server.core.refusals import NotAllowed
from prom_server.services import (
    answering,
    courses,
    entry,
    finding,
    funnels,
    handovers,
    invitations,
    links,
    outbox,
    patient_status,
    visits,
)
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation
from prom_server.store.kiosks import Device
from prom_server.store.outbox import Message
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, kiosk
from tests.support.clinic import BIRTH_DATE, NOON

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
PERIOD = (NOON.date() - 30 * DAY, NOON.date() + 30 * DAY)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def baseline(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return clinic.assessment_of(session, people.start(session, team), "baseline")


def funnel(database: Database, team: Cast, *, at=NOON, period: tuple[date, date] = PERIOD):
    with database.writing() as session:
        return funnels.funnel_page(session, *period, by=team.cora, at=at)


def rows(database: Database, team: Cast, **more) -> dict[Channel, tuple[int, ...]]:
    """Of the baseline."""
    tables = {each.time_point: each for each in funnel(database, team, **more).time_points}
    return {row.channel: row.reached for row in tables["baseline"].rows} if "baseline" in tables else {}


def by_message(database: Database, team: Cast, assessment: str, kind: Kind, *, at=NOON, sent: bool = True) -> str:
    """A link as the outbox sends it; its token."""
    with database.writing() as session:
        row, _course, patient = finding.assessment(session, assessment, by=team.cora)
        facts = {"channel": kind, "address": "x", "language": "en", "clinic_id": team.cora.clinic.id}
        message = outbox.enqueue(
            session, purpose="link", key=f"{kind}{at}", patient_id=patient.id, assessment_id=row.id, at=at, **facts
        )
        token = invitations.new_link(session, row, at=at, message_id=message)
        done = {"sent_at": at} if sent else {"refused_at": at}
        session.execute(update(Message).where(Message.id == message).values(**done))
        return token


def identified(database: Database, token: str, *, at=NOON) -> str:
    with database.writing() as session:
        visits.count_attempt(session, token, at=at)
        opened = visits.identify(session, token, BIRTH_DATE, at=at).token
        assert opened is not None
        return opened


def test_step_by_step(database: Database, team: Cast, baseline: str) -> None:
    assert rows(database, team) == {Channel.NOTHING: (1, 0, 0, 0, 0, 0)}
    by_message(database, team, baseline, Kind.EMAIL, sent=False)
    assert rows(database, team) == {Channel.NOTHING: (1, 0, 0, 0, 0, 0)}  # it was refused
    token = by_message(database, team, baseline, Kind.EMAIL, at=NOON + MINUTE)
    assert rows(database, team) == {Channel.EMAIL: (1, 1, 0, 0, 0, 0)}
    with database.writing() as session:
        assert links.look_at_link(session, token, at=NOON).first_look
        links.mark_opened(session, token, at=NOON + 2 * MINUTE)
    assert rows(database, team) == {Channel.EMAIL: (1, 1, 1, 0, 0, 0)}
    visit = identified(database, token, at=NOON + 3 * MINUTE)
    assert rows(database, team) == {Channel.EMAIL: (1, 1, 1, 1, 0, 0)}
    with database.writing() as session:
        answering.start(session, visit, at=NOON + 4 * MINUTE)
    assert rows(database, team) == {Channel.EMAIL: (1, 1, 1, 1, 1, 0)}
    other = by_message(database, team, baseline, Kind.SMS, at=NOON + 5 * MINUTE)
    identified(database, other, at=NOON + 6 * MINUTE)
    assert rows(database, team) == {Channel.EMAIL: (1, 1, 1, 1, 1, 0)}  # by which it was started
    with database.writing() as session:
        session.execute(update(Assessment).values(completed_at=NOON))
    assert rows(database, team) == {Channel.EMAIL: (1, 1, 1, 1, 1, 1)}


def test_the_last_way_of_asking_where_nobody_began(database: Database, team: Cast, baseline: str) -> None:
    by_message(database, team, baseline, Kind.EMAIL)
    by_message(database, team, baseline, Kind.SMS, at=NOON + MINUTE)
    assert list(rows(database, team)) == [Channel.SMS]
    with database.writing() as session:
        invitations.issue(session, baseline, by=team.cora, at=NOON + 2 * MINUTE)
    assert list(rows(database, team)) == [Channel.LINK]
    with database.writing() as session:
        kiosk.tablet(session, team.ada)
        device = session.scalars(select(Device.public_id)).one()
        handovers.start_on(session, baseline, device, by=team.cora, at=NOON + 3 * MINUTE)
    assert rows(database, team) == {Channel.TABLET: (1, 1, 0, 0, 0, 0)}
    by_message(database, team, baseline, Kind.EMAIL, at=NOON + 4 * MINUTE)
    assert list(rows(database, team)) == [Channel.EMAIL]


@pytest.mark.parametrize("mode", [Mode.TELEPHONE, Mode.PAPER])
def test_staff_enter_the_answers(database: Database, team: Cast, baseline: str, mode: Mode) -> None:
    """Though the other parts of the battery still wait for their way."""
    by_message(database, team, baseline, Kind.EMAIL)
    with database.writing() as session:
        written = {"written_on": NOON.date()} if mode is Mode.PAPER else {}
        entry.begin(session, baseline, 2, How(mode, **written), by=team.cora, at=NOON)
    assert rows(database, team) == {Channel.STAFF: (1, 1, 1, 1, 1, 0)}


def test_what_is_apart_and_what_is_not_in_the_period(database: Database, team: Cast, baseline: str) -> None:
    half_a_year = (NOON.date(), NOON.date() + 200 * DAY)
    with database.writing() as session:
        course = finding.assessment(session, baseline, by=team.cora)[1].public_id
        courses.record_infusion(session, course, NOON, by=team.cora, at=NOON)
    assert rows(database, team, period=(NOON.date() + DAY, NOON.date() + 30 * DAY)) == {}
    view = funnel(database, team, period=half_a_year)
    assert view.total.apart == ((Apart.TO_COME, 3),)  # last infusion, 3 and 6 months
    assert view.total.of == 4
    with database.writing() as session:
        facts = {"declined_at": NOON, "declined_reason": "x"}
        session.execute(update(Assessment).where(Assessment.time_point == "month-3").values(**facts))
    assert funnel(database, team, period=half_a_year).total.apart == ((Apart.TO_COME, 2), (Apart.DECLINED, 1))
    with database.writing() as session:
        session.execute(update(Assessment).where(Assessment.time_point == "month-6").values(cancelled_at=NOON))
    aside = ((Apart.TO_COME, 1), (Apart.DECLINED, 1), (Apart.CANCELLED, 1))
    assert funnel(database, team, period=half_a_year).total.apart == aside
    assert funnel(database, team, period=half_a_year).total.of == 4


@pytest.mark.parametrize(("stop", "why"), [(Stop.WITHDRAWN, Apart.WITHDRAWN), (Stop.DECEASED, Apart.DECEASED)])
def test_what_a_patient_s_leaving_ended(database: Database, team: Cast, baseline: str, stop: Stop, why: Apart) -> None:
    """What had closed before was not ended by it, whether it was begun or not."""
    at = NOON + 10 * DAY
    people_s = {"reason": "x"} if stop is Stop.WITHDRAWN else {"died_on": at.date()}
    with database.writing() as session:
        course = finding.assessment(session, baseline, by=team.cora)[1].public_id
        people.answer_part(session, course, team.bob, 0, at=NOON - MINUTE)
        courses.record_infusion(session, course, NOON, by=team.cora, at=NOON)
        session.execute(update(Assessment).where(Assessment.time_point == "month-3").values(started_at=at - DAY))
        patient_status.stop(session, team.alice, stop, by=team.cora, at=at, **people_s)
    view = funnel(database, team, at=at, period=(NOON.date(), NOON.date() + 200 * DAY))
    assert {each.time_point: each.apart for each in view.time_points if each.apart} == {
        "month-3": ((why, 1),),
        "month-6": ((why, 1),),
    }
    assert {each.time_point: each.total.reached for each in view.time_points if each.rows} == {
        "baseline": (1, 1, 1, 1, 1, 0),
        "last-infusion": (1, 0, 0, 0, 0, 0),
    }


def test_parts_that_were_entered_in_error_tell_no_way(database: Database, team: Cast, baseline: str) -> None:
    with database.writing() as session:
        course = finding.assessment(session, baseline, by=team.cora)[1].public_id
        people.answer_part(session, course, team.bob, 0)
        session.execute(update(Administration).values(mode="kiosk", in_error_at=NOON))
    assert rows(database, team) == {Channel.LINK: (1, 1, 1, 1, 1, 0)}


def test_a_first_look_is_noted_once_and_only_where_the_link_leads_to_its_own(
    database: Database, team: Cast, baseline: str
) -> None:
    with database.writing() as session:
        old = invitations.issue(session, baseline, by=team.cora, at=NOON).token
        new = invitations.issue(session, baseline, by=team.cora, at=NOON + MINUTE).token
        assert links.look_at_link(session, old, at=NOON + 2 * MINUTE).first_look  # of an earlier message, the same
        for minutes in (2, 3):
            links.mark_opened(session, old, at=NOON + minutes * MINUTE)
        assert not links.look_at_link(session, old, at=NOON + 4 * MINUTE).first_look
        assert links.look_at_link(session, new, at=NOON + 4 * MINUTE).first_look
        found = session.scalars(select(Invitation.opened_at).order_by(Invitation.id)).all()
        assert list(found) == [NOON + 2 * MINUTE, None]
        course = finding.assessment(session, baseline, by=team.cora)[1].public_id
        courses.record_infusion(session, course, NOON + DAY, by=team.cora, at=NOON + DAY)
        last = NOON + 5 * DAY
        assert not links.look_at_link(session, new, at=last).first_look  # it leads on to the last infusion


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, baseline: str) -> None:
    with database.writing() as session:
        assert funnels.funnel_page(session, *PERIOD, by=team.charlie, at=NOON).total.of == 0
        with pytest.raises(NotAllowed):
            funnels.funnel_page(session, *PERIOD, by=team.of(Role.ADMINISTRATOR), at=NOON)
