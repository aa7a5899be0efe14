"""How a patient may be reached, and every attempt to ring."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant, opaque_id


class Channel(Base):
    """An address of a patient and the consent to write to it. A new address is a new row; the old one is withdrawn."""

    __tablename__ = "channel"
    __table_args__ = (
        Index(
            "uq_channel_patient_id_kind",
            "patient_id",
            "kind",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index(
            "ix_channel_undeliverable",
            "clinic_id",
            "patient_id",
            sqlite_where=text("undeliverable_at IS NOT NULL AND withdrawn_at IS NULL"),
            postgresql_where=text("undeliverable_at IS NOT NULL AND withdrawn_at IS NULL"),
        ),
        Index("ix_channel_address", "kind", "address"),  # a bounce, or STOP, names the address alone
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # email, sms
    address: Mapped[str] = mapped_column(String(254))  # e-mail in lower case; a number as +15550100
    consented_at: Mapped[datetime | None] = mapped_column(Instant)  # None: known, but not to be written to
    consented_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # who recorded it
    stopped_at: Mapped[datetime | None] = mapped_column(Instant)  # the patient answered STOP
    undeliverable_at: Mapped[datetime | None] = mapped_column(Instant)  # refused for good
    undeliverable_reason: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)  # replaced or removed


class Call(Base):
    """One attempt to reach a patient on the telephone about an assessment. Appended, never changed."""

    __tablename__ = "call"
    __table_args__ = (Index("ix_call_clinic_id_called_at", "clinic_id", "called_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"), index=True)
    called_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    called_at: Mapped[datetime] = mapped_column(Instant)
    outcome: Mapped[str] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(Text)
    again_at: Mapped[datetime | None] = mapped_column(Instant)  # not before this is it rung again


class Ringing(Base):
    """Who is on the telephone to whom, until the call is recorded or has lasted too long: one call for each of both."""

    __tablename__ = "ringing"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), unique=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), unique=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"))
    since: Mapped[datetime] = mapped_column(Instant)
