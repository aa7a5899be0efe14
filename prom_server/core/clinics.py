"""A clinic's own facts, its recorded permissions and supplements, as the administrator sees them."""

from dataclasses import dataclass
from datetime import date, datetime

from prom_server.core.refusals import Refused

PAPERS = ("letter", "A4")


class UnknownFamily(Refused):
    """No instrument needs a permission of this name."""


@dataclass(frozen=True, slots=True)
class PatientWords:
    """What a clinic itself says to its patients in one language. None: nothing of its own."""

    language: str
    hours: str | None = None  # when it reads and calls; in English it is the clinic's `hours`
    help: str | None = None  # on the help page, in place of our words


@dataclass(frozen=True, slots=True)
class PermissionLine:
    """One family of instruments that needs the holder's permission, and the one recorded."""

    family: str
    holder: str
    instruments: tuple[str, ...]
    granted_by: str | None
    granted_on: date | None
    reference: str | None
    recorded_by: str | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class WordingLine:
    """An instrument whose wording the clinic brings itself."""

    instrument: str
    holder: str
    present: bool


@dataclass(frozen=True, slots=True)
class Licences:
    permissions: tuple[PermissionLine, ...]
    wordings: tuple[WordingLine, ...]
