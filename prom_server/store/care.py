"""What belongs to an infusion, and what else happens to a patient beside the questionnaires."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Exact, Instant, opaque_id


class VitalSign(Base):
    """One measurement around an infusion. Appended; one entered in error stays, marked."""

    __tablename__ = "vital_sign"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    infusion_id: Mapped[int] = mapped_column(ForeignKey("infusion.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[Decimal] = mapped_column(Exact)
    unit: Mapped[str] = mapped_column(String(12))
    measured_at: Mapped[datetime] = mapped_column(Instant)
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)


class SideEffect(Base):
    """One line of the checklist after an infusion. A row says that it was asked; "none" is a row with present false."""

    __tablename__ = "side_effect"
    __table_args__ = (UniqueConstraint("infusion_id", "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    infusion_id: Mapped[int] = mapped_column(ForeignKey("infusion.id"))
    kind: Mapped[str] = mapped_column(String(30))
    present: Mapped[bool]
    note: Mapped[str | None] = mapped_column(String(300))
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)


class AdverseEvent(Base):
    """An infusion stopped, or an emergency response. One entered in error stays, marked."""

    __tablename__ = "adverse_event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    infusion_id: Mapped[int | None] = mapped_column(ForeignKey("infusion.id"))
    kind: Mapped[str] = mapped_column(String(30))
    action: Mapped[str] = mapped_column(String(30))
    outcome: Mapped[str] = mapped_column(String(30))
    note: Mapped[str | None] = mapped_column(Text)
    happened_at: Mapped[datetime] = mapped_column(Instant)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)


class OpioidDose(Base):
    """What a patient takes a day of one opioid from a day on, in milligrams and in morphine equivalents (MME).

    A dose of 0 says that it was stopped. The factor and the table's version are kept with each row.
    """

    __tablename__ = "opioid_dose"
    __table_args__ = (Index("ix_opioid_dose_patient_id_taken_from", "patient_id", "taken_from"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    taken_from: Mapped[date]
    drug: Mapped[str] = mapped_column(String(40))
    daily_amount: Mapped[Decimal] = mapped_column(Exact)
    unit: Mapped[str] = mapped_column(String(12))
    factor: Mapped[Decimal] = mapped_column(Exact)
    mme: Mapped[Decimal] = mapped_column(Exact)
    factors_version: Mapped[str] = mapped_column(String(40))
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)


class Attendance(Base):
    """A session of the programme around the infusions, attended or missed."""

    __tablename__ = "attendance"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    on: Mapped[date]
    kind: Mapped[str] = mapped_column(String(20))  # therapy, education
    attended: Mapped[bool]
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)


class OtherCare(Base):
    """Asked at a contact: care received elsewhere since last time. A row says that it was asked, yes or no."""

    __tablename__ = "other_care"
    __table_args__ = (UniqueConstraint("course_id", "asked_on", "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    asked_on: Mapped[date]
    kind: Mapped[str] = mapped_column(String(30))
    received: Mapped[bool]
    note: Mapped[str | None] = mapped_column(String(300))
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)


class CourseNote(Base):
    """Appended, never changed; one entered in error stays, marked."""

    __tablename__ = "course_note"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    written_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    written_at: Mapped[datetime] = mapped_column(Instant)
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)


class Expected(Base):
    """A patient expected at the clinic on a day: on the imported day list, or checked in for a planned infusion."""

    __tablename__ = "expected"
    __table_args__ = (UniqueConstraint("clinic_id", "on", "patient_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    on: Mapped[date]
    time: Mapped[str | None] = mapped_column(String(5))  # "09:30", on the clinic's clock
    reason: Mapped[str | None] = mapped_column(String(80))  # as the day list says, "" for none. None: not on it
    checked_in_at: Mapped[datetime | None] = mapped_column(Instant)
    checked_in_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)  # no longer expected
