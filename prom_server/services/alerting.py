"""Raises alerts and flags, in the transaction of the answer that causes them. What was raised is never withdrawn.

The first message to staff is put into the outbox in the same transaction. A flag waits for the next contact: nobody is
written to, and it does not escalate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.alerts import RaisedAlert, is_worse
from prom_server.core.instrument import Instrument, ItemAlert, Level
from prom_server.core.refusals import NotFound
from prom_server.services import alert_messages, audit, escalating, pinning
from prom_server.services.alert_messages import Alerted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.base import opaque_id

UNREACHED_AFTER = timedelta(hours=24)
MOST_AT_ONCE = 100  # flags of one look at the work list; the next look flags more


@dataclass(frozen=True, slots=True)
class Answering:
    """Whose answer it is, and how it was given."""

    clinic_id: int
    patient_id: int
    administration_id: int
    mode: str = "own_device"


def answered(
    session: Session, whose: Answering, rule: ItemAlert, value: int | None, *, answered_at: datetime, at: datetime
) -> None:
    """After the save of an item with an alert rule.

    The first value that reaches the rule raises the alert; every later value is appended to it, and a higher one
    re-opens it. A value below the rule raises nothing, and withdraws nothing.
    """
    alert = _alert(session, whose, rule.rule)
    if alert is not None:
        steps = [_step(alert.id, "answered", at=at, answered_at=answered_at, value=value)]
        if value is not None and value > (alert.value or 0):
            steps += _reopen(session, alert, whose, at=at, value=value, call_requested_at=None)
        _append(session, steps)
    elif value is not None and value >= rule.at_least:
        raised = RaisedAlert(rule.rule, Level.ALERT, rule.item, value=value)
        new = _raise(session, whose, [raised], at=at)
        if not new:  # another request raised it meanwhile
            answered(session, whose, rule, value, answered_at=answered_at, at=at)
            return
        _append(session, [_step(new[rule.rule], "raised", at=at, answered_at=answered_at, value=value)])


def submitted(
    session: Session, whose: Answering, instrument: Instrument, raised: Sequence[RaisedAlert], *, at: datetime
) -> None:
    """What a whole form raises, each once. One that stands from an earlier submission is re-opened by a worse score."""
    if not raised:
        return
    new = _raise(session, whose, raised, at=at)
    steps = [_step(new[each.rule], "raised", at=at, of=each) for each in raised if each.rule in new]
    for each in raised:
        standing = None if each.rule in new else _alert(session, whose, each.rule)
        if standing is not None and _is_worse(instrument, each, standing):
            changes = {"value": each.value, "score": each.score, "compared_with": each.compared_with}
            steps.append(_step(standing.id, "answered", at=at, of=each))
            steps += _reopen(session, standing, whose, at=at, **changes)
    _append(session, steps)


def _is_worse(instrument: Instrument, now: RaisedAlert, before: Alert) -> bool:
    if now.scale is not None and now.score is not None and before.score is not None:
        return is_worse(instrument.scale_by_id[now.scale], now.score, before.score)
    return now.value is not None and before.value is not None and now.value > before.value


def _reopen(
    session: Session, alert: Alert, whose: Answering, *, at: datetime, **changes: object
) -> list[dict[str, object]]:
    """The next are told. What was acknowledged or resolved is open again: what staff knew then is no longer all."""
    closed = alert.acknowledged_at is not None or alert.resolved_at is not None
    steps = []
    if closed:
        changes |= {"acknowledged_at": None, "acknowledged_by": None, "resolved_at": None}
        value = changes.get("value")
        steps.append(_step(alert.id, "reopened", at=at, value=value if isinstance(value, int) else None))
    changes |= escalating.again(session, alert, whose.mode, at=at, restart=closed)
    session.execute(update(Alert).where(Alert.id == alert.id).values(**changes))
    return steps


def heard(
    session: Session, whose: Answering, rule: ItemAlert, value: int, *, answered_at: datetime, at: datetime
) -> None:
    """A value that reached the server and is not stored: it alerts all the same, unless one as high did already."""
    alert = _alert(session, whose, rule.rule)
    if value >= rule.at_least and (alert is None or value > (alert.value or 0)):
        answered(session, whose, rule, value, answered_at=answered_at, at=at)


def not_answered(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The item has no value at the end: a flag for staff, once."""
    flag = RaisedAlert(rule.unanswered_rule, Level.FLAG, rule.item)
    _append(session, [_step(id_, "raised", at=at) for id_ in _raise(session, whose, [flag], at=at).values()])


def call_requested(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The patient asks to be called: the alert is open again, whatever became of it. Raises NotFound without one."""
    alert = _alert(session, whose, rule.rule)
    if alert is None:
        raise NotFound("no alert to answer to")
    if alert.call_requested_at is None or alert.resolved_at is not None:
        asked = _step(alert.id, "call_requested", at=at)
        _append(session, [asked, *_reopen(session, alert, whose, at=at, call_requested_at=at)])


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


def _raise(session: Session, whose: Answering, raised: Sequence[RaisedAlert], *, at: datetime) -> dict[str, int]:
    """Rule -> alert, of those that were not there yet; whoever takes them is told. One of a rule, whoever is first."""
    urgent = any(each.level is Level.ALERT for each in raised)
    arranged = alert_messages.arrangements(session, whose.clinic_id, at=at) if urgent else None
    waits = escalating.first(arranged, whose.mode, at=at) if arranged is not None else {}
    rows = [
        _row(whose, each, at=at) | (waits if each.level is Level.ALERT else dict.fromkeys(waits)) for each in raised
    ]
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new = dialect.insert(Alert).values(rows).on_conflict_do_nothing(index_elements=["administration_id", "rule"])
    found = session.execute(new.returning(Alert.rule, Alert.id, Alert.public_id, Alert.level, Alert.owner_id)).all()
    for _rule, id_, public_id, level, owner in found:
        if arranged is not None and level == Level.ALERT:
            alert_messages.notify(session, Alerted(id_, public_id, whose.clinic_id, owner, 0), arranged, at=at)
    return {row.rule: row.id for row in found}


def _row(whose: Answering, raised: RaisedAlert, *, at: datetime) -> dict[str, object]:
    return {
        "public_id": opaque_id(),
        "clinic_id": whose.clinic_id,
        "patient_id": whose.patient_id,
        "administration_id": whose.administration_id,
        "rule": raised.rule,
        "level": raised.level,
        "item_id": raised.item,
        "value": raised.value,
        "scale_id": raised.scale,
        "score": raised.score,
        "compared_with": raised.compared_with,
        "raised_at": at,
        "escalations": 0,
    }


def _step(
    alert_id: int,
    kind: str,
    *,
    at: datetime,
    answered_at: datetime | None = None,
    value: int | None = None,
    of: RaisedAlert | None = None,
) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "kind": kind,
        "at": at,
        "answered_at": answered_at,
        "value": of.value if of else value,
        "score": of.score if of else None,
    }


def _append(session: Session, steps: list[dict[str, object]]) -> None:
    if steps:
        session.execute(insert(AlertStep), steps)
