"""The way in on a tablet: a code where the desk chose no tablet, then the date of birth.

A code that was typed belongs to its tablet from then on; so there is one way to the birth date, whichever came before.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core.kiosks import Device, HandoverGone
from prom_server.core.permissions import ClinicFacts
from prom_server.services import audit, birth_dates, finding, handovers, kiosks, links, visits
from prom_server.services.links import Opened
from prom_server.services.visits import Attempt
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.kiosks import Device as DeviceRow
from prom_server.store.kiosks import Handover
from prom_server.store.patients import Patient


@dataclass(frozen=True, slots=True)
class Where:
    """What holds a handover: a tablet, or the browser in which a member of the staff has just handed over."""

    device: Device | None
    own: str | None = None  # public id of the handover

    def conditions(self, at: datetime) -> tuple[ColumnElement[bool], ...]:
        if self.device is not None:
            mine: ColumnElement[bool] = Handover.device_id == self.device.id
        else:
            mine = Handover.public_id == finding.checked(self.own or "none")
        return (mine, *handovers.WAITS, Handover.expires_at > at)


def is_waiting(session: Session, where: Where, *, at: datetime) -> bool:
    """Whether a birth date would be compared now. Tells nothing of whose."""
    return session.scalar(select(Handover.id).where(*where.conditions(at)).limit(1)) is not None


def waiting(session: Session, where: Where, *, at: datetime) -> tuple[str, ClinicFacts] | None:
    """The public id of the handover that waits here, and its clinic. Tells nothing of whose."""
    row = session.execute(
        select(Handover.public_id, Clinic)
        .join(Clinic, Clinic.id == Handover.clinic_id)
        .where(*where.conditions(at))
        .order_by(Handover.id.desc())
        .limit(1)
    ).one_or_none()
    return (row[0], links.clinic_facts(row[1])) if row else None


def claim(session: Session, device: Device, code: str, *, at: datetime) -> bool:
    """Compares a code that was counted: the right one waits on this tablet from now on, and nowhere else.

    A wrong, used, expired or foreign one is told apart nowhere: one statement finds nothing, and that is all.
    The tablet is held first and then what waits on it, as by the desk.
    """
    session.execute(select(DeviceRow.id).where(DeviceRow.id == device.id).with_for_update(key_share=True))
    waits = (*handovers.code_waits(device.clinic, code), _free_or_on(device), Handover.expires_at > at)
    found = session.scalars(select(Handover.id).where(*waits).limit(2)).all()
    if len(found) != 1 or not _claimed(session, device, found[0], at=at):
        kiosks.after_wrong_code(session, device, at=at)
        return False
    kiosks.after_right_code(session, device)
    return True


def _claimed(session: Session, device: Device, handover_id: int, *, at: datetime) -> bool:
    handovers.replace(session, [Handover.device_id == device.id, Handover.id != handover_id], at=at)
    mine = (Handover.id == handover_id, _free_or_on(device), *handovers.WAITS)
    claimed = session.scalar(update(Handover).where(*mine).values(device_id=device.id).returning(Handover.id))
    return claimed is not None


def _free_or_on(device: Device) -> ColumnElement[bool]:
    """Typed twice on one tablet, a code still waits there."""
    return or_(Handover.device_id.is_(None), Handover.device_id == device.id)


def count_attempt(session: Session, where: Where, *, at: datetime) -> None:
    """Counts one attempt at the birth date, as for a link. Commit it before `identify`.

    Raises HandoverGone; LinkLocked after too many; other LinkRefused when the assessment ended meanwhile.
    """
    opened = _waiting(session, where, at=at)
    birth_dates.count(session, opened.patient, opened.clinic, at=at)


def identify(session: Session, where: Where, birth_date: date, *, at: datetime) -> Attempt:
    """As `visits.identify`: the right date uses the handover up, and ends whatever was open on this tablet before."""
    opened = _waiting(session, where, at=at)
    attempt = visits.open_by_birth_date(session, opened, birth_date, at=at)
    if attempt.token is None:
        return attempt
    mine = (Handover.id == opened.handover_id, *handovers.WAITS)
    used = session.scalar(update(Handover).where(*mine).values(used_at=at).returning(Handover.id))
    if used is None:
        raise HandoverGone("replaced meanwhile")
    if where.device is not None:
        kiosks.end_sessions(session, where.device.id, but=attempt.token, at=at)
    return attempt


def cancel(session: Session, where: Where, *, at: datetime) -> None:
    """Somebody else stands before the tablet: nothing waits on it any more."""
    opened = session.execute(
        update(Handover)
        .where(*where.conditions(at))
        .values(cancelled_at=at)
        .returning(Handover.clinic_id, Handover.patient_id)
    ).first()
    if opened is not None:
        facts = {"clinic_id": opened.clinic_id, "patient_id": opened.patient_id, "actor": "patient"}
        audit.record(session, "handover.cancel", at=at, **facts)


def _waiting(session: Session, where: Where, *, at: datetime) -> Opened:
    row = session.execute(
        select(Handover.id, Assessment, Patient, Clinic)
        .join(Assessment, Assessment.id == Handover.assessment_id)
        .join(Patient, Patient.id == Handover.patient_id)
        .join(Clinic, Clinic.id == Handover.clinic_id)
        .where(*where.conditions(at))
        .order_by(Handover.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise HandoverGone("nothing waits here")
    handover_id, assessment, patient, clinic = row
    if patient.stopped or links.status_of(assessment, clinic, at=at) not in links.ANSWERABLE:
        raise HandoverGone("the assessment is over")
    return Opened(None, assessment, patient, clinic, handover_id)
