"""Raises alerts and flags, in the transaction of the answer that causes them. What was raised is never withdrawn."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.instrument import ItemAlert, Level
from prom_server.services import audit, catalogue
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.base import opaque_id

UNREACHED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answering:
    """Whose answer it is."""

    clinic_id: int
    patient_id: int
    administration_id: int


def answered(session: Session, whose: Answering, rule: ItemAlert, value: int | None, *, at: datetime) -> bool:
    """After the save of an item with an alert rule. True if the help page is to be shown.

    The first value that reaches the rule raises the alert; every later value is appended to it, and a higher one
    re-opens it. A value below the rule raises nothing, and withdraws nothing.
    """
    reaches = value is not None and value >= rule.at_least
    alert = _alert(session, whose, rule.rule)
    if alert is None:
        if reaches:
            alert_id = _raise(session, whose, rule.rule, Level.ALERT, rule.item, value, at=at)
            _step(session, alert_id, "raised", at=at, value=value)
        return reaches
    _step(session, alert.id, "answered", at=at, value=value)
    if value is not None and value > (alert.value or 0):
        _reopen(session, alert, value, at=at)
    return reaches


def _reopen(session: Session, alert: Alert, value: int, *, at: datetime) -> None:
    changes: dict[str, object] = {"value": value}
    if alert.acknowledged_at is not None or alert.resolved_at is not None:
        changes |= {"acknowledged_at": None, "acknowledged_by": None, "resolved_at": None}
        _step(session, alert.id, "reopened", at=at, value=value)
    session.execute(update(Alert).where(Alert.id == alert.id).values(**changes))


def not_answered(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The item has no value at the end: a flag for staff, once."""
    if _alert(session, whose, rule.unanswered_rule) is None:
        alert_id = _raise(session, whose, rule.unanswered_rule, Level.FLAG, rule.item, None, at=at)
        _step(session, alert_id, "raised", at=at)


def call_requested(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The patient asks to be called: raises the urgency of the open alert."""
    alert = _alert(session, whose, rule.rule)
    if alert is not None and alert.call_requested_at is None:
        session.execute(update(Alert).where(Alert.id == alert.id).values(call_requested_at=at))
        _step(session, alert.id, "call_requested", at=at)


def is_call_requested(session: Session, whose: Answering, rule: ItemAlert) -> bool:
    alert = _alert(session, whose, rule.rule)
    return alert is not None and alert.call_requested_at is not None


def flag_unreached(session: Session, clinic_id: int, *, at: datetime) -> int:
    """Flags what was begun a day ago and whose item with an alert rule was not reached. Returns how many.

    Called when the work list is looked at, which is when it matters: no job has to run for a flag to be there.
    """
    waiting = session.execute(
        select(Administration, Assessment.patient_id)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .where(
            Administration.clinic_id == clinic_id,
            Administration.watched,
            Administration.submitted_at.is_(None),
            Administration.in_error_at.is_(None),
            Administration.started_at <= at - UNREACHED_AFTER,
        )
    ).all()
    for administration, patient_id in waiting:
        instrument = catalogue.instrument(administration.instrument_id, administration.instrument_revision)
        for rule in instrument.alerts:
            not_answered(session, Answering(clinic_id, patient_id, administration.id), rule, at=at)
        unwatch(session, administration.id)
    if waiting:
        audit.record(
            session, "alert.flag_unreached", at=at, clinic_id=clinic_id, actor="system", detail=str(len(waiting))
        )
    return len(waiting)


def unwatch(session: Session, administration_id: int) -> None:
    """The item with an alert rule was answered, or its absence is flagged."""
    session.execute(update(Administration).where(Administration.id == administration_id).values(watched=False))


def _alert(session: Session, whose: Answering, rule: str) -> Alert | None:
    return session.scalar(select(Alert).where(Alert.administration_id == whose.administration_id, Alert.rule == rule))


def _raise(
    session: Session, whose: Answering, rule: str, level: Level, item_id: str, value: int | None, *, at: datetime
) -> int:
    statement = insert(Alert).values(
        public_id=opaque_id(),
        clinic_id=whose.clinic_id,
        patient_id=whose.patient_id,
        administration_id=whose.administration_id,
        rule=rule,
        level=level,
        item_id=item_id,
        value=value,
        raised_at=at,
    )
    return session.execute(statement.returning(Alert.id)).scalar_one()


def _step(session: Session, alert_id: int, kind: str, *, at: datetime, value: int | None = None) -> None:
    session.execute(insert(AlertStep).values(alert_id=alert_id, kind=kind, at=at, value=value))
