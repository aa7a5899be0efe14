"""One alert with everything that helps: who it is, every step, earlier answers, earlier alerts and how they ended."""

from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from prom_server.core.alert_desk import (
    AlertStepView,
    AlertView,
    Beside,
    EarlierAlert,
    EarlierAnswer,
    StepKind,
    label_of,
)
from prom_server.core.enrolment import age_on
from prom_server.core.instrument import Instrument, Level
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import alert_desk, alert_giving, audit, catalogue, finding, pinning
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment, Response
from prom_server.store.courses import Course
from prom_server.store.staff import Staff

EARLIER = 20


def alert_view(session: Session, alert_public_id: str, *, by: StaffMember, at: datetime) -> AlertView:
    """Looks at one alert, and says in its steps that this person has seen it."""
    require(by, Action.SEE_ALERTS)
    alert_desk.mark_seen(session, alert_public_id, by=by, at=at)
    row = session.execute(alert_desk.found(by).where(Alert.public_id == alert_public_id)).one_or_none()
    if row is None:
        raise NotFound("no such alert")
    alert, patient, administration, _name, mode, _owner = row
    instrument = _begun_with(session, administration)
    assessment, course = session.execute(
        select(Assessment, Course)
        .join(Course, Course.id == Assessment.course_id)
        .where(Assessment.id == administration.assessment_id)
    ).one()
    audit.record(session, "alert.view", by=by, at=at, patient_id=patient.id, subject=f"alert:{alert_public_id}")
    return AlertView(
        line=alert_desk.line(session, *row),
        birth_date=patient.birth_date,
        age=age_on(patient.birth_date, finding.local_day(at, by.clinic)),
        phone=patient.phone,
        address=patient.address,
        emergency_contact=patient.emergency_contact,
        assessment=_time_point(course, assessment),
        course_id=course.public_id,
        course_number=course.number,
        submitted_at=administration.submitted_at,
        written_on=administration.written_on if mode == "paper" else None,
        in_error_at=administration.in_error_at,
        resolved_at=alert.resolved_at,
        steps=_steps(session, alert, instrument),
        earlier=_earlier_alerts(session, alert),
        before=_earlier_answers(session, alert, administration),
        beside=_beside(session, alert, administration, instrument),
        care=alert_giving.care_of(session, alert, by=by, at=at),
    )


def _begun_with(session: Session, administration: Administration) -> Instrument | None:
    """None where its definition is gone: an alert is shown without the words rather than not at all."""
    try:
        return pinning.begun_with(session, administration)
    except pinning.DefinitionMissing:
        return None


def _time_point(course: Course, assessment: Assessment) -> str:
    """Its id where the protocol's file is gone."""
    try:
        return catalogue.protocol(course.protocol_id, course.protocol_revision).time_point(assessment.time_point).name
    except NotFound:
        return assessment.time_point


def _steps(session: Session, alert: Alert, instrument: Instrument | None) -> tuple[AlertStepView, ...]:
    to = aliased(Staff)
    rows = session.execute(
        select(AlertStep, Staff.name, to.name)
        .outerjoin(Staff, Staff.id == AlertStep.staff_id)
        .outerjoin(to, and_(AlertStep.kind.in_((StepKind.GIVEN, StepKind.LEFT)), to.public_id == AlertStep.code))
        .where(AlertStep.alert_id == alert.id)
        .order_by(AlertStep.id)
    )
    return tuple(
        AlertStepView(
            step.kind,
            step.at,
            name,
            step.value,
            label_of(instrument, alert.item_id, step.value) if instrument else None,
            step.code if to_name is None else None,
            step.note,
            step.attempts,
            step.score,
            to_name,
        )
        for step, name, to_name in rows
    )


def _earlier_alerts(session: Session, alert: Alert) -> tuple[EarlierAlert, ...]:
    last = (
        select(func.max(AlertStep.id))
        .where(AlertStep.alert_id == Alert.id, AlertStep.kind == StepKind.RESOLVED)
        .correlate(Alert)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Alert, AlertStep, Staff.name)
        .outerjoin(AlertStep, AlertStep.id == last)
        .outerjoin(Staff, Staff.id == AlertStep.staff_id)
        .where(Alert.clinic_id == alert.clinic_id, Alert.patient_id == alert.patient_id, Alert.id != alert.id)
        .order_by(Alert.raised_at.desc(), Alert.id.desc())
        .limit(EARLIER)
    )
    return tuple(
        EarlierAlert(
            other.public_id,
            Level(other.level),
            other.value,
            other.raised_at,
            other.resolved_at,
            step.code if step and other.resolved_at else None,
            name if other.resolved_at else None,
            step.note if step and other.resolved_at else None,
            other.score,
        )
        for other, step, name in rows
    )


def _earlier_answers(session: Session, alert: Alert, administration: Administration) -> tuple[EarlierAnswer, ...]:
    """What the same item was answered in earlier administrations, the latest first."""
    current = (
        select(func.max(Response.sequence))
        .where(Response.administration_id == Administration.id, Response.item_id == alert.item_id)
        .correlate(Administration)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Response.value, Response.at)
        .join(Administration, Administration.id == Response.administration_id)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .where(
            Assessment.patient_id == alert.patient_id,
            Administration.id != administration.id,
            Administration.instrument_id == administration.instrument_id,
            Administration.started_at < administration.started_at,
            Administration.in_error_at.is_(None),
            Response.item_id == alert.item_id,
            Response.sequence == current,
        )
        .order_by(Response.at.desc())
        .limit(EARLIER)
    )
    return tuple(EarlierAnswer(value, at) for value, at in rows)


def _beside(
    session: Session, alert: Alert, administration: Administration, instrument: Instrument | None
) -> tuple[Beside, ...]:
    rule = instrument.alert_on(alert.item_id) if instrument else None
    if instrument is None or rule is None or not rule.beside:
        return ()
    rows = session.execute(
        select(Response.item_id, Response.value)
        .where(Response.administration_id == administration.id, Response.item_id.in_(rule.beside))
        .order_by(Response.sequence)
    )
    current = {row.item_id: row.value for row in rows}
    found = []
    for item_id in rule.beside:
        item, value = instrument.item_by_id[item_id], current.get(item_id)
        number = instrument.items.index(item) + 1
        found.append(Beside(number, item.short or item.text, value, label_of(instrument, item_id, value)))
    return tuple(found)
