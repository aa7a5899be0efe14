"""A message's way: leased once, begun on disk before anybody sends it, recorded; whatever ends in between is seen."""

from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.message_words import Composed, NothingToSend
from prom_server.core.messages import BACK_OFF, Envelope, Later, Leaves, Never, Outcome, Sent, State, Unclear
from prom_server.services import composing, delivering, heartbeats, outbox
from prom_server.services.delivering import LEASE, Claim, ClaimLost
from prom_server.store.clinics import Clinic, ClosedDay
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import letters
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql

MINUTE = timedelta(minutes=1)
MORNING = NOON - timedelta(hours=2)  # ten o'clock on a Monday in Denver


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session, demo=False)
        session.execute(update(Clinic).values(live_at=NOON))
        return team


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words for messages whose patient has nothing to answer."""
    composed = Composed("Subject", "Body", "Clinic")
    monkeypatch.setattr(composing, "compose", lambda *_args, **_facts: composed)


def put(database: Database, team: Cast, key: str = "k", **facts: object) -> int:
    with database.writing() as session:
        message_id = letters.put(session, team.bob, key, **facts)
        assert message_id is not None
        return message_id


def lease(database: Database, worker: str = "w", *, at: datetime = NOON, leaves: Leaves = Leaves.HERE) -> Claim | None:
    with database.writing() as session:
        return delivering.lease(session, worker, leaves=leaves, at=at)


def begin(database: Database, claim: Claim | None, *, at: datetime = NOON, live: bool = True) -> Envelope | State:
    assert claim is not None
    with database.writing() as session:
        return delivering.begin(session, claim, live=live, public_url="https://prom.example.org", at=at)


def begun(database: Database, worker: str = "w", *, at: datetime = NOON) -> Envelope:
    envelope = begin(database, lease(database, worker, at=at), at=at)
    assert isinstance(envelope, Envelope)
    return envelope


def record(database: Database, envelope: Envelope, outcome: Outcome, *, at: datetime = NOON, worker: str = "w") -> bool:
    with database.writing() as session:
        return delivering.record(session, envelope, worker, outcome, at=at)


def expire(database: Database, at: datetime) -> int:
    with database.writing() as session:
        return delivering.expire(session, at=at)


def row(database: Database, message_id: int) -> Message:
    with database.reading() as session:
        return session.get_one(Message, message_id)


# ---- The lease


def test_one_message_is_leased_once_and_alerts_first(database: Database, team: Cast, words: None) -> None:
    reminder = put(database, team, "r", purpose="link")
    alert = put(database, team, "a", purpose="alert")
    put(database, team, "later", not_before=NOON + MINUTE)
    claims = [lease(database), lease(database), lease(database)]
    assert [claim and claim.message_id for claim in claims] == [alert, reminder, None]
    assert lease(database, at=NOON + MINUTE) is not None


def test_a_lease_that_sent_nothing_runs_out(database: Database, team: Cast) -> None:
    put(database, team)
    first = lease(database, "dead")
    assert lease(database, "other", at=NOON + LEASE - MINUTE) is None
    assert lease(database, "other", at=NOON + LEASE) is not None
    with pytest.raises(ClaimLost):  # it was only slow
        begin(database, first, at=NOON + LEASE)


def test_a_clock_set_back_keeps_no_lease_for_ever(database: Database, team: Cast) -> None:
    put(database, team, not_before=NOON - timedelta(days=2))
    with database.writing() as session:
        session.execute(update(Message).values(next_try_at=NOON - timedelta(days=2)))
    lease(database, "dead")
    assert lease(database, "other", at=NOON - timedelta(days=1)) is not None


def test_machines_whose_clocks_differ_a_little_leave_each_other_alone(database: Database, team: Cast) -> None:
    put(database, team)
    behind = NOON - timedelta(minutes=9)
    claim = lease(database)
    with database.writing() as session:
        session.execute(update(Message).values(next_try_at=behind))
    assert lease(database, "behind", at=behind) is None
    begin(database, claim)
    assert expire(database, behind) == 0


def test_a_channel_that_nothing_leaves_by_rests_and_costs_no_message_its_tries(database: Database, team: Cast) -> None:
    first, second = put(database, team, "a"), put(database, team, "b")
    sms = put(database, team, "c", channel="sms", address="+13035550142")
    assert record(database, begun(database), Later("sign_in", everybody=True))
    stored = row(database, first)
    assert (stored.tries, stored.reason, stored.next_try_at) == (0, "sign_in", NOON + MINUTE)
    claim = lease(database)
    assert claim is not None
    assert claim.message_id == sms  # no other e-mail is tried in this minute
    assert lease(database, "other", at=NOON + MINUTE - timedelta(seconds=1)) is None
    with database.reading() as session:
        assert heartbeats.late(session, NOON) == ("email",)  # once, whatever waits
    assert record(database, begun(database, at=NOON + MINUTE), Sent(), at=NOON + MINUTE)
    assert row(database, second).sent_at is not None
    with database.reading() as session:
        assert heartbeats.late(session, NOON + MINUTE) == ()
    assert lease(database, at=NOON + MINUTE) is not None


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(
    ("leaves", "purpose", "facts", "taken"),
    [
        (Leaves.ELSEWHERE, "alert", {"live_at": NOON}, False),
        (Leaves.NOWHERE, "alert", {"live_at": NOON}, False),
        (Leaves.ELSEWHERE, "alert", {"live_at": None}, True),
        (Leaves.ELSEWHERE, "test", {"live_at": None}, False),
        (Leaves.NOWHERE, "test", {"live_at": None}, True),
        (Leaves.NOWHERE, "test", {"live_at": NOON}, False),
        (Leaves.ELSEWHERE, "test", {"live_at": None, "demo": True}, True),
        (Leaves.ELSEWHERE, "alert", {"live_at": NOON, "demo": True}, True),
    ],
)
def test_a_process_that_may_not_send_leaves_a_live_clinic_its_messages(
    database: Database, team: Cast, leaves: Leaves, purpose: str, facts: dict[str, object], taken: bool
) -> None:
    message_id = put(database, team, purpose=purpose)
    with database.writing() as session:
        session.execute(update(Clinic).values(**facts))
    claim = lease(database, leaves=leaves)
    assert (claim is not None) is taken
    if claim is not None:
        assert begin(database, claim, live=False) is State.LOGGED
    else:
        assert row(database, message_id).logged_at is None
        with database.reading() as session:
            waits = heartbeats.late(session, NOON + 11 * MINUTE)
        assert waits == (("messages",) if facts["live_at"] else ("jobs",))
        assert lease(database, "sender", at=NOON + 11 * MINUTE) is not None


def test_a_clock_set_back_keeps_no_message_for_a_year(database: Database, team: Cast) -> None:
    put(database, team, "ahead", at=NOON + timedelta(days=365))
    put(database, team, "tomorrow", not_before=NOON + timedelta(days=1))
    assert lease(database) is not None
    assert lease(database) is None


def test_a_process_takes_its_own_lease_up_again(database: Database, team: Cast) -> None:
    """The database was away for a moment between the lease and the beginning."""
    put(database, team)
    lease(database)
    assert lease(database) is None
    assert lease(database, "other", at=NOON + MINUTE) is None
    assert lease(database, at=NOON + MINUTE) is not None


@only_postgresql
def test_two_processes_never_lease_the_same(database: Database, team: Cast) -> None:
    """The first one has not committed yet."""
    ids = {put(database, team, key) for key in "ab"}
    with ExitStack() as stack:
        sessions = [stack.enter_context(database.writing()) for _ in range(3)]
        claims = [delivering.lease(each, f"w{nth}", leaves=Leaves.HERE, at=NOON) for nth, each in enumerate(sessions)]
        assert {claim.message_id for claim in claims[:2] if claim} == ids
        assert claims[2] is None


# ---- Begun


def test_that_it_is_being_sent_is_on_disk_before_it_is_sent(database: Database, team: Cast) -> None:
    message_id = put(database, team)
    envelope = begun(database)
    assert (envelope.subject, envelope.body, envelope.begun_at) == ("A test", "It arrived.", NOON)
    stored = row(database, message_id)
    assert (stored.sending_at, stored.leased_until) == (NOON, NOON + LEASE)
    assert lease(database, "other", at=NOON + 2 * LEASE) is None  # never again by itself


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(
    ("installation", "clinic", "purpose", "leaves"),
    [
        (True, {"live_at": NOON}, "alert", True),
        (True, {"live_at": None}, "alert", False),
        (True, {"live_at": None}, "test", True),
        (True, {"live_at": NOON, "demo": True}, "alert", False),
        (True, {"live_at": NOON, "demo": True}, "test", False),
    ],
)
def test_only_a_live_clinic_of_a_live_installation_writes(
    database: Database, team: Cast, installation: bool, clinic: dict[str, object], purpose: str, leaves: bool
) -> None:
    message_id = put(database, team, purpose=purpose)
    with database.writing() as session:
        session.execute(update(Clinic).values(**clinic))
    result = begin(database, lease(database), live=installation)
    stored = row(database, message_id)
    if leaves:
        assert isinstance(result, Envelope)
        assert (stored.sending_at, stored.logged_at) == (NOON, None)
    else:
        assert result is State.LOGGED
        assert (stored.sending_at, stored.logged_at, stored.body) == (None, NOON, "Body")


@pytest.mark.usefixtures("words")
def test_a_clinic_that_goes_live_between_lease_and_beginning_loses_nothing(database: Database, team: Cast) -> None:
    message_id = put(database, team, purpose="alert")
    with database.writing() as session:
        session.execute(update(Clinic).values(live_at=None))
    claim = lease(database, leaves=Leaves.ELSEWHERE)
    with database.writing() as session:
        session.execute(update(Clinic).values(live_at=NOON))
    assert begin(database, claim, live=False) is State.WAITING
    assert (row(database, message_id).logged_at, row(database, message_id).leased_by) == (None, None)


def test_what_need_not_be_sent_any_more_is_cancelled(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = put(database, team)
    monkeypatch.setattr(composing, "compose", lambda *_args, **_facts: NothingToSend("completed"))
    assert begin(database, lease(database)) is State.CANCELLED
    stored = row(database, message_id)
    assert (stored.cancelled_at, stored.reason, stored.sending_at, stored.tries) == (NOON, "completed", None, 0)


def test_one_that_is_cancelled_while_it_is_written_takes_its_link_back(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What composing stored, a link above all, must not outlive the lost claim."""
    message_id = put(database, team)
    claim = lease(database)
    with database.writing() as session:
        outbox.cancel(session, [message_id], "moved", at=NOON)

    def compose(session, message, **_facts: object) -> Composed:
        session.execute(update(Clinic).values(sender_name="left behind"))
        return Composed("s", "b")

    monkeypatch.setattr(composing, "compose", compose)
    with pytest.raises(ClaimLost):
        begin(database, claim)
    with database.reading() as session:
        assert session.scalars(select(Clinic.sender_name)).first() is None


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(
    ("at", "until"),
    [
        (MORNING, None),
        (NOON, NOON + timedelta(hours=21)),  # the morning is over: tomorrow at nine
        (MORNING - timedelta(hours=5), MORNING - timedelta(hours=1)),  # at night: this morning
        (MORNING - timedelta(days=2), MORNING - timedelta(hours=1)),  # Saturday: on Monday
        (MORNING + timedelta(days=2), NOON + timedelta(days=3, hours=-3)),  # a closed Wednesday: on Thursday
    ],
)
def test_a_reminder_that_was_held_up_waits_for_a_morning(
    database: Database, team: Cast, at: datetime, until: datetime | None
) -> None:
    message_id = put(database, team, purpose="reminder", at=at - timedelta(days=5))
    with database.writing() as session:
        closed = (MORNING + timedelta(days=2)).date()
        session.add(ClosedDay(clinic_id=team.bob.clinic.id, on=closed, name="Holiday"))
    result = begin(database, lease(database, at=at), at=at)
    stored = row(database, message_id)
    if until is None:
        assert isinstance(result, Envelope)
    else:
        assert (result, stored.next_try_at, stored.leased_by, stored.tries) == (State.WAITING, until, None, 0)


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(("key", "purpose"), [("l", "link"), ("r:again:1", "reminder")])
def test_what_staff_sent_by_hand_goes_at_once_or_not_at_night(
    database: Database, team: Cast, key: str, purpose: str
) -> None:
    with database.reading() as session:
        patient = session.scalars(select(Patient.id).where(Patient.public_id == team.alice)).one()
    evening, night = NOON + timedelta(hours=9, minutes=30), NOON + timedelta(hours=10)  # half past nine in Denver
    message_id = put(database, team, key, purpose=purpose, patient_id=patient, at=evening)
    assert isinstance(begin(database, lease(database, at=evening), at=evening), Envelope)
    with database.writing() as session:  # it was refused, or held up
        session.execute(update(Message).values(sending_at=None, leased_until=None))
    assert begin(database, lease(database, at=night), at=night) is State.WAITING
    assert row(database, message_id).next_try_at == NOON + timedelta(hours=20)  # at eight


