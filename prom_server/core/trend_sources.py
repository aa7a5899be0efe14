"""Which revisions, thresholds, bands and notices stand behind what is shown."""

from collections.abc import Iterable
from decimal import Decimal

from prom_server.core.trend_facts import AssessmentFacts, TrendFacts
from prom_server.core.trend_points import Chart, Series
from prom_server.core.trend_view import Sources, UsedInstrument, UsedNumber


def sources(facts: TrendFacts, assessments: Iterable[AssessmentFacts], charts: tuple[Chart, ...]) -> Sources:
    """Only what was used: instruments that were begun, numbers of scales that have a submitted answer."""
    begun = [each for assessment in assessments for each in assessment.administrations]
    used = dict.fromkeys((each.instrument, each.revision, each.content_hash) for each in begun)
    instruments = tuple(
        UsedInstrument(owner.name, owner.publisher_version, revision, content_hash, owner.citation)
        for id_, revision, content_hash in used
        for owner in [facts.instruments[id_]]
    )
    series = [chart.series for chart in charts if any(point.score is not None for point in chart.points)]
    return Sources(
        instruments=instruments,
        thresholds=_grouped((each, found.value, found.source) for each in series if (found := each.scale.threshold)),
        errors=_grouped((each, mdc.value, mdc.source) for each in series if (mdc := each.scale.error)),
        bands=_grouped((each, None, each.scale.bands_source) for each in series if each.scale.bands_source),
        notices=tuple(dict.fromkeys(facts.instruments[id_].licence.notice for id_, _, _ in used)),
    )


def _grouped(entries: Iterable[tuple[Series, Decimal | None, str]]) -> tuple[UsedNumber, ...]:
    """Scales that share a number and its source are named together."""
    groups: dict[tuple[Decimal | None, str], list[str]] = {}
    for series, value, source in entries:
        groups.setdefault((value, source), []).append(series.name)
    return tuple(UsedNumber(tuple(names), value, source) for (value, source), names in groups.items())
