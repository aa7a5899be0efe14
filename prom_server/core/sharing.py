"""The results that a patient reads: in words, with the score beside them; never a score alone, never one answer."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from prom_server.core.instrument import Instrument, Metric, Scale
from prom_server.core.permissions import ClinicFacts
from prom_server.core.preferences import Preferences
from prom_server.core.refusals import Refused
from prom_server.core.scoring import Reason, Score, Status


class ResultsNotShown(Refused):
    """The clinic shows no results to patients."""


class NothingToShare(Refused):
    """No part of the assessment was sent."""


class AlertStillOpen(Refused):
    """An alert of this assessment waits: it is resolved before the patient reads a result alone."""


class ScoredMeanwhile(Refused):
    """A score is there that was not when the page was opened: nobody has looked at it."""


@dataclass(frozen=True, slots=True)
class SharedLine:
    """One assessment of a patient that has scores, as staff see it."""

    public_id: str
    name: str
    answered_at: datetime  # the last part that was sent
    last_score: int  # its id
    shared_at: datetime | None
    changed: bool  # scored again since it was shared: the patient does not see that until it is shared again


@dataclass(frozen=True, slots=True)
class Result:
    """One scale. `band` None: too few answers."""

    title: str
    band: str | None
    value: str | None
    metric: Metric
    low: Decimal
    high: Decimal
    estimated: bool  # with answers missing


@dataclass(frozen=True, slots=True)
class SharedResults:
    """Of one assessment. `unnamed`: the headings of scores that no published words describe."""

    answered_on: date
    results: tuple[Result, ...]
    unnamed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultsView:
    clinic: ClinicFacts
    preferences: Preferences  # of the patient
    assessments: tuple[SharedResults, ...]  # the latest first


def title(instrument: Instrument, scale: Scale) -> str:
    """The heading of the questions; where two scales have words and share it, the scale's own name."""
    mine = _headings(instrument, scale)
    others = (_headings(instrument, each) for each in instrument.scales if each.bands and each.id != scale.id)
    return scale.name if len(mine) != 1 or mine in others else mine[0]


def results_of(instrument: Instrument, scores: Collection[Score]) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    """What has words, and the headings of what has none. A questionnaire that was declined has neither."""
    found, told, unnamed = [], set[str](), list[str]()
    for score in scores:
        scale = instrument.scale_by_id[score.scale]
        if score.reason is Reason.DECLINED:
            continue
        if scale.bands and score.reason is not Reason.TABLE_MISSING:
            found.append(_result(instrument, scale, score))
            told.update(_headings(instrument, scale))
        else:
            unnamed += _headings(instrument, scale)
    return tuple(found), tuple(each for each in dict.fromkeys(unnamed) if each not in told)


def _headings(instrument: Instrument, scale: Scale) -> tuple[str, ...]:
    sections = dict.fromkeys(instrument.item_by_id[item].section for item in scale.items)
    return tuple(instrument.section_by_id[each].title for each in sections)


def _result(instrument: Instrument, scale: Scale, score: Score) -> Result:
    value = None if score.value is None else f"{score.value:.{scale.metric.decimals}f}"
    estimated = score.status in {Status.PRORATED, Status.PATTERN}
    return Result(title(instrument, scale), score.band, value, scale.metric, scale.low, scale.high, estimated)
