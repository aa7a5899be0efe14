"""Alerts and flags, and every step that was taken."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Exact, Instant, opaque_id


class Alert(Base):
    """One per administration and rule. `value` is the highest seen; a later answer never withdraws it."""

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("administration_id", "rule"),
        Index(
            "ix_alert_open",
            "clinic_id",
            "raised_at",
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index(
            "ix_alert_escalating",
            "clinic_id",
            "escalates_at",
            sqlite_where=text("escalates_at IS NOT NULL AND acknowledged_at IS NULL AND resolved_at IS NULL"),
            postgresql_where=text("escalates_at IS NOT NULL AND acknowledged_at IS NULL AND resolved_at IS NULL"),
        ),
        Index("ix_alert_raised", "clinic_id", "raised_at"),
        Index(
            "ix_alert_resolved",
            "clinic_id",
            "resolved_at",
            "id",
            sqlite_where=text("resolved_at IS NOT NULL"),
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    administration_id: Mapped[int] = mapped_column(ForeignKey("administration.id"))
    rule: Mapped[str] = mapped_column(String(40))
    level: Mapped[str] = mapped_column(String(10))  # alert, flag
    item_id: Mapped[str] = mapped_column(String(40))  # "" where a scale raised it
    value: Mapped[int | None]
    scale_id: Mapped[str | None] = mapped_column(String(40))
    score: Mapped[Decimal | None] = mapped_column(Exact)  # of the scale
    compared_with: Mapped[Decimal | None] = mapped_column(Exact)  # the earlier score, of a worsening
    call_requested_at: Mapped[datetime | None] = mapped_column(Instant)
    raised_at: Mapped[datetime] = mapped_column(Instant)
    acknowledged_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # who is asked to take care of it
    escalates_at: Mapped[datetime | None] = mapped_column(Instant)  # unless somebody acknowledged it by then
    escalations: Mapped[int] = mapped_column(default=0, server_default="0")


class AlertStep(Base):
    """What happened to an alert: raised, answered again, seen, given to, acknowledged, call requested, escalated, …

    Appended, never changed.
    """

    __tablename__ = "alert_step"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)  # of an answer: when it was given, `at` when received
    value: Mapped[int | None]
    score: Mapped[Decimal | None] = mapped_column(Exact)  # of the scale, where one raised it
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    code: Mapped[str | None] = mapped_column(String(30))
    note: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int | None]  # to reach the patient, before it was resolved as "could not reach"
