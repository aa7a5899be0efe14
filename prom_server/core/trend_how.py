"""How the answers came, time point by time point: a change may be one of mode, of language, or of who answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from prom_server.core.instrument import Instrument
from prom_server.core.trend_facts import Answered, AssessmentFacts, SameAs


@dataclass(frozen=True, slots=True)
class HowLine:
    """How the answers of one assessment came: each way, and the instruments that were answered so."""

    course: int
    name: str
    on: date
    ways: tuple[tuple[Answered, tuple[str, ...]], ...]
    after_next_course: bool = False
    late: bool = False
    same_as: tuple[tuple[SameAs, tuple[str, ...]], ...] = ()  # with the instruments whose answers these are


def how_lines(instruments: Mapping[str, Instrument], assessments: tuple[AssessmentFacts, ...]) -> tuple[HowLine, ...]:
    """One for each assessment of which anything was sent, in their order."""
    found = ((each, _ways(instruments, each)) for each in assessments)
    return tuple(
        HowLine(each.course, each.name, each.on, ways, each.after_next_course, each.late, _same_as(instruments, each))
        for each, ways in found
        if ways
    )


def _same_as(
    instruments: Mapping[str, Instrument], assessment: AssessmentFacts
) -> tuple[tuple[SameAs, tuple[str, ...]], ...]:
    """What was given for other assessments, each with its instruments."""
    found: dict[SameAs, list[str]] = {}
    for each in assessment.administrations:
        if each.same_as is not None:
            found.setdefault(each.same_as, []).append(instruments[each.instrument].short)
    return tuple((same_as, tuple(names)) for same_as, names in sorted(found.items()))


def _ways(
    instruments: Mapping[str, Instrument], assessment: AssessmentFacts
) -> tuple[tuple[Answered, tuple[str, ...]], ...]:
    """Each way with the instruments that were answered so."""
    found: dict[Answered, list[str]] = {}
    for each in assessment.administrations:
        if each.submitted and each.how is not None:
            found.setdefault(each.how, []).append(instruments[each.instrument].short)
    return tuple((how, tuple(names)) for how, names in found.items())
