"""What the patient's page and its PDF show: one view, so that they cannot disagree."""

from dataclasses import dataclass
from datetime import date

from prom_server.core.alert_causes import Cause
from prom_server.core.change import Direction
from prom_server.core.instrument import Better, Option
from prom_server.core.schedule import Status
from prom_server.core.scoring import Score
from prom_server.core.trend_facts import AlertFacts, AlertValue, CourseFacts, PatientFacts, Response, SameAs
from prom_server.core.trend_how import HowLine
from prom_server.core.trend_points import ChangeRow, Chart, Point, Rescored, RescoredSeries, Series
from prom_server.core.trend_sources import Sources


@dataclass(frozen=True, slots=True)
class Header:
    patient: PatientFacts
    age: int  # completed years, today
    today: date
    course: CourseFacts | None  # the one that the change table speaks of
    days_since_infusion: int | None  # since the latest infusion given in any course
    last_answered_on: date | None


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    better: Better
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """The days at the heads are those of most rows; a cell of another day says so."""

    groups: tuple[ChangeGroup, ...]
    baseline_on: date | None
    previous_on: date | None
    last_on: date | None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Rows that reached their threshold in one direction, by what is known of the measurement error."""

    direction: Direction
    beyond: tuple[ChangeRow, ...]
    unknown: tuple[ChangeRow, ...]
    within: tuple[ChangeRow, ...]

    def __bool__(self) -> bool:
        return bool(self.beyond or self.unknown or self.within)


@dataclass(frozen=True, slots=True)
class WatchedAnswer:
    """The answer to an item with an alert rule, submitted or not. None: the item was not reached."""

    course: int
    name: str
    short: str
    on: date
    response: Response | None
    label: str | None  # the option's own words
    at_least: bool  # it raises the alert
    submitted: bool
    earlier: tuple[AlertValue, ...]  # values that the answer had before, with their times


@dataclass(frozen=True, slots=True)
class Beside:
    name: str
    response: Response | None


@dataclass(frozen=True, slots=True)
class Watched:
    """One watched item: now, and before (newest first)."""

    topic: str
    instrument: str  # short name
    now: WatchedAnswer | None
    before: tuple[WatchedAnswer, ...]
    beside: tuple[Beside, ...]  # what speaks to the same risk, where `now` has no value


@dataclass(frozen=True, slots=True)
class PartGap:
    """An instrument that was expected and never submitted. `answered` of `items` are kept, not scored."""

    instrument: str
    answered: int
    items: int
    at_most: bool = False  # an adaptive instrument would have asked so many or fewer


@dataclass(frozen=True, slots=True)
class ScoreGap:
    series: Series
    score: Score


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing of one assessment that is over, or of a submitted part of one that is not."""

    course: int
    name: str
    on: date
    closes_on: date
    expired: bool  # nothing of it was submitted
    parts: tuple[PartGap, ...]
    scores: tuple[ScoreGap, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    course: int
    name: str
    status: Status
    opens_on: date
    due_on: date
    closes_on: date
    days: int  # from today to the due day, negative when past
    submitted: int
    parts: int


@dataclass(frozen=True, slots=True)
class OpenAlert:
    facts: AlertFacts
    topic: str
    instrument: str  # short name
    label: str | None  # the words of the latest value
    cause: Cause | None = None  # where one answer alone does not explain it


@dataclass(frozen=True, slots=True)
class Cell:
    response: Response | None  # None: nothing was asked or begun
    shade: int  # 0 (least) to 4, beside the printed value


@dataclass(frozen=True, slots=True)
class ItemRow:
    text: str
    number: int | None  # None for an item that is not scored
    apart: bool  # an item with an alert rule, in full
    scored: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ItemColumn:
    course: int
    short: str
    on: date
    submitted: bool
    begun: bool


@dataclass(frozen=True, slots=True)
class ItemMap:
    instrument: str  # short name
    series: Series  # the scale whose value ends the table
    context: str | None
    options: tuple[Option, ...]
    columns: tuple[ItemColumn, ...]
    rows: tuple[ItemRow, ...]
    totals: tuple[Point | None, ...]


@dataclass(frozen=True, slots=True)
class ValueColumn:
    course: int
    short: str
    on: date
    same_as: tuple[SameAs, ...] = ()  # the assessments that its answers were given for, or some of them


@dataclass(frozen=True, slots=True)
class ValueTable:
    """Every score of every assessment, in one table."""

    columns: tuple[ValueColumn, ...]
    rows: tuple[tuple[Series, tuple[Point | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class TrendView:
    header: Header
    courses: tuple[CourseFacts, ...]
    alerts: tuple[OpenAlert, ...]
    watched: tuple[Watched, ...]
    worse: Verdicts
    better: Verdicts
    gaps: tuple[Gap, ...]  # newest first
    pending: tuple[Pending, ...]  # what can be answered now, then the next that opens
    charts: tuple[Chart, ...]
    first_charts: int  # how many come first; the rest are under "all"
    change: ChangeTable
    values: ValueTable
    items: tuple[ItemMap, ...]
    how: tuple[HowLine, ...]
    sources: Sources

    @property
    def rows(self) -> tuple[ChangeRow, ...]:
        return tuple(chart.row for chart in self.charts)

    @property
    def rescored(self) -> tuple[tuple[Rescored, tuple[RescoredSeries, ...]], ...]:
        """What was computed again under another revision, by the revisions in question."""
        found = [(by, (chart.series, points)) for chart in self.charts for by, points in chart.rescored]
        return tuple((each, tuple(one for by, one in found if by == each)) for each in sorted({by for by, _ in found}))

    @property
    def scored(self) -> bool:
        """Whether anything was ever submitted."""
        return bool(self.values.columns)

    @property
    def comparable(self) -> bool:
        """Whether any scale has a change to speak of."""
        return any(row.change is not None for row in self.rows)
