"""How the answers came, time point by time point: a change may be one of mode, of language, or of who answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from prom_server.core.instrument import Instrument
from prom_server.core.trend_facts import Answered, AssessmentFacts


@dataclass(frozen=True, slots=True)
class HowLine:
    """How the answers of one assessment came: each way, and the instruments that were answered so."""

    course: int
    name: str
    on: date
    ways: tuple[tuple[Answered, tuple[str, ...]], ...]
    after_next_course: bool = False


def how_lines(instruments: Mapping[str, Instrument], assessments: tuple[AssessmentFacts, ...]) -> tuple[HowLine, ...]:
    """One for each assessment of which anything was sent, in their order."""
    found = ((each, _ways(instruments, each)) for each in assessments)
    return tuple(HowLine(each.course, each.name, each.on, ways, each.after_next_course) for each, ways in found if ways)


def _ways(
    instruments: Mapping[str, Instrument], assessment: AssessmentFacts
) -> tuple[tuple[Answered, tuple[str, ...]], ...]:
    """Each way with the instruments that were answered so."""
    found: dict[Answered, list[str]] = {}
    for each in assessment.administrations:
        if each.submitted and each.how is not None:
            found.setdefault(each.how, []).append(instruments[each.instrument].short)
    return tuple((how, tuple(names)) for how, names in found.items())
