"""The care record of an infusion that was entered in error goes to the one that is recorded in its place.

Otherwise a wrong time would cost the checklist, the vital signs and the events of that day.
"""

from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prom_server.core.moving import Around
from prom_server.core.permissions import StaffMember
from prom_server.services import finding
from prom_server.store.care import AdverseEvent, SideEffect, VitalSign
from prom_server.store.courses import Course, Infusion

KEPT = (SideEffect, VitalSign, AdverseEvent)


def around(session: Session, infusion_id: int) -> Around:
    """How much of it there is; what was itself entered in error is not counted."""
    standing = {each: [each.infusion_id == infusion_id] for each in KEPT}
    for each in (VitalSign, AdverseEvent):
        standing[each].append(each.in_error_at.is_(None))
    counted = [session.scalar(select(func.count(each.id)).where(*standing[each])) or 0 for each in KEPT]
    return Around(*counted)


def carry(session: Session, course: Course, infusion_id: int, on: date, *, by: StaffMember) -> str | None:
    """From the infusion of the same course and day that was marked last; its public id where anything went along."""
    dead = select(Infusion).where(Infusion.course_id == course.id, Infusion.in_error_at.is_not(None))
    rows = session.scalars(dead.order_by(Infusion.in_error_at.desc(), Infusion.id.desc()))
    left = next((row for row in rows if finding.given_on(row, by.clinic) == on), None)
    if left is None:
        return None
    moved = [
        session.scalars(
            update(each).where(each.infusion_id == left.id).values(infusion_id=infusion_id).returning(each.id)
        ).all()
        for each in KEPT
    ]
    return left.public_id if any(moved) else None
