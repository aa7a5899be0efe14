"""Infusions: what is recorded of one, its days, and what typing errors are refused.

The limits guard against slips of the keyboard and say nothing about what is right for a patient (a decision of this
project: no published rule was sought).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused

HIGHEST_DOSE_MG = Decimal(1000)
LIGHTEST_KG, HEAVIEST_KG = Decimal(20), Decimal(400)
HIGHEST_MG_PER_KG = Decimal(20)
LONGEST_MINUTES = 24 * 60
HUNDREDTH = Decimal("0.01")


class ImplausibleDose(Refused):
    """Not above zero, or above what anybody gives."""


class ImplausibleWeight(Refused):
    """Outside 20 to 400 kg."""


class ImplausibleMgPerKg(Refused):
    """Not above zero, or above 20 mg/kg."""


class ImplausibleMinutes(Refused):
    """Less than a minute, or more than a day."""


class DoseDisagrees(Refused):
    """The mg/kg typed is not dose over weight, however they were rounded."""


class MissedReason(StrEnum):
    PATIENT_CANCELLED = "patient_cancelled"
    DID_NOT_COME = "did_not_come"
    UNWELL = "unwell"
    CLINIC_CANCELLED = "clinic_cancelled"
    CONTRAINDICATION = "contraindication"
    OTHER = "other"  # with a note


class DayGiven(Refused):
    """An infusion was given on this day."""


class DayNotPlanned(Refused):
    """The course dropped the day meanwhile: it was finished, moved, or the patient left."""


class DayNotOver(Refused):
    """Nobody failed to come on a day that has not come."""


class MissedNoteNeeded(Refused):
    """Another reason: which?"""


@dataclass(frozen=True, slots=True)
class Details:
    """What may be known of an infusion. mg, kg, mg/kg, minutes; None: not recorded."""

    dose_mg: Decimal | None = None
    weight_kg: Decimal | None = None
    mg_per_kg: Decimal | None = None
    minutes: int | None = None
    ondansetron: bool | None = None
    note: str | None = None

    @property
    def is_quotient(self) -> bool:
        """Whether mg/kg is dose over weight to 2 decimals, as when it is computed."""
        dose, weight = self.dose_mg, self.weight_kg
        return dose is not None and weight is not None and self.mg_per_kg == _quotient(dose, weight)


def _quotient(dose: Decimal, weight: Decimal) -> Decimal:
    return (dose / weight).quantize(HUNDREDTH, ROUND_HALF_UP)


def checked(details: Details) -> Details:
    """The details with mg/kg computed where it can be and was not typed. Raises Implausible…, DoseDisagrees."""
    _check_limits(details)
    dose, weight, typed = details.dose_mg, details.weight_kg, details.mg_per_kg
    if dose is None or weight is None:
        return details
    if typed is None:
        return replace(details, mg_per_kg=_quotient(dose, weight))
    if not _agree(dose, weight, typed):
        raise DoseDisagrees(f"{dose} mg / {weight} kg is not {typed} mg/kg")
    return details


def _check_limits(details: Details) -> None:
    if details.dose_mg is not None and not 0 < details.dose_mg <= HIGHEST_DOSE_MG:
        raise ImplausibleDose("dose")
    if details.weight_kg is not None and not LIGHTEST_KG <= details.weight_kg <= HEAVIEST_KG:
        raise ImplausibleWeight("weight")
    if details.mg_per_kg is not None and not 0 < details.mg_per_kg <= HIGHEST_MG_PER_KG:
        raise ImplausibleMgPerKg("mg/kg")
    if details.minutes is not None and not 1 <= details.minutes <= LONGEST_MINUTES:
        raise ImplausibleMinutes("minutes")


def _agree(dose: Decimal, weight: Decimal, typed: Decimal) -> bool:
    """Whether some true dose, weight and mg/kg round to what was typed: 0.5 agrees with 40 mg at 81.3 kg."""
    low = (dose - _half(dose)) / (weight + _half(weight))
    high = (dose + _half(dose)) / (weight - _half(weight))
    # mg/kg is never taken as rounded to whole numbers: 1 would agree with 0.5.
    off = min(_half(typed), Decimal("0.05"))
    return low <= typed + off and typed - off <= high


def _half(number: Decimal) -> Decimal:
    """Half a unit of the last decimal that was typed; of whole numbers half of one."""
    exponent = number.as_tuple().exponent
    return Decimal(5).scaleb(min(int(exponent), 0) - 1)


class DayState(StrEnum):
    """Of a planned day, computed and never stored."""

    PLANNED = "planned"
    GIVEN = "given"
    MISSED = "missed"
    UNRECORDED = "unrecorded"  # over, and nobody said what became of it


@dataclass(frozen=True, slots=True)
class InfusionView:
    public_id: str
    given_at: datetime
    on: date
    details: Details
    recorded_by: str
    in_error: bool

    @property
    def dose_mg(self) -> Decimal | None:
        return self.details.dose_mg


@dataclass(frozen=True, slots=True)
class InfusionDayView:
    """One planned day: with its infusion where one was given."""

    public_id: str
    planned_on: date
    infusion: InfusionView | None
    missed_at: datetime | None
    missed_reason: str | None
    missed_note: str | None
    cancelled: bool = False  # no longer planned

    @property
    def moved(self) -> bool:
        """Given on another day than planned."""
        return self.infusion is not None and self.infusion.on != self.planned_on

    def state(self, today: date) -> DayState:
        if self.infusion is not None:
            return DayState.GIVEN
        if self.missed_at is not None:
            return DayState.MISSED
        return DayState.PLANNED if self.planned_on >= today else DayState.UNRECORDED


@dataclass(frozen=True, slots=True)
class DayPage:
    """One planned day with its course."""

    course_id: str
    course_number: int
    patient: PatientRef
    day: InfusionDayView


@dataclass(frozen=True, slots=True)
class DayCounts:
    """ "4 of 5 given, 1 missed (unwell)": the reasons in the order of their first day."""

    given: int
    planned: int
    missed: int
    reasons: tuple[tuple[str, int], ...]
    unrecorded: int


def counts(days: Sequence[InfusionDayView], given: int, planned: int, today: date) -> DayCounts:
    """Over the days of a course; `given` counts infusions, also those on days that nobody planned."""
    states = Counter(each.state(today) for each in days)
    reasons = Counter(each.missed_reason or "" for each in days if each.state(today) is DayState.MISSED)
    return DayCounts(given, planned, states[DayState.MISSED], tuple(reasons.items()), states[DayState.UNRECORDED])
