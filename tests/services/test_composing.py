"""A message when it is sent: asked again whether it should go, with a link of its own, in the clinic's words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.contacts import Kind
from prom_server.core.invitations import AssessmentOver, NotReachable
from prom_server.core.message_words import LinkMissing, Words
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.tokens import hash_token
from prom_server.services import (
    composing,
    contacts,
    invitations,
    links,
    message_templates,
    opting_out,
    outbox,
    visits,
)
from prom_server.services.composing import Composed, NothingToSend
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, mornings
from tests.support.clinic import NOON

URL = "https://prom.example.org"
AT = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # nine in the morning, the day after


@pytest.fixture
def team(database: Database) -> Cast:
    """Alice, reached by e-mail, whose baseline waits; and a reminder of it in the outbox."""
    with database.writing() as session:
        team = people.cast(session)
        people.start(session, team, starts_on=date(2026, 12, 1))
        contacts.set_address(session, team.alice, Kind.EMAIL, "alice@example.org", consent=True, by=team.bob, at=NOON)
        assert mornings.remind(session, at=AT) == 1
        return team


def compose(database: Database, at: datetime = AT, *, message_id: int = 1) -> Composed | NothingToSend:
    with database.writing() as session:
        return composing.compose(session, session.get_one(Message, message_id), public_url=URL, at=at)


def change(database: Database, table: type, **values: object) -> None:
    with database.writing() as session:
        session.execute(update(table).values(**values))


def token_in(composed: Composed | NothingToSend) -> str:
    assert isinstance(composed, Composed)
    return composed.body.partition(f"{URL}/a/")[2].split()[0]


def test_the_words_of_a_reminder(database: Database, team: Cast) -> None:
    found = compose(database)
    assert isinstance(found, Composed)
    link = f"{URL}/a/{token_in(found)}"
    assert found.subject == "Your questions are ready"
    assert (
        found.body
        == f"""Hello,

Your questions from Harbour Street Pain Clinic are ready. You can answer them on your phone or computer:

{link}

First we ask for your date of birth. The link is only for you. Please do not pass it on.

Do you need help? Call (303) 555-0142, weekdays 8 am to 5 pm. Please call rather than write back.

