"""Raises alerts and flags, in the transaction of the answer that causes them. What was raised is never withdrawn.

The first message to staff is put into the outbox in the same transaction. A flag waits for the next contact: nobody is
written to, and it does not escalate.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.alert_desk import StepKind
from prom_server.core.alerts import RaisedAlert, is_worse
from prom_server.core.instrument import Instrument, ItemAlert, Level
from prom_server.core.refusals import NotFound
from prom_server.core.worsening import RISES
from prom_server.services import audit, escalating, pinning, raising
from prom_server.services.raising import Answering
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment

UNREACHED_AFTER = timedelta(hours=24)
MOST_AT_ONCE = 100  # flags of one look at the work list; the next look flags more


def answered(
    session: Session,
    whose: Answering,
    rule: ItemAlert,
    value: int | None,
    *,
    answered_at: datetime,
    at: datetime,
    first: bool = False,
) -> None:
    """After the save of an item with an alert rule; before the `first` there is no alert of it.

    The first value that reaches the rule raises the alert; every later value is appended to it, and one that rises
    re-opens it. A value below the rule raises nothing, and withdraws nothing.
    """
    alert = None if first else _alert(session, whose, rule.rule)
    if alert is not None:
        steps = [_step(alert.id, "answered", at=at, answered_at=answered_at, value=value)]
        if _rises(session, alert, rule, value):
            highest = max(value or 0, alert.value or 0)
            steps += _reopen(session, alert, whose, at=at, value=highest, call_requested_at=None)
        _append(session, steps)
    elif value is not None and value >= rule.at_least:
        raised = RaisedAlert(rule.rule, Level.ALERT, rule.item, value=value)
        new = raising.raise_all(session, whose, [raised], at=at)
        if not new:  # another request raised it meanwhile
            answered(session, whose, rule, value, answered_at=answered_at, at=at)
            return
        _append(session, [_step(new[rule.rule], "raised", at=at, answered_at=answered_at, value=value)])


def _rises(session: Session, alert: Alert, rule: ItemAlert, value: int | None) -> bool:
    """Higher than any before; of a resolved alert higher than the answer that stood, which is what staff closed."""
    if value is None or value > (alert.value or 0) or alert.resolved_at is None:
        return value is not None and value > (alert.value or 0)
    of_answers = (AlertStep.alert_id == alert.id, AlertStep.kind.in_((StepKind.RAISED, StepKind.ANSWERED)))
    stood = session.scalar(select(AlertStep.value).where(*of_answers).order_by(AlertStep.id.desc()).limit(1))
    return value >= rule.at_least and (stood is None or value > stood)


def submitted(
    session: Session, whose: Answering, instrument: Instrument, raised: Sequence[RaisedAlert], *, at: datetime
) -> None:
    """What a whole form raises, each once. One that stands from an earlier submission is re-opened by a worse score."""
    raised = [each for each in raised if not _alerted_itself(session, whose, instrument, each)]
    if not raised:
        return
    new = raising.raise_all(session, whose, raised, at=at)
    steps = [_step(new[each.rule], "raised", at=at, of=each) for each in raised if each.rule in new]
    for each in raised:
        standing = None if each.rule in new else _alert(session, whose, each.rule)
        if standing is not None and _is_worse(instrument, each, standing):
            changes = {"value": each.value, "score": each.score, "compared_with": each.compared_with}
            steps.append(_step(standing.id, "answered", at=at, of=each))
            steps += _reopen(session, standing, whose, at=at, **changes)
    _append(session, steps)


def _alerted_itself(session: Session, whose: Answering, instrument: Instrument, risen: RaisedAlert) -> bool:
    """An item that rose and raised an alert as it was answered has one, not two: that one says what it was before."""
    own = instrument.alert_on(risen.item) if risen.rule.startswith(RISES) else None
    if own is None or risen.value is None or risen.value < own.at_least:
        return False
    mine = (Alert.administration_id == whose.administration_id, Alert.rule == own.rule)
    session.execute(update(Alert).where(*mine).values(compared_with=risen.compared_with))
    return True


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


def reassigned(
    session: Session, whose: Answering, raised: Sequence[RaisedAlert], *, staff_id: int, at: datetime
) -> None:
    """The answers are another patient's after all, whose own rules say `raised`: what an alert compares with is that
    patient's, or nothing. What was acknowledged or resolved is open again: it was asked of somebody else.
    """
    before = {each.rule: each.compared_with for each in raised}
    before_of_item = {each.item: each.compared_with for each in raised if each.rule.startswith(RISES)}
    mine = select(Alert).where(Alert.administration_id == whose.administration_id).order_by(Alert.id)
    for alert in session.scalars(mine.with_for_update()).all():
        compared = before.get(alert.rule, before_of_item.get(alert.item_id))
        steps = [_step(alert.id, "reassigned", at=at) | {"staff_id": staff_id}]
        if alert.compared_with is not None and compared is None:
            steps.append(_step(alert.id, "not_compared", at=at) | {"staff_id": None})
        values = {"patient_id": whose.patient_id, "compared_with": compared}
        session.execute(update(Alert).where(Alert.id == alert.id).values(**values))
        if alert.level == Level.ALERT and (alert.acknowledged_at is not None or alert.resolved_at is not None):
            steps += [each | {"staff_id": None} for each in _reopen(session, alert, whose, at=at)]
        elif alert.resolved_at is not None:  # a flag waits for the next contact with this patient
            session.execute(update(Alert).where(Alert.id == alert.id).values(resolved_at=None))
            steps.append(_step(alert.id, "reopened", at=at) | {"staff_id": None})
        _append(session, steps)


def heard(
    session: Session, whose: Answering, rule: ItemAlert, value: int, *, answered_at: datetime, at: datetime
) -> None:
    """A value that reached the server and is not stored: it alerts all the same, unless one as high did already."""
    alert = _alert(session, whose, rule.rule)
    if value >= rule.at_least and (alert is None or _rises(session, alert, rule, value)):
        answered(session, whose, rule, value, answered_at=answered_at, at=at)


def not_answered(session: Session, whose: Answering, rule: ItemAlert, *, at: datetime) -> None:
    """The item has no value at the end: a flag for staff, once."""
    flag = RaisedAlert(rule.unanswered_rule, Level.FLAG, rule.item)
    _append(session, [_step(id_, "raised", at=at) for id_ in raising.raise_all(session, whose, [flag], at=at).values()])


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
