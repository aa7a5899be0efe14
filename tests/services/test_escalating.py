"""An alert goes to the next person, on time, and nobody is told twice in one round."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select, update

from prom_server.core.alert_care import NobodyToGiveTo
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import (
    alert_desk,
    alert_giving,
    alert_lists,
    alert_views,
    alerting,
    answering,
    catalogue,
    escalating,
    on_call,
    opening,
    raising,
    visit_pages,
)
from prom_server.services.alert_desk import Outcome
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.clinics import Clinic, ClosedDay, Opening
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def here(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Denver")).astimezone(UTC)


@pytest.fixture
def team(database: Database) -> Cast:
    """Bob is told by e-mail and Cora by SMS; Ada, the administrator, of nothing."""
    with database.writing() as session:
        team = people.cast(session)
        for who, how in ((team.bob, "email"), (team.cora, "sms")):
            session.execute(update(Staff).where(Staff.id == who.id).values(alerts_by=how, mobile="+13035550100"))
        return team


def raised(database: Database, team: Cast, at: datetime = NOON, item_9: int | None = 2) -> str:
    """Alice's session, in which she answered the ninth item at home."""
    with database.writing() as session:
        return people.answer_part(session, people.start(session, team, starts_on=at.date()), team.bob, item_9, at=at)


def only(database: Database) -> Alert:
    with database.reading() as session:
        return session.scalars(select(Alert)).one()


def told(database: Database) -> list[tuple[str, int, str]]:
    """Who, in which round, by which way."""
    with database.reading() as session:
        rows = session.execute(
            select(Message, Staff.name).join(Staff, Staff.id == Message.staff_id).order_by(Message.id)
        )
        return [(name.split()[0], int(row.key.rsplit(":", 1)[1]), row.channel) for row, name in rows]


def steps(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(AlertStep.kind).order_by(AlertStep.id)))


def escalate(database: Database, at: datetime) -> int:
    with database.writing() as session:
        alert_id = escalating.due(session, at=at)
        return 0 if alert_id is None else escalating.escalate(session, alert_id, at=at)


def choose(database: Database, **values: object) -> None:
    with database.writing() as session:
        session.execute(update(Clinic).values(**values))


def duty(database: Database, team: Cast, who, begins: datetime, until: datetime) -> str:
    with database.writing() as session:
        return on_call.put_on_call(session, who.public_id, begins, until, by=team.cora, at=NOON)


def test_from_home_on_friday_before_closing_it_goes_on_on_monday(database: Database, team: Cast) -> None:
    friday = here("2026-11-27 16:50")
    raised(database, team, friday)
    assert only(database).escalates_at == here("2026-11-30 08:50")
    assert escalate(database, here("2026-11-30 08:49")) == 0
    assert escalate(database, here("2026-11-30 08:50")) == 1
    assert escalate(database, here("2026-11-30 08:50")) == 0
    assert steps(database) == ["raised", "escalated"]
    assert told(database) == [("Bob", 0, "email"), ("Cora", 0, "sms"), ("Bob", 1, "email"), ("Cora", 1, "sms")]
    assert only(database).escalates_at == here("2026-11-30 09:50")


def test_the_message_is_there_with_the_alert_and_says_nothing(database: Database, team: Cast) -> None:
    raised(database, team)
    with database.reading() as session:
        alert, (first, _second) = session.scalars(select(Alert)).one(), session.scalars(select(Message)).all()
        assert first.key == f"alert:{alert.public_id}:{team.bob.public_id}:0"
        assert (first.purpose, first.alert_id, first.staff_id) == ("alert", alert.id, team.bob.id)
        assert (first.patient_id, first.subject, first.body, first.next_try_at) == (None, None, None, NOON)


