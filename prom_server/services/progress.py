"""How far assessments are: "31 of 58", and how many instruments were submitted."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from prom_server.core.schedule import Protocol
from prom_server.services import catalogue
from prom_server.store.assessments import Administration, Response


@dataclass(frozen=True, slots=True)
class Progress:
    answered: int = 0  # scored items with an answer; a skipped one is none
    submitted: int = 0  # instruments


NONE = Progress()


def of_assessments(session: Session, assessment_ids: Collection[int]) -> Mapping[int, Progress]:
    """In two statements, whatever their number. An assessment without any administration is absent: see NONE."""
    if not assessment_ids:
        return {}
    these = and_(Administration.assessment_id.in_(assessment_ids), Administration.in_error_at.is_(None))
    submitted = {
        row.assessment_id: row.submitted
        for row in session.execute(
            select(Administration.assessment_id, func.count(Administration.submitted_at).label("submitted"))
            .where(these)
            .group_by(Administration.assessment_id)
        )
    }
    if not submitted:
        return {}
    answered = Counter(assessment_id for assessment_id, _ in _answered(session, these))
    return {key: Progress(answered[key], submitted[key]) for key in submitted}


def of_administrations(session: Session, administration_ids: Collection[int]) -> Mapping[int, int]:
    """How many scored items of each have an answer now."""
    if not administration_ids:
        return {}
    these = Administration.id.in_(administration_ids)
    return Counter(administration_id for _, administration_id in _answered(session, these))


def _answered(session: Session, these: ColumnElement[bool]) -> Iterator[tuple[int, int]]:
    """(assessment, administration) once for every scored item whose current response has a value."""
    latest = (
        select(Response.administration_id, func.max(Response.sequence).label("sequence"))
        .join(Administration, Administration.id == Response.administration_id)
        .where(these)
        .group_by(Response.administration_id, Response.item_id)
        .subquery()
    )
    current = and_(latest.c.administration_id == Response.administration_id, latest.c.sequence == Response.sequence)
    rows = session.execute(
        select(
            Administration.assessment_id,
            Administration.id,
            Administration.instrument_id,
            Administration.instrument_revision,
            Response.item_id,
        )
        .join(Response, Response.administration_id == Administration.id)
        .join(latest, current)
        .where(Response.value.is_not(None))
    )
    for row in rows:
        if catalogue.instrument(row.instrument_id, row.instrument_revision).item_by_id[row.item_id].scored:
            yield row.assessment_id, row.id


def battery_items(protocol: Protocol) -> int:
    """The scored items of a whole battery: the m of "n of m"."""
    return sum(len(catalogue.instrument(each).scored_items) for each in protocol.battery)
