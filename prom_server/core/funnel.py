"""How far assessments get: due, sent, opened, identified, started, finished; by channel and time point. It adds up.

Each assessment of a period is counted once: in one channel at the furthest stage that it reached, or apart from all of
them for one reason. So whoever reached a stage and whoever stopped just before it are together those of the stage
before, in every row; and the rows of the channels together are the total.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from prom_server.core.refusals import Refused
from prom_server.core.schedule import Offset

LONGEST_MONTHS = 24
CHOICES = (3, 6, 12, 24)  # months


class ImplausiblePeriod(Refused):
    """It ends before it begins, or is longer than two years."""


class Channel(StrEnum):
    """The way by which it was started, else the last by which it was asked for."""

    EMAIL = "email"
    SMS = "sms"
    LINK = "link"  # handed over by staff
    TABLET = "tablet"
    STAFF = "staff"  # on the telephone or from paper
    NOTHING = "nothing"  # nobody asked yet


class Stage(StrEnum):
    """In order. Whoever reached one counts as having reached those before it."""

    DUE = "due"
    SENT = "sent"  # or handed over
    OPENED = "opened"  # by a person, or by a mail scanner
    IDENTIFIED = "identified"
    STARTED = "started"
    FINISHED = "finished"


STAGES = tuple(Stage)


class Apart(StrEnum):
    """Why an assessment is not in the table."""

    TO_COME = "to_come"  # not open yet
    DECLINED = "declined"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    DECEASED = "deceased"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one assessment, or of so many that agree in all of this.

    `mode` is how its first answers were given, `link` the channel of the last link that went out, `by_link` of the one
    by which the patient came in; `stopped` why the patient's part ended before it was done.
    """

    time_point: str
    to_come: bool = False
    cancelled: bool = False
    declined: bool = False
    stopped: Apart | None = None  # withdrawn, deceased
    link: str | None = None
    tablet: bool = False  # handed to a tablet, after the last link
    opened: bool = False
    identified: bool = False
    started: bool = False
    finished: bool = False
    mode: str | None = None
    by_link: str | None = None


_OF_MODE = {"kiosk": Channel.TABLET, "telephone": Channel.STAFF, "paper": Channel.STAFF}


def apart(facts: Facts) -> Apart | None:
    """What is finished is in the table, whatever came later."""
    if facts.finished:
        return None
    if facts.stopped is not None:
        return facts.stopped
    if facts.cancelled:
        return Apart.CANCELLED
    if facts.declined:
        return Apart.DECLINED
    return Apart.TO_COME if facts.to_come and not facts.started else None


def channel(facts: Facts) -> Channel:
    if (facts.started or facts.finished) and facts.mode in _OF_MODE:
        return _OF_MODE[facts.mode]
    if (facts.started or facts.finished) and facts.mode is not None:
        return Channel(facts.by_link or facts.link or Channel.LINK)
    if facts.tablet:
        return Channel.TABLET
    if facts.link is not None:
        return Channel(facts.link)
    return Channel.LINK if stage(facts) is not Stage.DUE else Channel.NOTHING


def stage(facts: Facts) -> Stage:
    """The furthest."""
    sent = facts.link is not None or facts.tablet
    reached = (True, sent, facts.opened, facts.identified, facts.started, facts.finished)
    return max((each for each, so_far in zip(STAGES, reached, strict=True) if so_far), key=STAGES.index)


@dataclass(frozen=True, slots=True)
class Row:
    """`reached` for each stage in order. `channel` None: all channels together."""

    channel: Channel | None
    reached: tuple[int, ...]

    @property
    def stopped(self) -> tuple[int, ...]:
        """How many went no further, before each stage but the first."""
        return tuple(before - after for before, after in pairwise(self.reached))


@dataclass(frozen=True, slots=True)
class Table:
    """Of one time point, or of all of them."""

    time_point: str | None
    name: str | None
    total: Row
    rows: tuple[Row, ...]  # of the channels that were used
    apart: tuple[tuple[Apart, int], ...]  # each that there is

    @property
    def of(self) -> int:
        """All assessments of the period."""
        return self.total.reached[0] + sum(number for _, number in self.apart)


@dataclass(frozen=True, slots=True)
class Funnel:
    first: date
    last: date
    total: Table
    time_points: tuple[Table, ...]


def period(first: date, last: date) -> tuple[date, date]:
    """Days of the clinic's calendar, both included. Raises ImplausiblePeriod."""
    if not first <= last <= months_after(first, LONGEST_MONTHS):
        raise ImplausiblePeriod("period")
    return first, last


def last_months(today: date, months: int) -> tuple[date, date]:
    """Up to today: so many months, counted from the same day of the month (or its last)."""
    return months_after(today, -months), today


def months_after(day: date, months: int) -> date:
    return Offset(0, months).after(day)


def funnel(first: date, last: date, found: Iterable[tuple[Facts, int]], names: Mapping[str, str]) -> Funnel:
    """`found` says how many there are of each kind; `names` are the time points', in order."""
    kinds = list(found)
    known = [*names, *sorted({facts.time_point for facts, _ in kinds} - set(names))]
    tables = [
        _table(point, names.get(point, point), [each for each in kinds if each[0].time_point == point])
        for point in known
    ]
    return Funnel(first, last, _table(None, None, kinds), tuple(each for each in tables if each.of))


def _table(time_point: str | None, name: str | None, found: Sequence[tuple[Facts, int]]) -> Table:
    counted = [(channel(facts), stage(facts), number) for facts, number in found if apart(facts) is None]
    rows = tuple(_row(each, [one for one in counted if one[0] is each]) for each in Channel)
    aside = ((why, sum(number for facts, number in found if apart(facts) is why)) for why in Apart)
    return Table(
        time_point,
        name,
        _row(None, counted),
        tuple(each for each in rows if each.reached[0]),
        tuple((why, number) for why, number in aside if number),
    )


def _row(of: Channel | None, counted: Sequence[tuple[Channel, Stage, int]]) -> Row:
    ends = [(STAGES.index(stage), number) for _, stage, number in counted]
    return Row(of, tuple(sum(number for end, number in ends if end >= index) for index in range(len(STAGES))))
