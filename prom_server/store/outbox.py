"""Messages on their way, the reminders that they cover, and the tasks that send them.

A message moves by facts, each written once: claimed (lease), sending, then one of sent, refused, unclear, logged or
cancelled. `sending_at` is on disk before the network is used; a row that has it when its lease ran out may or may not
have left, so it is unclear: shown to staff, and never sent again without them.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant, opaque_id

PENDING = "sent_at IS NULL AND refused_at IS NULL AND unclear_at IS NULL AND logged_at IS NULL AND cancelled_at IS NULL"
TROUBLE = "settled_at IS NULL AND (refused_at IS NOT NULL OR unclear_at IS NOT NULL)"


class Message(Base):
    """One e-mail or SMS. `key` is (patient, channel, local date), or what else it can be sent for only once."""

    __tablename__ = "message"
    __table_args__ = (
        Index(  # of what is due, alerts first: the purposes' alphabet is their order of urgency
            "ix_message_pending",
            "purpose",
            "next_try_at",
            "id",
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        Index(
            "ix_message_trouble",
            "clinic_id",
            "id",
            sqlite_where=text(TROUBLE),
            postgresql_where=text(TROUBLE),
        ),
        Index("ix_message_clinic_id_created_at", "clinic_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(
        String(20), unique=True, default=opaque_id
    )  # also its Message-ID's left part
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"), index=True)
    assessment_id: Mapped[int | None] = mapped_column(ForeignKey("assessment.id"), index=True)  # that its link opens
    key: Mapped[str] = mapped_column(String(120), unique=True)
    purpose: Mapped[str] = mapped_column(String(20))  # reminder, link, alert, test
    channel: Mapped[str] = mapped_column(String(10))  # email, sms
    address: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(Instant)
    next_try_at: Mapped[datetime] = mapped_column(Instant)  # not before: quiet hours, back-off
    tries: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(String(60))
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    sending_at: Mapped[datetime | None] = mapped_column(Instant)  # of this try; cleared by a clear refusal
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    refused_at: Mapped[datetime | None] = mapped_column(Instant)  # for good
    unclear_at: Mapped[datetime | None] = mapped_column(Instant)  # nobody knows whether it left
    logged_at: Mapped[datetime | None] = mapped_column(Instant)  # not live: written down here instead of sent
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(
        String(120)
    )  # of the last refusal, of the cancelling; a code, no address
    provider_id: Mapped[str | None] = mapped_column(String(120), index=True)  # the gateway's own name of it
    settled_at: Mapped[datetime | None] = mapped_column(Instant)  # staff dealt with the trouble
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    settled_as: Mapped[str | None] = mapped_column(String(10))  # arrived, again, left
    subject: Mapped[str | None] = mapped_column(String(200))  # of what was only logged; what is sent is not kept
    body: Mapped[str | None] = mapped_column(Text)


class Reminder(Base):
    """The nth reminder of an assessment, once: covered by a message, or passed over for a reason."""

    __tablename__ = "reminder"
    __table_args__ = (UniqueConstraint("assessment_id", "kind", "nth"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"))
    kind: Mapped[str] = mapped_column(String(10))  # opens, due
    nth: Mapped[int]  # days after the due day; 0 for "opens"
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"), index=True)
    passed_over: Mapped[str | None] = mapped_column(String(30))  # why no message: no_channel, opted_out, caught_up
    at: Mapped[datetime] = mapped_column(Instant)


class TaskRun(Base):
    """The last run of a task, by whichever process: what staff see when reminders stand still."""

    __tablename__ = "task_run"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    began_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)  # the last one without an error
    error: Mapped[str | None] = mapped_column(String(200))  # the kind of the last error, since then


class DemoClock(Base):
    """How far the clock of a demo installation stands ahead. One row at most; none in any other installation."""

    __tablename__ = "demo_clock"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ahead_seconds: Mapped[int]
