"""What waits today: what closes first heads it, computed from facts, one page at a time."""

from datetime import timedelta

import pytest
from sqlalchemy import event, update

from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.schedule import Status
from prom_server.core.worklist import Filter, NextStep, Show
from prom_server.services import courses, followups, invitations
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON

DAY = timedelta(days=1)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team, starts_on=NOON.date() + 20 * DAY)


def listed(database: Database, team: Cast, *, at=NOON, **more):
    with database.writing() as session:
        return followups.follow_ups(session, by=team.cora, at=at, **more)


def infused(database: Database, team: Cast) -> str:
    with database.writing() as session:
        course = people.start(session, team)
        people.infuse(session, course, team.bob, 0)
        return course


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (75, []),
        (76, [("3 months", Status.OPEN)]),
        (90, [("3 months", Status.DUE)]),
        (97, [("3 months", Status.OVERDUE)]),
        (120, [("3 months", Status.OVERDUE)]),
        (121, []),
        (150, [("6 months", Status.OPEN)]),
        (225, [("6 months", Status.OVERDUE)]),
        (226, []),
    ],
)
def test_windows_include_both_edges(database: Database, team: Cast, day: int, expected) -> None:
    infused(database, team)
    assert [(row.name, row.status) for row in listed(database, team, at=NOON + day * DAY).rows] == expected


def test_a_row_says_what_presses_and_what_helps(database: Database, team: Cast) -> None:
    course = infused(database, team)
    at = NOON + 118 * DAY
    (row,) = listed(database, team, at=at).rows
    assert (row.days_left, row.days_overdue, row.closing_soon) == (2, 21, True)
    assert row.next_step is NextStep.MAKE_LINK
    with database.writing() as session:
        invitations.issue(session, clinic.assessment_of(session, course, "month-3"), by=team.cora, at=at)
    assert listed(database, team, at=at).rows[0].next_step is NextStep.CALL
    with database.writing() as session:
        session.execute(update(Patient).values(phone=None))
    assert listed(database, team, at=at).rows[0].next_step is NextStep.ADD_PHONE
    with database.writing() as session:
        session.execute(update(Patient).values(locked_at=NOON))
    assert listed(database, team, at=at).rows[0].next_step is NextStep.UNLOCK


def test_a_link_that_is_out_and_not_urgent_may_be_replaced(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        invitations.issue(session, clinic.assessment_of(session, course, "baseline"), by=team.cora, at=NOON)
    (row,) = listed(database, team).rows
    assert (row.status, row.next_step) == (Status.OPEN, NextStep.NEW_LINK)


def test_completed_and_cancelled_wait_no_more(database: Database, team: Cast, course: str) -> None:
    for column in (Assessment.completed_at, Assessment.cancelled_at):
        with database.writing() as session:
            session.execute(update(Assessment).values({column: NOON}))
        assert listed(database, team).rows == ()
        with database.writing() as session:
            session.execute(update(Assessment).values({column: None}))
    assert len(listed(database, team).rows) == 1


def test_a_baseline_leaves_the_list_when_the_infusion_starts(database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = people.start(session, team)
    assert [row.name for row in listed(database, team).rows] == ["Baseline"]
    with database.writing() as session:
        courses.record_infusion(session, course, NOON, by=team.cora, at=NOON)
    assert listed(database, team, at=NOON + timedelta(minutes=1)).rows == ()


def test_parts_and_counts(database: Database, team: Cast, course: str) -> None:
    late = NOON + 44 * DAY  # a baseline stays open while the first infusion is put off, up to 30 days
    with database.writing() as session:
        other = people.patient(session, team.cora, "Anna", number="2")
        second = people.start(session, team, patient_id=other, starts_on=NOON.date())
        people.infuse(session, second, team.bob, 0)
        courses.finish_course(session, second, courses.FinishReason.STOPPED_EARLY, "x", by=team.bob, at=NOON)
    found = listed(database, team, at=NOON + 2 * DAY)
    assert [row.name for row in found.rows] == ["Last infusion", "Baseline"]
    assert (found.counts.overdue, found.counts.due, found.counts.closing) == (1, 0, 1)
    for show in (Show.OVERDUE, Show.CLOSING):
        rows = listed(database, team, at=NOON + 2 * DAY, wanted=Filter(show)).rows
        assert [row.name for row in rows] == ["Last infusion"]
    assert [row.closing_soon for row in listed(database, team, at=late, wanted=Filter(Show.CLOSING)).rows] == [True]


def test_pages_cost_the_same_and_miss_nobody(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for number in range(60):
            patient = people.patient(session, team.cora, f"P{number}", number=f"N{number}")
            people.start(session, team, patient_id=patient, starts_on=NOON.date() + (number % 7) * DAY)
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *args: statements.append(args[2]))
    seen, costs, after = [], [], None
    while True:
        statements.clear()
        page = listed(database, team, after=after)
        costs.append(len([each for each in statements if not each.startswith("BEGIN")]))
        seen += [row.assessment_id for row in page.rows]
        after = page.after
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 60
    assert max(costs) <= 8
    assert [len(page.rows), len(costs)] == [10, 3]


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        mine = clinic.assessment_of(session, course, "baseline")
        assert followups.follow_ups(session, by=team.charlie, at=NOON).rows == ()
        with pytest.raises(NotFound):
            followups.follow_ups(session, after=mine, by=team.charlie, at=NOON)
        with pytest.raises(NotAllowed):
            followups.follow_ups(session, by=team.ada, at=NOON)
