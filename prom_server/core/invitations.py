"""Private links as staff hand them out."""

from dataclasses import dataclass
from datetime import datetime

from prom_server.core.courses import AssessmentView
from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class AssessmentOver(Refused):
    """Completed, closed or cancelled: a link would open nothing."""


class NotReachable(Refused):
    """No message may go to the patient this way, or not any more."""


@dataclass(frozen=True, slots=True)
class Way:
    """An address that the link can be sent to. `sent`: how often it was, for this assessment."""

    kind: str  # email, sms
    address: str
    sent: int


@dataclass(frozen=True, slots=True)
class LinkPage:
    """An assessment and the link that is out for it, if any."""

    patient: PatientRef
    course_id: str
    course_number: int
    assessment: AssessmentView
    locked: bool
    link_made_at: datetime | None
    link_made_by: str | None  # None: a message carried it
    ways: tuple[Way, ...] = ()
    why_not: str | None = None  # a code, where there is no way


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """Shown once: only the token's hash is stored."""

    token: str
    page: LinkPage
