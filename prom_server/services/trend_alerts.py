"""The alerts of one patient as facts of the trend: open ones, and those of answers that count."""

from collections import defaultdict
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.alert_causes import Fact
from prom_server.core.instrument import Level
from prom_server.core.trend_facts import AlertFacts, AlertState, AlertValue
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

VALUE_STEPS = {"raised", "answered"}  # the steps of an alert that hold what was answered


def of_patient(session: Session, patient: Patient, zone: ZoneInfo) -> tuple[AlertFacts, ...]:
    rows = session.execute(
        select(Alert, Administration, Assessment.public_id, Staff.name)
        .join(Administration, Administration.id == Alert.administration_id)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .outerjoin(Staff, Staff.id == Alert.acknowledged_by)
        .where(
            Alert.patient_id == patient.id,
            Administration.in_error_at.is_(None) | Alert.resolved_at.is_(None),
        )
        .order_by(Alert.raised_at)
    ).all()
    values: dict[int, list[AlertValue]] = defaultdict(list)
    for step in session.scalars(
        select(AlertStep).where(AlertStep.alert_id.in_([row[0].id for row in rows])).order_by(AlertStep.id)
    ):
        if step.kind in VALUE_STEPS:
            values[step.alert_id].append(AlertValue(step.value, step.at.astimezone(zone)))
    return tuple(
        AlertFacts(
            id=alert.public_id,
            rule=alert.rule,
            level=Level(alert.level),
            # An open alert heads the page even of answers entered in error, but belongs to no time point then.
            assessment=assessment if administration.in_error_at is None else "",
            instrument=administration.instrument_id,
            state=_state(alert),
            raised_at=alert.raised_at.astimezone(zone),
            values=tuple(values[alert.id]),
            acknowledged_at=alert.acknowledged_at.astimezone(zone) if alert.acknowledged_at else None,
            acknowledged_by=acknowledged_by,
            cause=Fact(alert.rule, alert.item_id, alert.value, alert.scale_id, alert.score, alert.compared_with),
        )
        for alert, administration, assessment, acknowledged_by in rows
    )


def _state(alert: Alert) -> AlertState:
    if alert.resolved_at is not None:
        return AlertState.RESOLVED
    return AlertState.ACKNOWLEDGED if alert.acknowledged_at is not None else AlertState.OPEN
