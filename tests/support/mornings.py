"""A morning of the reminders, one patient at a time, as the task takes them."""

from datetime import datetime

from sqlalchemy.orm import Session

from prom_server.services import reminding


def remind(session: Session, *, at: datetime) -> int:
    """One patient whose turn has come, in any clinic: 1, or 0 when there is nobody (left)."""
    for clinic_id in reminding.clinics(session, at=at):
        patient_id = reminding.next_patient(session, clinic_id=clinic_id, at=at)
        if patient_id is not None and reminding.remind_patient(session, patient_id, at=at):
            return 1
    return 0
