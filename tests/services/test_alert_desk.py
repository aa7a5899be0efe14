"""Alerts at the desk: seen, acknowledged, resolved, each step appended; nothing is lost when an answer rises again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from prom_server.core.alert_desk import AlreadyResolved, AttemptsNeeded, NoteNeeded, UnknownResolution
from prom_server.core.instrument import Level
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import alert_desk, alert_lists, alert_views, answering, visit_pages
from prom_server.services.alert_desk import Outcome
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON

MINUTE = timedelta(minutes=1)
SPOKE = Outcome("spoke_with_patient")


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def visit(database: Database, team: Cast) -> str:
    """Alice answered 2 to the ninth item."""
    with database.writing() as session:
        return people.answer_part(session, people.start(session, team), team.bob, 2)


@pytest.fixture
def alert(database: Database, visit: str) -> str:
    with database.reading() as session:
        return session.scalars(select(Alert.public_id)).one()


@pytest.fixture
def flag(database: Database, team: Cast) -> str:
    with database.writing() as session:
        people.submit_part(session, people.answer_part(session, people.start(session, team), team.bob, None))
        return session.scalars(select(Alert.public_id)).one()


def view(database: Database, alert: str, who, *, at=NOON):
    with database.writing() as session:
        return alert_views.alert_view(session, alert, by=who, at=at)


def kinds(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(AlertStep.kind).order_by(AlertStep.id)))


def test_the_list_says_who_what_and_since_when(database: Database, team: Cast, alert: str) -> None:
    with database.writing() as session:
        found = alert_lists.alerts_page(session, by=team.cora, at=NOON).found
    (line,) = found.rows
    assert (found.alerts, found.flags) == (1, 0)
    assert (line.patient.name, line.level, line.raised_at) == ("Alice Specimen", Level.ALERT, NOON)
    asked = line.asked
    assert (asked.instrument, asked.number, asked.value) == ("PHQ-9", 9, 2)
    assert (asked.label, asked.topic) == ("More than half the days", "Thoughts of self-harm")


def test_every_step_is_kept_in_order(database: Database, team: Cast, alert: str) -> None:
    view(database, alert, team.cora)
    view(database, alert, team.cora, at=NOON + MINUTE)  # seen once by each
    view(database, alert, team.bob)
    with database.writing() as session:
        alert_desk.acknowledge(session, alert, by=team.cora, at=NOON + 2 * MINUTE)
        alert_desk.acknowledge(session, alert, by=team.bob, at=NOON + 3 * MINUTE)  # the first stays
        outcome = Outcome("could_not_reach", " left a message ", 3)
        alert_desk.resolve(session, alert, outcome, by=team.bob, at=NOON + 4 * MINUTE)
    assert kinds(database) == ["raised", "seen", "seen", "acknowledged", "resolved"]
    seen = view(database, alert, team.bob)
    assert seen.line.acknowledged_by == "Cora Example"
    assert seen.resolved_at == NOON + 4 * MINUTE
    last = seen.steps[-1]
    assert (last.by, last.code, last.note, last.attempts) == ("Bob Example", "could_not_reach", "left a message", 3)
    with database.reading() as session:
        assert alert_desk.heading(session, by=team.bob).alerts == 0


def test_resolving_says_who_took_it_even_without_acknowledging(database: Database, team: Cast, alert: str) -> None:
    with database.writing() as session:
        assert alert_desk.resolve(session, alert, SPOKE, by=team.bob, at=NOON) == team.alice
    assert kinds(database) == ["raised", "acknowledged", "resolved"]
    with database.writing() as session:
        with pytest.raises(AlreadyResolved):
            alert_desk.resolve(session, alert, SPOKE, by=team.bob, at=NOON)
        with pytest.raises(AlreadyResolved):
            alert_desk.acknowledge(session, alert, by=team.bob, at=NOON)


@pytest.mark.parametrize(
    ("outcome", "refusal"),
    [
        (Outcome("fine"), UnknownResolution),
        (Outcome(""), UnknownResolution),
        (Outcome("asked_at_contact", "a flag's way"), UnknownResolution),
        (Outcome("other", "  "), NoteNeeded),
        (Outcome("could_not_reach"), AttemptsNeeded),
        (Outcome("could_not_reach", attempts=0), AttemptsNeeded),
        (Outcome("could_not_reach", attempts=100), AttemptsNeeded),
    ],
)
def test_outcomes_that_say_nothing(database: Database, team: Cast, alert: str, outcome, refusal) -> None:
    with pytest.raises(refusal), database.writing() as session:
        alert_desk.resolve(session, alert, outcome, by=team.bob, at=NOON)
    assert kinds(database) == ["raised"]


def test_a_coordinator_acknowledges_and_does_not_resolve_an_alert(database: Database, team: Cast, alert: str) -> None:
    with database.writing() as session:
        alert_desk.acknowledge(session, alert, by=team.cora, at=NOON)
        with pytest.raises(NotAllowed):
            alert_desk.resolve(session, alert, SPOKE, by=team.cora, at=NOON)


def test_a_coordinator_resolves_a_flag_with_a_note(database: Database, team: Cast, flag: str) -> None:
    seen = view(database, flag, team.cora)
    assert seen.line.level is Level.FLAG
    assert seen.line.asked.value is None
    assert [(each.number, each.value) for each in seen.beside] == [(1, 1), (2, 1)]
    with database.writing() as session:
        with pytest.raises(NoteNeeded):
            alert_desk.resolve(session, flag, Outcome("asked_at_contact"), by=team.cora, at=NOON)
        alert_desk.resolve(session, flag, Outcome("asked_at_contact", "says no"), by=team.cora, at=NOON)
        assert alert_lists.alerts_page(session, by=team.cora, at=NOON).found.flags == 0


def test_a_higher_answer_opens_it_again_for_everybody(database: Database, team: Cast, visit: str, alert: str) -> None:
    view(database, alert, team.bob)
    with database.writing() as session:
        alert_desk.resolve(session, alert, SPOKE, by=team.bob, at=NOON)
        step = visit_pages.step(session, visit, 1, 9, at=NOON)
        answering.save(session, visit, 1, Posted(step.item.id, 3, step.sequence), at=NOON + MINUTE)
    view(database, alert, team.bob, at=NOON + 2 * MINUTE)
    assert kinds(database) == ["raised", "seen", "acknowledged", "resolved", "answered", "reopened", "seen"]
    with database.reading() as session:
        (line,) = alert_desk.heading(session, by=team.bob).rows
        assert (line.asked.value, line.acknowledged_by) == (3, None)


def test_earlier_alerts_come_with_how_they_ended(database: Database, team: Cast, alert: str) -> None:
    with database.writing() as session:
        alert_desk.resolve(session, alert, Outcome("safety_plan", "with her sister"), by=team.bob, at=NOON)
        old = session.scalars(select(Alert)).one()
        values = {name: getattr(old, name) for name in ("clinic_id", "patient_id", "administration_id", "item_id")}
        session.add(Alert(**values, rule="another", level="alert", value=1, raised_at=NOON + MINUTE))
        session.flush()
        newer = session.scalars(select(Alert.public_id).where(Alert.rule == "another")).one()
    (earlier,) = view(database, newer, team.bob).earlier
    assert (earlier.value, earlier.resolution, earlier.resolved_by) == (2, "safety_plan", "Bob Example")
    assert earlier.note == "with her sister"


def test_alerts_head_the_patient_s_page(database: Database, team: Cast, alert: str) -> None:
    with database.reading() as session:
        assert [line.public_id for line in alert_desk.open_of_patient(session, team.alice, by=team.cora)] == [alert]


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, alert: str) -> None:
    with database.writing() as session:
        assert alert_lists.alerts_page(session, by=team.charlie, at=NOON).rows == ()
        for attempt in (
            lambda by: alert_views.alert_view(session, alert, by=by, at=NOON),
            lambda by: alert_desk.acknowledge(session, alert, by=by, at=NOON),
            lambda by: alert_desk.resolve(session, alert, SPOKE, by=by, at=NOON),
        ):
            with pytest.raises(NotFound):
                attempt(team.charlie)
            with pytest.raises(NotAllowed):
                attempt(team.ada)
        assert "alert.view" not in people.audited(session)
