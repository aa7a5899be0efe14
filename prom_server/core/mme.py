"""Daily opioid doses in morphine milligram equivalents (MME): dose a day x the factor of a published table.

A number for comparing what one patient takes over time; never a recommendation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from prom_server.core.refusals import Refused

HIGHEST_DAILY_AMOUNT = Decimal(5000)  # in the drug's unit; against slips of the keyboard (a decision of this project)


class ImplausibleDailyAmount(Refused):
    """Below zero, or above what anybody takes."""


class UnknownOpioid(Refused):
    """The table has no factor for it."""


class Unit(StrEnum):
    MG = "mg"  # a day
    MCG_PER_HOUR = "mcg/h"


@dataclass(frozen=True, slots=True)
class Opioid:
    """One line of a table: MME a day for each unit of its dose."""

    drug: str
    name: str
    unit: Unit
    factor: Decimal
    caution: str | None = None


@dataclass(frozen=True, slots=True)
class FactorTable:
    id: str
    revision: int
    name: str
    source: str
    cautions: tuple[str, ...]
    opioids: tuple[Opioid, ...]
    content_hash: str = ""

    @property
    def version(self) -> str:
        """As it is kept with each dose."""
        return f"{self.id}.v{self.revision}"

    def opioid(self, drug: str) -> Opioid:
        """Raises UnknownOpioid: nothing is guessed from a similar drug."""
        found = next((each for each in self.opioids if each.drug == drug), None)
        if found is None:
            raise UnknownOpioid(drug)
        return found


def mme(amount: Decimal, opioid: Opioid) -> Decimal:
    """MME a day of `amount` in the opioid's own unit. Raises ImplausibleDailyAmount."""
    if not 0 <= amount <= HIGHEST_DAILY_AMOUNT:
        raise ImplausibleDailyAmount("daily amount")
    return amount * opioid.factor


@dataclass(frozen=True, slots=True)
class DoseView:
    """All that is taken of one opioid from a day on, every form of it together; 0 says that it was stopped."""

    public_id: str
    taken_from: date
    drug: str
    name: str
    daily_amount: Decimal
    unit: str
    factor: Decimal
    mme: Decimal
    factors_version: str
    recorded_by: str
    recorded_at: datetime
    in_error: bool


@dataclass(frozen=True, slots=True)
class DailyDose:
    """All opioids of a day together."""

    on: date
    mme: Decimal
    doses: tuple[DoseView, ...]  # those that count on this day, stopped ones left out


def daily_dose(history: Iterable[DoseView], on: date) -> DailyDose | None:
    """The total on a day. None where nothing was recorded by then: that is not the same as 0.

    Of each drug the latest dose counts; of two from the same day the one that was recorded last.
    """
    latest: dict[str, DoseView] = {}
    begun = (each for each in history if not each.in_error and each.taken_from <= on)
    for each in sorted(begun, key=lambda dose: (dose.taken_from, dose.recorded_at)):
        latest[each.drug] = each
    if not latest:
        return None
    taken = tuple(each for each in latest.values() if each.daily_amount > 0)
    return DailyDose(on, sum((each.mme for each in taken), Decimal(0)), taken)
