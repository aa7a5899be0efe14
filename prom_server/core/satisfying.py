"""One administration for two assessments of a patient: linked, never copied, counted once for each.

The rule: an administration that was sent serves an assessment of another course whose battery has the same instrument
if its day lies in that assessment's own window and within 14 days of its due day, either side, and if it was sent
before the next first infusion; for a time point that follows infusions, after the first of them. So what serves could
have been given for it. How the 14 days are counted, and the window, are decisions of this project.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused
from prom_server.core.schedule import Anchor, TimePoint, Window, next_began_at

WITHIN = 14  # days from the due day, either side, both edges included


class NothingServes(Refused):
    """No answers of another course can stand for a part that nobody has begun."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An administration that was sent, and not declined."""

    id: int
    assessment_id: int
    course: int  # its number
    instrument: str
    begun_at: datetime
    at: datetime
    on: date  # on the clinic's calendar


@dataclass(frozen=True, slots=True)
class Wanting:
    """An assessment with instruments that nobody has begun."""

    id: int
    course: int
    point: TimePoint
    window: Window
    instruments: tuple[str, ...]


def serves(sent: Sent, wanting: Wanting, first_infusions: Mapping[int, datetime]) -> bool:
    """Whether the answers can stand for the assessment too. `first_infusions` by course number, where there was one."""
    window = wanting.window
    if sent.instrument not in wanting.instruments or sent.course == wanting.course:
        return False
    in_window = window.opens_on <= sent.on <= window.closes_on
    return in_window and abs((sent.on - window.due_on).days) <= WITHIN and _between(sent, wanting, first_infusions)


def _between(sent: Sent, wanting: Wanting, first_infusions: Mapping[int, datetime]) -> bool:
    """After its course began, where it asks about that; and before a course began that it does not ask about."""
    before_it = wanting.point.closes_at_first_infusion
    began = first_infusions.get(wanting.course)
    after_its_own = before_it or wanting.point.anchor is Anchor.START or (began is not None and sent.at >= began)
    ends = next_began_at(wanting.course - 1 if before_it else wanting.course, first_infusions)
    return after_its_own and (ends is None or sent.at < ends)


def chosen(sent: Iterable[Sent], wanting: Wanting, first_infusions: Mapping[int, datetime]) -> tuple[Sent, ...]:
    """Of each instrument the one nearest to the due day, of two as near the later; in the battery's order."""
    found = [each for each in sent if serves(each, wanting, first_infusions)]
    found.sort(key=lambda each: (-abs((each.on - wanting.window.due_on).days), each.at))
    best = {each.instrument: each for each in found}
    return tuple(best[each] for each in wanting.instruments if each in best)


# ---- Views


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An assessment of another course, whose answers are meant."""

    assessment_id: str
    name: str
    course: int


@dataclass(frozen=True, slots=True)
class Serving:
    """One part, and the answers that stand for it or could."""

    instrument: str  # short name
    on: date
    of: Elsewhere
    linked_at: datetime | None = None  # None: they do not yet
    linked_by: str | None = None  # None: by the rule


@dataclass(frozen=True, slots=True)
class SatisfyPage:
    """What stands for an assessment, and what could."""

    assessment_id: str
    name: str
    course_id: str
    course_number: int
    patient: PatientRef
    due_on: date
    offered: tuple[Serving, ...]
    linked: tuple[Serving, ...]
