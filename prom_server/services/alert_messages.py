"""Messages to staff about an alert: whom the clinic arranged to tell, put into the outbox with what caused them.

They say that an alert is waiting, and nothing else.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from prom_server.core.escalation import Arrangements, Duty, Person
from prom_server.core.going_live import ClosedHours
from prom_server.core.messages import Purpose
from prom_server.core.opening_hours import LONGEST_CLOSED, OpeningHours
from prom_server.core.permissions import MAY, Action
from prom_server.services import opening, outbox
from prom_server.store.base import BigId, Instant
from prom_server.store.clinics import Clinic, ClosedDay, OnCall, Opening
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff

LANGUAGE = "en"  # that staff read
TAKERS = tuple(role for role, actions in MAY.items() if Action.ACKNOWLEDGE_ALERTS in actions)
NOT_NEEDED, REPLACED = "acknowledged", "replaced"  # why a message that still waited was cancelled


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


_HERE, _AT, _SOON = (
    bindparam("clinic_id", type_=BigId),
    bindparam("at", type_=Instant),
    bindparam("soon", type_=Instant),
)
_ADDRESS = case((Staff.alerts_by == "sms", Staff.mobile), (Staff.alerts_by == "email", Staff.email))
_ARRANGED = union_all(  # one statement, because a patient waits for the save that raises
    _facts(
        "clinic", Clinic.alert_kiosk_minutes, Clinic.alert_home_minutes, Clinic.time_zone, Clinic.closed_hours
    ).where(Clinic.id == _HERE),
    _facts("opening", Opening.weekday, null(), Opening.opens, Opening.closes).where(Opening.clinic_id == _HERE),
    _facts("closed", null(), null(), ClosedDay.on).where(ClosedDay.clinic_id == _HERE),
    _facts("staff", Staff.id, null(), Staff.public_id, Staff.alerts_by, _ADDRESS).where(
        Staff.clinic_id == _HERE, Staff.active, Staff.role.in_(TAKERS)
    ),
    _facts("duty", OnCall.staff_id, null(), OnCall.begins_at, OnCall.until)
    .join(Staff, Staff.id == OnCall.staff_id)
    .where(OnCall.clinic_id == _HERE, Staff.active, Staff.role.in_(TAKERS))
    .where(OnCall.cancelled_at.is_(None), OnCall.until > _AT, OnCall.begins_at <= _SOON),
)


def arrangements(session: Session, clinic_id: int, *, at: datetime) -> Arrangements:
    """What the clinic arranged, and who is on call when a message leaves that is written now. One statement."""
    soon = at + LONGEST_CLOSED + timedelta(days=1)  # no message waits longer
    rows = session.execute(_ARRANGED, {"clinic_id": clinic_id, "at": at, "soon": soon}).all()
    ((_, kiosk, home, zone, closed, *_rest),) = (row for row in rows if row.kind == "clinic")
    staff = [tuple(row) for row in rows if row.kind == "staff"]
    weekly = opening.weekly_of((row[1], row[3], row[4]) for row in rows if row.kind == "opening")
    days = frozenset(date.fromisoformat(row[3]) for row in rows if row.kind == "closed")
    arranged = Arrangements(
        hours=OpeningHours(zone, weekly, days),
        kiosk_minutes=kiosk,
        home_minutes=home,
        closed_hours=ClosedHours(closed) if closed else None,
        people=tuple(
            Person(id_, public_id, channel, address)
            for _kind, id_, _b, public_id, channel, address, _none in sorted(staff)
            if address
        ),
    )
    duties = [Duty(row[1], _instant(row[3]), _instant(row[4])) for row in rows if row.kind == "duty"]
    return arranged.with_duties(duties, at)


def _instant(text: str) -> datetime:
    """As the database writes it: with its zone, or as naive UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def notify(session: Session, alert: Alerted, arranged: Arrangements, *, at: datetime) -> tuple[Person, ...]:
    """Tells whoever comes next; returns them. None where no message reaches anybody: the alert's page says so."""
    told = arranged.told(alert.owner, alert.nth, at)
    tell(session, alert, told, at=at, not_before=arranged.told_at(at))
    return told


def tell(session: Session, alert: Alerted, people: tuple[Person, ...], *, at: datetime, not_before: datetime) -> None:
    to: list[dict[str, object]] = [
        {
            "channel": each.channel,
            "address": each.address,
            "key": f"alert:{alert.public_id}:{each.public_id}:{alert.nth}",
            "staff_id": each.id,
        }
        for each in people
    ]
    same = {"clinic_id": alert.clinic_id, "purpose": Purpose.ALERT, "language": LANGUAGE, "alert_id": alert.id}
    outbox.enqueue_many(session, to, at=at, not_before=not_before, **same)


def replace(session: Session, alert: Alerted, people: tuple[Person, ...], *, at: datetime) -> None:
    """What still waits for them of earlier rounds is not sent: after an outage each hears of an alert once."""
    theirs = and_(Message.alert_id == alert.id, Message.staff_id.in_([each.id for each in people]))
    earlier = Message.key.not_like(f"%:{alert.nth}")
    outbox.cancel_where(session, and_(theirs, earlier), REPLACED, at=at)


def call_off(session: Session, alert_id: int, *, at: datetime) -> None:
    """Somebody takes care of it: what still waits to be sent is not needed."""
    outbox.cancel_where(session, Message.alert_id == alert_id, NOT_NEEDED, at=at)
