"""Patients."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant, opaque_id

STOPPED = "withdrawn_at IS NOT NULL OR deceased_on IS NOT NULL"


def by_code(length: int) -> String:
    """Text in the order of its code points on every database, so that a prefix is one range of an index."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Patient(Base):
    """`wrong_birth_dates` counts over all links; at the limit they are locked until the desk unlocks them."""

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("clinic_id", "record_number"),
        Index("ix_patient_clinic_id_sort_name", "clinic_id", "sort_name", "id"),
        Index("ix_patient_clinic_id_birth_date", "clinic_id", "birth_date", "sort_name", "id"),
        Index(
            "ix_patient_locked",
            "clinic_id",
            "locked_at",
            sqlite_where=text("locked_at IS NOT NULL"),
            postgresql_where=text("locked_at IS NOT NULL"),
        ),
        Index(
            "ix_patient_stopped",
            "clinic_id",
            "sort_name",
            "id",
            sqlite_where=text(STOPPED),
            postgresql_where=text(STOPPED),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    record_number: Mapped[str] = mapped_column(by_code(40))  # in capitals
    given_name: Mapped[str] = mapped_column(String(80))
    family_name: Mapped[str] = mapped_column(String(80))
    sort_name: Mapped[str] = mapped_column(by_code(165))  # "family, given" in lower case, for lists and search
    birth_date: Mapped[date]
    phone: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(300))
    emergency_contact: Mapped[str | None] = mapped_column(String(300))
    wrong_birth_dates: Mapped[int] = mapped_column(default=0)
    locked_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    # How they read best. They choose it themselves, on any device; staff can preset it.
    language: Mapped[str] = mapped_column(String(10), default="en", server_default="en")
    text_size: Mapped[str] = mapped_column(String(10), default="normal", server_default="normal")
    contrast: Mapped[str] = mapped_column(String(10), default="auto", server_default="auto")
    reminders_off_at: Mapped[datetime | None] = mapped_column(Instant)  # opted out
    # For the person who rings.
    best_time: Mapped[str | None] = mapped_column(String(60))
    may_leave_message: Mapped[bool | None]  # None: not asked
    # Each of these stops everything: assessments, reminders, calls.
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_reason: Mapped[str | None] = mapped_column(String(300))
    deceased_on: Mapped[date | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))

    @property
    def stopped(self) -> bool:
        """Withdrawn or deceased: nothing is asked of them any more."""
        return self.withdrawn_at is not None or self.deceased_on is not None
