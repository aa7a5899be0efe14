"""How long the clinic's alerts waited, for a page and for a file that is written as it is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from prom_server.core.alert_desk import StepKind
from prom_server.core.alert_latency import AlertTimes, AlertWaits, Latency, Period, latency, waits
from prom_server.core.instrument import Level
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import alert_desk, audit, opening
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration

LISTED = 200
BATCH = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Some alerts, the newest first, and where the next ones begin; None after the last."""

    alerts: tuple[AlertWaits, ...]
    after: tuple[datetime, int] | None


def latency_page(session: Session, period: Period, *, by: StaffMember, at: datetime) -> Latency:
    require(by, Action.SEE_ALERTS)
    audit.record(session, "alerts.latency", by=by, at=at, detail=f"{period.first} to {period.last}")
    return latency(period, tuple(_all(session, period, by=by)), listed=LISTED)


def begin_file(session: Session, period: Period, *, by: StaffMember, at: datetime) -> None:
    """The permission and the audit line of a file; its batches follow, each read by itself."""
    require(by, Action.SEE_ALERTS)
    audit.record(session, "alerts.latency_file", by=by, at=at, detail=f"{period.first} to {period.last}")


def batch(session: Session, period: Period, after: tuple[datetime, int] | None = None, *, by: StaffMember) -> Batch:
    require(by, Action.SEE_ALERTS)
    hours = opening.hours(session, by.clinic.id, by.clinic.time_zone)
    rows = session.execute(_times(period, after, by)).all()
    last = rows[-1][0] if len(rows) == BATCH else None
    return Batch(tuple(waits(_of(row), hours) for row in rows), (last.raised_at, last.id) if last else None)


def _all(session: Session, period: Period, *, by: StaffMember) -> Iterator[AlertWaits]:
    found = batch(session, period, by=by)
    yield from found.alerts
    while found.after is not None:
        found = batch(session, period, found.after, by=by)
        yield from found.alerts


def _of(row: Any) -> AlertTimes:
    alert, instrument, mode, seen, acknowledged, escalated = row
    return AlertTimes(
        public_id=alert.public_id,
        instrument=instrument,
        rule=alert.rule,
        mode=mode,
        raised_at=alert.raised_at,
        seen_at=seen,
        acknowledged_at=acknowledged,
        resolved_at=alert.resolved_at,
        escalations=escalated,
    )


def _times(period: Period, after: tuple[datetime, int] | None, by: StaffMember) -> Select[*tuple[Any, ...]]:
    begins, ends = (_begins(day, by) for day in (period.first, period.last + timedelta(days=1)))
    listed = (
        select(
            Alert,
            Administration.instrument_id,
            alert_desk.MODE,
            _steps(func.min(AlertStep.at), StepKind.SEEN, StepKind.ACKNOWLEDGED, StepKind.RESOLVED),
            _steps(func.min(AlertStep.at), StepKind.ACKNOWLEDGED),
            _steps(func.count(AlertStep.id), StepKind.ESCALATED),
        )
        .join(Administration, Administration.id == Alert.administration_id)
        .where(Alert.clinic_id == by.clinic.id, Alert.level == Level.ALERT)
        .where(Alert.raised_at >= begins, Alert.raised_at < ends)
        .order_by(Alert.raised_at.desc(), Alert.id.desc())
        .limit(BATCH)
    )
    if after is None:
        return listed
    return listed.where(tuple_(Alert.raised_at, Alert.id) < tuple_(*_typed(after)))


def _typed(after: tuple[datetime, int]) -> Iterator[Any]:
    return (literal(value, key.type) for value, key in zip(after, (Alert.raised_at, Alert.id), strict=True))


def _steps(of: Any, *kinds: StepKind) -> ScalarSelect[Any]:
    mine = (AlertStep.alert_id == Alert.id, AlertStep.kind.in_(kinds))
    return select(of).where(*mine).correlate(Alert).scalar_subquery()


def _begins(day: date, by: StaffMember) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(by.clinic.time_zone))