@pytest.mark.usefixtures("words")
def test_an_alert_is_tried_every_quarter_of_an_hour(database: Database, team: Cast) -> None:
    put(database, team, purpose="alert")
    at = NOON
    for wait in (1, 5, *(98 * [15])):
        record(database, begun(database, at=at), Later("busy"), at=at)
        assert lease(database, at=at + wait * MINUTE - timedelta(seconds=1)) is None
        at += wait * MINUTE
    assert lease(database, at=at) is not None


@pytest.mark.usefixtures("words")
def test_one_that_staff_sent_once_more_goes_at_once(database: Database, team: Cast) -> None:
    put(database, team, "r:again:1", purpose="reminder")
    assert isinstance(begin(database, lease(database)), Envelope)  # the morning is over


# ---- Recorded


def test_sent(database: Database, team: Cast) -> None:
    message_id = put(database, team)
    assert record(database, begun(database), Sent("SM1"), at=NOON + MINUTE)
    stored = row(database, message_id)
    assert (stored.sent_at, stored.provider_id, stored.leased_until) == (NOON + MINUTE, "SM1", None)
    assert lease(database, at=NOON + LEASE) is None
    assert expire(database, NOON + 2 * LEASE) == 0


def test_a_clear_refusal_is_tried_again_later_and_later_and_then_given_up(database: Database, team: Cast) -> None:
    message_id, at = put(database, team), NOON
    for wait in BACK_OFF:
        assert record(database, begun(database, at=at), Later("busy"), at=at)
        assert lease(database, at=at + wait - timedelta(seconds=1)) is None
        at += wait
    assert record(database, begun(database, at=at), Later("busy"), at=at)
    stored = row(database, message_id)
    assert (stored.refused_at, stored.reason, stored.tries) == (at, "busy", len(BACK_OFF) + 1)
    assert lease(database, at=at + timedelta(days=30)) is None


