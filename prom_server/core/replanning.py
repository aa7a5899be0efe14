"""What planning a course again does: one value for the page that says it first and for the command that does it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from prom_server.core import reminders
from prom_server.core.infusion_days import PlannedDay, infusion_of, to_come
from prom_server.core.schedule import Anchor, Given, Protocol, Window, anchors, has_closed, plan

ReminderId = tuple[str, int]  # kind and nth


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What a plan is made of. Days are the clinic's."""

    protocol: Protocol
    starts_on: date
    given: tuple[Given, ...]  # in order
    days: tuple[PlannedDay, ...]
    finished_on: date | None
    cancelled: bool  # entered wrongly, or never begun
    stopped_on: date | None  # withdrawn, died, or merged into another patient


@dataclass(frozen=True, slots=True)
class Covered:
    """A reminder that went out, waits to, or was passed over. `gone`: the patient has it, or may have it."""

    id: ReminderId
    gone: bool
    waiting: int | None  # the message that is still to be sent


@dataclass(frozen=True, slots=True)
class Planned:
    """An assessment that there is, as far as planning needs it."""

    id: int
    window: Window
    begun: bool
    completed: bool
    declined: bool
    cancelled: bool
    reopened: bool  # by staff, after it had closed: its days are theirs
    remind_on: date | None
    covered: tuple[Covered, ...] = ()
    links: tuple[int, ...] = ()  # messages with a link to it that staff sent, still waiting


class What(StrEnum):
    ADDED = "added"
    MOVED = "moved"
    CLOSED = "closed"  # it was begun and keeps its days, but for the infusion that ends it
    LONGER = "longer"  # it was begun and keeps its days, but can be answered for longer
    CANCELLED = "cancelled"
    RESTORED = "restored"  # it had been cancelled
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Change:
    """One assessment, before and after. A window is None where nothing is planned."""

    time_point: str
    what: What
    before: Window | None
    after: Window | None
    remind_before: date | None
    remind_after: date | None
    assessment_id: int | None
    freed: tuple[ReminderId, ...]  # covered, but due again at another time, or never
    gone: int  # reminders that went out: they stay, and do not come again
    begun: bool

    @property
    def changes(self) -> bool:
        return self.what is not What.KEPT or bool(self.freed) or self.remind_before != self.remind_after


@dataclass(frozen=True, slots=True)
class DayChange:
    """One planned infusion day, before and after. None: it is not planned."""

    id: int | None
    before: date | None
    after: date | None
    on: date  # of its row, also where the day is not planned any more
    given: int | None  # place of its infusion among those given
    surplus: bool = False  # a row that the series does not need any more, nor will


@dataclass(frozen=True, slots=True)
class Replan:
    assessments: tuple[Change, ...]
    days: tuple[DayChange, ...]
    messages: tuple[int, ...]  # waiting, and not sent any more: nothing that they remind of is due

    @property
    def changed(self) -> tuple[Change, ...]:
        return tuple(each for each in self.assessments if each.changes)

    @property
    def moved_days(self) -> tuple[DayChange, ...]:
        return tuple(each for each in self.days if each.before != each.after)


def windows(facts: CourseFacts) -> Mapping[str, Window]:
    """Time point -> what the facts plan. What closed before a patient was stopped is history and stays."""
    if facts.cancelled:
        return {}
    coming = _coming(facts)
    planned = plan(facts.protocol, facts.starts_on, facts.given, to_come=coming, finished_on=facts.finished_on)
    return {each.time_point: each for each in planned if facts.stopped_on is None or _over(each, facts.stopped_on)}


def anchor_day(facts: CourseFacts, anchor: Anchor) -> date | None:
    """The day that time points of this anchor count from. None: nothing is planned from it as the facts stand."""
    return None if facts.cancelled else anchors(facts.starts_on, facts.given, _coming(facts)).get(anchor)


def _coming(facts: CourseFacts) -> tuple[date, ...]:
    """Planned infusion days that are still to come."""
    ended = facts.finished_on is not None or facts.stopped_on is not None
    return () if ended else tuple(to_come(facts.days, facts.given))


def _over(window: Window, day: date) -> bool:
    return window.closed_at is not None or window.closes_on < day


