"""What staff read about the instruments, with what this clinic has recorded and supplied. Nothing of a patient."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core import catalogue as views
from prom_server.core.instrument import Instrument
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.definitions.supplements import PUBLISHED
from prom_server.services import catalogue
from prom_server.store.clinics import Permission


def families(session: Session, words: str = "", *, by: StaffMember) -> tuple[views.Family, ...]:
    """Every instrument, or those in which all of `words` occur."""
    require(by, Action.SEE_INSTRUMENTS)
    known = [catalogue.instrument(each.id) for each in catalogue.library().instruments()]
    return views.families(known, _permitted(session, by), words)


def page(session: Session, instrument_id: str, revision: int | None = None, *, by: StaffMember) -> views.Page:
    """One instrument, the newest revision unless one is named. Raises NotFound."""
    require(by, Action.SEE_INSTRUMENTS)
    library = catalogue.library()
    shown = catalogue.instrument(instrument_id, revision)
    revisions = [library.get(instrument_id, each) for each in library.revisions(instrument_id)]
    return views.page(shown, revisions, _permitted(session, by), _supplied(shown))


def definition(instrument_id: str, revision: int | None, language: str | None, *, by: StaffMember) -> Instrument:
    """What a preview shows. Raises NotFound."""
    require(by, Action.SEE_INSTRUMENTS)
    return catalogue.library().get_with_wording(instrument_id, revision, language)


def _permitted(session: Session, by: StaffMember) -> frozenset[str]:
    found = session.scalars(select(Permission.family).where(Permission.clinic_id == by.clinic.id))
    return frozenset(found)


def _supplied(instrument: Instrument) -> tuple[views.Supplied, ...]:
    """Every supplement of this revision: English first, then the translations."""
    library, key = catalogue.library(), (instrument.id, instrument.revision)
    languages = dict.fromkeys((PUBLISHED, *library.languages(*key)))
    found = [each for each in (library.supplement(*key, language) for language in languages) if each]
    return tuple(
        views.Supplied(
            each.language, each.source, each.date, each.entered_by, bool(each.items or each.context), tuple(each.tables)
        )
        for each in found
    )
