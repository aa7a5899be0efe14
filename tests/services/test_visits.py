"""The private link: the birth date identifies, wrong ones are counted first, five lock."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from prom_server.core.refusals import NotFound
from prom_server.services import enrolment, invitations, visits
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation, PatientSession
from prom_server.store.patients import Patient
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON, Invited

WRONG = date(1968, 3, 21)


@pytest.fixture
def alice(database: Database) -> Invited:
    clinic.bind_definitions()
    with database.writing() as session:
        bob = clinic.member(session, clinic.clinic(session))
        return clinic.invited(session, bob)


def attempt(database: Database, link: str, birth_date: date) -> visits.Attempt:
    with database.writing() as session:
        visits.count_attempt(session, link, at=NOON)
    with database.writing() as session:
        return visits.identify(session, link, birth_date, at=NOON)


def test_looking_at_a_link_changes_nothing(database: Database, alice: Invited) -> None:
    for _ in range(3):
        with database.reading() as session:  # on SQLite this session cannot even write
            visits.look_at_link(session, alice.token, at=NOON)


def test_the_link_is_stored_as_a_hash(database: Database, alice: Invited) -> None:
    with database.reading() as session:
        assert alice.token not in session.scalars(select(Invitation.token_hash)).one()


def test_the_right_date_opens_a_session_as_often_as_wanted(database: Database, alice: Invited) -> None:
    first, second = attempt(database, alice.token, BIRTH_DATE), attempt(database, alice.token, BIRTH_DATE)
    assert first.token is not None
    assert second.token not in {None, first.token}


def test_five_wrong_dates_lock_every_link_even_for_the_right_date(database: Database, alice: Invited) -> None:
    assert [attempt(database, alice.token, WRONG).left for _ in range(5)] == [4, 3, 2, 1, 0]
    with pytest.raises(visits.LinkLocked):
        attempt(database, alice.token, BIRTH_DATE)
    with database.reading() as session:
        assert session.scalars(select(Patient.locked_at)).one() == NOON
        locked = select(func.count()).where(AuditEntry.action == "links.lock")
        assert session.scalar(locked) == 1


def test_wrong_dates_count_over_a_new_link_too(database: Database, alice: Invited) -> None:
    for _ in range(4):
        attempt(database, alice.token, WRONG)
    with database.writing() as session:
        by = clinic.member(session, session.get_one(clinic.Clinic, 1), name="Cleo Example")
        renewed = invitations.issue(session, alice.assessment, by=by, at=NOON).token
    assert attempt(database, renewed, WRONG).left == 0


def test_the_right_date_forgives_earlier_wrong_ones(database: Database, alice: Invited) -> None:
    for _ in range(4):
        attempt(database, alice.token, WRONG)
    attempt(database, alice.token, BIRTH_DATE)
    assert attempt(database, alice.token, WRONG).left == 4


def test_the_desk_can_unlock(database: Database, alice: Invited) -> None:
    for _ in range(5):
        attempt(database, alice.token, WRONG)
    with database.writing() as session:
        by = clinic.member(session, session.get_one(clinic.Clinic, 1), name="Cleo Example")
        enrolment.unlock(session, alice.patient, by=by, at=NOON)
    assert attempt(database, alice.token, BIRTH_DATE).token is not None


def test_a_counted_attempt_is_counted_even_if_nothing_follows(database: Database, alice: Invited) -> None:
    with database.writing() as session:
        visits.count_attempt(session, alice.token, at=NOON)
    with database.reading() as session:
        assert session.scalars(select(Patient.wrong_birth_dates)).one() == 1


def test_an_unknown_link_is_not_found(database: Database, alice: Invited) -> None:
    with pytest.raises(NotFound), database.reading() as session:
        visits.look_at_link(session, "nothing", at=NOON)


def test_a_link_past_its_last_day_is_closed(database: Database, alice: Invited) -> None:
    with pytest.raises(visits.LinkClosed), database.reading() as session:
        visits.look_at_link(session, alice.token, at=NOON + timedelta(days=32))


@pytest.mark.parametrize(
    ("since_last", "since_first"),
    [(timedelta(minutes=31), timedelta(minutes=31)), (timedelta(minutes=1), timedelta(hours=4, minutes=1))],
)
def test_a_session_ends_when_idle_and_after_four_hours(
    database: Database, alice: Invited, since_last: timedelta, since_first: timedelta
) -> None:
    token = attempt(database, alice.token, BIRTH_DATE).token
    at = NOON + since_first
    with database.writing() as session:
        session.scalars(select(PatientSession)).one().seen_at = at - since_last
    with pytest.raises(visits.SessionOver), database.reading() as session:
        visits.of_session(session, token, at=at)


def test_an_idle_session_is_resumed_by_the_birth_date_and_counts_wrong_ones(database: Database, alice: Invited) -> None:
    token = attempt(database, alice.token, BIRTH_DATE).token
    assert token is not None
    with database.writing() as session:
        visits.count_resumption(session, token, at=NOON)
    with database.writing() as session:
        assert visits.resume(session, token, WRONG, at=NOON).left == 4
    with database.writing() as session:
        visits.count_resumption(session, token, at=NOON)
        assert visits.resume(session, token, BIRTH_DATE, at=NOON).token is not None


def test_a_left_session_cannot_be_resumed(database: Database, alice: Invited) -> None:
    token = attempt(database, alice.token, BIRTH_DATE).token
    assert token is not None
    with database.writing() as session:
        visits.end(session, token, at=NOON)
    with pytest.raises(NotFound), database.writing() as session:
        visits.count_resumption(session, token, at=NOON)
