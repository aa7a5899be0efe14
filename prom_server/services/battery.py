"""The battery of an assessment: its administrations and their responses, as parts for the patient's pages."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from prom_server.core.instrument import ItemAlert
from prom_server.core.refusals import NotFound, Refused
from prom_server.core.responses import Current
from prom_server.core.visit import PartState, Visit
from prom_server.services import catalogue
from prom_server.services.alerting import Answering
from prom_server.store.assessments import Administration, Assessment, Response
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course


class LicenceMissing(Refused):
    """An instrument of the battery may not be used by this clinic."""


def load(session: Session, visit: Visit) -> tuple[PartState, ...]:
    """The battery as it stands, in two statements however long it is."""
    administrations = session.scalars(
        select(Administration)
        .where(Administration.assessment_id == visit.assessment_id, Administration.in_error_at.is_(None))
        .order_by(Administration.position)
    ).all()
    responses: dict[int, dict[str, Current]] = {each.id: {} for each in administrations}
    for row in session.execute(
        select(Response.administration_id, Response.item_id, Response.value, Response.sequence)
        .where(Response.administration_id.in_(responses))
        .order_by(Response.sequence)
    ):
        responses[row.administration_id][row.item_id] = Current(row.value, row.sequence)
    return tuple(
        PartState(
            id=each.id,
            position=each.position,
            instrument=catalogue.instrument(each.instrument_id, each.instrument_revision),
            responses=responses[each.id],
            sequence=each.sequence,
            submitted=each.submitted_at is not None,
        )
        for each in administrations
    )


def planned(session: Session, assessment: Assessment) -> tuple[PartState, ...]:
    instruments = of(session, assessment)
    return tuple(
        PartState(0, position, catalogue.instrument(instrument_id), {}, 0, submitted=False)
        for position, instrument_id in enumerate(instruments, 1)
    )


def of(session: Session, assessment: Assessment) -> tuple[str, ...]:
    course = session.execute(
        select(Course.protocol_id, Course.protocol_revision).where(Course.id == assessment.course_id)
    ).one()
    return catalogue.protocol(course.protocol_id, course.protocol_revision).battery


def begin(session: Session, visit: Visit, instruments: tuple[str, ...], present: set[int], *, at: datetime) -> None:
    """Creates the administrations that are not `present`, pinned to today's revisions. Raises LicenceMissing."""
    if catalogue.missing_licences(session, visit.clinic, instruments):
        raise LicenceMissing("an instrument of the battery may not be used")
    rows = []
    for position, instrument in enumerate(map(catalogue.instrument, instruments), 1):
        if position not in present:
            rows.append(
                {
                    "public_id": opaque_id(),
                    "clinic_id": visit.clinic.id,
                    "assessment_id": visit.assessment_id,
                    "position": position,
                    "instrument_id": instrument.id,
                    "instrument_revision": instrument.revision,
                    "content_hash": instrument.content_hash,
                    "language": "en",
                    "mode": "own_device",
                    "watched": bool(instrument.alerts),
                    "sequence": 0,
                    "started_at": at,
                }
            )
    session.execute(insert(Administration), rows)


def part_at(parts: tuple[PartState, ...], position: int) -> PartState:
    found = next((each for each in parts if each.position == position), None)
    if found is None:
        raise NotFound("no such part")
    return found


def rule_at(session: Session, visit: Visit, part: int, number: int) -> tuple[PartState, ItemAlert]:
    """The part and the rule of a step with one. Raises NotFound where there is none."""
    mine = part_at(load(session, visit), part)
    rule = mine.instrument.alert_on(mine.items[number - 1].id) if 1 <= number <= len(mine.items) else None
    if rule is None:
        raise NotFound("no such help page")
    return mine, rule


def whose(visit: Visit, mine: PartState) -> Answering:
    return Answering(visit.clinic.id, visit.patient_id, mine.id)
