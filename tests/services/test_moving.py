"""A course moved or cancelled does what the page said before, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.corrections import AlreadyMarked
from prom_server.core.courses import CourseFinished, FinishReason, ImplausibleStart, StopReasonNeeded
from prom_server.core.infusions import MissedReason
from prom_server.core.moving import InfusionsGiven, MovePage, NotLookedAt, Preview, SameFirstDay, UnderWay
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.replanning import What
from prom_server.core.schedule import Window
from prom_server.services import courses, finding, infusions, moving
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.courses import Course, InfusionDay
from prom_server.store.database import Database
from prom_server.store.outbox import Message, Reminder
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql
from tests.support.reminded import covered

DAY = timedelta(days=1)
TODAY = NOON.date()
STARTS = TODAY + 10 * DAY


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team, starts_on=STARTS)


Facts = dict[str, tuple[Window | None, date | None]]


def facts(database: Database) -> Facts:
    """Time point -> its window, None where it is cancelled, and the day of its next reminder."""
    with database.reading() as session:
        rows = session.scalars(select(Assessment)).all()
        return {row.time_point: (None if row.cancelled_at else finding.window(row), row.remind_on) for row in rows}


def said(preview: Preview, before: Facts) -> Facts:
    """The same, as the preview says that it will be."""
    changes = [line.change for line in (*preview.lines, *preview.kept)]
    for each in changes:
        assert before.get(each.time_point, (None, None)) == (each.before, each.remind_before)
    return before | {each.time_point: (each.after, each.remind_after) for each in changes}


def infusion_days(database: Database) -> list[date]:
    with database.reading() as session:
        rows = session.scalars(select(InfusionDay).order_by(InfusionDay.planned_on)).all()
        return [row.planned_on for row in rows if row.cancelled_at is None]


def look(database: Database, team: Cast, course: str, starts_on: date) -> Preview:
    with database.writing() as session:
        shown = moving.move_page(session, course, starts_on, by=team.cora, at=NOON).preview
        assert shown is not None
        return shown


def move(database: Database, team: Cast, course: str, starts_on: date, seen: str) -> None:
    with database.writing() as session:
        moving.move(session, course, starts_on, seen, by=team.cora, at=NOON)


def begun(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0)


def reminded(database: Database, team: Cast, course: str) -> None:
    """That it opened was sent; that it is due waits, and covers the last infusion too."""
    with database.writing() as session:
        rows = {row.time_point: row for row in session.scalars(select(Assessment))}
        covered(session, rows["baseline"], "a", ("opens", 0), sent_at=NOON)
        covered(session, rows["baseline"], "b", ("due", 0))


def missed(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        first = select(InfusionDay.id).where(InfusionDay.planned_on == STARTS).scalar_subquery()
        session.execute(update(InfusionDay).where(InfusionDay.id == first).values(missed_at=NOON, missed_reason="x"))


def nothing(database: Database, team: Cast, course: str) -> None:
    pass


@pytest.mark.parametrize("days", [-12, -1, 1, 60])
@pytest.mark.parametrize("happened", [nothing, begun, reminded, missed], ids=lambda each: each.__name__)
def test_what_is_said_is_what_is_done(
    database: Database, team: Cast, course: str, happened: Callable[[Database, Cast, str], None], days: int
) -> None:
    happened(database, team, course)
    before, planned = facts(database), infusion_days(database)
    preview = look(database, team, course, STARTS + days * DAY)
    assert (facts(database), infusion_days(database)) == (before, planned)  # looking changes nothing
    expected = said(preview, before)
    move(database, team, course, STARTS + days * DAY, preview.seen)
    assert facts(database) == expected
    moved = {each.before: each.after for each in preview.days}
    kept = [day for day in planned if day not in moved]
    assert infusion_days(database) == sorted([*kept, *(day for day in moved.values() if day)])
    with database.reading() as session:
        assert session.scalars(select(Course.starts_on)).one() == STARTS + days * DAY
        cancelled = session.scalars(select(Message.id).where(Message.cancelled_at.is_not(None))).all()
        assert len(cancelled) == preview.messages


def test_what_waits_moves_and_what_was_sent_stays(database: Database, team: Cast, course: str) -> None:
    reminded(database, team, course)
    preview = look(database, team, course, STARTS + 7 * DAY)
    lines = {line.change.time_point: line.change for line in preview.lines}
    assert lines["baseline"].what is What.MOVED
    assert (lines["baseline"].gone, lines["baseline"].freed, preview.messages) == (1, (("due", 0),), 1)
    assert lines["baseline"].remind_after == STARTS + 7 * DAY
    assert [each.after for each in preview.days] == [STARTS + (7 + n) * DAY for n in range(5)]
    move(database, team, course, STARTS + 7 * DAY, preview.seen)
    with database.reading() as session:
        assert [row.nth for row in session.scalars(select(Reminder))] == [0]
        assert [row.sent_at is not None for row in session.scalars(select(Message)) if not row.cancelled_at] == [True]
        detail = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "course.plan")).all()[-1]
    assert f"baseline: due {STARTS} -> {STARTS + 7 * DAY}" in detail
    assert "messages not sent: 1" in detail


def test_what_was_begun_stays(database: Database, team: Cast, course: str) -> None:
    begun(database, team, course)
    preview = look(database, team, course, STARTS + 7 * DAY)
    assert [(line.name, line.change.what) for line in preview.lines] == [
        ("Baseline", What.LONGER),  # not closed before the first infusion
        ("Last infusion", What.MOVED),
    ]
    baseline = preview.lines[0].change
    assert baseline.before is not None
    assert baseline.after == replace(baseline.before, closes_on=STARTS + 37 * DAY)
    earlier = look(database, team, course, STARTS - 7 * DAY)
    assert [(line.name, line.change.begun) for line in earlier.kept] == [("Baseline", True)]


def test_a_day_taken_back_after_a_move_is_not_one_too_many(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        first = session.scalars(select(InfusionDay.public_id).order_by(InfusionDay.planned_on)).first()
        assert first is not None
        infusions.miss_day(session, first, MissedReason.UNWELL, None, by=team.cora, at=NOON)
    for days in (7, 3):
        preview = look(database, team, course, STARTS + days * DAY)
        move(database, team, course, STARTS + days * DAY, preview.seen)
        with database.writing() as session:
            infusions.take_back_missed(session, first, by=team.cora, at=NOON)
    assert infusion_days(database) == [STARTS + (3 + n) * DAY for n in range(5)]
    with database.writing() as session:
        people.infuse(session, course, team.bob, 9)  # plans again: it does not come back
    assert len(infusion_days(database)) == 5


def test_a_series_moved_past_a_missed_day_is_planned_in_full(database: Database, team: Cast, course: str) -> None:
    missed(database, team, course)
    preview = look(database, team, course, STARTS + 7 * DAY)
    move(database, team, course, STARTS + 7 * DAY, preview.seen)
    assert infusion_days(database) == [STARTS, *(STARTS + (7 + n) * DAY for n in range(5))]


def test_nothing_is_done_that_was_not_looked_at(database: Database, team: Cast, course: str) -> None:
    preview = look(database, team, course, STARTS + 7 * DAY)
    with pytest.raises(NotLookedAt):
        move(database, team, course, STARTS + 8 * DAY, preview.seen)  # another day
    begun(database, team, course)
    with pytest.raises(NotLookedAt):
        move(database, team, course, STARTS + 7 * DAY, preview.seen)  # something happened meanwhile
    with pytest.raises(NotLookedAt):
        move(database, team, course, STARTS + 7 * DAY, "")
    with database.reading() as session:
        assert session.scalars(select(Course.starts_on)).one() == STARTS


def test_where_the_first_day_cannot_move(database: Database, team: Cast, course: str) -> None:
    for day, refusal in ((STARTS, SameFirstDay), (TODAY + 367 * DAY, ImplausibleStart)):
        with pytest.raises(refusal):
            look(database, team, course, day)
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
    with pytest.raises(InfusionsGiven):
        look(database, team, course, STARTS + DAY)
    with pytest.raises(InfusionsGiven):
        cancel_page(database, team, course)
    with database.writing() as session:
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=team.bob, at=NOON)
        second = people.start(session, team, starts_on=TODAY + DAY)
    with pytest.raises(CourseFinished):
        look(database, team, course, STARTS + DAY)
    with pytest.raises(ImplausibleStart):
        look(database, team, second, TODAY)  # the day of the first course's last infusion


def cancel_page(database: Database, team: Cast, course: str) -> MovePage:
    with database.writing() as session:
        return moving.cancel_page(session, course, by=team.cora, at=NOON)


def test_a_course_is_cancelled_and_taken_up_again(database: Database, team: Cast, course: str) -> None:
    reminded(database, team, course)
    before, planned = facts(database), infusion_days(database)
    preview = cancel_page(database, team, course).preview
    assert preview is not None
    assert [line.change.what for line in preview.lines] == [What.CANCELLED] * 2
    with pytest.raises(StopReasonNeeded), database.writing() as session:
        moving.cancel(session, course, " ", preview.seen, by=team.cora, at=NOON)
    with database.writing() as session:
        moving.cancel(session, course, "Another patient's.", preview.seen, by=team.cora, at=NOON)
    assert facts(database) == said(preview, before) == {"baseline": (None, None), "last-infusion": (None, None)}
    assert infusion_days(database) == []
    with database.writing() as session:
        assert session.scalars(select(Message.cancelled_at).where(Message.sent_at.is_(None))).all() == [NOON]
        courses.reopen_course(session, course, by=team.cora, at=NOON)
        assert session.scalars(select(Course.finish_reason)).all() == [None]
    assert {point: window for point, (window, _) in facts(database).items()} == {
        point: window for point, (window, _) in before.items()
    }
    assert infusion_days(database) == planned
    preview = cancel_page(database, team, course).preview
    assert preview is not None
    with database.writing() as session:
        moving.cancel(session, course, "Another patient's.", preview.seen, by=team.cora, at=NOON)
        people.start(session, team)  # nothing is in the way of another course


def test_a_begun_baseline_stays_with_its_cancelled_course(database: Database, team: Cast, course: str) -> None:
    begun(database, team, course)
    preview = cancel_page(database, team, course).preview
    assert preview is not None
    baseline = preview.lines[0]
    assert (baseline.name, baseline.change.what, baseline.change.remind_after) == ("Baseline", What.KEPT, None)
    with database.writing() as session:
        moving.cancel(session, course, "why", preview.seen, by=team.cora, at=NOON)
    assert [point for point, (window, _) in facts(database).items() if window] == ["baseline"]


def test_an_infusion_says_before_what_it_moves(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
    before = facts(database)
    at = NOON + DAY
    with database.writing() as session:
        preview = moving.look_at_infusion(session, course, at, by=team.cora, at=at)
        infusion = courses.record_infusion(session, course, at, by=team.cora, at=at)
    assert facts(database) == said(preview, before)
    before = facts(database)
    with database.writing() as session:
        page = moving.look_at_error(session, infusion, by=team.cora, at=at)
        courses.mark_infusion_in_error(session, infusion, by=team.cora, at=at)
        with pytest.raises(AlreadyMarked):
            moving.look_at_error(session, infusion, by=team.cora, at=at)
    assert page.preview is not None
    assert page.infusion_on == TODAY + DAY
    assert {line.change.time_point for line in page.preview.lines} >= {"month-3", "month-6"}
    assert facts(database) == said(page.preview, before)


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        for attempt in (
            lambda by: moving.move_page(session, course, by=by, at=NOON),
            lambda by: moving.move(session, course, STARTS + DAY, "", by=by, at=NOON),
            lambda by: moving.cancel_page(session, course, by=by, at=NOON),
            lambda by: moving.cancel(session, course, "x", "", by=by, at=NOON),
            lambda by: moving.look_at_infusion(session, course, NOON, by=by, at=NOON),
            lambda by: moving.look_at_error(session, course, by=by, at=NOON),
        ):
            with pytest.raises(NotFound):
                attempt(team.charlie)
            with pytest.raises(NotAllowed):
                attempt(team.ada)


@only_postgresql
def test_a_message_that_a_worker_holds_is_not_cancelled_under_it(database: Database, team: Cast, course: str) -> None:
    reminded(database, team, course)
    preview = look(database, team, course, STARTS + 7 * DAY)
    with database.writing() as worker:
        worker.scalars(select(Message).where(Message.key == "b").with_for_update()).one()
        move(database, team, course, STARTS + 7 * DAY, preview.seen)  # does not wait for it
    with database.reading() as session:
        assert session.scalars(select(Message.cancelled_at)).all() == [None, None]
        assert len(session.scalars(select(Reminder)).all()) == 2  # it may arrive, so it does not come again


def test_a_course_without_infusions_moves_until_its_first_window_is_over(database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = courses.start_course(session, team.alice, "psychotherapy-every-4-weeks", TODAY, by=team.bob, at=NOON)
    preview = look(database, team, course, TODAY + 7 * DAY)
    assert len(preview.lines) == 14
    assert preview.days == ()
    with database.writing() as session:
        last = NOON + 10 * DAY
        moving.move_page(session, course, TODAY + 7 * DAY, by=team.cora, at=last)
        for page in (moving.move_page, moving.cancel_page):
            with pytest.raises(UnderWay):
                page(session, course, by=team.cora, at=last + DAY)
    move(database, team, course, TODAY + 7 * DAY, preview.seen)
    assert facts(database)["week-52"][0].due_on == TODAY + (7 + 364) * DAY
