"""Private links as staff hand them out."""

from dataclasses import dataclass
from datetime import datetime

from prom_server.core.courses import AssessmentView
from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class AssessmentOver(Refused):
    """Completed, closed or cancelled: a link would open nothing."""


@dataclass(frozen=True, slots=True)
class LinkPage:
    """An assessment and the link that is out for it, if any."""

    patient: PatientRef
    course_id: str
    course_number: int
    assessment: AssessmentView
    locked: bool
    link_made_at: datetime | None
    link_made_by: str | None


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """Shown once: only the token's hash is stored."""

    token: str
    page: LinkPage
