"""Clinics and the permissions that they hold."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant, opaque_id


class Clinic(Base):
    __tablename__ = "clinic"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    name: Mapped[str] = mapped_column(String(120))
    demo: Mapped[bool]
    time_zone: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str] = mapped_column(String(40))
    hours: Mapped[str] = mapped_column(String(120))  # in words, as patients read them: "weekdays 8 am to 5 pm"
    paper: Mapped[str] = mapped_column(String(6))  # A4 or letter
    created_at: Mapped[datetime] = mapped_column(Instant)
    # Seconds: until a tablet covers itself, in which the birth date alone resumes, and that the thanks page stays.
    kiosk_cover_after: Mapped[int] = mapped_column(default=90, server_default="90")
    kiosk_end_after: Mapped[int] = mapped_column(default=300, server_default="300")
    kiosk_thanks_for: Mapped[int] = mapped_column(default=10, server_default="10")
    # Language -> what the clinic says to its patients in it: see core.clinics.PatientWords.
    patient_words: Mapped[dict[str, dict[str, str | None]] | None] = mapped_column(JSON(none_as_null=True))
    results_shown: Mapped[bool] = mapped_column(default=False, server_default=false())  # to patients, once shared


class Permission(Base):
    """The recorded permission of a licence holder: who gave it, when, under which reference."""

    __tablename__ = "permission"
    __table_args__ = (UniqueConstraint("clinic_id", "family"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    family: Mapped[str] = mapped_column(String(40))
    granted_by: Mapped[str] = mapped_column(String(200))
    granted_on: Mapped[date]
    reference: Mapped[str] = mapped_column(String(200))
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
