"""One scale over time: its points, its chart, and its row in the change table."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from prom_server.core.change import Absence, Change
from prom_server.core.instrument import Scale
from prom_server.core.scoring import Score


class PointStatus(StrEnum):
    SCORED = "scored"
    PRORATED = "prorated"
    PATTERN = "pattern"
    NOT_SCORABLE = "not_scorable"
    UNANSWERED = "unanswered"  # the window closed without this instrument
    DUE = "due"  # may still be answered


@dataclass(frozen=True, slots=True)
class Series:
    """One scale of one instrument. The same scale of another instrument is another series."""

    instrument: str
    scale: Scale
    name: str  # told apart by the instrument where two share a name

    @property
    def key(self) -> str:
        """For element ids."""
        return f"{self.instrument}-{self.scale.id}"


@dataclass(frozen=True, slots=True, order=True)
class Rescored:
    """The revisions of a score that was computed again."""

    under: int
    answered_under: int


@dataclass(frozen=True, slots=True)
class Point:
    assessment: str
    course: int
    time_point: str
    name: str
    short: str
    on: date
    status: PointStatus
    score: Score | None  # of what was submitted; None for unanswered and due
    rescored: Rescored | None = None  # computed under another revision than it was answered under

    @property
    def value(self) -> Decimal | None:
        return None if self.score is None else self.score.value

    @property
    def error_bar(self) -> Decimal | None:
        """One standard error."""
        return None if self.score is None or self.score.value is None else self.score.se


RescoredSeries = tuple[Series, tuple[Point, ...]]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One scale in the current course. `last` is its latest submitted answer, scorable or not."""

    series: Series
    baseline: Point | None
    previous: Point | None
    last: Point | None
    change: Change | None
    since_previous: Decimal | None
    absence: Absence | None  # set exactly where `change` is None


@dataclass(frozen=True, slots=True)
class Chart:
    series: Series
    points: tuple[Point, ...]  # by course, then by day
    row: ChangeRow

    @property
    def answered(self) -> bool:
        return any(point.value is not None for point in self.points)

    @property
    def remarks(self) -> tuple[Point, ...]:
        """Submitted, but not simply scored."""
        return tuple(point for point in self.points if point.score is not None and point.score.reason is not None)

    @property
    def rescored(self) -> tuple[tuple[Rescored, tuple[Point, ...]], ...]:
        """The points that were computed again, by the revisions in question."""
        found = sorted({point.rescored for point in self.points if point.rescored is not None})
        return tuple((each, tuple(point for point in self.points if point.rescored == each)) for each in found)
