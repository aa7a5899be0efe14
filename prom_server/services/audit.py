"""Writes the audit trail, in the transaction of what it tells."""

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime

from sqlalchemy.orm import Session

from prom_server.core.permissions import StaffMember
from prom_server.store.audit import AuditEntry
from prom_server.store.base import table_of

APPEND = table_of(AuditEntry).insert()

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def record(
    session: Session,
    action: str,
    *,
    at: datetime,
    by: StaffMember | None = None,
    clinic_id: int | None = None,
    patient_id: int | None = None,
    subject: str | None = None,
    detail: str | None = None,
    actor: str = "staff",
) -> None:
    """Appends one line. `by` None means the patient (actor="patient") or the system; then give `clinic_id`."""
    line = {
        "at": at,
        "clinic_id": by.clinic.id if by else clinic_id,
        "actor": actor,
        "staff_id": by.id if by else None,
        "action": action,
        "patient_id": patient_id,
        "subject": subject,
        "detail": detail,
        "request_id": request_id.get(),
    }
    session.execute(APPEND, line)


def record_each(
    session: Session,
    action: str,
    patient_ids: Iterable[int],
    *,
    at: datetime,
    by: StaffMember,
    subject: str | None = None,
) -> None:
    """The same line for each of several patients, in one statement."""
    line = {"at": at, "clinic_id": by.clinic.id, "actor": "staff", "staff_id": by.id, "action": action}
    line |= {"subject": subject, "detail": None, "request_id": request_id.get()}
    if lines := [line | {"patient_id": patient_id} for patient_id in patient_ids]:
        session.execute(APPEND, lines)
