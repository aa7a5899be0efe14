"""Entered in error: it leaves the list of what counts, and nothing else forgets it."""

import pytest
from sqlalchemy import select

from prom_server.core.corrections import AlreadyMarked, ReasonNeeded
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.schedule import Status
from prom_server.services import alert_desk, answering, corrections, course_views
from prom_server.store.assessments import Administration, RecordedScore
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team)


@pytest.fixture
def visit(database: Database, team: Cast, course: str) -> str:
    """The PHQ-9 was submitted with an alert, the GAD-7 was not begun."""
    with database.writing() as session:
        token = people.answer_part(session, course, team.bob, 2)
        people.submit_part(session, token)
        return token


def lines(database: Database, team: Cast):
    with database.writing() as session:
        return corrections.administrations(session, team.alice, by=team.cora, at=NOON).rows


def mark(database: Database, team: Cast, public_id: str, reason: str = "A test.") -> str:
    with database.writing() as session:
        return corrections.mark_in_error(session, public_id, reason, by=team.bob, at=NOON)


def phq(database: Database, team: Cast):
    return next(line for line in lines(database, team) if line.instrument == "PHQ-9" and not line.in_error_at)


def test_the_list(database: Database, team: Cast, visit: str) -> None:
    line = phq(database, team)
    assert (line.assessment, line.answered, line.items, line.submitted_at) == ("Baseline", 9, 9, NOON)
    assert line.open_alert_id is not None


def test_it_can_be_answered_again_and_the_old_answers_stay(
    database: Database, team: Cast, course: str, visit: str
) -> None:
    old = phq(database, team).public_id
    assert mark(database, team, old) == team.alice
    with database.writing() as session:
        answering.start(session, visit, at=NOON)
    rows = [line for line in lines(database, team) if line.instrument == "PHQ-9"]
    assert len(rows) == 2
    marked = next(line for line in rows if line.public_id == old)
    assert (marked.in_error_by, marked.in_error_reason, marked.answered) == ("Bob Example", "A test.", 9)
    fresh = next(line for line in rows if line.public_id != old)
    assert (fresh.answered, fresh.in_error_at) == (0, None)
    assert people.count(database, RecordedScore) == 1


def test_a_completed_assessment_is_open_again(database: Database, team: Cast, course: str, visit: str) -> None:
    from prom_server.services import visit_pages
    from prom_server.services.answering import Posted

    with database.writing() as session:
        for number in range(1, 8):
            step = visit_pages.step(session, visit, 2, number, at=NOON)
            answering.save(session, visit, 2, Posted(step.item.id, 0, step.sequence), at=NOON)
        answering.submit(session, visit, 2, at=NOON)
        before = course_views.course_view(session, course, by=team.bob, at=NOON).assessments[0]
    assert (before.status, before.answered) == (Status.COMPLETED, 16)
    mark(database, team, phq(database, team).public_id)
    with database.writing() as session:
        after = course_views.course_view(session, course, by=team.bob, at=NOON).assessments[0]
    assert (after.status, after.answered) == (Status.IN_PROGRESS, 7)


def test_nothing_left_is_not_begun(database: Database, team: Cast, course: str, visit: str) -> None:
    for line in lines(database, team):
        mark(database, team, line.public_id)
    with database.writing() as session:
        assert course_views.course_view(session, course, by=team.bob, at=NOON).assessments[0].status is Status.DUE


def test_its_alert_stays_open(database: Database, team: Cast, visit: str) -> None:
    mark(database, team, phq(database, team).public_id)
    with database.writing() as session:
        assert alert_desk.heading(session, by=team.cora).alerts == 1


def test_once_and_with_a_reason(database: Database, team: Cast, visit: str) -> None:
    public_id = phq(database, team).public_id
    with pytest.raises(ReasonNeeded):
        mark(database, team, public_id, "  ")
    mark(database, team, public_id)
    with pytest.raises(AlreadyMarked):
        mark(database, team, public_id, "Another reason.")
    with database.reading() as session:
        reasons = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "administration.in_error")).all()
        assert list(reasons) == ["A test."]


def test_who_may(database: Database, team: Cast, visit: str) -> None:
    public_id = phq(database, team).public_id
    with database.writing() as session:
        for who, refusal in ((team.charlie, NotFound), (team.cora, NotAllowed), (team.ada, NotAllowed)):
            with pytest.raises(refusal):
                corrections.mark_in_error(session, public_id, "A test.", by=who, at=NOON)
            with pytest.raises(refusal):
                corrections.administration(session, public_id, by=who, at=NOON)
        with pytest.raises(NotFound):
            corrections.administrations(session, team.alice, by=team.charlie, at=NOON)
        assert session.scalars(select(Administration.in_error_at)).all()[0] is None
