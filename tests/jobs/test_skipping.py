"""What always fails stands in nobody else's way, and is seen."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from prom_server import transaction
from prom_server.core.contacts import Kind
from prom_server.core.messages import Later, Leaves, Outcome, Sent
from prom_server.jobs import loop, tasks
from prom_server.messages import live
from prom_server.services import contacts, heartbeats, outbox, reminding
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database, DatabaseUnavailable
from prom_server.store.outbox import Message, TaskRun
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import FREE, NOON

MORNING = NOON + timedelta(hours=21)  # nine o'clock on Tuesday in Denver
MINUTE = timedelta(minutes=1)
REMIND = (tasks.OTHERS[3],)


@pytest.fixture
def team(database: Database, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Alice and Bea, of a live clinic, and Zed, of another one, each with a baseline that is open."""
    monkeypatch.setattr(transaction, "_bound", [database])
    monkeypatch.setattr(tasks, "_skipped", {})
    monkeypatch.setattr(live, "leaves", lambda: Leaves.HERE)
    with database.writing() as session:
        team = people.cast(session, demo=False)
        session.execute(update(Clinic).values(live_at=NOON))
        bea = people.patient(session, team.bob, "Bea", "Second", number="DEMO-2")
        for patient, by in ((team.alice, team.bob), (bea, team.bob), (team.charlies, team.charlie)):
            people.courses.start_course(session, patient, FREE, date(2026, 12, 1), by=by, at=NOON)
            address = f"{patient}@example.org"
            contacts.set_address(session, patient, Kind.EMAIL, address, consent=True, by=by, at=NOON)
        return team


def put_in(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(Message.id)).all())


def error(database: Database) -> str | None:
    with database.reading() as session:
        return session.get_one(TaskRun, "remind").error


def test_a_patient_whose_reminder_always_fails_costs_nobody_else_theirs(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, tried = reminding.remind_patient, []

    def reluctant(session, patient_id, *, at):  # type: ignore[no-untyped-def]
        if patient_id == 1:
            tried.append(at)
            raise ValueError("Alice Specimen")
        return act(session, patient_id, at=at)

    monkeypatch.setattr(reminding, "remind_patient", reluctant)
    for minute in range(12):
        loop.tick(MORNING + minute * MINUTE, REMIND)
    assert put_in(database) == 2
    assert tried == [MORNING, MORNING + 10 * MINUTE]
    with database.reading() as session:
        assert "remind" in heartbeats.late(session, MORNING + 11 * MINUTE)
    assert error(database) == "ValueError"
    monkeypatch.setattr(reminding, "remind_patient", act)
    loop.tick(MORNING + 21 * MINUTE, REMIND)
    assert (put_in(database), error(database)) == (3, None)


def test_a_clinic_whose_settings_are_broken_costs_no_other_its_reminders(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(update(Clinic).where(Clinic.id == team.bob.clinic.id).values(reminders_at="nine"))
    loop.tick(MORNING, REMIND)
    assert put_in(database) == 1
    assert error(database) == "ValueError"


def test_a_database_that_is_away_is_nobodys_fault(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: object, **_facts: object) -> int:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as away:
        away.setattr(reminding, "remind_patient", gone)
        loop.tick(MORNING, REMIND)
    loop.tick(MORNING, REMIND)
    assert put_in(database) == 3


# ---- A reminder on its way


def sending(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> list[str]:
    sent: list[str] = []

    def send(envelope, *, at):  # type: ignore[no-untyped-def]
        sent.append(envelope.address)
        return outcome

    monkeypatch.setattr(live, "send", send)
    return sent


def test_an_address_that_is_corrected_meanwhile_gets_the_reminder(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending(monkeypatch, Later("busy"))
    loop.tick(MORNING)
    with database.writing() as session:
        contacts.set_address(
            session, team.alice, Kind.EMAIL, "new@example.org", consent=True, by=team.bob, at=MORNING + MINUTE
        )
    sent = sending(monkeypatch, Sent())
    loop.tick(MORNING + 6 * MINUTE)
    assert (len(sent), "new@example.org" in sent) == (3, True)


def test_reminders_that_are_refused_every_morning_are_seen(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:  # Alice alone
        alice = select(Patient.id).where(Patient.public_id == team.alice).scalar_subquery()
        session.execute(update(Assessment).where(Assessment.patient_id != alice).values(remind_on=None))
    tried = sending(monkeypatch, Later("busy"))
    for minute in (0, 1, 6):
        loop.tick(MORNING + minute * MINUTE)
    assert trouble(database, team) == []
    loop.tick(MORNING + 21 * MINUTE)
    assert trouble(database, team) == [("waiting", "busy", 4)]
    loop.tick(MORNING + timedelta(days=1))
    assert trouble(database, team) == [("refused", "busy", 4)]  # and the next one was tried
    assert len(tried) == 5


def trouble(database: Database, team: Cast) -> list[tuple[str, str | None, int]]:
    with database.reading() as session:
        return [(str(each.state), each.reason, each.tries) for each in outbox.trouble(session, by=team.cora)]


def test_a_mail_server_that_lets_nobody_in_is_one_line(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = sending(monkeypatch, Later("sign_in", everybody=True))
    for minute in range(30):
        loop.tick(MORNING + minute * MINUTE)
    assert len(tried) == 30  # one a minute, whoever waits
    assert trouble(database, team) == []
    with database.reading() as session:
        assert heartbeats.late(session, MORNING + 30 * MINUTE) == ("email",)
    sent = sending(monkeypatch, Sent())
    loop.tick(MORNING + 31 * MINUTE)
    assert len(sent) == 3
