"""Marks a row as entered in error, once. It stays; whoever counts leaves it out."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from prom_server.store.care import AdverseEvent, Attendance, CourseNote, OpioidDose, VitalSign

Markable = type[AdverseEvent] | type[Attendance] | type[CourseNote] | type[OpioidDose] | type[VitalSign]


def in_error(session: Session, table: Markable, row_id: int, *, at: datetime) -> bool:
    """Whether this call marked it: False where it was marked before."""
    marked = session.scalar(
        update(table).where(table.id == row_id, table.in_error_at.is_(None)).values(in_error_at=at).returning(table.id)
    )
    return marked is not None
