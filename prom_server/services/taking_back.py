"""A reminder that could not leave on its day is taken back: what it covered is due again, in one message."""

from datetime import date, datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.services import outbox
from prom_server.store.assessments import Assessment
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient

CAUGHT_UP = "caught_up"  # a later one of the same assessment went out instead


def take_back(session: Session, message_id: int, today: date) -> bool:
    """What a message covered that will not be sent is due again, the next morning. False: it covered nothing.

    The assessments are held first, as everybody does who moves both.
    """
    mine = select(Reminder.assessment_id).where(Reminder.message_id == message_id)
    held = select(Assessment.id).where(Assessment.id.in_(mine)).order_by(Assessment.id).with_for_update(key_share=True)
    session.execute(held).all()
    covered = session.scalars(
        delete(Reminder).where(Reminder.message_id == message_id).returning(Reminder.assessment_id)
    ).all()
    session.execute(update(Assessment).where(Assessment.id.in_(covered)).values(remind_on=today))
    return bool(covered)


def waiting(session: Session, patient: Patient, today: date, *, at: datetime) -> None:
    """Of earlier days, and not just being sent: else the patient would get them and today's.

    Assessments are held before their messages, as everybody does who moves both.
    """
    mine = select(Assessment.id).where(Assessment.patient_id == patient.id, Assessment.completed_at.is_(None))
    session.execute(mine.order_by(Assessment.id).with_for_update(key_share=True)).all()
    todays = [f"remind:{patient.public_id}:{kind}:{today}" for kind in Kind]
    found = session.scalars(
        select(Message)
        .where(
            Message.patient_id == patient.id,
            Message.purpose == "reminder",
            Message.key.not_in(todays),
            exists().where(Reminder.message_id == Message.id),
            *outbox.pending(),
            Message.sending_at.is_(None),
        )
        .with_for_update(skip_locked=True)
    ).all()
    for message in found:
        take_back(session, message.id, today)
        if message.tries:  # in vain, which staff should see
            message.refused_at = at
    session.flush()
    outbox.cancel(session, [each.id for each in found], CAUGHT_UP, at=at)
