"""Alerts and flags at the desk: listed, seen, acknowledged, resolved. Every step is appended and stays."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from prom_server.core.alert_causes import Cause, CauseKind, Fact
from prom_server.core.alert_desk import (
    MOST_ATTEMPTS,
    NEEDS_NOTE,
    RESOLUTIONS,
    AlertLine,
    AlreadyResolved,
    Asked,
    AttemptsNeeded,
    ChangedMeanwhile,
    NoteNeeded,
    OpenAlerts,
    Resolution,
    StepKind,
    UnknownResolution,
    asked,
    version_of,
)
from prom_server.core.instrument import Level
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import alert_messages, audit, finding, pinning
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Response
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

LISTED = 100  # open at once; more are counted


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an alert ended."""

    code: str
    note: str | None = None
    attempts: int | None = None


def heading(session: Session, *, by: StaffMember, limit: int = LISTED) -> OpenAlerts:
    """What heads every page: the counts, and the first rows for those who may see them. Two statements at most."""
    open_here = (Alert.clinic_id == by.clinic.id, Alert.resolved_at.is_(None))
    levels = session.execute(select(Alert.level, func.count().label("open")).where(*open_here).group_by(Alert.level))
    counts = {row.level: row.open for row in levels}
    alerts, flags = counts.get(Level.ALERT, 0), counts.get(Level.FLAG, 0)
    if not by.may(Action.SEE_ALERTS) or not counts:
        return OpenAlerts(alerts, flags)
    unresolved = found(by).where(Alert.resolved_at.is_(None))
    rows = session.execute(
        unresolved.order_by(Alert.level, Alert.acknowledged_at.is_not(None), Alert.raised_at).limit(limit)
    )
    return OpenAlerts(alerts, flags, tuple(line(session, *row) for row in rows))


def open_of_patient(session: Session, patient_public_id: str, *, by: StaffMember) -> tuple[AlertLine, ...]:
    """The open alerts and flags of one patient, for the head of the patient's page, which writes the audit line."""
    require(by, Action.SEE_ALERTS)
    patient = finding.patient(session, patient_public_id, by=by)
    mine = found(by).where(Alert.patient_id == patient.id, Alert.resolved_at.is_(None))
    return tuple(line(session, *row) for row in session.execute(mine.order_by(Alert.level, Alert.raised_at)))


OWNER = aliased(Staff)


_OF_ANSWER = (
    select(Response.mode)
    .where(
        Response.administration_id == Alert.administration_id,
        Response.item_id == Alert.item_id,
        Response.value.is_not_distinct_from(Alert.value),
    )
    .order_by(Response.sequence.desc())
    .limit(1)
    .scalar_subquery()
)
# Of the answer, where one raised it: what was begun at home may go on in the clinic.
MODE = func.coalesce(_OF_ANSWER, Administration.mode)


def found(by: StaffMember) -> Select[Alert, Patient, Administration, str, str, str]:
    """Alerts of the clinic: patient, administration, who acknowledged it, how it was answered, who owns it."""
    return (
        select(
            Alert,
            Patient,
            Administration,
            Staff.name,
            MODE.label("mode"),
            OWNER.name.label("owner"),
        )
        .join(Patient, Patient.id == Alert.patient_id)
        .join(Administration, Administration.id == Alert.administration_id)
        .outerjoin(Staff, Staff.id == Alert.acknowledged_by)
        .outerjoin(OWNER, OWNER.id == Alert.owner_id)
        .where(Alert.clinic_id == by.clinic.id)
    )


def line(
    session: Session,
    alert: Alert,
    patient: Patient,
    administration: Administration,
    acknowledged_by: str | None,
    mode: str,
    owner: str | None,
) -> AlertLine:
    return AlertLine(
        public_id=alert.public_id,
        level=Level(alert.level),
        patient=finding.ref(patient),
        asked=_asked(session, alert, administration),
        mode=mode,
        raised_at=alert.raised_at,
        call_requested_at=alert.call_requested_at,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=acknowledged_by,
        owner=owner,
        resolved_at=alert.resolved_at,
    )


def _asked(session: Session, alert: Alert, administration: Administration) -> Asked:
    """What was asked and answered. An alert is never hidden because its questionnaire's definition is gone."""
    fact = Fact(alert.rule, alert.item_id, alert.value, alert.scale_id, alert.score, alert.compared_with)
    try:
        return asked(pinning.begun_with(session, administration), fact)
    except pinning.DefinitionMissing:
        cause = Cause(CauseKind.UNKNOWN, alert.scale_id, now=alert.score) if alert.scale_id else None
        return Asked(administration.instrument_id, 0, None, alert.rule, alert.value, None, cause)


# ---- What staff do

NEWS = (StepKind.RAISED, StepKind.ANSWERED, StepKind.CALL_REQUESTED, StepKind.REOPENED, StepKind.REASSIGNED)


