"""Which revisions, thresholds, bands and notices stand behind what is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from prom_server.core.instrument import Instrument, Parameters
from prom_server.core.trend_facts import AssessmentFacts, TrendFacts
from prom_server.core.trend_points import Chart, Series


@dataclass(frozen=True, slots=True)
class UsedInstrument:
    name: str
    publisher_version: str
    revision: int
    content_hash: str
    citation: str
    bank: Parameters | None  # the item bank that gives its items their parameters


@dataclass(frozen=True, slots=True)
class UsedNumber:
    """A threshold, an error or a set of bands with its source, and the scales that use it."""

    scales: tuple[str, ...]
    value: Decimal | None
    source: str


@dataclass(frozen=True, slots=True)
class Sources:
    instruments: tuple[UsedInstrument, ...]
    thresholds: tuple[UsedNumber, ...]
    errors: tuple[UsedNumber, ...]  # published errors; those from standard errors need no source here
    bands: tuple[UsedNumber, ...]
    notices: tuple[str, ...]


def sources(facts: TrendFacts, assessments: Iterable[AssessmentFacts], charts: tuple[Chart, ...]) -> Sources:
    """Only what was used: instruments that were begun, numbers of scales that have a submitted answer."""
    used = _used(facts, assessments)
    instruments = tuple(_instrument(facts.instruments[id_], revision, hash_) for id_, revision, hash_ in used)
    series = [chart.series for chart in charts if any(point.score is not None for point in chart.points)]
    return Sources(
        instruments=instruments,
        thresholds=_grouped((each, found.value, found.source) for each in series if (found := each.scale.threshold)),
        errors=_grouped((each, mdc.value, mdc.source) for each in series if (mdc := each.scale.error)),
        bands=_grouped((each, None, each.scale.bands_source) for each in series if each.scale.bands_source),
        notices=tuple(dict.fromkeys(facts.instruments[id_].licence.notice for id_, _, _ in used)),
    )


Pinned = tuple[str, int, str]  # instrument, revision, hash of its file


def _used(facts: TrendFacts, assessments: Iterable[AssessmentFacts]) -> dict[Pinned, None]:
    """What was answered under, then what scores were computed again under: each instrument's revisions in order."""
    begun = (each for assessment in assessments for each in assessment.administrations)
    used: dict[Pinned, None] = dict.fromkeys((each.instrument, each.revision, each.content_hash) for each in begun)
    for each in facts.scores:
        owner = facts.instruments[each.instrument]
        if each.revision == owner.revision:
            used[(owner.id, owner.revision, owner.content_hash)] = None
    order = list(dict.fromkeys(id_ for id_, _, _ in used))
    return dict.fromkeys(sorted(used, key=lambda each: (order.index(each[0]), each[1])))


def _instrument(owner: Instrument, revision: int, content_hash: str) -> UsedInstrument:
    """The bank is that of the revision at hand; of another one it is not known here."""
    bank = owner.parameters if (owner.revision, owner.content_hash) == (revision, content_hash) else None
    return UsedInstrument(owner.name, owner.publisher_version, revision, content_hash, owner.citation, bank)


def _grouped(entries: Iterable[tuple[Series, Decimal | None, str]]) -> tuple[UsedNumber, ...]:
    """Scales that share a number and its source are named together."""
    groups: dict[tuple[Decimal | None, str], list[str]] = {}
    for series, value, source in entries:
        groups.setdefault((value, source), []).append(series.name)
    return tuple(UsedNumber(tuple(names), value, source) for (value, source), names in groups.items())
