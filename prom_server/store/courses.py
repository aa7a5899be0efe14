"""Courses of infusions."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Exact, Instant, opaque_id


class Course(Base):
    """A series of infusions on a protocol, pinned to the revision it began with."""

    __tablename__ = "course"
    __table_args__ = (
        UniqueConstraint("patient_id", "number"),
        Index(
            "ix_course_unfinished",
            "clinic_id",
            "starts_on",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(  # those of one protocol may ask to be finished
            "ix_course_unfinished_by_protocol",
            "clinic_id",
            "protocol_id",
            "protocol_revision",
            "starts_on",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    number: Mapped[int]  # 1 for the patient's first
    protocol_id: Mapped[str] = mapped_column(String(60))
    protocol_revision: Mapped[int]
    starts_on: Mapped[date]  # the planned first infusion
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    finish_reason: Mapped[str | None] = mapped_column(String(20))  # completed, stopped_early
    finish_note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)


class Infusion(Base):
    """An infusion that was given. One entered in error stays, marked, and no longer counts."""

    __tablename__ = "infusion"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    given_at: Mapped[datetime] = mapped_column(Instant)
    given_on: Mapped[date | None]  # the clinic's day then; None: recorded before there was this column
    dose_mg: Mapped[Decimal | None] = mapped_column(Exact)
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)
    minutes: Mapped[int | None]
    weight_kg: Mapped[Decimal | None] = mapped_column(Exact)
    mg_per_kg: Mapped[Decimal | None] = mapped_column(Exact)  # as entered, or dose over weight
    ondansetron: Mapped[bool | None]  # given or not. None: not recorded
    note: Mapped[str | None] = mapped_column(Text)


class InfusionDay(Base):
    """A day on which an infusion was planned: given, missed, still to come, or cancelled with its course."""

    __tablename__ = "infusion_day"
    __table_args__ = (
        Index(
            "uq_infusion_day_course_id_planned_on",
            "course_id",
            "planned_on",
            unique=True,
            sqlite_where=text("cancelled_at IS NULL"),
            postgresql_where=text("cancelled_at IS NULL"),
        ),
        Index("ix_infusion_day_clinic_id_planned_on", "clinic_id", "planned_on"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    planned_on: Mapped[date]
    infusion_id: Mapped[int | None] = mapped_column(ForeignKey("infusion.id"), index=True)  # given
    missed_at: Mapped[datetime | None] = mapped_column(Instant)  # when that was recorded
    missed_reason: Mapped[str | None] = mapped_column(String(30))
    missed_note: Mapped[str | None] = mapped_column(String(300))
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
