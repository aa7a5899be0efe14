"""Which instruments and protocols there are, and which of them a clinic may use today."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument
from prom_server.core.mme import FactorTable
from prom_server.core.permissions import ClinicFacts
from prom_server.core.refusals import NotFound
from prom_server.core.schedule import MissingProtocol, Protocol
from prom_server.definitions.library import Library
from prom_server.definitions.supplements import PUBLISHED
from prom_server.store.clinics import Permission
from prom_server.store.courses import Course

_bound: list[Library] = []


def bind(library: Library) -> None:
    """Makes `library` the one of this process."""
    _bound[:] = [library]


def library() -> Library:
    return _bound[0]


def instrument(instrument_id: str, revision: int | None = None, language: str = PUBLISHED) -> Instrument:
    """With the wording of the clinic's supplement where it has one. Raises NotFound.

    In `language` where an official translation is present, of whatever country; as published where there is none.
    """
    if language == PUBLISHED:
        return library().get_with_wording(instrument_id, revision)
    known = library().languages(instrument_id, revision)
    alike = (each for each in known if each.partition("-")[0] == language)
    return library().get_with_wording(instrument_id, revision, language if language in known else next(alike, None))


def protocol(protocol_id: str, revision: int | None = None) -> Protocol:
    return library().protocol(protocol_id, revision)


def protocol_of(course: Course) -> Protocol:
    """For lists of many: where its file is gone, which `prom-server verify` reports, one that stands for it."""
    try:
        return protocol(course.protocol_id, course.protocol_revision)
    except NotFound:
        return MissingProtocol(course.protocol_id, course.protocol_revision, course.protocol_id, 0, (), (), "")


def opioid_factors(revision: int | None = None) -> FactorTable:
    """The table that doses are computed with, of today or of a named revision."""
    return library().opioid_factors(revision=revision)


def missing_licences(
    session: Session, clinic: ClinicFacts, instrument_ids: Iterable[str], language: str = PUBLISHED
) -> tuple[Instrument, ...]:
    """The instruments that this clinic may not use yet. The demo clinic may use all, marked as synthetic."""
    if clinic.demo:
        return ()
    permitted = set(session.scalars(select(Permission.family).where(Permission.clinic_id == clinic.id)))
    asked = (instrument(each, language=language) for each in instrument_ids)
    return tuple(each for each in asked if not may_use(each, permitted))


def may_use(each: Instrument, permitted: set[str]) -> bool:
    """With its wording and its tables, and the holder's permission on record where one is needed."""
    permission = not each.licence.needs_permission or each.licence.family in permitted
    return permission and each.has_wording and each.has_tables
