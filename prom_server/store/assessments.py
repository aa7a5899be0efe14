"""Assessments, their administrations, responses and scores."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Exact, Instant, opaque_id


class Assessment(Base):
    """The battery expected of one patient at one time point: facts only, its status is computed."""

    __tablename__ = "assessment"
    __table_args__ = (
        UniqueConstraint("course_id", "time_point"),
        Index("ix_assessment_patient_id_opens_on", "patient_id", "opens_on"),
        Index(
            "ix_assessment_begun",
            "clinic_id",
            "started_at",
            sqlite_where=text("started_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("started_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index(  # of one time point what closes first was due first and opened first: the work list reads from the front
            "ix_assessment_closing",
            "clinic_id",
            "time_point",
            "closes_on",
            "id",
            sqlite_where=text("completed_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("completed_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index(  # what does not close as its time point's windows do
            "ix_assessment_own_days",
            "clinic_id",
            "closes_on",
            "id",
            sqlite_where=text("own_days = 1 AND completed_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("own_days AND completed_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index(
            "ix_assessment_remind_on",
            "clinic_id",
            "remind_on",
            sqlite_where=text("remind_on IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("remind_on IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index(
            "ix_assessment_call_back",
            "clinic_id",
            "call_back_at",
            sqlite_where=text("call_back_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("call_back_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    time_point: Mapped[str] = mapped_column(String(40))
    opens_on: Mapped[date]
    due_on: Mapped[date]
    overdue_on: Mapped[date]
    closes_on: Mapped[date]  # the last day accepted, in the clinic's time zone
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    completed_at: Mapped[datetime | None] = mapped_column(Instant)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
    results_shared_at: Mapped[datetime | None] = mapped_column(Instant)  # with the patient, by a clinician
    results_seen: Mapped[int | None] = mapped_column(BigId)  # the id of the last score that was looked at then
    remind_on: Mapped[date | None]  # the day of the first reminder that no message covers yet. None: no more
    declined_at: Mapped[datetime | None] = mapped_column(Instant)  # on the telephone: no more reminders, no more calls
    declined_reason: Mapped[str | None] = mapped_column(String(300))
    call_back_at: Mapped[datetime | None] = mapped_column(Instant)  # the patient asked to be rung then
    reopened_at: Mapped[datetime | None] = mapped_column(
        Instant
    )  # by staff, after it had closed; `closes_on` says until
    reopened_reason: Mapped[str | None] = mapped_column(String(300))
    own_days: Mapped[bool] = mapped_column(default=False, server_default=false())  # of no one plan


class Satisfaction(Base):
    """An administration of one assessment that serves another one too: linked, never copied, counted once for each."""

    __tablename__ = "satisfaction"
    __table_args__ = (UniqueConstraint("assessment_id", "administration_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"))  # the other one
    administration_id: Mapped[int] = mapped_column(ForeignKey("administration.id"), index=True)
    linked_at: Mapped[datetime] = mapped_column(Instant)
    linked_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # None: by the rule
    undone_at: Mapped[datetime | None] = mapped_column(Instant)


class Administration(Base):
    """One instrument being answered in an assessment, pinned to the revision and the hashes it began with.

    `sequence` counts the saves: a save claims it, so two saves never share a number.
    """

    __tablename__ = "administration"
    __table_args__ = (
        Index(
            "uq_administration_assessment_id_position",
            "assessment_id",
            "position",
            unique=True,
            sqlite_where=text("in_error_at IS NULL"),
            postgresql_where=text("in_error_at IS NULL"),
        ),
        Index("ix_administration_submitted", "clinic_id", "submitted_at"),  # what was sent today
        Index(
            "ix_administration_unreached",
            "clinic_id",
            "started_at",
            sqlite_where=text("watched = 1 AND submitted_at IS NULL AND in_error_at IS NULL"),
            postgresql_where=text("watched AND submitted_at IS NULL AND in_error_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"), index=True)
    position: Mapped[int]  # 1 for the first of the battery
    instrument_id: Mapped[str] = mapped_column(String(60))
    instrument_revision: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    supplement_hash: Mapped[str | None] = mapped_column(String(64))  # "": none. None: begun before it was kept
    language: Mapped[str] = mapped_column(String(10))
    mode: Mapped[str] = mapped_column(String(20))  # own_device, kiosk, paper, telephone
    device_class: Mapped[str | None] = mapped_column(String(20))  # phone, tablet, computer
    respondent: Mapped[str] = mapped_column(String(20), default="patient", server_default="patient")  # or proxy
    relation: Mapped[str | None] = mapped_column(String(60))  # of the proxy to the patient
    assisted_by: Mapped[str | None] = mapped_column(String(60))  # who helped
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # from paper or on the telephone
    written_on: Mapped[date | None]  # the day on the paper form
    watched: Mapped[bool]  # an item with an alert rule has not been looked after yet: see services.alerting
    sequence: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(Instant)
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    sent_before_at: Mapped[datetime | None] = mapped_column(Instant)  # when it was sent, before it was asked again
    declined_at: Mapped[datetime | None] = mapped_column(Instant)  # "I would rather not answer this questionnaire"
    in_error_at: Mapped[datetime | None] = mapped_column(Instant)
    in_error_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    in_error_reason: Mapped[str | None] = mapped_column(Text)


class Response(Base):
    """One answer as it was given. Appended, never changed; the highest sequence of an item is current."""

    __tablename__ = "response"
    __table_args__ = (UniqueConstraint("administration_id", "sequence"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    administration_id: Mapped[int] = mapped_column(ForeignKey("administration.id"))
    item_id: Mapped[str] = mapped_column(String(40))
    sequence: Mapped[int]
    value: Mapped[int | None]  # None when skipped
    mode: Mapped[str | None] = mapped_column(String(20))  # how it was given. None: as the administration began
    device_class: Mapped[str | None] = mapped_column(String(20))
    shown_at: Mapped[datetime | None] = mapped_column(Instant)  # when the item came on the screen, as the device said
    answered_at: Mapped[datetime] = mapped_column(Instant)  # on the patient's device, as it said
    at: Mapped[datetime] = mapped_column(Instant)  # received


class RecordedScore(Base):
    """One scale as computed at submission, or later by a re-scoring; which supersedes it, and never changes it.

    The revision and the hashes name what it was computed under. They are None only where an older server wrote the
    row while this one was being installed: then it was the administration's own.
    """

    __tablename__ = "score"
    __table_args__ = (
        Index(
            "uq_score_administration_id_scale",
            "administration_id",
            "scale",
            unique=True,
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index("ix_score_administration_id", "administration_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    administration_id: Mapped[int] = mapped_column(ForeignKey("administration.id"))
    scale: Mapped[str] = mapped_column(String(40))
    metric: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(20))
    raw: Mapped[int | None]
    value: Mapped[Decimal | None] = mapped_column(Exact)
    se: Mapped[Decimal | None] = mapped_column(Exact)
    answered: Mapped[int]
    items: Mapped[int]
    band: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(String(40))
    instrument_revision: Mapped[int | None]
    content_hash: Mapped[str | None] = mapped_column(String(64))
    supplement_hash: Mapped[str | None] = mapped_column(String(64))
    computed_at: Mapped[datetime | None] = mapped_column(Instant)
    sequence: Mapped[int | None]  # of the last answer that it counts. None: an older server's, of all there are
    superseded_at: Mapped[datetime | None] = mapped_column(Instant)  # None: the current one
