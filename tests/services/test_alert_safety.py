"""Nothing that goes wrong, and nobody who leaves, keeps an alert from being told."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, func, select, update

from prom_server.core.accounts import StaffDetails
from prom_server.core.alert_desk import ChangedMeanwhile
from prom_server.core.alert_latency import period
from prom_server.core.permissions import Role
from prom_server.core.refusals import NotFound
from prom_server.services import (
    accounts,
    alert_desk,
    alert_giving,
    alert_latency,
    alert_messages,
    alert_views,
    answering,
    catalogue,
    escalating,
    on_call,
    outbox,
    staff_changes,
    staffing,
    visit_pages,
)
from prom_server.services.alert_desk import Outcome
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Response
from prom_server.store.clinics import OnCall
from prom_server.store.database import Database
from prom_server.store.invitations import PatientSession
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff
from tests.cast import Cast, count
from tests.services.test_escalating import HOUR, MINUTE, choose, duty, escalate, here, only, raised, steps, told
from tests.services.test_escalating import team as team
from tests.support import clinic
from tests.support.clinic import NOON

DAY = timedelta(days=1)


def answer(database: Database, token: str, value: int | None, at: datetime) -> None:
    """The ninth item."""
    with database.writing() as session:
        step = visit_pages.step(session, token, 1, 9, at=at)
        answering.save(session, token, 1, Posted(step.item.id, value, step.sequence), at=at)


def acknowledge(database: Database, by, at: datetime = NOON) -> None:
    with database.writing() as session:
        alert_desk.acknowledge(session, session.scalars(select(Alert.public_id)).one(), by=by, at=at)


# ---- Rounds


def test_after_a_night_it_goes_on_when_the_clinic_opens(database: Database, team: Cast) -> None:
    choose(database, closed_hours="on_call")
    duty(database, team, team.cora, here("2026-11-24 00:00"), here("2026-11-26 00:00"))
    at, rounds = here("2026-11-24 00:30"), []
    raised(database, team, at)
    while at < here("2026-11-25 09:00"):
        if escalate(database, at):
            rounds.append(at)
        at += 30 * MINUTE
    assert rounds == [here(f"2026-11-24 {hour}") for hour in ("01:30", "02:30", "03:30", "04:30")] + [
        here(f"2026-11-24 {hour:02}:00") for hour in (8, 9, 10, 11)
    ] + [here("2026-11-25 08:00")]


def test_opened_again_its_rounds_begin_anew(database: Database, team: Cast) -> None:
    token = raised(database, team, here("2026-11-23 08:00"))
    for hour in (9, 10, 11, 12):
        assert escalate(database, here(f"2026-11-23 {hour:02}:00")) == 1
    acknowledge(database, team.bob, here("2026-11-23 12:10"))
    with database.writing() as session:
        session.execute(
            update(PatientSession).values(seen_at=here("2026-11-23 12:15"), created_at=here("2026-11-23 12:15"))
        )
    answer(database, token, 3, here("2026-11-23 12:20"))
    assert escalate(database, here("2026-11-23 13:20")) == 1
    assert only(database).escalates_at == here("2026-11-23 14:20")


def test_what_still_waits_to_be_sent_is_replaced(database: Database, team: Cast) -> None:
    at = here("2026-11-23 08:00")
    raised(database, team, at)
    while at < here("2026-11-25 12:00"):
        escalate(database, at)
        at += HOUR
    with database.reading() as session:
        waiting = session.execute(
            select(Message.staff_id, func.count()).where(*outbox.pending()).group_by(Message.staff_id)
        ).all()
        assert [tuple(row) for row in waiting] == [(team.bob.id, 1), (team.cora.id, 1)]
        assert set(session.scalars(select(Message.reason))) == {None, "replaced"}


def test_it_is_told_and_owned_by_who_is_on_call_when_the_message_leaves(database: Database, team: Cast) -> None:
    duty(database, team, team.cora, here("2026-11-27 17:00"), here("2026-11-30 08:00"))
    duty(database, team, team.bob, here("2026-11-30 08:00"), here("2026-12-01 08:00"))
    raised(database, team, here("2026-11-29 22:00"))
    assert only(database).owner_id == team.bob.id
    assert told(database) == [("Bob", 0, "email")]


def test_one_that_cannot_be_escalated_is_left_out(database: Database, team: Cast) -> None:
    raised(database, team)
    later = NOON + DAY
    with database.reading() as session:
        alert = escalating.due(session, at=later)
        assert alert is not None
        assert escalating.due(session, at=later, without=frozenset({alert})) is None


# ---- What fails


@pytest.mark.parametrize("broken", [(alert_messages, "arrangements"), (outbox, "enqueue_many")])
def test_an_answer_and_its_alert_are_kept_where_telling_fails(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch, broken: tuple[object, str]
) -> None:
    def fail(*_of: object, **_named: object) -> None:
        raise RuntimeError("telling")

    token = raised(database, team, item_9=0)
    with monkeypatch.context() as patch:
        patch.setattr(*broken, fail)
        answer(database, token, 2, NOON + MINUTE)
        assert only(database).escalates_at == NOON + MINUTE
        acknowledge(database, team.bob, NOON + MINUTE)
        answer(database, token, 3, NOON + 2 * MINUTE)
    alert = only(database)
    assert (alert.value, alert.acknowledged_at, alert.escalates_at) == (3, None, NOON + 2 * MINUTE)
    assert count(database, Response, Response.item_id == "phq9", Response.value == 3) == 1
    assert told(database) == []
    assert escalate(database, NOON + 2 * MINUTE) == 1
    assert [who for who, _nth, _how in told(database)] == ["Bob", "Cora"]


def test_a_database_that_refuses_the_message_keeps_the_alert(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_messages, "LANGUAGE", None)  # which the column does not take
    raised(database, team)
    assert (only(database).escalates_at, told(database)) == (NOON, [])


def test_a_sign_in_and_a_change_of_staff_hold_up_no_answer(database: Database, team: Cast) -> None:
    if database.on_sqlite:
        pytest.skip("its writers take turns")
    token, held, done = raised(database, team, item_9=0), threading.Event(), threading.Event()

    def hold() -> None:
        with database.writing() as session:
            accounts.look_up(session, f"bob.{team.bob.clinic.id}@example.org", "10.0.0.1", at=NOON)
            staffing.mine(session, team.cora.public_id, by=team.ada, lock=True)
            held.set()
            done.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    try:
        answer(database, token, 2, NOON + MINUTE)
    finally:
        done.set()
        holder.join()
    assert [who for who, _nth, _how in told(database)] == ["Bob", "Cora"]


def test_a_protocol_s_file_that_is_gone_hides_no_alert(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_of: object, **_named: object) -> None:
        raise NotFound("no such protocol")

    raised(database, team)
    monkeypatch.setattr(catalogue, "protocol", gone)
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        assert alert_views.alert_view(session, alert, by=team.bob, at=NOON).assessment == "baseline"


# ---- Who leaves


def leave(database: Database, team: Cast, how: str) -> None:
    with database.writing() as session:
        if how == "deactivated":
            staffing.deactivate(session, team.cora.public_id, by=team.ada, at=NOON + MINUTE)
            return
        if how == "administrator":  # who was told of none before
            session.execute(update(Staff).where(Staff.id == team.cora.id).values(alerts_by=None))
        role = Role.ADMINISTRATOR if how == "administrator" else Role.COORDINATOR
        details = StaffDetails("Cora Example", role, None, "+13035550100")
        staff_changes.change_person(session, team.cora.public_id, details, seen=None, by=team.ada, at=NOON + MINUTE)


@pytest.mark.parametrize("how", ["deactivated", "administrator", "not told"])
def test_whoever_leaves_leaves_no_alert_behind(database: Database, team: Cast, how: str) -> None:
    duty(database, team, team.cora, NOON - HOUR, NOON + HOUR)
    raised(database, team)
    acknowledge(database, team.cora)
    leave(database, team, how)
    alert = only(database)
    assert (alert.owner_id, alert.acknowledged_by, alert.acknowledged_at) == (None, None, None)
    assert alert.escalates_at == NOON + MINUTE + HOUR
    assert told(database)[1:] == [("Bob", 1, "email")]
    assert count(database, OnCall, OnCall.cancelled_at.is_(None)) == 0
    with database.writing() as session:
        view = alert_views.alert_view(session, alert.public_id, by=team.bob, at=NOON + MINUTE)
    (left,) = (each for each in view.steps if each.kind == "left")
    assert (left.by, left.given_to, left.code) == ("Ada Example", "Cora Example", None)


def test_what_a_colleague_took_stays_taken(database: Database, team: Cast) -> None:
    raised(database, team)
    acknowledge(database, team.bob)
    leave(database, team, "deactivated")
    assert (only(database).acknowledged_by, steps(database)) == (team.bob.id, ["raised", "acknowledged"])


def test_a_duty_of_somebody_whom_no_message_reaches_covers_nothing(database: Database, team: Cast) -> None:
    duty(database, team, team.cora, NOON - HOUR, NOON + HOUR)
    with database.writing() as session:
        session.execute(update(Staff).where(Staff.id == team.cora.id).values(alerts_by=None))
        page = on_call.on_call_page(session, by=team.bob, at=NOON)
    assert ([each.reached for each in page.duties], page.covered_until) == ([False], None)


# ---- What staff saw


def test_a_value_that_rises_again_after_it_was_resolved_opens_it(database: Database, team: Cast) -> None:
    token = raised(database, team)
    answer(database, token, 0, NOON + MINUTE)
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        alert_desk.resolve(session, alert, Outcome("spoke_with_patient"), by=team.bob, at=NOON + 2 * MINUTE)
    answer(database, token, 2, NOON + 3 * MINUTE)
    assert steps(database)[-2:] == ["answered", "reopened"]
    assert (only(database).resolved_at, only(database).value) == (None, 2)


def test_the_same_value_after_it_was_resolved_does_not(database: Database, team: Cast) -> None:
    token = raised(database, team)
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        alert_desk.resolve(session, alert, Outcome("spoke_with_patient"), by=team.bob, at=NOON + 2 * MINUTE)
    answer(database, token, 2, NOON + 3 * MINUTE)
    assert steps(database)[-1] == "answered"


def test_a_higher_answer_is_to_be_seen_again(database: Database, team: Cast) -> None:
    token = raised(database, team)
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        alert_desk.mark_seen(session, alert, by=team.bob, at=NOON)
    answer(database, token, 3, NOON + MINUTE)
    for _ in range(2):
        with database.writing() as session:
            alert_desk.mark_seen(session, alert, by=team.bob, at=NOON + MINUTE)
    assert steps(database) == ["raised", "seen", "answered", "seen"]


def test_nobody_takes_what_they_did_not_see(database: Database, team: Cast) -> None:
    token = raised(database, team)
    with database.writing() as session:
        (line,) = alert_desk.heading(session, by=team.bob).rows
    acknowledge(database, team.cora)
    answer(database, token, 3, NOON + MINUTE)
    with database.writing() as session, pytest.raises(ChangedMeanwhile):
        alert_giving.give(session, line.public_id, team.bob.public_id, seen=line.version, by=team.bob, at=NOON)


def test_acknowledged_from_a_list_is_seen_and_the_mode_is_the_answer_s(database: Database, team: Cast) -> None:
    raised(database, team)
    with database.writing() as session:
        session.execute(update(Administration).values(mode="kiosk"))  # as it was begun
    acknowledge(database, team.bob, NOON + MINUTE)
    with database.writing() as session:
        view = alert_latency.latency_page(session, period(NOON.date(), NOON.date()), by=team.bob, at=NOON + HOUR)
    assert view.seen.n == 1
    (found,) = view.alerts
    assert (found.times.seen_at, found.times.mode) == (NOON + MINUTE, "own_device")


# ---- What it costs


def many(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for n in range(20):
            clinic.member(session, team.bob.clinic, Role.CLINICIAN, f"P{n} Example")
        session.execute(update(Staff).where(Staff.role == Role.CLINICIAN).values(alerts_by="email"))


@pytest.mark.parametrize("before", [0, 1])
def test_twenty_who_are_told_cost_the_patient_no_statement_more(database: Database, team: Cast, before: int) -> None:
    """The highest number of a save: 12 where it raises the alert; 13 where one is opened again and all are told."""
    many(database, team)
    token = raised(database, team, item_9=before)
    if before:
        acknowledge(database, team.bob)
    sent: list[str] = []
    with database.writing() as session:
        step = visit_pages.step(session, token, 1, 9, at=NOON)
        event.listen(session.get_bind(), "before_cursor_execute", lambda *of: sent.append(of[2]))
        answering.save(session, token, 1, Posted(step.item.id, 2, step.sequence), at=NOON + 2 * MINUTE)
    assert len(sent) <= 12 + bool(before), sent
    assert len(told(database)) >= 21
