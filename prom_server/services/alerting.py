"""Raises alerts and flags, in the transaction of the answer that causes them. What was raised is never withdrawn."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.instrument import ItemAlert, Level
from prom_server.core.refusals import NotFound
from prom_server.services import audit, pinning
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.base import opaque_id

UNREACHED_AFTER = timedelta(hours=24)
MOST_AT_ONCE = 100  # flags of one look at the work list; the next look flags more


@dataclass(frozen=True, slots=True)
class Answering:
    """Whose answer it is."""

    clinic_id: int
    patient_id: int
    administration_id: int


def answered(
    session: Session, whose: Answering, rule: ItemAlert, value: int | None, *, answered_at: datetime, at: datetime
) -> None:
    """After the save of an item with an alert rule.

    The first value that reaches the rule raises the alert; every later value is appended to it, and a higher one
    re-opens it. A value below the rule raises nothing, and withdraws nothing.
    """
    alert = _alert(session, whose, rule.rule)
    if alert is not None:
        _step(session, alert.id, "answered", at=at, answered_at=answered_at, value=value)
        if value is not None and value > (alert.value or 0):
            _reopen(session, alert, at=at, value=value, call_requested_at=None)
    elif value is not None and value >= rule.at_least:
        alert_id = _raise(session, whose, rule.rule, Level.ALERT, rule.item, value, at=at)
        _step(session, alert_id, "raised", at=at, answered_at=answered_at, value=value)


def _reopen(session: Session, alert: Alert, *, at: datetime, **changes: object) -> None:
    """What was acknowledged or resolved is open again: what staff knew then is no longer all."""
    if alert.acknowledged_at is not None or alert.resolved_at is not None:
        changes |= {"acknowledged_at": None, "acknowledged_by": None, "resolved_at": None}
        value = changes.get("value")
        _step(session, alert.id, "reopened", at=at, value=value if isinstance(value, int) else None)
    session.execute(update(Alert).where(Alert.id == alert.id).values(**changes))


def heard(
    session: Session, whose: Answering, rule: ItemAlert, value: int, *, answered_at: datetime, at: datetime
) -> None:
    """A value that reached the server and is not stored: it alerts all the same, unless one as high did already."""
    alert = _alert(session, whose, rule.rule)
    if value >= rule.at_least and (alert is None or value > (alert.value or 0)):
        answered(session, whose, rule, value, answered_at=answered_at, at=at)


def not_answered(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The item has no value at the end: a flag for staff, once."""
    if _alert(session, whose, rule.unanswered_rule) is None:
        alert_id = _raise(session, whose, rule.unanswered_rule, Level.FLAG, rule.item, None, at=at)
        _step(session, alert_id, "raised", at=at)


def call_requested(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The patient asks to be called: the alert is open again, whatever became of it. Raises NotFound without one."""
    alert = _alert(session, whose, rule.rule)
    if alert is None:
        raise NotFound("no alert to answer to")
    if alert.call_requested_at is None or alert.resolved_at is not None:
        _step(session, alert.id, "call_requested", at=at)
        _reopen(session, alert, at=at, call_requested_at=at)


def is_call_requested(session: Session, whose: Answering, rule: ItemAlert) -> bool:
    return (
        session.scalar(
            select(Alert.call_requested_at.is_not(None)).where(
                Alert.administration_id == whose.administration_id, Alert.rule == rule.rule, Alert.resolved_at.is_(None)
            )
        )
        is True
    )


def flag_unreached(session: Session, clinic_id: int, *, at: datetime) -> int:
    """Flags what was begun a day ago and whose item with an alert rule was not reached. Returns how many.

    Called when the work list is looked at, which is when it matters: no job has to run for a flag to be there.
    """
    waiting = session.execute(
        select(Administration, Assessment.patient_id)
        .with_for_update(of=Administration, skip_locked=True)  # another desk is just flagging those
        .limit(MOST_AT_ONCE)
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
        for rule in _rules(session, administration):
            not_answered(session, Answering(clinic_id, patient_id, administration.id), rule, at=at)
        watch(session, administration.id, watched=False)
    if waiting:
        audit.record(
            session, "alert.flag_unreached", at=at, clinic_id=clinic_id, actor="system", detail=str(len(waiting))
        )
    return len(waiting)


def _rules(session: Session, administration: Administration) -> tuple[ItemAlert, ...]:
    """None where the definition is gone, which `prom-server verify` reports: the others are still flagged."""
    try:
        return pinning.begun_with(session, administration).alerts
    except pinning.DefinitionMissing:
        return ()


def watch(session: Session, administration_id: int, *, watched: bool) -> None:
    """Watched until the item with an alert rule has an answer, or its absence is flagged."""
    session.execute(update(Administration).where(Administration.id == administration_id).values(watched=watched))


def _alert(session: Session, whose: Answering, rule: str) -> Alert | None:
    mine = (Alert.administration_id == whose.administration_id, Alert.rule == rule)
    return session.scalar(select(Alert).where(*mine).with_for_update())  # a resolution waits, or is seen


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


def _step(
    session: Session,
    alert_id: int,
    kind: str,
    *,
    at: datetime,
    answered_at: datetime | None = None,
    value: int | None = None,
) -> None:
    session.execute(insert(AlertStep).values(alert_id=alert_id, kind=kind, at=at, answered_at=answered_at, value=value))
