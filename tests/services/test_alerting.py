"""Item 9: an alert at that save, never withdrawn; its absence a flag."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from prom_server.services import alerting, answering, visits
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON


@pytest.fixture
def token(database: Database) -> str:
    clinic.bind_definitions()
    with database.writing() as session:
        bob = clinic.member(session, clinic.clinic(session))
        link = clinic.invited(session, bob).token
        mine = visits.identify(session, link, BIRTH_DATE, at=NOON).token
        assert mine is not None
        answering.start(session, mine, at=NOON)
    return mine


def answer(database: Database, token: str, value: int | None, shown: int, item: str = "phq9", minutes: int = 0) -> bool:
    with database.writing() as session:
        at = NOON + timedelta(minutes=minutes)
        return answering.save(session, token, 1, Posted(item, value, shown), at=at).help


def alerts(database: Database) -> list[tuple[str, str, int | None]]:
    with database.reading() as session:
        return [(row.rule, row.level, row.value) for row in session.scalars(select(Alert).order_by(Alert.id))]


def steps(database: Database) -> list[tuple[str, int | None]]:
    with database.reading() as session:
        return [(row.kind, row.value) for row in session.scalars(select(AlertStep).order_by(AlertStep.id))]


def test_the_save_itself_raises_the_alert_with_nothing_else_answered(database: Database, token: str) -> None:
    assert answer(database, token, 1, shown=0)
    assert alerts(database) == [("item-9", "alert", 1)]


def test_zero_raises_nothing(database: Database, token: str) -> None:
    assert not answer(database, token, 0, shown=0)
    assert alerts(database) == []


def test_a_later_zero_never_withdraws_it_and_both_values_stay_with_their_times(database: Database, token: str) -> None:
    answer(database, token, 1, shown=0)
    assert not answer(database, token, 0, shown=1, minutes=1)
    assert alerts(database) == [("item-9", "alert", 1)]
    assert steps(database) == [("raised", 1), ("answered", 0)]


def test_a_higher_value_reopens_what_was_acknowledged(database: Database, token: str) -> None:
    answer(database, token, 1, shown=0)
    with database.writing() as session:
        alert = session.scalars(select(Alert)).one()
        alert.acknowledged_at = alert.resolved_at = NOON
    answer(database, token, 3, shown=1)
    with database.reading() as session:
        alert = session.scalars(select(Alert)).one()
        assert (alert.value, alert.acknowledged_at, alert.resolved_at) == (3, None, None)
    assert steps(database)[-1] == ("reopened", 3)


def test_a_skipped_item_is_a_flag_at_the_end_without_a_help_page(database: Database, token: str) -> None:
    assert not answer(database, token, None, shown=0)
    assert alerts(database) == []
    with database.writing() as session:
        answering.submit(session, token, 1, at=NOON)
    assert alerts(database) == [("item-9-not-answered", "flag", None)]


def test_an_item_not_reached_after_a_day_is_a_flag_once(database: Database, token: str) -> None:
    answer(database, token, 2, shown=0, item="phq1")
    with database.writing() as session:
        clinic_id = session.scalars(select(Clinic.id)).one()
        assert alerting.flag_unreached(session, clinic_id, at=NOON + timedelta(hours=23)) == 0
        assert alerting.flag_unreached(session, clinic_id, at=NOON + timedelta(hours=24)) == 1
        assert alerting.flag_unreached(session, clinic_id, at=NOON + timedelta(hours=25)) == 0
    assert alerts(database) == [("item-9-not-answered", "flag", None)]


def test_an_answered_item_is_not_flagged_after_a_day(database: Database, token: str) -> None:
    answer(database, token, 0, shown=0)
    with database.writing() as session:
        clinic_id = session.scalars(select(Clinic.id)).one()
        assert alerting.flag_unreached(session, clinic_id, at=NOON + timedelta(hours=30)) == 0


def test_please_call_me_is_kept_with_its_time_once(database: Database, token: str) -> None:
    answer(database, token, 1, shown=0)
    for minutes in (1, 2):
        with database.writing() as session:
            answering.call_me(session, token, 1, 9, at=NOON + timedelta(minutes=minutes))
    with database.reading() as session:
        assert session.scalars(select(Alert.call_requested_at)).one() == NOON + timedelta(minutes=1)
    assert [kind for kind, _ in steps(database)].count("call_requested") == 1
