"""How a patient is reached: one address of each kind, a consent of its own for each, and why a message cannot go."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import ChannelState, Contact, Kind, NoSuchChannel, NotAnEmail, WhyNot
from prom_server.core.inbound import Wish
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import addresses, contacts, inbound
from prom_server.store.audit import AuditEntry
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


def shown(session: Session, team: Cast) -> Contact:
    return contacts.contact(session, team.alice, by=team.cora, at=LATER, seen=False)


def give(session: Session, team: Cast, kind: Kind, address: str, *, consent: bool = True) -> None:
    contacts.set_address(session, team.alice, kind, address, consent=consent, by=team.cora, at=NOON)


def reach(session: Session, team: Cast) -> str | None:
    """The address that a message goes to, or why none goes."""
    patient = session.scalars(select(Patient).where(Patient.public_id == team.alice)).one()
    found = contacts.reachable(session, patient)
    assert (found.channel is None) != (found.why_not is None)
    return found.channel.address if found.channel else found.why_not


def set_channel(session: Session, kind: Kind, **facts: object) -> None:
    session.execute(update(Channel).where(Channel.kind == kind).values(**facts))
    session.expire_all()


def test_e_mail_before_sms_and_each_with_its_own_consent(database: Database, team: Cast) -> None:
    with database.writing() as session:
        assert reach(session, team) == WhyNot.NO_CHANNEL
        give(session, team, Kind.SMS, "(303) 555-0142", consent=False)
        assert reach(session, team) == WhyNot.NO_CONSENT
        contacts.give_consent(session, team.alice, Kind.SMS, by=team.cora, at=NOON)
        assert reach(session, team) == "+13035550142"
        give(session, team, Kind.EMAIL, "Alice@Example.org", consent=False)
        assert reach(session, team) == "+13035550142"
        contacts.give_consent(session, team.alice, Kind.EMAIL, by=team.cora, at=LATER)
        assert reach(session, team) == "alice@example.org"
        view = shown(session, team).email
        assert view is not None
        assert (view.state, view.consented_at, view.consented_by) == (ChannelState.CONSENTED, LATER, "Cora Example")


def test_what_stops_messages_and_what_staff_can_do_about_it_is_said_first(database: Database, team: Cast) -> None:
    with database.writing() as session:
        give(session, team, Kind.EMAIL, "alice@example.org")
        give(session, team, Kind.SMS, "+13035550142")
        set_channel(session, Kind.EMAIL, undeliverable_at=NOON, undeliverable_reason="550")
        assert reach(session, team) == "+13035550142"  # the other way serves
        set_channel(session, Kind.SMS, stopped_at=NOON)
        assert reach(session, team) == WhyNot.UNDELIVERABLE
        contacts.withdraw_consent(session, team.alice, Kind.EMAIL, by=team.cora, at=LATER)
        assert reach(session, team) == WhyNot.NO_CONSENT
        contacts.remove(session, team.alice, Kind.EMAIL, by=team.cora, at=LATER)
        assert reach(session, team) == WhyNot.STOPPED


@pytest.mark.parametrize(
    ("facts", "why_not"),
    [
        ({"reminders_off_at": NOON}, WhyNot.OPTED_OUT),
        ({"reminders_off_at": NOON, "withdrawn_at": NOON}, WhyNot.WITHDRAWN),
        ({"withdrawn_at": NOON, "deceased_on": NOON.date()}, WhyNot.DECEASED),
    ],
)
def test_nobody_is_written_to_who_is_not_to_be(
    database: Database, team: Cast, facts: dict[str, object], why_not: WhyNot
) -> None:
    with database.writing() as session:
        give(session, team, Kind.EMAIL, "alice@example.org")
        session.execute(update(Patient).where(Patient.public_id == team.alice).values(**facts))
        session.expire_all()
        assert reach(session, team) == shown(session, team).why_not == why_not


def test_a_new_address_brings_no_consent_from_the_old_one_and_starts_deliverable(
    database: Database, team: Cast
) -> None:
    with database.writing() as session:
        give(session, team, Kind.EMAIL, "alice@example.org")
        set_channel(session, Kind.EMAIL, undeliverable_at=NOON, undeliverable_reason="550")
        give(session, team, Kind.EMAIL, "alice@example.com", consent=False)
        view = shown(session, team).email
        assert view is not None
        assert (view.address, view.state) == ("alice@example.com", ChannelState.NO_CONSENT)
        assert (view.consented_at, view.undeliverable_at) == (None, None)
        assert people.audited(session)[-1] == "contact.address"
        assert len(session.scalars(select(Channel)).all()) == 2  # the old one is kept


def test_the_same_address_again_replaces_nothing(database: Database, team: Cast) -> None:
    with database.writing() as session:
        give(session, team, Kind.EMAIL, "alice@example.org")
        set_channel(session, Kind.EMAIL, undeliverable_at=NOON, undeliverable_reason="550")
        give(session, team, Kind.EMAIL, " ALICE@example.org", consent=False)
        view = shown(session, team).email
        assert view is not None
        assert view.state is ChannelState.UNDELIVERABLE
        contacts.try_again(session, team.alice, Kind.EMAIL, by=team.cora, at=LATER)
        assert reach(session, team) == "alice@example.org"


def test_after_stop_only_a_new_consent_serves(database: Database, team: Cast) -> None:
    with database.writing() as session:
        give(session, team, Kind.SMS, "3035550142")
        set_channel(session, Kind.SMS, stopped_at=NOON, undeliverable_at=NOON)
        contacts.try_again(session, team.alice, Kind.SMS, by=team.cora, at=LATER)
        assert reach(session, team) == WhyNot.STOPPED
        contacts.give_consent(session, team.alice, Kind.SMS, by=team.cora, at=LATER)
        assert reach(session, team) == "+13035550142"


def test_stop_stays_with_the_number_whoever_is_added_with_it(database: Database, team: Cast) -> None:
    with database.writing() as session:
        give(session, team, Kind.SMS, "3035550142")
        inbound.texted(session, "+13035550142", Wish.STOP, at=LATER)
        give(session, team, Kind.SMS, "3035550142")  # no word of the patient
        assert reach(session, team) == WhyNot.STOPPED
        contacts.remove(session, team.alice, Kind.SMS, by=team.cora, at=LATER)
        give(session, team, Kind.SMS, "3035550142")
        assert reach(session, team) == WhyNot.STOPPED
        zed = session.scalars(select(Patient).where(Patient.public_id == team.charlies)).one()
        several = [(zed.id, Kind.SMS, "(303) 555-0142", True), (zed.id, Kind.EMAIL, "zed@example.org", True)]
        addresses.add(session, several, by=team.charlie, at=LATER)
        assert [each.kind for each in contacts.usable(session, zed)] == ["email"]
        contacts.give_consent(session, team.alice, Kind.SMS, by=team.cora, at=LATER)
        contacts.remove(session, team.alice, Kind.SMS, by=team.cora, at=LATER)
        inbound.texted(session, "+13035550142", Wish.START, at=LATER)
        give(session, team, Kind.SMS, "3035550142")
        assert reach(session, team) == "+13035550142"


def test_every_change_is_audited_with_both_values(database: Database, team: Cast) -> None:
    with database.writing() as session:
        give(session, team, Kind.EMAIL, "alice@example.org")
        give(session, team, Kind.EMAIL, "alice@example.com")
        contacts.set_calls(session, team.alice, "after 5 pm", None, by=team.cora, at=NOON)
        contacts.set_calls(session, team.alice, "after 5 pm", False, by=team.cora, at=NOON)
        contacts.set_calls(session, team.alice, "after 5 pm", False, by=team.cora, at=NOON)
        lines = session.scalars(select(AuditEntry.detail).where(AuditEntry.action.like("contact.%"))).all()
        assert lines == [
            "email: none -> alice@example.org\nconsent: yes",
            "email: alice@example.org -> alice@example.com\nconsent: yes",
            "best_time: None -> after 5 pm",
            "may_leave_message: None -> False",
        ]


def test_a_wrong_address_changes_nothing_and_nobody_elses_patient_is_found(database: Database, team: Cast) -> None:
    with database.writing() as session:
        give(session, team, Kind.EMAIL, "alice@example.org")
        with pytest.raises(NotAnEmail):
            give(session, team, Kind.EMAIL, "alice@", consent=True)
        assert reach(session, team) == "alice@example.org"
        for act in (contacts.remove, contacts.give_consent, contacts.withdraw_consent, contacts.try_again):
            with pytest.raises(NoSuchChannel):
                act(session, team.alice, Kind.SMS, by=team.cora, at=NOON)
            with pytest.raises(NotFound):
                act(session, team.charlies, Kind.EMAIL, by=team.cora, at=NOON)
            with pytest.raises(NotAllowed):
                act(session, team.alice, Kind.EMAIL, by=team.ada, at=NOON)