def test_an_unclear_one_is_never_tried_again(database: Database, team: Cast) -> None:
    message_id = put(database, team)
    assert record(database, begun(database), Unclear("no_answer"))
    assert row(database, message_id).unclear_at == NOON
    assert lease(database, at=NOON + timedelta(days=30)) is None


@pytest.mark.parametrize(
    ("outcome", "marked"),
    [
        (Never("address", gone=True), "undeliverable_at"),
        (Never("stopped", stopped=True), "stopped_at"),
        (Never("content"), None),
    ],
)
def test_a_refused_address_is_marked(database: Database, team: Cast, outcome: Never, marked: str | None) -> None:
    with database.writing() as session:
        patient = session.scalars(select(Patient).where(Patient.public_id == team.alice)).one()
        session.add(
            Channel(
                clinic_id=team.bob.clinic.id,
                patient_id=patient.id,
                kind="email",
                address="alice@example.org",
                consented_at=NOON,
                created_at=NOON,
            )
        )
    message_id = put(database, team, patient_id=patient.id, address="alice@example.org")
    assert record(database, begun(database), outcome)
    assert row(database, message_id).refused_at == NOON
    with database.reading() as session:
        channel = session.scalars(select(Channel)).one()
        assert {name for name in ("undeliverable_at", "stopped_at") if getattr(channel, name)} == ({marked} - {None})


