"""How far the clock of a demo installation stands ahead: one stored fact, which every process of it follows."""

from datetime import timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from prom_server.core.opening_hours import OpeningHours
from prom_server.core.time_travel import NotADemo
from prom_server.services import opening
from prom_server.store.clinics import Clinic
from prom_server.store.outbox import DemoClock

ROW = 1


def is_demo(session: Session) -> bool | None:
    """Whether there are demo clinics here, and no others. None: there is no clinic yet."""
    kinds = set(session.scalars(select(Clinic.demo).distinct()))
    return kinds == {True} if kinds else None


def zone(session: Session) -> str:
    """Of the oldest clinic: pages that belong to none tell the demo's day by it."""
    return session.scalars(select(Clinic.time_zone).order_by(Clinic.id).limit(1)).one()


def mornings(session: Session) -> tuple[tuple[OpeningHours, str], ...]:
    """Of each clinic its hours, and when its reminders go out."""
    clinics = session.execute(select(Clinic.id, Clinic.time_zone, Clinic.reminders_at).order_by(Clinic.id)).all()
    return tuple((opening.hours(session, each.id, each.time_zone), each.reminders_at) for each in clinics)


def offset(session: Session) -> timedelta:
    """Zero in every installation but a demo whose clock was moved."""
    return timedelta(seconds=session.scalar(select(DemoClock.ahead_seconds).where(DemoClock.id == ROW)) or 0)


def set_offset(session: Session, ahead: timedelta) -> None:
    """Raises NotADemo; ValueError where the clock would go back."""
    if not is_demo(session):
        raise NotADemo("a clinic that is no demo")
    if ahead < offset(session):
        raise ValueError("a clock is moved ahead, never back")
    session.execute(delete(DemoClock))
    session.execute(insert(DemoClock).values(id=ROW, ahead_seconds=int(ahead.total_seconds())))
