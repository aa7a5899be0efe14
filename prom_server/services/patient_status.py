"""A patient wants no reminders, withdraws, or has died. Everything that this stops, stops in one transaction.

Facts alone change: taking one back plans again what it had cancelled. Messages that were cancelled stay cancelled; the
next reminder comes on its day.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core.patient_status import AlreadyStopped, ImplausibleDeath, ReasonNeeded, Stop, Stopping
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.replanning import Replan, What
from prom_server.services import audit, finding, handovers, outbox, planning
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course
from prom_server.store.invitations import PatientSession
from prom_server.store.kiosks import Handover
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient

ACTIONS = {  # of the audit: (recorded, taken back)
    Stop.REMINDERS: ("reminders.off", "reminders.on"),
    Stop.WITHDRAWN: ("patient.withdraw", "patient.withdraw_undo"),
    Stop.DECEASED: ("patient.deceased", "patient.deceased_undo"),
}


def look(session: Session, public_id: str, what: Stop, *, by: StaffMember, at: datetime) -> Stopping:
    """What it would end now. Nothing changes."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by)
    audit.record(session, "patient.view_details", by=by, at=at, patient_id=row.id)
    assessments = _would_end(session, row, by=by, at=at) if what.everything else 0
    return Stopping(finding.ref(row), what, assessments, len(_pending(session, row.id)), _since(row, what))


def _would_end(session: Session, row: Patient, *, by: StaffMember, at: datetime) -> int:
    today = finding.local_day(at, by.clinic)
    courses = session.scalars(select(Course).where(Course.patient_id == row.id)).all()
    ended = 0
    for course in courses:
        as_if = replace(planning.facts(session, course, by=by), stopped_on=today)
        ended += _cancelled([planning.look(session, course, as_if, by=by, at=at)])
    return ended + len(session.scalars(_half_done(row, today)).all())


def _cancelled(plans: Iterable[Replan]) -> int:
    return sum(each.what is What.CANCELLED for plan in plans for each in plan.assessments)


def stop(
    session: Session,
    public_id: str,
    what: Stop,
    *,
    reason: str | None = None,
    died_on: date | None = None,
    by: StaffMember,
    at: datetime,
) -> Stopping:
    """Records it, and ends what it ends. Raises AlreadyStopped, ReasonNeeded, ImplausibleDeath."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    if _since(row, what) is not None:
        raise AlreadyStopped(what)
    facts = _facts(row, what, reason, died_on, today=finding.local_day(at, by.clinic), at=at)
    _set(session, row, facts)
    messages = cancel_messages(session, row.id, _CANCELLED[what], at=at)
    assessments = _end(session, row, by=by, at=at) if what.everything else 0
    said = reason if what is Stop.WITHDRAWN else died_on and died_on.isoformat()
    lines = [said, f"assessments: {assessments}" if what.everything else None, f"messages: {messages}"]
    detail = "\n".join(line for line in lines if line)
    audit.record(session, ACTIONS[what][0], by=by, at=at, patient_id=row.id, detail=detail)
    return Stopping(finding.ref(row), what, assessments, messages, at)


def take_back(session: Session, public_id: str, what: Stop, *, by: StaffMember, at: datetime) -> None:
    """Entered by mistake, or the patient's mind changed. A second time changes nothing."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    if (since := _since(row, what)) is None:
        return
    _set(session, row, dict.fromkeys(_COLUMNS[what]))
    if what.everything and not row.stopped:
        _open_again(session, row)
        planning.replan_patient(session, row, by=by, at=at)
    audit.record(session, ACTIONS[what][1], by=by, at=at, patient_id=row.id, detail=f"recorded: {since}")


def cancel_messages(session: Session, patient_id: int, reason: str, *, at: datetime) -> int:
    """Whatever waits to be sent to the patient is not sent; returns how many. One being sent now cannot be held."""
    return outbox.cancel(session, _pending(session, patient_id), reason, at=at)


_COLUMNS = {
    Stop.REMINDERS: ("reminders_off_at",),
    Stop.WITHDRAWN: ("withdrawn_at", "withdrawn_reason"),
    Stop.DECEASED: ("deceased_on",),
}
_CANCELLED = {Stop.REMINDERS: "opted_out", Stop.WITHDRAWN: "withdrawn", Stop.DECEASED: "deceased"}


def _since(row: Patient, what: Stop) -> datetime | date | None:
    since: datetime | date | None = getattr(row, _COLUMNS[what][0])
    return since


def _facts(
    row: Patient, what: Stop, reason: str | None, died_on: date | None, *, today: date, at: datetime
) -> dict[str, object]:
    if what is Stop.REMINDERS:
        return {"reminders_off_at": at}
    if what is Stop.WITHDRAWN:
        if not reason:
            raise ReasonNeeded(what)
        return {"withdrawn_at": at, "withdrawn_reason": reason}
    if died_on is None or not row.birth_date <= died_on <= today:
        raise ImplausibleDeath(what)
    return {"deceased_on": died_on}


def _set(session: Session, row: Patient, facts: dict[str, object]) -> None:
    session.execute(update(Patient).where(Patient.id == row.id).values(**facts))
    session.refresh(row)


def _pending(session: Session, patient_id: int) -> list[int]:
    """Messages to the patient that no worker is sending."""
    waiting = (*outbox.pending(), Message.sending_at.is_(None), Message.staff_id.is_(None))
    return list(session.scalars(select(Message.id).where(Message.patient_id == patient_id, *waiting)))


def _end(session: Session, row: Patient, *, by: StaffMember, at: datetime) -> int:
    """What is to come is cancelled, what was begun is closed with what it has; returns how many of both."""
    plans = planning.replan_patient(session, row, by=by, at=at)
    half_done = session.scalars(_half_done(row, finding.local_day(at, by.clinic))).all()
    session.execute(update(Assessment).where(Assessment.id.in_(half_done)).values(closed_at=at, remind_on=None))
    _end_visits(session, row.id, at=at)
    return _cancelled(plans) + len(half_done)


def _half_done(row: Patient, today: date) -> Select[int]:
    """What planning keeps and does not cancel: begun, or opened again by staff; as long as it takes answers."""
    kept = or_(Assessment.started_at.is_not(None), Assessment.reopened_at.is_not(None))
    over = (Assessment.completed_at, Assessment.cancelled_at, Assessment.closed_at)
    mine = (Assessment.patient_id == row.id, kept, Assessment.closes_on >= today)
    return select(Assessment.id).where(*mine, *(each.is_(None) for each in over))


def _open_again(session: Session, row: Patient) -> None:
    """What staff opened again keeps the days that they gave it, so planning does not open it. The rest it does."""
    mine = (Assessment.patient_id == row.id, Assessment.reopened_at.is_not(None))
    session.execute(update(Assessment).where(*mine).values(closed_at=None))


def _end_visits(session: Session, patient_id: int, *, at: datetime) -> None:
    """What is open in a browser or waits on a tablet opens nothing more."""
    handovers.replace(session, [Handover.patient_id == patient_id], at=at)
    theirs = select(Assessment.id).where(Assessment.patient_id == patient_id)
    session.execute(
        update(PatientSession)
        .where(PatientSession.assessment_id.in_(theirs), PatientSession.ended_at.is_(None))
        .values(ended_at=at)
    )