# ---- A process that died


def test_one_whose_process_died_while_sending_is_unclear(database: Database, team: Cast) -> None:
    message_id = put(database, team)
    begun(database, "dead")
    assert expire(database, NOON + LEASE - MINUTE) == 0
    assert expire(database, NOON + LEASE) == 1
    stored = row(database, message_id)
    assert (stored.unclear_at, stored.reason) == (NOON + LEASE, delivering.DIED)
    assert lease(database, at=NOON + timedelta(days=1)) is None
    assert expire(database, NOON + timedelta(days=1)) == 0


@pytest.mark.parametrize(
    ("outcome", "fact"), [(Sent(), "sent_at"), (Never("content"), "refused_at"), (Later("busy"), "next_try_at")]
)
def test_a_late_answer_is_better_than_none(database: Database, team: Cast, outcome: Outcome, fact: str) -> None:
    """The process was not dead: its machine slept, or the clock was set ahead."""
    message_id = put(database, team)
    envelope, later = begun(database), NOON + timedelta(hours=1)
    expire(database, later)
    assert record(database, envelope, outcome, at=later)
    stored = row(database, message_id)
    assert stored.unclear_at is None
    assert getattr(stored, fact) >= later


def test_what_staff_settled_stays_as_they_settled_it(database: Database, team: Cast) -> None:
    message_id = put(database, team)
    envelope = begun(database)
    expire(database, NOON + LEASE)
    with database.writing() as session:
        session.get_one(Message, message_id).settled_at = NOON + LEASE
    assert not record(database, envelope, Later("busy"), at=NOON + LEASE)
    assert lease(database, at=NOON + timedelta(days=9)) is None


def test_an_answer_to_another_try_changes_nothing(database: Database, team: Cast) -> None:
    put(database, team)
    first = begun(database)
    record(database, first, Later("busy"))
    second = begun(database, at=NOON + MINUTE)
    assert not record(database, first, Sent())
    assert record(database, second, Sent())
    assert not record(database, second, Later("busy"))


def test_one_that_cannot_be_written_does_not_stand_in_the_way(database: Database, team: Cast) -> None:
    message_id, at = put(database, team), NOON
    for _ in range(len(BACK_OFF) + 1):
        claim = lease(database, at=at)
        assert claim is not None
        with database.writing() as session:
            delivering.fail(session, claim, at=at)
        assert lease(database, at=at) is None
        at += BACK_OFF[-1]
    stored = row(database, message_id)
    assert (stored.reason, stored.refused_at is not None, stored.sending_at) == ("not_composed", True, None)