def replanned(
    facts: CourseFacts,
    rows: Sequence[Planned],
    days: Mapping[int, date | None],
    shared: Collection[int],
    *,
    at: datetime,
    today: date,
) -> Replan:
    """Everything that follows from `facts` for what is there: assessments, and infusion days by row (None: cancelled).

    `shared` are the waiting messages that remind of something of another course too: they go out.
    """
    wanted = windows(facts)
    changes = [_change(facts, row, wanted.get(row.window.time_point), at=at, today=today) for row in rows]
    known = {row.window.time_point for row in rows}
    added = [_added(facts, each, at=at, today=today) for each in wanted.values() if each.time_point not in known]
    return Replan((*changes, *added), _days(facts, days), _messages(rows, changes, shared))


def _messages(rows: Sequence[Planned], changes: Sequence[Change], shared: Collection[int]) -> tuple[int, ...]:
    """What is not sent any more: it reminds of nothing that is due, or links to what is not planned."""
    over, needed = set[int](), set(shared)
    for row, change in zip(rows, changes, strict=True):
        for covered in row.covered:
            if covered.waiting is not None:
                (over if covered.id in change.freed else needed).add(covered.waiting)
        if change.what is What.CANCELLED:
            over.update(row.links)
    return tuple(sorted(over - needed))


def _added(facts: CourseFacts, window: Window, *, at: datetime, today: date) -> Change:
    remind_on = None if has_closed(window, at, today) else reminders.next_on(window, facts.protocol.reminders, ())
    return Change(window.time_point, What.ADDED, None, window, None, remind_on, None, (), 0, begun=False)


def _change(facts: CourseFacts, row: Planned, wanted: Window | None, *, at: datetime, today: date) -> Change:
    stopped = facts.stopped_on is not None
    what, after = _fate(row, wanted, stopped=stopped)
    rule = facts.protocol.reminders
    over = wanted is None or stopped or row.declined or row.reopened  # what is complete may be asked again
    waits = None if over or after is None or has_closed(after, at, today) else after
    still = {each.id for each in reminders.due(waits, rule, (), today)} if waits else set[ReminderId]()
    again = [each.id for each in row.covered if not each.gone and each.id not in still]
    freed = () if what is What.KEPT else tuple(again)
    covered = {each.id for each in row.covered} - set(freed)
    return Change(
        time_point=row.window.time_point,
        what=what,
        before=None if row.cancelled else row.window,
        after=after,
        remind_before=row.remind_on,
        remind_after=reminders.next_on(waits, rule, covered) if waits else None,
        assessment_id=row.id,
        freed=freed,
        gone=sum(each.gone for each in row.covered),
        begun=row.begun,
    )


def _fate(row: Planned, wanted: Window | None, *, stopped: bool) -> tuple[What, Window | None]:
    """What was begun, completed or reopened keeps its days, so that nobody loses a window while answering."""
    if row.begun or (row.reopened and wanted and not row.cancelled):
        after = _held(row, wanted, stopped=stopped)
        if after == row.window:
            return What.KEPT, after
        return (What.CLOSED if after.closed_at else What.LONGER), after
    if wanted is None:
        return (What.KEPT if row.cancelled else What.CANCELLED), None
    if row.cancelled:
        return What.RESTORED, _held(row, wanted, stopped=stopped) if row.reopened else wanted
    return (What.KEPT if wanted == row.window else What.MOVED), wanted


def _held(row: Planned, wanted: Window | None, *, stopped: bool) -> Window:
    """The days of a row that keeps them.

    A baseline still closes when the first infusion starts, also one whose answers turn out to be in error later, and
    only with one that stands: but a patient who left closed what was open, and that stays. What is begun and not
    complete is never closed before the day on which it would close by the plan of today.
    """
    if wanted is None:
        return row.window
    closed_at = wanted.closed_at or (row.window.closed_at if stopped else None)
    theirs = row.reopened or row.completed
    closes_on = row.window.closes_on if theirs else max(row.window.closes_on, wanted.closes_on)
    return replace(row.window, closes_on=closes_on, closed_at=closed_at)


def _days(facts: CourseFacts, rows: Mapping[int, date | None]) -> tuple[DayChange, ...]:
    """Once a course has ended, what has not happened is not planned any more."""
    ended = facts.cancelled or facts.finished_on is not None or facts.stopped_on is not None
    taken = infusion_of(facts.days, facts.given)
    found = []
    for day in facts.days:
        before = rows.get(day.id) if day.id is not None else None
        happened = day.missed or day.on in taken
        found.append(DayChange(day.id, before, day.on if happened or not ended else None, day.on, taken.get(day.on)))
    known = {day.id for day in facts.days}
    left = [(row, on) for row, on in rows.items() if row not in known]
    return (*found, *(DayChange(row, on, None, on or facts.starts_on, None, surplus=True) for row, on in left))
