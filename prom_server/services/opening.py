"""A clinic's opening hours, as it recorded them."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.opening_hours import WEEKDAYS, Hours, OpeningHours
from prom_server.store.clinics import ClosedDay, Opening


def hours(session: Session, clinic_id: int, zone: str) -> OpeningHours:
    """Two statements. Weekdays from 8 to 5 where the clinic recorded nothing."""
    recorded = session.execute(
        select(Opening.weekday, Opening.opens, Opening.closes).where(Opening.clinic_id == clinic_id)
    )
    closed: Iterable[date] = session.scalars(select(ClosedDay.on).where(ClosedDay.clinic_id == clinic_id))
    return OpeningHours(zone, weekly_of((row[0], row[1], row[2]) for row in recorded), frozenset(closed))


def weekly_of(recorded: Iterable[tuple[int, str, str]]) -> Mapping[int, Hours]:
    """Weekday -> its hours, from rows of (weekday, opens, closes) in any order."""
    weekly: dict[int, Hours] = {}
    for weekday, opens, closes in recorded:
        weekly[weekday] = (*weekly.get(weekday, ()), (opens, closes))
    return weekly or WEEKDAYS
