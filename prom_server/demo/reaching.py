"""How the demo's people are reached: at example.org, and on numbers that no telephone company gives to anybody."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.core.permissions import StaffMember
from prom_server.demo.cast import Person
from prom_server.services import contacts
from prom_server.store.contact import Channel
from prom_server.store.patients import Patient


def reach(
    session: Session,
    patient: str,
    person: Person,
    number: int,
    *,
    bounced_at: datetime,
    by: StaffMember,
    at: datetime,
) -> None:
    """What was said at registration; and for one of them a message that came back since."""
    said = person.contact
    addresses = {
        Kind.EMAIL: f"{person.given}.{person.family}@example.org" if said.email else None,
        Kind.SMS: f"+130355501{number % 100:02}" if said.sms else None,
    }
    for kind, address in addresses.items():
        if address is not None:
            contacts.set_address(session, patient, kind, address, consent=said.consent, by=by, at=at)
    contacts.set_calls(session, patient, said.best_time, said.may_leave_message, by=by, at=at)
    if said.undeliverable:
        mine = select(Patient.id).where(Patient.public_id == patient).scalar_subquery()
        facts = {"undeliverable_at": bounced_at, "undeliverable_reason": "bounced 5.1.1"}
        session.execute(update(Channel).where(Channel.patient_id == mine).values(**facts))
