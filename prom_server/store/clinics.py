"""Clinics and the permissions that they hold."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false
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
    # Alerts: minutes of opening hours until an alert that nobody acknowledged goes to the next person.
    alert_kiosk_minutes: Mapped[int] = mapped_column(default=15, server_default="15")
    alert_home_minutes: Mapped[int] = mapped_column(default=60, server_default="60")
    # What becomes of an alert while the clinic is closed, and who answers for it. None: not chosen yet.
    closed_hours: Mapped[str | None] = mapped_column(String(20))  # on_call, next_opening
    closed_hours_person: Mapped[str | None] = mapped_column(String(120))
    closed_hours_at: Mapped[datetime | None] = mapped_column(Instant)  # when that was recorded
    # Messages to patients. Times of the clinic's day, "08:30".
    sender_name: Mapped[str | None] = mapped_column(String(60))  # of e-mail; the clinic's name where None
    reply_to: Mapped[str | None] = mapped_column(String(254))
    reminders_at: Mapped[str] = mapped_column(String(5), default="09:00", server_default="09:00")
    quiet_from: Mapped[str] = mapped_column(String(5), default="20:00", server_default="20:00")
    quiet_to: Mapped[str] = mapped_column(String(5), default="08:00", server_default="08:00")
    protocols: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # that it means to use, by id
    live_at: Mapped[datetime | None] = mapped_column(Instant)  # real patients, messages leave the house
    live_by: Mapped[int | None] = mapped_column(BigId)  # staff


class Opening(Base):
    """Opening hours of one weekday; two where the clinic closes at noon. Without any, weekdays 8 to 5 are assumed."""

    __tablename__ = "opening"
    __table_args__ = (UniqueConstraint("clinic_id", "weekday", "opens"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    weekday: Mapped[int]  # 0 is Monday
    opens: Mapped[str] = mapped_column(String(5))  # "08:00", on the clinic's clock
    closes: Mapped[str] = mapped_column(String(5))  # after `opens`; "24:00" for midnight


class ClosedDay(Base):
    """A day on which the clinic is closed, whatever the weekday."""

    __tablename__ = "closed_day"
    __table_args__ = (UniqueConstraint("clinic_id", "on"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    on: Mapped[date]
    name: Mapped[str] = mapped_column(String(80))


class OnCall(Base):
    """Who answers for alerts between two instants. Beginnings and ends may overlap; a cancelled one counts no more."""

    __tablename__ = "on_call"
    __table_args__ = (Index("ix_on_call_clinic_id_until", "clinic_id", "until"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    begins_at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)


class MessageTemplate(Base):
    """A clinic's own words of a message. Appended, never changed: the newest of its kind counts."""

    __tablename__ = "message_template"
    __table_args__ = (Index("ix_message_template_kind", "clinic_id", "purpose", "channel", "language", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    purpose: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str | None] = mapped_column(String(120))  # of e-mail. Both None: back to the shipped words
    body: Mapped[str | None] = mapped_column(Text)
    changed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime] = mapped_column(Instant)


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
