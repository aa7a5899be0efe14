"""A clinic's own facts, its opening hours, recorded permissions and supplements, as the administrator sees them."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise

from prom_server.core.opening_hours import Hours
from prom_server.core.refusals import Refused
from prom_server.core.reminders import is_quiet

PAPERS = ("letter", "A4")
KIOSK_MINUTES = (1, 240)  # least and most of opening hours until an alert goes on (a decision of this project)
HOME_MINUTES = (5, 1440)

# "E-mail and SMS carry no health information, nor does the sender's name": beginnings of words that tell what a clinic
# treats, in English and Spanish, compared in lower case and without accents. (A decision of this project.)
_TELLING = re.compile(
    r"(?<![^\W_])(pain|dolor|(es)?[ck]etamin|infusion|depres|anxi|ansi[eo]|psych|psi[cq]|siquiatr|mental|therap|terap"
    r"|opioid|opiace|add?ic[ct]|suicid)"
)


class UnknownFamily(Refused):
    """No instrument needs a permission of this name."""


class UnknownProtocol(Refused):
    """No protocol of this name."""


class PersonNeeded(Refused):
    """Waiting for the next opening needs the name of who accepts that."""


class TellingName(Refused):
    """What shows in a patient's inbox tells what the clinic treats. `field`: where that stands."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class ClosedHoursNeeded(Refused):
    """A live clinic has to say what becomes of alerts while it is closed."""


class ReminderInQuietHours(Refused):
    """Reminders would fall into the quiet hours."""


class HoursWrong(Refused):
    """Opening hours that end before they begin, or run into one another."""

    def __init__(self, weekday: int) -> None:
        super().__init__(str(weekday))
        self.weekday = weekday


class NeverOpen(Refused):
    """A week without any opening hours."""


class AlreadyClosed(Refused):
    """This day is on the list of closed days already."""


@dataclass(frozen=True, slots=True)
class PatientWords:
    """What a clinic itself says to its patients in one language. None: nothing of its own."""

    language: str
    hours: str | None = None  # when it reads and calls; in English it is the clinic's `hours`
    help: str | None = None  # on the help page, in place of our words


@dataclass(frozen=True, slots=True)
class ClosedDayLine:
    on: date
    name: str


@dataclass(frozen=True, slots=True)
class OpeningView:
    """`weekly`: of weekdays (0 is Monday) on which the clinic opens. `recorded`: else they are only assumed."""

    weekly: Mapping[int, Hours]
    recorded: bool
    closed: tuple[ClosedDayLine, ...]
    seen: str


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
class ProtocolLine:
    """A protocol, whether the clinic means to use it, and the instruments that it may not use yet."""

    id: str
    name: str
    meant: bool
    has_courses: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Licences:
    permissions: tuple[PermissionLine, ...]
    wordings: tuple[WordingLine, ...]
    protocols: tuple[ProtocolLine, ...] = ()
    seen: str = ""  # of the permissions


def is_telling(shown: str) -> bool:
    """Whether what shows in a patient's inbox, a name or an address, tells what the clinic treats."""
    letters = unicodedata.normalize("NFKD", shown)
    return _TELLING.search("".join(each for each in letters if not unicodedata.combining(each)).casefold()) is not None


def remind_in_quiet_hours(reminders_at: str, quiet_from: str, quiet_to: str) -> bool:
    """Whether the time at which reminders go out, "08:30", falls into the quiet hours."""
    return is_quiet(time.fromisoformat(reminders_at), quiet_from, quiet_to)


def check_hours(weekly: Mapping[int, Hours]) -> None:
    """Raises HoursWrong for the first weekday whose hours make no sense, and NeverOpen."""
    if not any(weekly.values()):
        raise NeverOpen("a week without hours")
    for weekday, hours in sorted(weekly.items()):
        for opens, closes in hours:
            if not _is_time(opens) or not (closes == "24:00" or _is_time(closes)) or opens >= closes:
                raise HoursWrong(weekday)
        for (_, closes), (opens, _) in pairwise(hours):
            if opens <= closes:
                raise HoursWrong(weekday)


def _is_time(text: str) -> bool:
    try:
        return time.fromisoformat(text).strftime("%H:%M") == text
    except ValueError:
        return False
