"""An alert that nobody acknowledged in time goes to the next person; one alert in each call, in its own transaction."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.orm import Session, aliased

from prom_server.core.alert_desk import StepKind
from prom_server.core.instrument import Level
from prom_server.services import alert_messages, audit
from prom_server.services.alert_messages import Alerted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Response

ANEW = (StepKind.REOPENED, StepKind.GIVEN, StepKind.LEFT)  # from then on its rounds count
NOBODY = "nobody"  # the step's code where no message could be sent

T = TypeVar("T")
_BEFORE, _BACK = text("SAVEPOINT telling"), text("ROLLBACK TO SAVEPOINT telling")

log = logging.getLogger("prom_server.alerts")


def due(session: Session, *, at: datetime, without: Collection[int] = ()) -> int | None:
    """The alert that has waited longest, if one waits; nothing is held."""
    waits = select(Alert.id).where(*_waits(at), Alert.id.not_in(without)).order_by(Alert.escalates_at, Alert.id)
    return session.scalar(waits.limit(1))


def escalate(session: Session, alert_id: int, *, at: datetime) -> int:
    """Escalates it, if it still waits for that and no other process is at it; returns how many, 1 or 0.

    After an outage it goes on once from now: what should have been told meanwhile is not told afterwards.
    """
    mine = select(Alert).where(*_waits(at), Alert.id == alert_id).with_for_update(skip_locked=True)
    alert = session.scalar(mine)
    if alert is None:
        return 0
    _escalate(session, alert, at=at)
    return 1


def _waits(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Alert.escalates_at <= at,
        Alert.level == Level.ALERT,
        Alert.acknowledged_at.is_(None),
        Alert.resolved_at.is_(None),
    )


def _escalate(session: Session, alert: Alert, *, at: datetime) -> None:
    arranged = alert_messages.arrangements(session, alert.clinic_id, at=at)
    nth = alert.escalations + 1
    whom = Alerted(alert.id, alert.public_id, alert.clinic_id, alert.owner_id, nth)
    told = alert_messages.notify(session, whom, arranged, at=at)
    alert_messages.replace(session, whom, told, at=at)
    code = None if told else NOBODY
    session.execute(insert(AlertStep).values(alert_id=alert.id, kind=StepKind.ESCALATED, at=at, code=code))
    rounds = _rounds_since(session, alert.id, arranged.hours.day_began(at))
    again = arranged.again_at(at, mode_of(session, alert), rounds=rounds, anybody=bool(told))
    session.execute(update(Alert).where(Alert.id == alert.id).values(escalations=nth, escalates_at=again))
    audit.record(
        session,
        "alert.escalated",
        at=at,
        clinic_id=alert.clinic_id,
        actor="system",
        patient_id=alert.patient_id,
        subject=f"alert:{alert.public_id}",
        detail=code or f"{len(told)} told",
    )


def again(session: Session, alert: Alert, mode: str, *, at: datetime, restart: bool) -> dict[str, object]:
    """The alert became more urgent: the next are told at once. Returns what changes with it.

    `restart`: it had been acknowledged, so its time begins anew; else the time that runs already goes on.
    """
    changes = whatever_comes(session, lambda: _again(session, alert, mode, at=at, restart=restart))
    return {"escalates_at": at} if changes is None else changes


def _again(session: Session, alert: Alert, mode: str, *, at: datetime, restart: bool) -> dict[str, object]:
    arranged = alert_messages.arrangements(session, alert.clinic_id, at=at)
    nth = alert.escalations + 1
    whom = Alerted(alert.id, alert.public_id, alert.clinic_id, alert.owner_id, nth)
    alert_messages.notify(session, whom, arranged, at=at)
    runs_out = arranged.escalates_at(at, mode)
    return {"escalations": nth, "escalates_at": runs_out if restart else alert.escalates_at or runs_out}


def whatever_comes(session: Session, tell: Callable[[], T]) -> T | None:
    """What `tell` returns; None where it failed: then it wrote nothing, and the escalation tells within seconds.

    An answer and its alert are kept, whatever keeps staff from being told. Of the error only its kind is logged.
    """
    session.flush()
    session.execute(_BEFORE)  # the commit releases it: a patient waits, so each statement counts
    try:
        return tell()
    except Exception as error:  # noqa: BLE001 - whatever it is
        session.execute(_BACK)
        log.error("nobody was told of an alert yet", extra={"fields": {"error": type(error).__name__}})
        return None


def mode_of(session: Session, alert: Alert) -> str:
    """How its answer was given: what was begun at home may go on in the clinic. Of a scale, as the form was begun."""
    of_item = (
        select(Response.mode)
        .where(Response.administration_id == alert.administration_id, Response.item_id == alert.item_id)
        .order_by(Response.sequence.desc())
        .limit(1)
    )
    begun = select(Administration.mode).where(Administration.id == alert.administration_id)
    return session.scalar(of_item) or session.execute(begun).scalar_one()


def _rounds_since(session: Session, alert_id: int, since: datetime) -> int:
    """Rounds since then, and since it was last opened again or given to somebody: from there its time began anew."""
    mine = AlertStep.alert_id == alert_id
    begun = aliased(AlertStep)
    anew = select(func.coalesce(func.max(begun.id), 0)).where(begun.alert_id == alert_id, begun.kind.in_(ANEW))
    rounds = select(func.count()).select_from(AlertStep).where(mine, AlertStep.kind == StepKind.ESCALATED)
    return session.execute(rounds.where(AlertStep.at >= since, AlertStep.id > anew.scalar_subquery())).scalar_one()
