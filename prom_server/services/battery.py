"""The battery of an assessment: its administrations and their responses, as parts for the patient's pages."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, literal, select, union_all, update
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument, ItemAlert
from prom_server.core.refusals import DefinitionError, NotFound, Refused
from prom_server.core.responses import Current, Responses
from prom_server.core.visit import PartState, Visit
from prom_server.services import catalogue, pinning
from prom_server.services.raising import Answering
from prom_server.store.assessments import Administration, Response, Satisfaction
from prom_server.store.base import opaque_id, table_of


class LicenceMissing(Refused):
    """An instrument of the battery may not be used by this clinic."""


# What a part is made of. Built once, because every page and every answer asks for it.
FACTS = (
    "id",
    "position",
    "instrument_id",
    "instrument_revision",
    "content_hash",
    "supplement_hash",
    "sequence",
    "submitted_at",
)
_administration, _response = table_of(Administration).c, table_of(Response).c
_satisfaction = table_of(Satisfaction).c
_FACTS_OF = [_administration[name] for name in FACTS]
_BEGUN = union_all(
    select(*_FACTS_OF, literal(0).label("elsewhere")).where(
        _administration.assessment_id == bindparam("mine"), _administration.in_error_at.is_(None)
    ),
    select(*_FACTS_OF, literal(1).label("elsewhere")).where(
        _administration.id == _satisfaction.administration_id,
        _satisfaction.assessment_id == bindparam("mine"),
        _satisfaction.undone_at.is_(None),
        _administration.in_error_at.is_(None),
    ),
)
_GIVEN = (
    select(_response.administration_id, _response.item_id, _response.value, _response.sequence)
    .where(_response.administration_id.in_(bindparam("these", expanding=True)))
    .order_by(_response.sequence)
)


def load(session: Session, visit: Visit) -> tuple[PartState, ...]:
    """The whole battery as it stands, in two statements however long it is: also the parts that were not begun."""
    rows = session.execute(_BEGUN, {"mine": visit.assessment_id}).all()
    given = responses(session, [row.id for row in rows])
    places = {each: position for position, each in enumerate(visit.battery, 1)}
    parts = {}
    for row in rows:
        part = _part(session, row, given[row.id])
        if row.elsewhere:  # answered for another assessment: it has another place there, and is not asked again here
            part = replace(part, position=places.get(row.instrument_id, 0), submitted=True, elsewhere=True)
        parts[part.position] = part
    return tuple(parts.get(position) or _planned(position, id_, visit) for position, id_ in enumerate(visit.battery, 1))


def begun(session: Session, row: Any) -> PartState:
    """One part as it stands, of a row with the facts of its administration."""
    return _part(session, row, responses(session, [row.id])[row.id])


def responses(
    session: Session, administration_ids: Collection[int], *, until: int | None = None
) -> dict[int, dict[str, Current]]:
    """Of each administration the current response of every item: the one with the highest sequence, up to `until`."""
    found: dict[int, dict[str, Current]] = {each: {} for each in administration_ids}
    statement = _GIVEN if until is None else _GIVEN.where(_response.sequence <= until)
    for administration_id, item_id, value, sequence in session.execute(statement, {"these": [*administration_ids]}):
        found[administration_id][item_id] = Current(value, sequence)
    return found


def responses_up_to(session: Session, row: Administration, sequence: int | None, current: Responses) -> Responses:
    """What the administration held up to an answer: of one that was taken up again, less than what it holds now."""
    if sequence is None or sequence >= row.sequence:
        return current
    return responses(session, [row.id], until=sequence)[row.id]


def _part(session: Session, row: Any, given: dict[str, Current]) -> PartState:
    return PartState(
        id=row.id,
        position=row.position,
        instrument=pinning.begun_with(session, row),
        responses=given,
        sequence=row.sequence,
        submitted=row.submitted_at is not None,
    )


def _planned(position: int, instrument_id: str, visit: Visit) -> PartState:
    """Not begun yet, or to be answered again because what was given was entered in error."""
    instrument = catalogue.instrument(instrument_id, language=visit.language)
    return PartState(0, position, instrument, {}, 0, submitted=False)


def begin(session: Session, visit: Visit, parts: Iterable[PartState], *, at: datetime) -> None:
    """Creates the administrations of these parts, pinned to today's definitions. Raises LicenceMissing."""
    if catalogue.missing_licences(session, visit.clinic, visit.battery, visit.language):
        raise LicenceMissing("an instrument of the battery may not be used")
    instruments = {part.position: part.instrument for part in parts}
    pinning.archive(session, instruments.values(), at=at)
    rows = [_row(visit, position, instrument, at=at) for position, instrument in instruments.items()]
    session.execute(insert(Administration), rows)


def _row(visit: Visit, position: int, instrument: Instrument, *, at: datetime) -> dict[str, object]:
    return {
        "public_id": opaque_id(),
        "clinic_id": visit.clinic.id,
        "assessment_id": visit.assessment_id,
        "position": position,
        "instrument_id": instrument.id,
        "instrument_revision": instrument.revision,
        "content_hash": instrument.content_hash,
        "supplement_hash": instrument.supplement_hash,
        "language": instrument.language,
        "mode": visit.mode,
        "watched": bool(instrument.alerts),
        "sequence": 0,
        "started_at": at,
    }


def go_on_in(session: Session, visit: Visit, language: str, *, at: datetime) -> None:
    """The questionnaires in which nothing was answered yet are pinned again, in another language.

    Only the words change: one whose definition became another one meanwhile stays as it began.
    """
    untouched = (
        Administration.assessment_id == visit.assessment_id,
        Administration.sequence == 0,
        Administration.submitted_at.is_(None),
        Administration.declined_at.is_(None),
        Administration.in_error_at.is_(None),
    )
    for row in session.scalars(select(Administration).where(*untouched)).all():
        wanted = _in_language(row, language)
        if wanted is not None:
            pinning.archive(session, [wanted], at=at)
            words = {"supplement_hash": wanted.supplement_hash, "language": wanted.language}
            session.execute(update(Administration).where(Administration.id == row.id, *untouched).values(**words))


def _in_language(row: Administration, language: str) -> Instrument | None:
    try:
        found = catalogue.instrument(row.instrument_id, row.instrument_revision, language)
    except (NotFound, DefinitionError):
        return None
    return found if found.content_hash == row.content_hash and found.supplement_hash != row.supplement_hash else None


def part_at(parts: tuple[PartState, ...], position: int) -> PartState:
    """Raises NotFound for a part that is not there or was not begun."""
    found = next((each for each in parts if each.position == position and each.begun), None)
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
    return Answering(visit.clinic.id, visit.patient_id, mine.id, visit.mode)
