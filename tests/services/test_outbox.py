"""The outbox: put in once, listed with what became of it, settled by staff; each clinic its own."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from prom_server.core.contacts import WhyNot
from prom_server.core.message_words import Composed
from prom_server.core.messages import AlreadySettled, CannotReach, Settlement, State
from prom_server.core.permissions import StaffMember
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import composing, heartbeats, outbox, settling
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support import letters
from tests.support.clinic import NOON


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session, demo=False)


def put(database: Database, by: StaffMember, key: str = "k", **facts: object) -> int | None:
    with database.writing() as session:
        return letters.put(session, by, key, **facts)


def change(database: Database, message_id: int | None, **facts: object) -> str:
    """Sets facts of a message; answers its public id."""
    with database.writing() as session:
        message = session.get_one(Message, message_id)
        for name, value in facts.items():
            setattr(message, name, value)
        return message.public_id


def test_a_key_goes_in_once_and_what_else_is_in_the_transaction_stays(database: Database, team: Cast) -> None:
    assert put(database, team.bob) is not None
    with database.writing() as session:
        assert letters.put(session, team.bob, "k") is None
        assert letters.put(session, team.bob, "other") is not None
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 2


def test_a_rolled_back_cause_leaves_no_message(database: Database, team: Cast) -> None:
    with database.writing() as session:
        letters.put(session, team.bob, "k")
        session.rollback()
    assert put(database, team.bob) is not None


def test_what_waits_is_cancelled_and_what_is_being_sent_is_not(database: Database, team: Cast) -> None:
    waiting, sending, sent = (put(database, team.bob, key) for key in "abc")
    change(database, sending, sending_at=NOON, leased_until=NOON)
    change(database, sent, sent_at=NOON)
    with database.writing() as session:
        assert outbox.cancel(session, [waiting, sending, sent], "moved", at=NOON) == 1
    with database.reading() as session:
        assert session.get_one(Message, waiting).reason == "moved"
        assert session.get_one(Message, sending).cancelled_at is None


def test_trouble_is_refused_or_unclear_and_not_settled(database: Database, team: Cast) -> None:
    refused, unclear, sent, settled = (put(database, team.bob, key) for key in "abcd")
    named = [change(database, refused, refused_at=NOON, reason="address"), change(database, unclear, unclear_at=NOON)]
    change(database, sent, sent_at=NOON)
    change(database, settled, refused_at=NOON, settled_at=NOON, settled_as="left")
    with database.reading() as session:
        found = outbox.trouble(session, by=team.cora)
        assert [line.public_id for line in found] == named
        assert [line.state for line in found] == [State.REFUSED, State.UNCLEAR]
        assert all(line.troubled for line in found)
        assert outbox.trouble(session, by=team.charlie) == ()


def test_an_alert_that_was_tried_in_vain_is_trouble_at_once(database: Database, team: Cast) -> None:
    alert, link, late = (put(database, team.bob, key, purpose=key.rstrip("2")) for key in ("alert", "link", "link2"))
    with database.reading() as session:
        assert outbox.trouble(session, by=team.cora) == ()
    for message_id, tries in ((alert, 1), (link, 3), (late, 4)):
        change(database, message_id, tries=tries, reason="busy")
    with database.reading() as session:
        found = outbox.trouble(session, by=team.cora)
        assert [(each.purpose, each.tries, each.troubled) for each in found] == [
            ("alert", 1, False),
            ("link", 4, False),
        ]


def test_pages_of_the_newest_first(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PAGE", 2)
    ids = [change(database, put(database, team.bob, key)) for key in "abcde"]
    put(database, team.charlie, "theirs")
    with database.writing() as session:
        first = outbox.page(session, by=team.cora, at=NOON)
        assert [each.public_id for each in first.rows] == [ids[4], ids[3]]
        second = outbox.page(session, before=first.before, by=team.cora, at=NOON)
        assert [each.public_id for each in second.rows] == [ids[2], ids[1]]
        last = outbox.page(session, before=second.before, by=team.cora, at=NOON)
        assert ([each.public_id for each in last.rows], last.before) == ([ids[0]], None)
        with pytest.raises(NotFound):
            outbox.page(session, before=first.before, by=team.charlie, at=NOON)


def test_who_may_hand_out_links_reads_what_was_only_logged(database: Database, team: Cast) -> None:
    with database.reading() as session:
        patient_id = session.scalar(select(Patient.id).where(Patient.public_id == team.alice))
    public_id = change(database, put(database, team.bob, patient_id=patient_id), logged_at=NOON, body="a link")
    with database.writing() as session:
        assert outbox.message(session, public_id, by=team.cora, at=NOON).body == "a link"
        seen = outbox.message(session, public_id, by=team.ada, at=NOON)
        assert (seen.body, seen.line.patient) == (None, None)
        with pytest.raises(NotFound):
            outbox.message(session, public_id, by=team.charlie, at=NOON)
        looked = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "message.view")
        assert session.scalar(looked) == 2


# ---- Settling


def settle(database: Database, public_id: str, how: Settlement, by: StaffMember) -> None:
    with database.writing() as session:
        settling.settle(session, public_id, how, by=by, at=NOON)


@pytest.mark.parametrize("how", [Settlement.ARRIVED, Settlement.LEFT])
def test_a_settled_message_is_no_trouble_any_more(database: Database, team: Cast, how: Settlement) -> None:
    public_id = change(database, put(database, team.bob), unclear_at=NOON)
    settle(database, public_id, how, team.cora)
    with database.writing() as session:
        assert outbox.trouble(session, by=team.cora) == ()
        line = outbox.message(session, public_id, by=team.cora, at=NOON).line
        assert (line.state, line.settled_as, line.settled_by) == (State.UNCLEAR, how, team.cora.name)
    with pytest.raises(AlreadySettled):
        settle(database, public_id, Settlement.AGAIN, team.bob)


def test_sent_again_is_another_message_each_time(database: Database, team: Cast) -> None:
    message_id = put(database, team.bob, "root")
    for number in (1, 2):
        public_id = change(database, message_id, refused_at=NOON)
        settle(database, public_id, Settlement.AGAIN, team.cora)
        with database.reading() as session:
            message_id = session.scalar(select(Message.id).where(Message.key == f"root:again:{number}"))
            assert message_id is not None
    with database.reading() as session:
        settled = select(AuditEntry.detail).where(AuditEntry.action == "message.settle")
        assert session.scalars(settled).all() == ["again", "again"]


def test_a_test_is_sent_again_with_its_words_and_a_reminder_with_what_it_covered(
    database: Database, team: Cast
) -> None:
    with database.writing() as session:
        people.start(session, team)
        patient, assessment = session.execute(select(Assessment.patient_id, Assessment.id).limit(1)).one()
        facts = {"kind": "email", "address": "a@example.org", "consented_at": NOON, "created_at": NOON}
        session.add(Channel(clinic_id=team.bob.clinic.id, patient_id=patient, **facts))
        old = letters.put(session, team.bob, "remind", purpose="reminder", patient_id=patient)
        session.add(Reminder(assessment_id=assessment, kind="opens", nth=0, message_id=old, at=NOON))
    for message_id in (old, put(database, team.bob, "test")):
        settle(database, change(database, message_id, refused_at=NOON), Settlement.AGAIN, team.cora)
    with database.writing() as session:
        new, test = session.scalars(select(Message).where(Message.key.contains(":again:")).order_by(Message.id)).all()
        assert session.scalars(select(Reminder.message_id)).one() == new.id
        assert (test.subject, test.body) == ("A test", "It arrived.")
        on_another_day = NOON + timedelta(days=2)
        assert isinstance(composing.compose(session, new, public_url="https://x.example", at=on_another_day), Composed)


def test_an_alert_is_sent_again_where_its_reader_is_now(database: Database, team: Cast) -> None:
    public_id = change(database, put(database, team.bob, purpose="alert", staff_id=team.bob.id), refused_at=NOON)
    with database.writing() as session:
        session.execute(update(Staff).where(Staff.id == team.bob.id).values(alerts_by="sms", mobile="+13035550100"))
    settle(database, public_id, Settlement.AGAIN, team.cora)
    with database.reading() as session:
        again = session.scalars(select(Message).where(Message.key.contains(":again:"))).one()
        assert (again.channel, again.address) == ("sms", "+13035550100")


def test_sent_again_goes_where_the_patient_is_reached_now(database: Database, team: Cast) -> None:
    with database.writing() as session:
        patient = session.scalars(select(Patient).where(Patient.public_id == team.alice)).one()
        first = letters.put(session, team.bob, "a", patient_id=patient.id, address="old@example.org")
        second = letters.put(session, team.bob, "b", patient_id=patient.id, address="old@example.org")
    one = change(database, first, refused_at=NOON)
    with pytest.raises(CannotReach, match=WhyNot.NO_CHANNEL):
        settle(database, one, Settlement.AGAIN, team.cora)
    with database.writing() as session:
        session.add(
            Channel(
                clinic_id=team.bob.clinic.id,
                patient_id=patient.id,
                kind="sms",
                address="+13035550142",
                consented_at=NOON,
                created_at=NOON,
            )
        )
    settle(database, one, Settlement.AGAIN, team.cora)  # the refusal had changed nothing
    settle(database, change(database, second, unclear_at=NOON), Settlement.AGAIN, team.cora)
    with database.reading() as session:
        again = session.scalars(select(Message).where(Message.key.contains(":again:"))).all()
        assert {(each.channel, each.address) for each in again} == {("sms", "+13035550142")}


def test_only_trouble_is_settled_and_only_at_the_desk(database: Database, team: Cast) -> None:
    message_id = put(database, team.bob)
    public_id = change(database, message_id)
    for facts in ({}, {"sent_at": NOON}):
        change(database, message_id, **facts)
        with pytest.raises(AlreadySettled):
            settle(database, public_id, Settlement.AGAIN, team.cora)
    change(database, message_id, sent_at=None, refused_at=NOON)
    with pytest.raises(AlreadySettled):  # what was clearly refused cannot have arrived
        settle(database, public_id, Settlement.ARRIVED, team.cora)
    with pytest.raises(NotFound):
        settle(database, public_id, Settlement.LEFT, team.charlie)
    with pytest.raises(NotAllowed):
        settle(database, public_id, Settlement.LEFT, team.ada)


# ---- Heartbeats


def test_a_task_that_stands_still_is_named(database: Database, team: Cast) -> None:
    later = NOON + timedelta(minutes=11)
    with database.writing() as session:
        assert heartbeats.late(session, NOON) == ()
        assert heartbeats.late(session, later) == (heartbeats.NONE_RUNS,)  # nothing ever ran
        heartbeats.beat(session, "remind", at=NOON)
        heartbeats.beat(session, "deliver", at=NOON)
        assert heartbeats.late(session, NOON + timedelta(minutes=10)) == ()
        heartbeats.beat(session, "deliver", at=later)
        assert heartbeats.late(session, later) == ("remind",)
        heartbeats.beat(session, "deliver", at=later + timedelta(hours=1), error="ValueError")
        assert heartbeats.late(session, later + timedelta(hours=1)) == ("deliver", "remind")
        assert heartbeats.fresh(session, at=later) == set()
        heartbeats.beat(session, "deliver", at=later)
        assert heartbeats.fresh(session, at=later + timedelta(seconds=29)) == {"deliver"}
        assert heartbeats.fresh(session, at=later - timedelta(days=1)) == set()  # the clock was set back
