"""The clinic's tablets, and what the desk hands to them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant, opaque_id


class Device(Base):
    """A registered tablet. Its credential can do nothing but start patient sessions; the table holds its hash."""

    __tablename__ = "device"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(10))
    # Of the one-time set-up link while `set_up_until` says when that ends; afterwards of the tablet's own credential.
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    set_up_until: Mapped[datetime | None] = mapped_column(Instant)
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    wrong_codes: Mapped[int] = mapped_column(default=0)  # with never ten quiet minutes between two
    wrong_at: Mapped[datetime | None] = mapped_column(Instant)  # the latest of them
    locked_at: Mapped[datetime | None] = mapped_column(Instant)  # waits for a staff sign-in


class Handover(Base):
    """One assessment handed to a tablet by the desk, for one use: to one tablet, or by a code to any of the clinic."""

    __tablename__ = "handover"
    __table_args__ = (
        Index(
            "ix_handover_waiting",
            "clinic_id",
            "code_hash",
            sqlite_where=text("used_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("used_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index(
            "ix_handover_ready",
            "clinic_id",
            "expires_at",
            sqlite_where=text("used_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("used_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index(
            "ix_handover_device",
            "device_id",
            "created_at",
            sqlite_where=text("used_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("used_at IS NULL AND cancelled_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))  # the chosen one; with a code, where used
    code_hash: Mapped[str | None] = mapped_column(String(64))  # None where the desk chose the tablet
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
