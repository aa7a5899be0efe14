"""Reminders in the outbox, as they would stand there."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from prom_server.services import outbox
from prom_server.store.assessments import Assessment
from prom_server.store.outbox import Message, Reminder
from tests.support.clinic import NOON


def covered(session: Session, of: Assessment, key: str, *reminders: tuple[str, int], **facts: object) -> int:
    """The id of a message that covers these reminders of the assessment; waiting unless `facts` say otherwise."""
    added = outbox.enqueue(
        session,
        clinic_id=of.clinic_id,
        purpose="reminder",
        channel="email",
        address="alice@example.org",
        language="en",
        key=key,
        at=NOON,
        patient_id=of.patient_id,
        assessment_id=of.id,
    )
    assert added is not None
    if facts:
        session.execute(update(Message).where(Message.id == added).values(**facts))
    for kind, nth in reminders:
        session.add(Reminder(assessment_id=of.id, kind=kind, nth=nth, message_id=added, at=NOON))
    session.flush()
    return added
