"""What stops when a patient wants no reminders, withdraws or dies; each can be taken back."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class Stop(StrEnum):
    REMINDERS = "reminders"  # no messages; the assessments stay
    WITHDRAWN = "withdrawn"  # everything
    DECEASED = "deceased"  # everything

    @property
    def everything(self) -> bool:
        return self is not Stop.REMINDERS


class AlreadyStopped(Refused):
    """Somebody recorded it before."""


class ReasonNeeded(Refused):
    """Why did the patient withdraw?"""


class ImplausibleDeath(Refused):
    """In the future, or before the birth."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """What a stop would end, or has ended."""

    patient: PatientRef
    what: Stop
    assessments: int  # that are still to be answered
    messages: int  # that wait to be sent
    since: datetime | date | None = None  # already so
