"""Private links and the sessions that they open."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant


class Invitation(Base):
    """A private link to one assessment. The address holds a random token, the table its hash."""

    __tablename__ = "invitation"
    __table_args__ = (
        Index(  # links that nobody answered yet, the latest first
            "ix_invitation_out",
            "clinic_id",
            "created_at",
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"), index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # None: for a reminder
    created_at: Mapped[datetime] = mapped_column(Instant)
    message_id: Mapped[int | None] = mapped_column(BigId)  # that carried it
    opened_at: Mapped[datetime | None] = mapped_column(Instant)  # first looked at: by a person, or by a mail scanner
    superseded_at: Mapped[datetime | None] = mapped_column(Instant)


class PatientSession(Base):
    """A browser in which a patient was identified, by a link or on a clinic's tablet; for one assessment only."""

    __tablename__ = "patient_session"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"))  # None on a tablet
    handover_id: Mapped[int | None] = mapped_column(ForeignKey("handover.id"))  # None on the patient's own device
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
