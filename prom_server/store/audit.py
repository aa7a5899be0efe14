"""The audit trail: appended in the transaction of what it tells; triggers refuse UPDATE and DELETE."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant


class AuditEntry(Base):
    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_patient_id_at", "patient_id", "at"),
        Index("ix_audit_clinic_id_at", "clinic_id", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    clinic_id: Mapped[int | None] = mapped_column(ForeignKey("clinic.id"))
    actor: Mapped[str] = mapped_column(String(10))  # staff, patient, system
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    action: Mapped[str] = mapped_column(String(40))  # "patient.view"
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    subject: Mapped[str | None] = mapped_column(String(80))  # "course:3f…", an opaque id
    detail: Mapped[str | None] = mapped_column(Text)  # old and new value of a change, where there is one
    request_id: Mapped[str | None] = mapped_column(String(32))
