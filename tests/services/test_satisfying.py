"""One administration for two assessments: linked by staff or by the rule, never copied, undone with its reason."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.enrolment import PatientStopped
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.satisfying import NothingServes
from prom_server.core.schedule import Status
from prom_server.services import (
    answering,
    battery,
    corrections,
    course_views,
    entry,
    entry_views,
    finding,
    invitations,
    satisfying,
    serving,
    trends,
    verification,
    visit_pages,
    visits,
    why,
)
from prom_server.services.visits import LinkCompleted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Satisfaction
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.two_courses import DAY, MONTH_3, answer, first_course, second_course

LATER = MONTH_3 + timedelta(hours=1)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def first(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return first_course(session, team)


@pytest.fixture
def offered(database: Database, team: Cast, first: str) -> str:
    """The 3 months are answered, then the second course is planned: its baseline."""
    with database.writing() as session:
        answer(session, team, first, "month-3")
        return clinic.assessment_of(session, second_course(session, team, at=LATER), "baseline")


def use(database: Database, by, assessment: str, at=LATER) -> None:
    with database.writing() as session:
        satisfying.use(session, assessment, by=by, at=at)


def seen(database: Database, by, assessment: str, at=LATER):
    """The assessment as its course shows it."""
    with database.writing() as session:
        course = why.why(session, assessment, by=by, at=at).course_id
        view = course_views.course_view(session, course, by=by, at=at)
        return next(each for each in view.assessments if each.public_id == assessment)


def page(database: Database, by, assessment: str, at=LATER):
    with database.writing() as session:
        return serving.page(session, assessment, by=by, at=at)


def part(database: Database, instrument: str = "phq-9") -> str:
    with database.reading() as session:
        return session.scalars(select(Administration.public_id).where(Administration.instrument_id == instrument)).one()


def in_error(database: Database, by, administration: str) -> None:
    with database.writing() as session:
        corrections.mark_in_error(session, administration, "A test.", by=by, at=LATER)


def test_staff_use_answers_that_were_there_when_the_second_course_was_planned(
    database: Database, team: Cast, offered: str
) -> None:
    before = seen(database, team.cora, offered)
    assert (before.status, before.offered, before.elsewhere) == (Status.OPEN, 2, 0)
    shown = page(database, team.cora, offered)
    assert [(each.instrument, each.of.name, each.of.course) for each in shown.offered] == [
        ("PHQ-9", "3 months", 1),
        ("GAD-7", "3 months", 1),
    ]
    scores = people.count(database, RecordedScore)
    for at in (LATER, LATER + timedelta(minutes=1)):  # a second press
        use(database, team.cora, offered, at)
    after = seen(database, team.cora, offered)
    assert (after.status, after.answered, after.offered, after.elsewhere) == (Status.COMPLETED, 16, 0, 2)
    assert after.completed_at == MONTH_3  # when these answers were given
    assert people.count(database, Administration) == 2
    assert people.count(database, RecordedScore) == scores
    assert people.count(database, Satisfaction) == 2
    linked = page(database, team.cora, offered).linked
    assert [(each.instrument, each.linked_at, each.linked_by) for each in linked] == [
        ("PHQ-9", LATER, "Cora Example"),
        ("GAD-7", LATER, "Cora Example"),
    ]
    with database.reading() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == satisfying.SATISFY)).all()
        assert [line.detail for line in lines] == ["phq-9, gad-7: answered for month-3 of course 1"]
        assert not list(verification.check(session).differences)


def test_what_is_answered_once_both_are_open_counts_for_both_at_once(
    database: Database, team: Cast, first: str
) -> None:
    with database.writing() as session:
        baseline = clinic.assessment_of(session, second_course(session, team, at=MONTH_3 - DAY), "baseline")
        link = invitations.issue(session, baseline, by=team.bob, at=MONTH_3 - DAY).token
        answer(session, team, first, "month-3", parts=1)
    assert seen(database, team.cora, baseline).status is Status.OPEN  # only with the last part
    with database.writing() as session:
        token = visits.identify(session, link, BIRTH_DATE, at=MONTH_3).token
        assert visit_pages.welcome(session, token, at=MONTH_3).parts == 2
    with database.writing() as session:
        answer_rest(session, team, first)
    after = seen(database, team.cora, baseline)
    assert (after.status, after.answered) == (Status.COMPLETED, 16)
    with database.writing() as session, pytest.raises(LinkCompleted):
        visits.count_attempt(session, link, at=LATER)
    with database.reading() as session:
        assert set(session.execute(select(AuditEntry.actor).where(AuditEntry.action == satisfying.SATISFY))) == {
            ("system",)
        }


def answer_rest(session, team: Cast, course: str) -> None:
    link = invitations.issue(session, clinic.assessment_of(session, course, "month-3"), by=team.bob, at=MONTH_3).token
    visits.count_attempt(session, link, at=MONTH_3)
    token = visits.identify(session, link, BIRTH_DATE, at=MONTH_3).token
    for number in range(1, 8):
        step = visit_pages.step(session, token, 2, number, at=MONTH_3)
        answering.save(session, token, 2, answering.Posted(step.item.id, 1, step.sequence), at=MONTH_3)
    answering.submit(session, token, 2, at=MONTH_3)


@pytest.mark.parametrize(
    "facts", [{"started_at": MONTH_3}, {"declined_at": MONTH_3}, {"opens_on": (MONTH_3 + DAY).date()}]
)
def test_the_rule_leaves_alone_what_was_begun_or_declined_or_is_not_open(
    database: Database, team: Cast, first: str, facts
) -> None:
    with database.writing() as session:
        baseline = clinic.assessment_of(session, second_course(session, team, at=MONTH_3 - DAY), "baseline")
        session.execute(update(Assessment).where(Assessment.public_id == baseline).values(**facts))
        answer(session, team, first, "month-3")
    assert people.count(database, Satisfaction) == 0


def test_an_alert_is_raised_once(database: Database, team: Cast, first: str) -> None:
    with database.writing() as session:
        second_course(session, team, at=MONTH_3 - DAY)
        answer(session, team, first, "month-3", item_9=2)
    assert people.count(database, Satisfaction) == 2
    assert people.count(database, Alert, Alert.level == "alert") == 1


def test_only_the_other_part_is_asked(database: Database, team: Cast, offered: str) -> None:
    in_error(database, team.bob, part(database, "gad-7"))
    use(database, team.cora, offered)
    begun = seen(database, team.cora, offered)
    assert (begun.status, begun.answered, begun.elsewhere) == (Status.IN_PROGRESS, 9, 1)
    with database.writing() as session:
        link = invitations.issue(session, offered, by=team.bob, at=LATER).token
        visits.count_attempt(session, link, at=LATER)
        token = visits.identify(session, link, BIRTH_DATE, at=LATER).token
        welcome = visit_pages.welcome(session, token, at=LATER)
        assert (welcome.started, welcome.parts, welcome.questions) == (False, 1, 7)
        place = answering.start(session, token, at=LATER)
        assert (place.part, place.step) == (2, 1)
        sent = entry_views.choices(session, offered, by=team.cora, at=LATER).parts
        assert [(each.sent, each.elsewhere) for each in sent] == [(True, True), (False, False)]
        for number in range(1, 8):
            step = visit_pages.step(session, token, 2, number, at=LATER)
            answering.save(session, token, 2, answering.Posted(step.item.id, 1, step.sequence), at=LATER)
        assert answering.submit(session, token, 2, at=LATER).finished
    done = seen(database, team.cora, offered)
    assert (done.status, done.completed_at) == (Status.COMPLETED, LATER)
    with database.reading() as session:
        assert people.count(database, Administration, Administration.in_error_at.is_(None)) == 2


def test_a_part_that_was_begun_is_not_taken_over(database: Database, team: Cast, offered: str) -> None:
    with database.writing() as session:
        course = why.why(session, offered, by=team.cora, at=LATER).course_id
        people.answer_part(session, course, team.bob, 0, at=LATER)
    assert seen(database, team.cora, offered).offered == 0
    with pytest.raises(NothingServes):
        use(database, team.cora, offered)


def test_declined_answers_and_others_than_the_rule_s_serve_nothing(database: Database, team: Cast, first: str) -> None:
    with database.writing() as session:
        answer(session, team, first, "month-3")
        far = clinic.assessment_of(session, second_course(session, team, days=109, at=LATER), "baseline")
    with pytest.raises(NothingServes):
        use(database, team.cora, far)
    with database.writing() as session:
        session.execute(update(Assessment).values(due_on=(MONTH_3 + 14 * DAY).date()))
        session.execute(update(Administration).where(Administration.position == 1).values(declined_at=MONTH_3))
    assert [each.instrument for each in page(database, team.cora, far).offered] == ["GAD-7"]


def test_the_trend_counts_it_once_at_each_time_point_and_says_so(database: Database, team: Cast, offered: str) -> None:
    use(database, team.cora, offered)
    with database.writing() as session:
        view = trends.trend(session, team.alice, by=team.bob, at=LATER, action="patient.view")
    chart = next(each for each in view.charts if each.series.instrument == "phq-9")
    scored = [(each.course, each.time_point, each.value) for each in chart.points if each.score]
    assert scored == [(1, "month-3", 8), (2, "baseline", 8)]
    assert [(each.course, [one.name for one in each.same_as]) for each in view.values.columns] == [
        (1, []),
        (2, ["3 months"]),
    ]
    line = view.how[1]
    assert [(each.course, each.name, names) for each, names in line.same_as] == [(1, "3 months", ("PHQ-9", "GAD-7"))]
    assert view.change.baseline_on == MONTH_3.date()
    watched = view.watched[0]
    assert watched.now is not None
    assert watched.before == ()  # one answer, not two


def test_entered_in_error_ends_it_in_both(database: Database, team: Cast, offered: str) -> None:
    use(database, team.cora, offered)
    in_error(database, team.bob, part(database))
    one = seen(database, team.cora, offered)
    assert (one.status, one.answered, one.elsewhere) == (Status.IN_PROGRESS, 7, 1)
    in_error(database, team.bob, part(database, "gad-7"))
    none = seen(database, team.cora, offered)
    assert (none.status, none.answered) == (Status.OPEN, 0)
    with database.reading() as session:
        assert set(session.scalars(select(Satisfaction.undone_at))) == {LATER}
        assert set(session.scalars(select(Assessment.started_at))) == {None}


def test_staff_undo_it_and_do_it_again(database: Database, team: Cast, offered: str) -> None:
    use(database, team.cora, offered)
    for _ in range(2):
        with database.writing() as session:
            satisfying.undo(session, offered, by=team.cora, at=LATER)
    undone = seen(database, team.cora, offered)
    assert (undone.status, undone.answered, undone.offered) == (Status.OPEN, 0, 2)
    with database.reading() as session:
        visit = entry.visit_of(*finding.assessment(session, offered, by=team.bob), by=team.bob, at=LATER)
        assert [each.begun for each in battery.load(session, visit)] == [False, False]
    use(database, team.bob, offered)
    assert seen(database, team.cora, offered).status is Status.COMPLETED
    assert people.count(database, Satisfaction) == 2
    with database.reading() as session:
        actions = [each for each in people.audited(session) if each.startswith("assessment.satisfy")]
    assert actions == [satisfying.SATISFY, satisfying.UNDONE, satisfying.SATISFY]


def test_what_staff_undid_the_rule_does_not_do_again(database: Database, team: Cast, first: str) -> None:
    with database.writing() as session:
        baseline = clinic.assessment_of(session, second_course(session, team, at=MONTH_3 - DAY), "baseline")
        token = answer(session, team, first, "month-3")
        satisfying.undo(session, baseline, by=team.cora, at=MONTH_3)
        session.execute(update(Assessment).values(completed_at=None))
        facts = {"submitted_at": None, "sent_before_at": MONTH_3}
        session.execute(update(Administration).where(Administration.position == 2).values(**facts))
        answering.submit(session, token, 2, at=MONTH_3 + timedelta(minutes=1))
    assert seen(database, team.cora, baseline).status is Status.OPEN


def test_asked_again_it_stands_as_it_was_sent_until_it_is_sent_once_more(
    database: Database, team: Cast, offered: str
) -> None:
    use(database, team.cora, offered)
    with database.writing() as session:
        facts = {"submitted_at": None, "sent_before_at": MONTH_3}
        session.execute(update(Administration).where(Administration.position == 1).values(**facts))
    assert seen(database, team.cora, offered).status is Status.COMPLETED
    with database.reading() as session:
        visit = entry.visit_of(*finding.assessment(session, offered, by=team.bob), by=team.bob, at=LATER)
        assert [each.submitted for each in battery.load(session, visit)] == [True, True]


def test_not_for_a_patient_who_takes_part_no_more(database: Database, team: Cast, offered: str) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(withdrawn_at=LATER))
    assert seen(database, team.cora, offered).offered == 0
    with pytest.raises(PatientStopped):
        use(database, team.cora, offered)


def test_another_clinic_and_the_administrator(database: Database, team: Cast, offered: str) -> None:
    for act in (satisfying.use, satisfying.undo, serving.page):
        with database.writing() as session, pytest.raises(NotFound):
            act(session, offered, by=team.charlie, at=LATER)
        with database.writing() as session, pytest.raises(NotAllowed):
            act(session, offered, by=team.ada, at=LATER)


def test_noon_is_the_day_of_the_three_months(database: Database, team: Cast, first: str) -> None:
    """What the other tests rest on."""
    with database.reading() as session:
        due = session.scalars(select(Assessment.due_on).where(Assessment.time_point == "month-3")).one()
    assert (due, MONTH_3 - NOON) == (MONTH_3.date(), 94 * DAY)