def test_while_closed_the_message_waits_for_the_opening(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.add(ClosedDay(clinic_id=team.bob.clinic.id, on=date(2026, 11, 26), name="Thanksgiving"))
        session.add(Opening(clinic_id=team.bob.clinic.id, weekday=4, opens="07:30", closes="12:00"))
        session.add(Opening(clinic_id=team.charlie.clinic.id, weekday=2, opens="00:00", closes="24:00"))
    night = here("2026-11-25 21:00")
    raised(database, team, night)
    with database.reading() as session:
        assert {row.next_try_at for row in session.scalars(select(Message))} == {here("2026-11-27 07:30")}
        assert opening.hours(session, team.bob.clinic.id, "America/Denver").next_opening(night) == here(
            "2026-11-27 07:30"
        )
    assert only(database).escalates_at == here("2026-11-27 08:30")


def test_with_somebody_on_call_the_night_counts(database: Database, team: Cast) -> None:
    choose(database, closed_hours="on_call")
    duty(database, team, team.cora, here("2026-11-24 17:00"), here("2026-11-25 08:00"))
    night = here("2026-11-24 22:00")
    raised(database, team, night)
    alert = only(database)
    assert (alert.owner_id, alert.escalates_at) == (team.cora.id, night + HOUR)
    assert told(database) == [("Cora", 0, "sms")]
    assert escalate(database, night + HOUR) == 1
    assert told(database)[1:] == [("Bob", 1, "email"), ("Cora", 1, "sms")]


def test_an_outage_of_ten_days_escalates_once(database: Database, team: Cast) -> None:
    raised(database, team)
    later = NOON + timedelta(days=10)
    assert [escalate(database, later) for _ in range(3)] == [1, 0, 0]
    assert only(database).escalates_at == later + HOUR  # from now on, not from then


def test_the_rounds_of_a_day_end(database: Database, team: Cast) -> None:
    raised(database, team, here("2026-11-23 08:00"))
    at, rounds = here("2026-11-23 08:00"), 0
    while at < here("2026-11-24 00:00"):
        rounds += escalate(database, at)
        at += 5 * MINUTE
    assert rounds == 4
    assert only(database).escalates_at == here("2026-11-24 08:00")


def test_acknowledged_it_goes_no_further_and_what_waits_is_called_off(database: Database, team: Cast) -> None:
    raised(database, team)
    with database.writing() as session:
        alert_desk.acknowledge(session, only(database).public_id, by=team.cora, at=NOON + MINUTE)
    assert escalate(database, NOON + timedelta(days=1)) == 0
    with database.reading() as session:
        assert {row.cancelled_at for row in session.scalars(select(Message))} == {NOON + MINUTE}
    assert only(database).owner_id == team.cora.id


def test_a_higher_answer_tells_the_next_at_once_and_never_fewer(database: Database, team: Cast) -> None:
    duty(database, team, team.cora, NOON - HOUR, NOON + timedelta(days=7))
    token = raised(database, team)
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        alert_desk.resolve(session, alert, Outcome("spoke_with_patient"), by=team.bob, at=NOON)
        step = visit_pages.step(session, token, 1, 9, at=NOON)
        answering.save(session, token, 1, Posted(step.item.id, 3, step.sequence), at=NOON + 20 * MINUTE)
    assert told(database) == [("Cora", 0, "sms"), ("Bob", 1, "email"), ("Cora", 1, "sms")]
    assert only(database).escalates_at == NOON + 80 * MINUTE


def test_a_higher_answer_does_not_put_off_what_is_running_out(database: Database, team: Cast) -> None:
    token = raised(database, team)
    with database.writing() as session:
        step = visit_pages.step(session, token, 1, 9, at=NOON)
        answering.save(session, token, 1, Posted(step.item.id, 3, step.sequence), at=NOON + 20 * MINUTE)
        answering.call_me(session, token, 1, 9, at=NOON + 21 * MINUTE)
    assert only(database).escalates_at == NOON + HOUR
    assert [nth for _who, nth, _how in told(database)] == [0, 0, 1, 1, 2, 2]


def test_two_requests_that_raise_the_same_alert_make_one(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looked before the first had committed: what it heard is added to the alert that is there."""
    raised(database, team)
    looked = iter([None])
    found = alerting._alert
    monkeypatch.setattr(alerting, "_alert", lambda *of: next(looked) if looked.__length_hint__() else found(*of))
    with database.writing() as session:
        alert = session.scalars(select(Alert)).one()
        whose = raising.Answering(alert.clinic_id, alert.patient_id, alert.administration_id)
        rule = catalogue.instrument("phq-9").alerts[0]
        alerting.answered(session, whose, rule, 3, answered_at=NOON, at=NOON)
    assert steps(database) == ["raised", "answered"]
    assert only(database).value == 3


def test_a_flag_is_nobody_s_message(database: Database, team: Cast) -> None:
    token = raised(database, team, item_9=None)
    with database.writing() as session:
        people.submit_part(session, token)
    assert told(database) == []
    assert escalate(database, NOON + timedelta(days=3)) == 0


def test_nobody_can_be_told_and_the_page_says_so(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(update(Staff).values(alerts_by=None))
    raised(database, team)
    at = here("2026-11-23 13:00")
    assert [escalate(database, at + n * HOUR) for n in range(4)] == [1, 0, 0, 0]
    with database.writing() as session:
        view = alert_views.alert_view(session, only(database).public_id, by=team.bob, at=at)
    assert view.care.nobody
    assert (view.steps[1].kind, view.steps[1].code) == ("escalated", "nobody")
    assert only(database).escalates_at == here("2026-11-24 08:00")


def test_given_on_it_must_be_acknowledged_again(database: Database, team: Cast) -> None:
    raised(database, team)
    alert, later = only(database).public_id, NOON + 30 * MINUTE
    with database.writing() as session:
        alert_desk.acknowledge(session, alert, by=team.cora, at=NOON)
        alert_giving.give(session, alert, team.bob.public_id, by=team.cora, at=later)
        alert_giving.give(session, alert, team.bob.public_id, by=team.cora, at=later)  # a second click
        mine = alert_lists.alerts_page(session, alert_lists.Show.MINE, by=team.bob, at=later)
        assert [line.owner for line in mine.rows] == ["Bob Example"]
        assert alert_lists.alerts_page(session, alert_lists.Show.MINE, by=team.cora, at=later).rows == ()
        view = alert_views.alert_view(session, alert, by=team.bob, at=later)
    assert (view.line.acknowledged_at, view.care.escalates_at) == (None, later + HOUR)
    assert [(each.kind, each.by, each.given_to) for each in view.steps][2:3] == [
        ("given", "Cora Example", "Bob Example")
    ]
    assert told(database)[-1] == ("Bob", 1, "email")
    assert [(each.name, each.state) for each in view.care.told][-1] == ("Bob Example", "waiting")
    with database.writing() as session:
        alert_giving.give(session, alert, team.bob.public_id, by=team.bob, at=later)
    assert only(database).acknowledged_by == team.bob.id
    assert steps(database)[-1] == "acknowledged"


def test_it_is_given_only_to_who_takes_alerts_here(database: Database, team: Cast) -> None:
    raised(database, team)
    alert = only(database).public_id
    with database.writing() as session:
        for who in (team.ada, team.charlie):
            with pytest.raises(NobodyToGiveTo):
                alert_giving.give(session, alert, who.public_id, by=team.bob, at=NOON)
        with pytest.raises(NotFound):
            alert_giving.give(session, alert, team.charlie.public_id, by=team.charlie, at=NOON)
        with pytest.raises(NotAllowed):
            alert_giving.give(session, alert, team.bob.public_id, by=team.ada, at=NOON)


def test_the_save_that_raises_costs_a_patient_no_more_than_twelve_statements(database: Database, team: Cast) -> None:
    """With one person to tell, whatever the clinic recorded; see tests/services/test_statements.py."""
    choose(database, closed_hours="on_call")
    duty(database, team, team.cora, NOON - HOUR, NOON + HOUR)
    with database.writing() as session:
        token = people.answer_part(session, people.start(session, team), team.bob, 0)
    sent: list[str] = []
    with database.writing() as session:
        step = visit_pages.step(session, token, 1, 9, at=NOON)
        event.listen(session.get_bind(), "before_cursor_execute", lambda *of: sent.append(of[2]))
        answering.save(session, token, 1, Posted(step.item.id, 1, step.sequence), at=NOON + 2 * MINUTE)
    assert len(sent) <= 12, "\n".join(each[:150].replace("\n", " ") for each in sent)
    assert told(database) == [("Cora", 0, "sms")]


def test_duties_are_cancelled_not_removed(database: Database, team: Cast) -> None:
    public_id = duty(database, team, team.cora, NOON - HOUR, NOON + HOUR)
    with database.writing() as session:
        page = on_call.on_call_page(session, by=team.bob, at=NOON)
        assert ([each.name for each in page.duties], page.covered_until) == (["Cora Example"], NOON + HOUR)
        on_call.cancel(session, public_id, by=team.bob, at=NOON)
        assert on_call.on_call_page(session, by=team.bob, at=NOON).covered_until is None
        with pytest.raises(NotFound):
            on_call.cancel(session, public_id, by=team.charlie, at=NOON)
    raised(database, team)
    assert only(database).owner_id is None
