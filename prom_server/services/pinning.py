"""The instrument that an administration began with, to the bit, whatever became of its files.

The pin is instrument, revision and two hashes. At the beginning the exact texts are archived, once per pin; afterwards
today's library serves where its hashes are the same, and the archive where they are not. Never another definition.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError, NotFound, Refused
from prom_server.definitions.library import rebuild
from prom_server.definitions.supplements import PUBLISHED
from prom_server.services import catalogue
from prom_server.store.assessments import Administration
from prom_server.store.definitions import Definition


class DefinitionMissing(Refused):
    """Neither the library nor the archive has the definition that was pinned."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What an administration began with, or what a score was computed under."""

    instrument_id: str
    revision: int
    content_hash: str
    supplement_hash: str | None  # "": none. None: from before it was kept, so today's wording

    def __str__(self) -> str:
        supplement = f" with supplement {self.supplement_hash[:12]}" if self.supplement_hash else ""
        return f"{self.instrument_id}, revision {self.revision}, {self.content_hash[:12]}{supplement}"


class Pinned(Protocol):
    """A row that names an instrument, its revision and its hashes: an administration."""

    instrument_id: str
    instrument_revision: int
    content_hash: str
    supplement_hash: str | None


_rebuilt: dict[Pin, Instrument] = {}  # by content, so true of every database


def pin_in(row: Pinned) -> Pin:
    return Pin(row.instrument_id, row.instrument_revision, row.content_hash, row.supplement_hash)


def begun_with(session: Session, administration: Pinned) -> Instrument:
    """The instrument of an administration, as it began. Raises DefinitionMissing."""
    return instrument(session, pin_in(administration))


def instrument(session: Session, pin: Pin) -> Instrument:
    """Exactly what was pinned. No statement where the library has it still. Raises DefinitionMissing."""
    found = _in_library(pin) or _rebuilt.get(pin)
    if found is None:
        found = _rebuilt[pin] = _from_archive(session, pin)
    return found


def _in_library(pin: Pin) -> Instrument | None:
    """In the language of the pin: the supplement's hash tells it."""
    published = _read(pin, PUBLISHED)
    if published is None or is_pinned(published, pin):
        return published
    others = (_read(pin, each) for each in catalogue.library().languages(pin.instrument_id, pin.revision))
    return next((each for each in others if each is not None and is_pinned(each, pin)), None)


def _read(pin: Pin, language: str) -> Instrument | None:
    try:
        return catalogue.library().get_with_wording(pin.instrument_id, pin.revision, language)
    except (NotFound, DefinitionError):  # no longer there, or no longer as it was published
        return None


def is_pinned(found: Instrument, pin: Pin) -> bool:
    """Whether this is the very definition of the pin."""
    if (found.id, found.revision) != (pin.instrument_id, pin.revision):
        return False
    return found.content_hash == pin.content_hash and pin.supplement_hash in (None, found.supplement_hash)


def _from_archive(session: Session, pin: Pin) -> Instrument:
    these = select(Definition.files).where(Definition.content_hash == pin.content_hash)
    if pin.supplement_hash is not None:
        these = these.where(Definition.supplement_hash == pin.supplement_hash)
    stored = session.scalar(these.order_by(Definition.id).limit(1))
    if stored is None:
        raise DefinitionMissing(f"{pin} is neither among the definitions nor in the archive")
    found = rebuild(json.loads(stored))
    if not is_pinned(found, pin):
        raise DefinitionMissing(f"{pin}: the archive holds another definition")
    return found


def archive(session: Session, instruments: Iterable[Instrument], *, at: datetime) -> None:
    """Keeps the texts of these, each once. Two at the same moment keep one."""
    wanted = {(each.content_hash, each.supplement_hash): each for each in instruments}
    hashes = (Definition.content_hash, Definition.supplement_hash)
    known = {(row[0], row[1]) for row in session.execute(select(*hashes).where(tuple_(*hashes).in_(wanted)))}
    missing = [_row(wanted[key], at=at) for key in sorted(set(wanted) - known)]  # in one order: no deadlock
    if missing:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(insert(Definition).values(missing).on_conflict_do_nothing())


def archive_begun(session: Session, *, at: datetime) -> None:
    """Archives what administrations from before there was an archive began with, where the library has it still."""
    begun = (Administration.instrument_id, Administration.instrument_revision, Administration.content_hash)
    pins = session.execute(select(*begun).where(Administration.supplement_hash.is_(None)).distinct())
    found = [_in_library(Pin(*pin, supplement_hash=None)) for pin in pins]
    archive(session, [each for each in found if each is not None], at=at)


def _row(each: Instrument, *, at: datetime) -> dict[str, object]:
    return {
        "content_hash": each.content_hash,
        "supplement_hash": each.supplement_hash,
        "instrument_id": each.id,
        "instrument_revision": each.revision,
        "files": json.dumps(catalogue.library().source_of(each), ensure_ascii=False, sort_keys=True),
        "archived_at": at,
    }
