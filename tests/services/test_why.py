"""Why an assessment stands where it stands: dates with their anchor, every reminder with its reason, who touched it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from prom_server.core.contacts import Kind
from prom_server.core.refusals import NotFound
from prom_server.core.schedule import Anchor, Status
from prom_server.core.why import ReminderState, Why, reminder_states
from prom_server.services import contacts, courses, finding, merging
from prom_server.services import why as why_services
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, mornings
from tests.support.clinic import NOON

OPENED = NOON - timedelta(hours=3) + timedelta(days=77 - 7)  # nine o'clock on the Monday after the window opened


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def month_3(database: Database, team: Cast) -> str:
    """Of a course whose only infusion was given on 16 November."""
    began = NOON - timedelta(days=7)
    with database.writing() as session:
        course = people.start(session, team, starts_on=began.date())
        courses.record_infusion(session, course, began, by=team.cora, at=began)
        return clinic.assessment_of(session, course, "month-3")


def why(database: Database, team: Cast, assessment: str, *, at=NOON) -> Why:
    with database.writing() as session:
        return why_services.why(session, assessment, by=team.cora, at=at)


def test_dates_are_counted_from_the_anchor(database: Database, team: Cast, month_3: str) -> None:
    found = why(database, team, month_3)
    assert (found.reckoning.anchor, found.reckoning.anchor_on) == (Anchor.LATEST_INFUSION, date(2026, 11, 16))
    assert found.assessment.window.due_on == date(2026, 11, 16) + timedelta(days=90)
    assert found.assessment.status is Status.SCHEDULED
    assert {each.state for each in found.reminders} == {ReminderState.TO_COME}


def test_a_reminder_says_why_it_did_not_go_out(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        assert mornings.remind(session, at=OPENED)
    first = why(database, team, month_3, at=OPENED).reminders[0]
    assert (first.kind, first.state, first.passed_over) == ("opens", ReminderState.PASSED_OVER, "no_channel")


def test_a_reminder_leads_to_its_message(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        patient = finding.assessment(session, month_3, by=team.cora)[2]
        contacts.set_address(
            session, patient.public_id, Kind.EMAIL, "alice@example.org", consent=True, by=team.cora, at=NOON
        )
        assert mornings.remind(session, at=OPENED)
    found = why(database, team, month_3, at=OPENED)
    assert found.reminders[0].state is ReminderState.MESSAGE
    assert found.reminders[0].message is not None
    assert found.reminders[0].message.state == "waiting"
    assert found.other_messages == ()


def test_the_trail_names_who_planned_it_and_who_looked(database: Database, team: Cast, month_3: str) -> None:
    why(database, team, month_3)
    trail = why(database, team, month_3).trail
    planned = next(line for line in trail if line.action == "course.plan")
    assert planned.by == team.cora.name
    assert planned.detail is not None
    assert planned.detail.startswith("month-3:")
    assert [line.action for line in trail].count("assessment.why") == 2


def test_nothing_reminds_of_what_staff_opened_again(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        session.execute(update(Assessment).where(Assessment.public_id == month_3).values(reopened_at=NOON))
    assert {each.state for each in why(database, team, month_3).reminders} == {ReminderState.NOT_NEEDED}


def test_the_trail_goes_on_across_merges(database: Database, team: Cast, month_3: str) -> None:
    kept = team.alice
    for number in ("DEMO-8", "DEMO-9"):
        with database.writing() as session:
            gone, kept = kept, people.patient(session, team.bob, number=number)
            merging.merge(session, kept, gone, by=team.cora, at=NOON)
    assert "course.plan" in [each.action for each in why(database, team, month_3).trail]


def test_another_clinic_s_is_not_found(database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session, pytest.raises(NotFound):
        why_services.why(session, month_3, by=team.charlie, at=NOON)


def test_of_several_reminders_whose_day_came_only_the_latest_goes_out() -> None:
    days = [date(2026, 11, day) for day in (1, 15, 18, 29)]
    states = reminder_states(days, date(2026, 11, 20), waits=True)
    assert states == (
        ReminderState.OVERTAKEN,
        ReminderState.OVERTAKEN,
        ReminderState.WAITING,
        ReminderState.TO_COME,
    )
    assert set(reminder_states(days, date(2026, 11, 20), waits=False)) == {ReminderState.NOT_NEEDED}
