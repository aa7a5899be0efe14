"""After "entered in error": the part is asked again, and the wrong values leave the trend."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from prom_server.core.alert_desk import ChangedMeanwhile
from prom_server.core.refusals import NotFound
from prom_server.core.visit import Place
from prom_server.services import alert_desk, alert_lists, alerting, answering, corrections, trends, visit_pages, visits
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON, Invited


@pytest.fixture
def alice(database: Database) -> Invited:
    clinic.bind_definitions()
    with database.writing() as session:
        return clinic.invited(session, clinic.member(session, clinic.clinic(session)))


@pytest.fixture
def token(database: Database, alice: Invited) -> str:
    with database.writing() as session:
        mine = visits.identify(session, alice.token, BIRTH_DATE, at=NOON).token
        assert mine is not None
        answering.start(session, mine, at=NOON)
    return mine


def fill_in(database: Database, token: str, part: int, prefix: str, values: list[int | None]) -> Place:
    with database.writing() as session:
        for number, value in enumerate(values, 1):
            answering.save(session, token, part, Posted(f"{prefix}{number}", value, number - 1), at=NOON)
        return answering.submit(session, token, part, at=NOON)


def mark(database: Database, position: int) -> None:
    with database.writing() as session:
        bob = clinic.member(session, session.get_one(Clinic, 1), name="Pat Example")
        found = session.scalars(select(Administration.public_id).where(Administration.position == position)).one()
        corrections.mark_in_error(session, found, "the wrong person", by=bob, at=NOON)


def test_a_part_in_error_is_asked_again_from_the_welcome_page(database: Database, token: str) -> None:
    fill_in(database, token, 1, "phq", [1] * 9)
    fill_in(database, token, 2, "gad", [1] * 7)
    mark(database, 1)
    with database.writing() as session:
        assert visit_pages.welcome(session, token, at=NOON).place == Place(0, 0)
        assert answering.start(session, token, at=NOON) == Place(1, 1)
    assert fill_in(database, token, 1, "phq", [0] * 9).finished


def test_an_assessment_is_not_complete_while_a_part_in_error_is_missing(database: Database, token: str) -> None:
    fill_in(database, token, 1, "phq", [1] * 9)
    mark(database, 1)
    assert not fill_in(database, token, 2, "gad", [1] * 7).finished
    with database.reading() as session:
        assert session.scalars(select(Assessment.completed_at).where(Assessment.time_point == "baseline")).one() is None


def test_a_value_in_error_is_no_earlier_value_but_its_alert_stays_open(
    database: Database, alice: Invited, token: str
) -> None:
    fill_in(database, token, 1, "phq", [1] * 8 + [3])
    mark(database, 1)
    with database.writing() as session:
        answering.start(session, token, at=NOON)
    fill_in(database, token, 1, "phq", [1] * 8 + [0])
    with database.writing() as session:
        bob = clinic.member(session, session.get_one(Clinic, 1), name="Kim Example")
        view = trends.trend(session, alice.patient, by=bob, at=NOON, action="trend.view")
    assert len(view.alerts) == 1
    (watched,) = view.watched
    assert watched.now is not None
    assert watched.now.response == 0
    assert watched.now.earlier == ()


def test_a_retry_of_item_9_shows_the_help_page_again(database: Database, token: str) -> None:
    for _ in range(2):
        with database.writing() as session:
            assert answering.save(session, token, 1, Posted("phq9", 1, 0), at=NOON).help


def test_item_9_taken_back_to_a_skip_is_watched_again(database: Database, token: str) -> None:
    with database.writing() as session:
        answering.save(session, token, 1, Posted("phq9", 0, 0), at=NOON)
        answering.save(session, token, 1, Posted("phq9", None, 1), at=NOON)
        assert alerting.flag_unreached(session, 1, at=NOON + timedelta(hours=25)) == 1


def test_please_call_me_opens_a_resolved_alert_again(database: Database, token: str) -> None:
    with database.writing() as session:
        answering.save(session, token, 1, Posted("phq9", 1, 0), at=NOON)
        alert = session.scalars(select(Alert)).one()
        alert.acknowledged_at = alert.resolved_at = NOON
    with database.writing() as session:
        answering.call_me(session, token, 1, 9, at=NOON + timedelta(minutes=1))
    with database.reading() as session:
        alert = session.scalars(select(Alert)).one()
        assert (alert.acknowledged_at, alert.resolved_at) == (None, None)
        assert alert.call_requested_at == NOON + timedelta(minutes=1)


def test_without_an_alert_nobody_is_promised_a_call(database: Database, token: str) -> None:
    with pytest.raises(NotFound), database.writing() as session:
        answering.call_me(session, token, 1, 9, at=NOON)


def test_nobody_closes_a_value_that_they_did_not_see(database: Database, token: str) -> None:
    with database.writing() as session:
        answering.save(session, token, 1, Posted("phq9", 1, 0), at=NOON)
        bob = clinic.member(session, session.get_one(Clinic, 1), name="Pat Example")
        (line,) = alert_lists.alerts_page(session, by=bob, at=NOON).found.rows
        answering.save(session, token, 1, Posted("phq9", 3, 1), at=NOON)
    with pytest.raises(ChangedMeanwhile), database.writing() as session:
        alert_desk.acknowledge(session, line.public_id, seen=line.version, by=bob, at=NOON)


def test_a_conflict_page_cannot_hide_a_third_answer(database: Database, token: str) -> None:
    """The sequence on the page that asks is one that no later save gets."""
    with database.writing() as session:
        answering.save(session, token, 1, Posted("phq1", 1, 0), at=NOON)
    with pytest.raises(answering.NewerAnswer) as asked, database.writing() as session:
        answering.save(session, token, 1, Posted("phq1", 2, 0), at=NOON)
    with database.writing() as session:
        answering.save(session, token, 1, Posted("phq1", 3, 1), at=NOON)
    with pytest.raises(answering.NewerAnswer), database.writing() as session:
        answering.save(session, token, 1, Posted("phq1", 2, asked.value.view.sequence), at=NOON)
