"""Messages to staff about an alert: whom the clinic arranged to tell, put into the outbox with what caused them.

They say that an alert is waiting, and nothing else.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from prom_server.core.escalation import Arrangements, Person, on_call_of
from prom_server.core.going_live import ClosedHours
from prom_server.core.messages import Purpose
from prom_server.core.opening_hours import OpeningHours
from prom_server.core.permissions import MAY, Action
from prom_server.services import opening, outbox
from prom_server.store.base import BigId, Instant
from prom_server.store.clinics import Clinic, ClosedDay, OnCall, Opening
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff

LANGUAGE = "en"  # that staff read
TAKERS = tuple(role for role, actions in MAY.items() if Action.ACKNOWLEDGE_ALERTS in actions)
NOT_NEEDED = "acknowledged"  # why a message that still waited was cancelled


@dataclass(frozen=True, slots=True)
class Alerted:
    """The alert that somebody is told of. `nth` numbers the rounds: nobody is told twice in one."""

    id: int
    public_id: str
    clinic_id: int
    owner: int | None
    nth: int


def _facts(kind: str, a: Any, b: Any, *texts: Any) -> Select[*tuple[Any, ...]]:
    """Rows of one shape, so that one statement brings what four tables hold."""
    numbers = [cast(each, Integer) for each in (a, b)]
    words = [cast(each, String) for each in (*texts, *[null()] * (4 - len(texts)))]
    columns: list[ColumnElement[Any]] = [literal(kind).label("kind"), *numbers, *words]
    return select(*(each.label(f"of_{n}") if n else each for n, each in enumerate(columns)))


def _since() -> ColumnElement[datetime]:
    """Since when somebody is on call; null for who is not."""
    duty = (OnCall.staff_id == Staff.id, OnCall.cancelled_at.is_(None), OnCall.begins_at <= _AT, OnCall.until > _AT)
    return select(func.max(OnCall.begins_at)).where(*duty).correlate(Staff).scalar_subquery()


_HERE, _AT = bindparam("clinic_id", type_=BigId), bindparam("at", type_=Instant)
_ADDRESS = case((Staff.alerts_by == "sms", Staff.mobile), (Staff.alerts_by == "email", Staff.email))
_ARRANGED = union_all(  # one statement, because a patient waits for the save that raises
    _facts(
        "clinic", Clinic.alert_kiosk_minutes, Clinic.alert_home_minutes, Clinic.time_zone, Clinic.closed_hours
    ).where(Clinic.id == _HERE),
    _facts("opening", Opening.weekday, null(), Opening.opens, Opening.closes).where(Opening.clinic_id == _HERE),
    _facts("closed", null(), null(), ClosedDay.on).where(ClosedDay.clinic_id == _HERE),
    _facts("staff", Staff.id, null(), Staff.public_id, Staff.alerts_by, _ADDRESS, _since()).where(
        Staff.clinic_id == _HERE, Staff.active, Staff.role.in_(TAKERS)
    ),
)


def arrangements(session: Session, clinic_id: int, *, at: datetime) -> Arrangements:
    """What the clinic arranged, and who is on call at this instant. One statement."""
    rows = session.execute(_ARRANGED, {"clinic_id": clinic_id, "at": at}).all()
    ((_, kiosk, home, zone, closed, *_rest),) = (row for row in rows if row.kind == "clinic")
    staff = [tuple(row) for row in rows if row.kind == "staff"]
    weekly = opening.weekly_of((row[1], row[3], row[4]) for row in rows if row.kind == "opening")
    days = frozenset(date.fromisoformat(row[3]) for row in rows if row.kind == "closed")
    return Arrangements(
        hours=OpeningHours(zone, weekly, days),
        kiosk_minutes=kiosk,
        home_minutes=home,
        closed_hours=ClosedHours(closed) if closed else None,
        on_call=on_call_of((each[1], each[6]) for each in staff if each[6]),
        people=tuple(
            Person(id_, public_id, channel, address, on_call=since is not None)
            for _kind, id_, _b, public_id, channel, address, since in sorted(staff)
            if address
        ),
    )


def notify(session: Session, alert: Alerted, arranged: Arrangements, *, at: datetime) -> tuple[Person, ...]:
    """Tells whoever comes next; returns them. None where no message reaches anybody: the alert's page says so."""
    told = arranged.told(alert.owner, alert.nth, at)
    tell(session, alert, told, at=at, not_before=arranged.told_at(at))
    return told


def tell(session: Session, alert: Alerted, people: tuple[Person, ...], *, at: datetime, not_before: datetime) -> None:
    for each in people:
        outbox.enqueue(
            session,
            clinic_id=alert.clinic_id,
            purpose=Purpose.ALERT,
            channel=each.channel,
            address=each.address,
            language=LANGUAGE,
            key=f"alert:{alert.public_id}:{each.public_id}:{alert.nth}",
            at=at,
            not_before=not_before,
            staff_id=each.id,
            alert_id=alert.id,
        )


def call_off(session: Session, alert_id: int, *, at: datetime) -> None:
    """Somebody takes care of it: what still waits to be sent is not needed."""
    waiting = session.scalars(select(Message.id).where(Message.alert_id == alert_id, *outbox.pending())).all()
    if waiting:
        outbox.cancel(session, list(waiting), NOT_NEEDED, at=at)
