"""Lists of alerts, a page at a time: what is open, what is mine, what was resolved."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, select, tuple_
from sqlalchemy.orm import Session

from prom_server.core.alert_desk import AlertsPage, OpenAlerts, Show
from prom_server.core.instrument import Level
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import alert_desk, alerting, audit, finding
from prom_server.store.alerts import Alert

PAGE = 100

# Alerts before flags, those that nobody acknowledged first, and of them what has waited longest.
_WAITING: Sequence[Any] = (Alert.level, case((Alert.acknowledged_at.is_(None), 0), else_=1), Alert.raised_at, Alert.id)
_LATEST: Sequence[Any] = (Alert.resolved_at, Alert.id)


def alerts_page(
    session: Session, show: Show = Show.OPEN, after: str | None = None, *, by: StaffMember, at: datetime
) -> AlertsPage:
    """`after` is the last alert of the page before. Raises NotFound for one that is not of this clinic."""
    require(by, Action.SEE_ALERTS)
    alerting.flag_unreached(session, by.clinic.id, at=at)
    audit.record(session, "alerts.list", by=by, at=at, detail=show)
    rows = session.execute(_beyond(session, show, after, by=by).limit(PAGE + 1)).all()
    lines = tuple(alert_desk.line(session, *row) for row in rows[:PAGE])
    alerts, flags = (0, 0) if show is Show.RESOLVED else _counts(session, show, by=by)
    more = lines[-1].public_id if len(rows) > PAGE else None
    return AlertsPage(show, OpenAlerts(alerts, flags, lines), more, first=after is None)


def _which(show: Show, by: StaffMember) -> tuple[ColumnElement[bool], ...]:
    here = Alert.clinic_id == by.clinic.id
    if show is Show.RESOLVED:
        return (here, Alert.resolved_at.is_not(None))
    return (here, Alert.resolved_at.is_(None), *((Alert.owner_id == by.id,) if show is Show.MINE else ()))


def _beyond(session: Session, show: Show, after: str | None, *, by: StaffMember) -> Select[*tuple[Any, ...]]:
    """In their order, from the one after `after` on: it counts where that one stands now."""
    newest_first = show is Show.RESOLVED
    keys = _LATEST if newest_first else _WAITING
    listed = alert_desk.found(by).where(*_which(show, by))
    if after is not None:
        row = session.execute(select(*keys).where(Alert.clinic_id == by.clinic.id, _named(after))).one_or_none()
        if row is None:
            raise NotFound("no such alert")
        last = tuple_(*(literal(value, key.type) for value, key in zip(row, keys, strict=True)))
        listed = listed.where(tuple_(*keys) < last if newest_first else tuple_(*keys) > last)
    return listed.order_by(*(key.desc() if newest_first else key for key in keys))


def _named(public_id: str) -> ColumnElement[bool]:
    return Alert.public_id == finding.checked(public_id)


def _counts(session: Session, show: Show, *, by: StaffMember) -> tuple[int, int]:
    levels = session.execute(select(Alert.level, func.count()).where(*_which(show, by)).group_by(Alert.level))
    counts = {row[0]: row[1] for row in levels}
    return counts.get(Level.ALERT, 0), counts.get(Level.FLAG, 0)
