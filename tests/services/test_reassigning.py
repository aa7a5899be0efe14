"""Answers of another patient: they move whole, with their scores and alerts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from prom_server.core.corrections import NoPlaceFor, NotInError
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.schedule import Status
from prom_server.core.worsening import ItemRises, Margin, Worsening
from prom_server.services import (
    alert_desk,
    answering,
    catalogue,
    corrections,
    course_views,
    invitations,
    reassigning,
    satisfying,
    visit_pages,
    visits,
)
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.courses import Course
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, recompute
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.two_courses import DAY, MONTH_3, answer, first_course, second_course

LATER = NOON + timedelta(hours=3)
YEAR = timedelta(days=365)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def rosa(database: Database, team: Cast) -> str:
    """Another patient of the same age; her course, whose baseline is open."""
    with database.writing() as session:
        other = people.patient(session, team.cora, "Rosa", "Placeholder", number="DEMO-2")
        return people.start(session, team, patient_id=other)


@pytest.fixture
def wrong(database: Database, team: Cast) -> str:
    """Alice's PHQ-9 with an alert, acknowledged and then marked: it was Rosa's."""
    with database.writing() as session:
        course = people.start(session, team)
        token = people.answer_part(session, course, team.bob, 2)
        people.submit_part(session, token)
        answers = session.scalars(select(Administration).where(Administration.position == 1)).one().public_id
        alert = session.scalars(select(Alert)).one().public_id
        alert_desk.acknowledge(session, alert, by=team.bob, at=NOON)
        corrections.mark_in_error(session, answers, "They are Rosa's.", by=team.bob, at=NOON)
        return answers


def baseline(session, course: str) -> Assessment:
    public_id = clinic.assessment_of(session, course, "baseline")
    return session.scalars(select(Assessment).where(Assessment.public_id == public_id)).one()


def move(database: Database, team: Cast, answers: str, course: str, at=LATER) -> str:
    with database.writing() as session:
        return reassigning.reassign(session, answers, baseline(session, course).public_id, by=team.bob, at=at)


def status(database: Database, team: Cast, course: str):
    with database.writing() as session:
        return course_views.course_view(session, course, by=team.bob, at=LATER).assessments[0]


def contents(database: Database) -> list[list[tuple[object, ...]]]:
    with database.reading() as session:
        tables = (model.__table__ for model in (Response, RecordedScore))
        return [[tuple(row) for row in session.execute(table.select().order_by(table.c.id))] for table in tables]


def test_the_answers_and_scores_move_unchanged(database: Database, team: Cast, rosa: str, wrong: str) -> None:
    before = contents(database)
    assert (status(database, team, rosa).status, status(database, team, rosa).answered) == (Status.DUE, 0)
    move(database, team, wrong, rosa)
    assert contents(database) == before
    assert (status(database, team, rosa).status, status(database, team, rosa).answered) == (Status.IN_PROGRESS, 9)
    with database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.public_id == wrong)).one()
        assert (row.position, row.in_error_at, row.in_error_reason) == (1, None, None)
        assert row.assessment_id == baseline(session, rosa).id
        assert baseline(session, rosa).started_at == NOON
        assert [each for each in recompute.differences(session) if "parts disagree" not in each] == []


def test_both_records_say_what_was_done(database: Database, team: Cast, rosa: str, wrong: str) -> None:
    patient = move(database, team, wrong, rosa)
    with database.reading() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == "administration.reassign")).all()
        names = {row.id: row.public_id for row in session.scalars(select(Patient))}
        assert {names[line.patient_id] for line in lines} == {team.alice, patient}
        assert "was in error: They are Rosa's." in lines[0].detail
        assert baseline(session, rosa).public_id in lines[0].detail


def test_its_alert_moves_and_is_open_again(database: Database, team: Cast, rosa: str, wrong: str) -> None:
    told = people.count(database, Message)
    move(database, team, wrong, rosa)
    with database.reading() as session:
        alert = session.scalars(select(Alert)).one()
        assert alert.patient_id == session.scalars(select(Patient.id).where(Patient.record_number == "DEMO-2")).one()
        assert (alert.acknowledged_at, alert.resolved_at) == (None, None)
        assert alert.escalates_at is not None
        steps = session.execute(select(AlertStep.kind, AlertStep.staff_id).order_by(AlertStep.id.desc()).limit(2)).all()
        assert [tuple(row) for row in steps] == [("reopened", None), ("reassigned", team.bob.id)]
    assert people.count(database, Message) >= told


def phq_9(session, team: Cast, course: str, point: str, values: list[int], at) -> None:
    link = invitations.issue(session, clinic.assessment_of(session, course, point), by=team.bob, at=at).token
    visits.count_attempt(session, link, at=at)
    token = visits.identify(session, link, BIRTH_DATE, at=at).token
    answering.start(session, token, at=at)
    for number, value in enumerate(values, 1):
        step = visit_pages.step(session, token, 1, number, at=at)
        answering.save(session, token, 1, Posted(step.item.id, value, step.sequence), at=at)
    answering.submit(session, token, 1, at=at)


@pytest.mark.parametrize(
    ("rosas", "compared", "steps"),
    [
        ([0] * 7 + [2, 0], {"mcid-total": Decimal(2), "phq9": Decimal(0)}, 0),  # worse than hers, too
        ([3] * 8 + [2], {"mcid-total": None, "phq9": None}, 2),  # hers was higher
    ],
)
def test_its_alerts_compare_with_the_patient_whose_answers_they_are(
    database: Database,
    team: Cast,
    rosa: str,
    monkeypatch: pytest.MonkeyPatch,
    rosas: list[int],
    compared: dict[str, Decimal | None],
    steps: int,
) -> None:
    rules = (Worsening("phq-9", "total", Margin.MCID, "a test"), ItemRises("phq-9", "phq9", "a test"))
    found = catalogue.protocol
    monkeypatch.setattr(catalogue, "protocol", lambda *named: replace(found(*named), alerts=rules))
    at = NOON + 4 * DAY
    with database.writing() as session:
        alices = people.start(session, team)
        phq_9(session, team, alices, "baseline", [0] * 8 + [0], NOON)
        phq_9(session, team, rosa, "baseline", rosas, NOON)
        for course in (alices, rosa):
            people.infuse(session, course, team.bob, 0, 1, 2, 3, 4)
        phq_9(session, team, alices, "last-infusion", [1] * 9, at)
        last = clinic.assessment_of(session, alices, "last-infusion")
        mine = select(Administration).join(Assessment).where(Assessment.public_id == last)
        row = session.scalars(mine.where(Administration.position == 1)).one()
        alerts = {each.rule: each for each in session.scalars(select(Alert).where(Alert.administration_id == row.id))}
        own = next(each for each in alerts if each != "mcid-total")
        assert {each.compared_with for each in alerts.values()} == {Decimal(0)}
        corrections.mark_in_error(session, row.public_id, "Rosa's", by=team.bob, at=at)
        reassigning.reassign(
            session, row.public_id, clinic.assessment_of(session, rosa, "last-infusion"), by=team.bob, at=at
        )
        session.expire_all()
        now = {each.rule: each for each in session.scalars(select(Alert).where(Alert.administration_id == row.id))}
        wanted = {"mcid-total": compared["mcid-total"], own: compared["phq9"]}
        assert {rule: each.compared_with for rule, each in now.items()} == wanted
        assert {each.resolved_at for each in now.values()} == {None}
        said = select(AlertStep).where(AlertStep.kind == "not_compared")
        assert len(session.scalars(said).all()) == steps


def test_a_part_that_another_assessment_answers_is_no_place(database: Database, team: Cast, rosa: str) -> None:
    at = MONTH_3 + timedelta(hours=1)
    with database.writing() as session:
        answer(session, team, first_course(session, team), "month-3", parts=1)
        target = clinic.assessment_of(session, second_course(session, team, at=at), "baseline")
        satisfying.use(session, target, by=team.cora, at=at)
        answer(session, team, rosa, "baseline", at=NOON)
        marked = {}
        of = clinic.assessment_of(session, rosa, "baseline")
        for row in session.scalars(select(Administration).join(Assessment).where(Assessment.public_id == of)).all():
            marked[row.instrument_id] = row.public_id
            corrections.mark_in_error(session, row.public_id, "Alice's", by=team.bob, at=at)
        _line, view = reassigning.places(session, marked["phq-9"], team.alice, by=team.bob, at=at)
        assert ("Baseline", 2) not in [(each.name, each.course_number) for each in view.places]
        with pytest.raises(NoPlaceFor):
            reassigning.reassign(session, marked["phq-9"], target, by=team.bob, at=at)
        reassigning.reassign(session, marked["gad-7"], target, by=team.bob, at=at)
        session.expire_all()
        row = session.scalars(select(Assessment).where(Assessment.public_id == target)).one()
        assert row.completed_at == MONTH_3  # the part that stands from the other assessment was the last


def test_the_last_part_completes_the_assessment_and_an_empty_one_gives_its_place(
    database: Database, team: Cast, rosa: str, wrong: str
) -> None:
    with database.writing() as session:
        link = people.invitations.issue(session, baseline(session, rosa).public_id, by=team.bob, at=NOON).token
        people.visits.count_attempt(session, link, at=NOON)
        token = people.visits.identify(session, link, people.BIRTH_DATE, at=NOON).token
        answering.start(session, token, at=NOON)
        for number in range(1, 8):
            step = visit_pages.step(session, token, 2, number, at=NOON)
            answering.save(session, token, 2, Posted(step.item.id, 0, step.sequence), at=NOON)
        answering.submit(session, token, 2, at=NOON + timedelta(minutes=9))
    assert status(database, team, rosa).status is Status.IN_PROGRESS
    move(database, team, wrong, rosa)
    after = status(database, team, rosa)
    assert (after.status, after.answered, after.completed_at) == (Status.COMPLETED, 16, NOON + timedelta(minutes=9))
    with database.reading() as session:
        replaced = session.scalars(select(Administration).where(Administration.in_error_at == LATER)).one()
        assert (replaced.sequence, replaced.position, replaced.assessment_id) == (0, 1, baseline(session, rosa).id)


def test_an_assessment_that_has_passed_takes_them_and_one_to_come_does_not(
    database: Database, team: Cast, rosa: str, wrong: str
) -> None:
    with database.writing() as session:
        other = session.scalars(select(Patient.public_id).where(Patient.record_number == "DEMO-2")).one()
        _line, view = reassigning.places(session, wrong, other, by=team.bob, at=LATER)
        assert [(place.name, place.status) for place in view.places] == [("Baseline", Status.DUE)]
        later = baseline(session, rosa).closes_on - NOON.date() + timedelta(days=3)
        _line, view = reassigning.places(session, wrong, other, by=team.bob, at=NOON + later)
        assert ("Baseline", Status.EXPIRED) in [(place.name, place.status) for place in view.places]
        before = baseline(session, rosa).opens_on
        with pytest.raises(NoPlaceFor):
            reassigning.reassign(session, wrong, baseline(session, rosa).public_id, by=team.bob, at=NOON - YEAR)
        assert before > (NOON - YEAR).date()
    assert move(database, team, wrong, rosa, NOON + later) == other


def test_where_they_do_not_belong(database: Database, team: Cast, rosa: str, wrong: str) -> None:
    with database.writing() as session:
        alices = session.scalars(select(Course.public_id).order_by(Course.id)).all()
        mine = next(each for each in alices if each != rosa)
        assert reassigning.places(session, wrong, team.alice, by=team.bob, at=LATER)[1].places == ()
        with pytest.raises(NoPlaceFor):  # the same patient
            reassigning.reassign(session, wrong, baseline(session, mine).public_id, by=team.bob, at=LATER)
        session.execute(update(Assessment).where(Assessment.id == baseline(session, rosa).id).values(cancelled_at=NOON))
    with pytest.raises(NoPlaceFor):
        move(database, team, wrong, rosa)
    with database.writing() as session:
        session.execute(update(Assessment).where(Assessment.id == baseline(session, rosa).id).values(cancelled_at=None))
        people.answer_part(session, rosa, team.bob, 0)
    with pytest.raises(NoPlaceFor):  # answered meanwhile
        move(database, team, wrong, rosa)


def test_once_and_only_what_was_marked(database: Database, team: Cast, rosa: str, wrong: str) -> None:
    move(database, team, wrong, rosa)
    with pytest.raises(NotInError):
        move(database, team, wrong, rosa)
    with database.writing() as session, pytest.raises(NotInError):
        reassigning.look(session, wrong, by=team.bob, at=LATER)


def test_who_may(database: Database, team: Cast, rosa: str, wrong: str) -> None:
    with database.writing() as session:
        place = baseline(session, rosa).public_id
        for who, refusal in ((team.charlie, NotFound), (team.cora, NotAllowed), (team.ada, NotAllowed)):
            with pytest.raises(refusal):
                reassigning.reassign(session, wrong, place, by=who, at=LATER)
            with pytest.raises(refusal):
                reassigning.look(session, wrong, by=who, at=LATER)
        with pytest.raises(NotFound):
            reassigning.places(session, wrong, team.charlies, by=team.bob, at=LATER)