Do you want no more reminders? Stop them here:
{link}/reminders"""
    )
    assert (found.sender_name, found.reply_to) == ("Harbour Street Pain Clinic", None)
    assert found.unsubscribe_url == f"{link}/reminders"
    assert "Alice" not in f"{found.subject}{found.body}"
    assert link not in repr(found)


def test_its_link_opens_the_assessment_and_stops_the_reminders(database: Database, team: Cast) -> None:
    token = token_in(compose(database))
    with database.writing() as session:
        assert visits.look_at_link(session, token, at=AT).clinic.name == "Harbour Street Pain Clinic"
        invitation = session.scalars(select(Invitation)).one()
        assert (invitation.token_hash, invitation.created_by, invitation.message_id) == (hash_token(token), None, 1)
        opting_out.count_attempt(session, token, at=AT)
        opting_out.choose(session, token, clinic.BIRTH_DATE, reminders=False, at=AT)
    assert compose(database) == NothingToSend("opted_out")


def test_each_try_has_a_link_of_its_own(database: Database, team: Cast) -> None:
    first, second = token_in(compose(database)), token_in(compose(database))
    assert first != second
    assert people.count(database, Invitation, Invitation.superseded_at.is_(None)) == 1
    with database.writing() as session:
        assert links.leads_to(session, second, at=AT).invitation_id == 2
        page = invitations.link_page(session, clinic_assessment(session), by=team.bob, at=AT)
        assert (page.link_made_at, page.link_made_by) == (AT, None)


def clinic_assessment(session) -> str:
    return session.scalars(select(Assessment.public_id).where(Assessment.time_point == "baseline")).one()


@pytest.mark.parametrize(
    ("table", "values", "reason"),
    [
        (Assessment, {"completed_at": NOON}, "completed"),
        (Assessment, {"cancelled_at": NOON}, "cancelled"),
        (Assessment, {"declined_at": NOON}, "declined"),
        (Assessment, {"closed_at": NOON}, "expired"),
        (Assessment, {"closes_on": date(2026, 11, 23)}, "expired"),
        (Assessment, {"opens_on": date(2026, 11, 25)}, "scheduled"),  # the anchor was moved
        (Patient, {"withdrawn_at": NOON}, "withdrawn"),
        (Patient, {"deceased_on": NOON.date()}, "deceased"),
        (Patient, {"reminders_off_at": NOON}, "opted_out"),
        (Patient, {"merged_into_id": 2}, "merged"),
    ],
)
def test_what_was_put_into_the_outbox_may_be_over_when_it_leaves(
    database: Database, team: Cast, table: type, values: dict[str, object], reason: str
) -> None:
    change(database, table, **values)
    assert compose(database) == NothingToSend(reason)
    assert people.count(database, Invitation) == 0


@pytest.mark.parametrize(
    ("column", "reason"),
    [("stopped_at", "stopped"), ("undeliverable_at", "undeliverable"), ("withdrawn_at", "no_channel")],
)
def test_an_address_that_serves_no_more(database: Database, team: Cast, column: str, reason: str) -> None:
    from prom_server.store.contact import Channel

    change(database, Channel, **{column: NOON})
    assert compose(database) == NothingToSend(reason)


def test_another_address_since(database: Database, team: Cast) -> None:
    with database.writing() as session:
        contacts.set_address(session, team.alice, Kind.EMAIL, "new@example.org", consent=True, by=team.bob, at=NOON)
    assert isinstance(compose(database), Composed)
    with database.reading() as session:
        assert session.get_one(Message, 1).address == "new@example.org"


def test_the_most_urgent_of_those_that_wait_is_opened(database: Database, team: Cast) -> None:
    """Both are covered by the message; the first one due was answered in the meantime."""
    with database.writing() as session:
        first, second = session.scalars(
            select(Assessment).where(Assessment.clinic_id == 1).order_by(Assessment.due_on)
        ).all()
        second.opens_on = date(2026, 11, 1)
        session.flush()
        session.add(Reminder(assessment_id=second.id, kind="opens", nth=0, message_id=1, at=AT))
    assert token_in(compose(database))
    with database.reading() as session:
        assert session.get_one(Message, 1).assessment_id == first.id
    change_first = update(Assessment).where(Assessment.id == first.id).values(completed_at=AT)
    with database.writing() as session:
        session.execute(change_first)
    compose(database)
    with database.reading() as session:
        assert session.get_one(Message, 1).assessment_id == second.id


def test_in_spanish_by_sms_with_the_clinics_own_words(database: Database, team: Cast) -> None:
    with database.writing() as session:
        contacts.remove(session, team.alice, Kind.EMAIL, by=team.bob, at=NOON)
        contacts.set_address(session, team.alice, Kind.SMS, "+13035550144", consent=True, by=team.bob, at=NOON)
        session.execute(update(Patient).values(language="es"))
        session.execute(update(Clinic).where(Clinic.id == 1).values(sender_name="Harbour Street"))
        message = session.get_one(Message, 1)
        message.channel, message.address, message.language = "sms", "+13035550144", "es"
    link = token_in(compose(database))
    assert compose(database).body.replace(token_in(compose(database)), "X").count("Responda STOP") == 1
    with database.writing() as session:
        words = Words(None, "{clinic}: hola. {link}")
        message_templates.change(session, "reminder-sms-es", words, by=team.ada, at=NOON)
    found = compose(database)
    assert found.subject is None
    assert found.body == f"Harbour Street: hola. {URL}/a/{token_in(found)} Responda STOP para no recibir mensajes."
    assert found.unsubscribe_url is None
    assert link != token_in(found)


def test_a_language_without_words_is_written_to_in_english(database: Database, team: Cast) -> None:
    change(database, Message, language="fr")
    assert compose(database).subject == "Your questions are ready"


# ---- Staff


def test_an_alert_says_nothing_but_that_it_waits(database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = session.scalars(select(people.courses.Course.public_id)).one()
        people.answer_part(session, course, team.bob, 2)
        alert = session.scalars(select(Alert)).one()
        message_id = outbox.enqueue(
            session, clinic_id=1, purpose="alert", channel="email", address="bob@example.org", language="en",
            key="alert:1", at=AT, staff_id=team.bob.id, alert_id=alert.id,
        )  # fmt: skip
        sms_id = outbox.enqueue(
            session, clinic_id=1, purpose="alert", channel="sms", address="+13035550100", language="en",
            key="alert:2", at=AT, staff_id=team.bob.id, alert_id=alert.id,
        )  # fmt: skip
    found = compose(database, message_id=message_id)
    assert found.subject == "An alert is waiting"
    assert found.body == f"An alert is waiting at Harbour Street Pain Clinic. Please sign in:\n\n{URL}/sign-in"
    assert found.unsubscribe_url is None
    assert compose(database, message_id=sms_id).body.endswith(f"an alert is waiting. Sign in: {URL}/sign-in")
    change(database, Alert, acknowledged_at=AT)
    assert compose(database, message_id=message_id) == NothingToSend("acknowledged")
    change(database, Alert, acknowledged_at=None)
    change(database, Staff, active=False)
    assert compose(database, message_id=message_id) == NothingToSend("staff_gone")


# ---- A link that staff send


def send(database: Database, team: Cast, channel: str = "email", sent: int = 0, *, at: datetime = AT, by=None) -> bool:
    with database.writing() as session:
        return invitations.send(session, clinic_assessment(session), channel, sent, by=by or team.cora, at=at)


def test_a_link_is_sent_once_however_often_the_button_is_pressed(database: Database, team: Cast) -> None:
    assert send(database, team)
    assert not send(database, team)
    assert people.count(database, Message, Message.purpose == "link") == 1
    send(database, team, sent=1)
    assert people.count(database, Message, Message.purpose == "link") == 2
    found = compose(database, at=AT + timedelta(days=3), message_id=2)  # not of one day, as a reminder is
    assert found.subject == "Your link"
    assert token_in(found)
    with database.writing() as session:
        assert people.audited(session).count("invitation.send") == 2


def test_a_link_goes_to_the_address_that_was_corrected_and_by_no_other_way(database: Database, team: Cast) -> None:
    send(database, team)
    with database.writing() as session:
        contacts.set_address(session, team.alice, Kind.EMAIL, "new@example.org", consent=True, by=team.bob, at=NOON)
        contacts.set_address(session, team.alice, Kind.SMS, "+13035550144", consent=True, by=team.bob, at=NOON)
    assert isinstance(compose(database, message_id=2), Composed)
    with database.writing() as session:
        assert session.get_one(Message, 2).address == "new@example.org"
        contacts.remove(session, team.alice, Kind.EMAIL, by=team.bob, at=NOON)
    assert compose(database, message_id=2) == NothingToSend("channel_changed")


def test_who_cannot_be_written_to_gets_none(database: Database, team: Cast) -> None:
    with pytest.raises(NotReachable):
        send(database, team, "sms")
    with pytest.raises(NotAllowed):
        send(database, team, by=team.ada)
    with pytest.raises(NotFound):
        send(database, team, by=team.charlie)
    change(database, Assessment, completed_at=NOON)
    with pytest.raises(AssessmentOver):
        send(database, team)
    assert people.count(database, Message, Message.purpose == "link") == 0


# ---- Templates


def test_changes_are_appended_and_audited_with_both_versions(database: Database, team: Cast) -> None:
    kind = "reminder-email-en"
    with database.writing() as session:
        for subject in ("Ready\r\n now", "Ready now", "Later"):
            message_templates.change(session, kind, Words(subject, "{link}"), by=team.ada, at=NOON)
        message_templates.reset(session, kind, by=team.ada, at=NOON)
        message_templates.reset(session, kind, by=team.ada, at=NOON)
        page = message_templates.page(session, kind, by=team.ada)
        assert [each.words and each.words.subject for each in page.versions] == [None, "Later", "Ready now"]
        assert (page.own, page.words.subject) == (False, "Your questions are ready")
        details = session.scalars(
            select(AuditEntry.detail).where(AuditEntry.action == "message_template.change").order_by(AuditEntry.id)
        ).all()
        assert "'Ready now'" in details[1].partition(" -> ")[0]
        assert "'Later'" in details[1].partition(" -> ")[2]
        with pytest.raises(LinkMissing):
            message_templates.change(session, kind, Words("Ready", "no link"), by=team.ada, at=NOON)
        with pytest.raises(NotAllowed):
            message_templates.page(session, kind, by=team.bob)
        with pytest.raises(NotFound):
            message_templates.page(session, "test-email-en", by=team.ada)


def test_one_clinics_words_are_not_anothers(database: Database, team: Cast) -> None:
    with database.writing() as session:
        other = clinic.member(session, session.get_one(Clinic, 2), people.Role.ADMINISTRATOR, "Otto Elsewhere")
        message_templates.change(session, "reminder-email-en", Words("Theirs", "{link}"), by=other, at=NOON)
        assert [line.own for line in message_templates.listing(session, by=team.ada)] == [False] * 10
    assert compose(database).subject == "Your questions are ready"


def test_a_test_goes_to_whoever_asks_once_a_minute(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for _ in range(2):
            message_templates.send_test(session, "reminder-email-es", URL, by=team.ada, at=NOON)
        with pytest.raises(message_templates.NoOwnMobile):
            message_templates.send_test(session, "reminder-sms-es", URL, by=team.ada, at=NOON)
        message = session.scalars(select(Message).where(Message.purpose == "test")).one()
        assert (message.address, message.staff_id, message.patient_id) == ("ada.1@example.org", team.ada.id, None)
    found = compose(database, message_id=message.id)
    assert found.subject == "Sus preguntas están listas"
    assert f"{URL}/a/example" in found.body
    assert people.count(database, Invitation) == 0
