"""The date of birth tells that it is the patient. Wrong ones are counted, over all links and devices; five lock."""

import hmac
from datetime import date, datetime

from sqlalchemy import case, null, update
from sqlalchemy.orm import Session

from prom_server.services import audit
from prom_server.services.links import LinkLocked, clinic_facts
from prom_server.store.clinics import Clinic
from prom_server.store.patients import Patient

WRONG_DATES_ALLOWED = 5


def count(session: Session, patient: Patient, clinic: Clinic, *, at: datetime) -> None:
    """Counts one attempt. Commit it before `check` compares. Raises LinkLocked.

    In one statement, so that simultaneous guesses are counted too. The last attempt locks before it is compared, so
    that the desk is told even if nothing follows; the right date takes the lock away again.
    """
    last = Patient.wrong_birth_dates + 1 >= WRONG_DATES_ALLOWED
    counted = session.scalar(
        update(Patient)
        .where(Patient.id == patient.id, Patient.locked_at.is_(None))
        .values(wrong_birth_dates=Patient.wrong_birth_dates + 1, locked_at=case((last, at), else_=null()))
        .returning(Patient.id)
    )
    if counted is None:
        raise LinkLocked(clinic_facts(clinic))


def check(session: Session, patient: Patient, birth_date: date, *, at: datetime) -> int | None:
    """None for the right date, of an attempt that was counted; else how many tries are left."""
    if hmac.compare_digest(patient.birth_date.isoformat(), birth_date.isoformat()):
        session.execute(update(Patient).where(Patient.id == patient.id).values(wrong_birth_dates=0, locked_at=None))
        return None
    left = max(0, WRONG_DATES_ALLOWED - patient.wrong_birth_dates)
    record(session, "birth_date.wrong", patient, at=at)
    if left == 0:
        record(session, "links.lock", patient, at=at)
    return left


def record(session: Session, action: str, patient: Patient, *, at: datetime, subject: str | None = None) -> None:
    """An audit line of what the patient did."""
    audit.record(
        session, action, at=at, actor="patient", clinic_id=patient.clinic_id, patient_id=patient.id, subject=subject
    )
