"""An alert that nobody acknowledged in time goes to the next person; one alert in each call, in its own transaction."""

from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.alert_desk import StepKind
from prom_server.core.escalation import Arrangements
from prom_server.core.instrument import Level
from prom_server.services import alert_messages, audit
from prom_server.services.alert_messages import Alerted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Response

NOBODY = "nobody"  # the step's code where no message could be sent


def escalate(session: Session, *, at: datetime) -> int:
    """Escalates the alert that has waited longest; returns how many, 1 or 0. Another process takes another alert.

    After an outage each goes on once from now: what should have been told meanwhile is not told afterwards.
    """
    alert = session.scalar(
        select(Alert)
        .where(
            Alert.escalates_at <= at,
            Alert.level == Level.ALERT,
            Alert.acknowledged_at.is_(None),
            Alert.resolved_at.is_(None),
        )
        .order_by(Alert.escalates_at, Alert.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if alert is None:
        return 0
    _escalate(session, alert, at=at)
    return 1


def _escalate(session: Session, alert: Alert, *, at: datetime) -> None:
    arranged = alert_messages.arrangements(session, alert.clinic_id, at=at)
    nth = alert.escalations + 1
    whom = Alerted(alert.id, alert.public_id, alert.clinic_id, alert.owner_id, nth)
    told = alert_messages.notify(session, whom, arranged, at=at)
    code = None if told else NOBODY
    session.execute(insert(AlertStep).values(alert_id=alert.id, kind=StepKind.ESCALATED, at=at, code=code))
    rounds = _rounds_since(session, alert.id, arranged.day_of(at))
    again = arranged.again_at(at, mode_of(session, alert), rounds_today=rounds, anybody=bool(told))
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
    arranged = alert_messages.arrangements(session, alert.clinic_id, at=at)
    nth = alert.escalations + 1
    whom = Alerted(alert.id, alert.public_id, alert.clinic_id, alert.owner_id, nth)
    alert_messages.notify(session, whom, arranged, at=at)
    runs_out = arranged.escalates_at(at, mode)
    return {"escalations": nth, "escalates_at": runs_out if restart else alert.escalates_at or runs_out}


def first(arranged: Arrangements, mode: str, *, at: datetime) -> dict[str, object]:
    """What a new alert holds: whoever is on call owns it, and it escalates when their time is up."""
    return {"owner_id": arranged.on_call, "escalates_at": arranged.escalates_at(at, mode)}


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
    mine = (AlertStep.alert_id == alert_id, AlertStep.kind == StepKind.ESCALATED, AlertStep.at >= since)
    return session.execute(select(func.count()).select_from(AlertStep).where(*mine)).scalar_one()