def mark_seen(session: Session, alert_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Once per person since it was raised, answered again or re-opened."""
    require(by, Action.SEE_ALERTS)
    alert = held(session, alert_public_id, by=by)
    mine = AlertStep.alert_id == alert.id
    news = select(func.coalesce(func.max(AlertStep.id), 0)).where(mine, AlertStep.kind.in_(NEWS)).scalar_subquery()
    seen = select(AlertStep.id).where(mine, AlertStep.kind == StepKind.SEEN, AlertStep.staff_id == by.id)
    if alert.resolved_at is None and session.scalar(seen.where(AlertStep.id > news).limit(1)) is None:
        step(session, alert, StepKind.SEEN, by=by, at=at)


def acknowledge(
    session: Session, alert_public_id: str, *, seen: str | None = None, by: StaffMember, at: datetime
) -> None:
    """Says who takes care of it; it escalates no further. A second click changes nothing. Raises AlreadyResolved."""
    require(by, Action.ACKNOWLEDGE_ALERTS)
    alert = held(session, alert_public_id, by=by, seen=seen)
    if alert.resolved_at is not None:
        raise AlreadyResolved("resolved")
    acknowledged(session, alert, by=by, at=at)


def acknowledged(session: Session, alert: Alert, *, by: StaffMember, at: datetime) -> None:
    claimed = session.scalar(
        update(Alert)
        .where(Alert.id == alert.id, Alert.acknowledged_at.is_(None), Alert.resolved_at.is_(None))
        .values(acknowledged_at=at, acknowledged_by=by.id, owner_id=by.id)
        .returning(Alert.id)
    )
    if claimed is not None:
        step(session, alert, StepKind.ACKNOWLEDGED, by=by, at=at)
        alert_messages.call_off(session, alert.id, at=at)


def resolve(
    session: Session, alert_public_id: str, outcome: Outcome, *, seen: str | None = None, by: StaffMember, at: datetime
) -> str:
    """Closes it with how it ended; returns the patient's public id. A flag may be closed by whoever may acknowledge.

    Raises AlreadyResolved, ChangedMeanwhile, UnknownResolution, NoteNeeded, AttemptsNeeded.
    """
    require(by, Action.ACKNOWLEDGE_ALERTS)
    if held(session, alert_public_id, by=by).level == Level.ALERT:
        require(by, Action.RESOLVE_ALERTS)
    alert = held(session, alert_public_id, by=by, seen=seen)
    checked = _check(Level(alert.level), outcome)
    acknowledged(session, alert, by=by, at=at)
    claimed = session.scalar(
        update(Alert)
        .where(Alert.id == alert.id, Alert.resolved_at.is_(None))
        .values(resolved_at=at)
        .returning(Alert.patient_id)
    )
    if claimed is None:
        raise AlreadyResolved("resolved")
    step(session, alert, StepKind.RESOLVED, by=by, at=at, outcome=checked)
    return session.execute(select(Patient.public_id).where(Patient.id == claimed)).scalar_one()


def _check(level: Level, outcome: Outcome) -> Outcome:
    if outcome.code not in {str(code) for code in RESOLUTIONS[level]}:
        raise UnknownResolution(outcome.code)
    code, note = Resolution(outcome.code), (outcome.note or "").strip()
    if code in NEEDS_NOTE and not note:
        raise NoteNeeded(code)
    if code is not Resolution.COULD_NOT_REACH:
        return Outcome(code, note or None)
    if outcome.attempts is None or not 1 <= outcome.attempts <= MOST_ATTEMPTS:
        raise AttemptsNeeded(code)
    return Outcome(code, note or None, outcome.attempts)


def held(session: Session, public_id: str, *, by: StaffMember, seen: str | None = None) -> Alert:
    """The alert, its row held. With `seen` it must still be what the page showed. Raises NotFound, ChangedMeanwhile."""
    mine = (Alert.clinic_id == by.clinic.id, Alert.public_id == finding.checked(public_id))
    row = session.scalars(select(Alert).where(*mine).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("no such alert")
    if seen is not None and seen != version_of(row.value, row.score, row.call_requested_at):
        raise ChangedMeanwhile("changed")
    return row


NOTHING = Outcome("")


def step(
    session: Session, alert: Alert, kind: StepKind, *, by: StaffMember, at: datetime, outcome: Outcome = NOTHING
) -> None:
    session.execute(
        insert(AlertStep).values(
            alert_id=alert.id,
            kind=kind,
            at=at,
            staff_id=by.id,
            code=outcome.code or None,
            note=outcome.note,
            attempts=outcome.attempts,
        )
    )
    subject = f"alert:{alert.public_id}"
    detail = outcome.code or None
    audit.record(session, f"alert.{kind}", by=by, at=at, patient_id=alert.patient_id, subject=subject, detail=detail)
