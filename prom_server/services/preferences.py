"""A patient's preferences are kept with the patient, so that they follow from one device to another."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.preferences import Preferences, choices_in
from prom_server.services import audit, battery, visits
from prom_server.store.patients import Patient


def of_session(session: Session, token: str, *, at: datetime) -> Preferences:
    """Those of the identified patient. Raises SessionOver."""
    return _of(session, visits.of_session(session, token, at=at).patient_id)


def choose(session: Session, token: str, changes: Mapping[str, str], *, at: datetime) -> Preferences:
    """Keeps what the identified patient chose, and answers how everything stands now. Raises SessionOver.

    Another language also counts for the questionnaires in which nothing was answered yet.
    """
    visit = visits.of_session(session, token, at=at)
    before = _of(session, visit.patient_id)
    now = replace(before, **choices_in(changes))
    if now == before:
        return now
    session.execute(update(Patient).where(Patient.id == visit.patient_id).values(**asdict(now)))
    changed = ((name, old, asdict(now)[name]) for name, old in asdict(before).items())
    audit.record(
        session,
        "patient.preferences",
        at=at,
        actor="patient",
        clinic_id=visit.clinic.id,
        patient_id=visit.patient_id,
        detail="\n".join(f"{name}: {old} -> {new}" for name, old, new in changed if old != new),
    )
    if now.language != before.language:
        battery.go_on_in(session, visit, now.language, at=at)
    return now


def _of(session: Session, patient_id: int) -> Preferences:
    chosen = select(Patient.language, Patient.text_size, Patient.contrast).where(Patient.id == patient_id)
    return Preferences(*session.execute(chosen).one())
