"""Messages in the outbox that need nothing else: tests to staff, which carry their own words."""

from sqlalchemy.orm import Session

from prom_server.core.permissions import StaffMember
from prom_server.services import outbox
from prom_server.store.outbox import Message
from tests.support.clinic import NOON


def put(session: Session, by: StaffMember, key: str, **facts: object) -> int | None:
    """A test message with a body; `facts` go to enqueue. None where the key is there."""
    facts = {"purpose": "test", "channel": "email", "address": "somebody@example.org", "language": "en", **facts}
    message_id = outbox.enqueue(session, clinic_id=by.clinic.id, key=key, **{"at": NOON, **facts})  # type: ignore[arg-type]
    if message_id is not None:
        message = session.get_one(Message, message_id)
        message.subject, message.body = "A test", "It arrived."
    return message_id
