"""Planned infusion days as rows: made when a course is first planned, moved, given, cancelled and taken up with it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.infusion_days import PlannedDay
from prom_server.core.replanning import DayChange
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course, InfusionDay


def rows(session: Session, course: Course) -> tuple[tuple[PlannedDay, ...], Mapping[int, date | None]]:
    """The days of a course, and by row where each stands: None where it is cancelled."""
    found = session.execute(
        select(InfusionDay.id, InfusionDay.planned_on, InfusionDay.missed_at, InfusionDay.cancelled_at)
        .where(InfusionDay.course_id == course.id)
        .order_by(InfusionDay.planned_on, InfusionDay.id)
    ).all()
    days = tuple(PlannedDay(row.id, row.planned_on, missed=row.missed_at is not None) for row in found)
    return days, {row.id: None if row.cancelled_at else row.planned_on for row in found}


def apply(
    session: Session, course: Course, changes: Sequence[DayChange], infusions: Sequence[int], *, at: datetime
) -> list[str]:
    """Brings the rows to what is planned; `infusions` are the ids of those given, in order. Lines for the audit.

    What moves is taken away first, so that no two rows ever stand on the same day. A surplus row goes for good: kept,
    it would be planned again with whatever its course plans next.
    """
    moving = [each.id for each in changes if each.id is not None and each.before not in (None, each.after)]
    if moving:
        session.execute(update(InfusionDay).where(InfusionDay.id.in_(moving)).values(cancelled_at=at))
    surplus = [each.id for each in changes if each.surplus]
    session.execute(delete(InfusionDay).where(InfusionDay.id.in_(surplus)))
    for each in (each for each in changes if not each.surplus):
        infusion = infusions[each.given] if each.given is not None else None
        if each.id is None:
            _create(session, course, each, infusion, at=at)
            continue
        values = {"planned_on": each.on, "infusion_id": infusion}
        if each.before != each.after:
            values["cancelled_at"] = at if each.after is None else None
        session.execute(update(InfusionDay).where(InfusionDay.id == each.id).values(**values))
    differ = [each for each in changes if each.id is not None and each.before != each.after]
    return [f"infusion day: {each.before or 'cancelled'} -> {each.after or 'cancelled'}" for each in differ]


def _create(session: Session, course: Course, day: DayChange, infusion: int | None, *, at: datetime) -> None:
    session.execute(
        insert(InfusionDay).values(
            public_id=opaque_id(),
            clinic_id=course.clinic_id,
            patient_id=course.patient_id,
            course_id=course.id,
            planned_on=day.on,
            infusion_id=infusion,
            cancelled_at=None if day.after else at,
        )
    )
