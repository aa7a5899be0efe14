"""Blood pressure, heart rate and oxygen saturation around an infusion.

The limits guard against slips of the keyboard only (a decision of this project).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from prom_server.core.refusals import Refused

AROUND = timedelta(hours=24)  # vital signs are measured so near to the infusion's start


class VitalKind(StrEnum):
    SYSTOLIC = "systolic"
    DIASTOLIC = "diastolic"
    HEART_RATE = "heart_rate"
    OXYGEN_SATURATION = "oxygen_saturation"


UNITS = {
    VitalKind.SYSTOLIC: "mmHg",
    VitalKind.DIASTOLIC: "mmHg",
    VitalKind.HEART_RATE: "/min",
    VitalKind.OXYGEN_SATURATION: "%",
}
LIMITS = {
    VitalKind.SYSTOLIC: (30, 300),
    VitalKind.DIASTOLIC: (10, 200),
    VitalKind.HEART_RATE: (20, 300),
    VitalKind.OXYGEN_SATURATION: (30, 100),
}


class NothingMeasured(Refused):
    """No value at all."""


class ImplausibleVitalSign(Refused):
    """Outside what a device shows; `kind` says which."""

    def __init__(self, kind: VitalKind) -> None:
        super().__init__(kind)
        self.kind = kind


class HalfAPressure(Refused):
    """Systolic without diastolic, or the other way round."""


class PressureUpsideDown(Refused):
    """Systolic not above diastolic."""


class NotAroundTheInfusion(Refused):
    """More than a day from the infusion, or in the future."""


def check_vital_signs(values: Mapping[VitalKind, int]) -> None:
    """Raises NothingMeasured, ImplausibleVitalSign, HalfAPressure, PressureUpsideDown."""
    if not values:
        raise NothingMeasured("nothing")
    for kind, value in values.items():
        low, high = LIMITS[kind]
        if not low <= value <= high:
            raise ImplausibleVitalSign(kind)
    systolic, diastolic = values.get(VitalKind.SYSTOLIC), values.get(VitalKind.DIASTOLIC)
    if (systolic is None) != (diastolic is None):
        raise HalfAPressure("one of two")
    if systolic is not None and diastolic is not None and systolic <= diastolic:
        raise PressureUpsideDown("systolic below diastolic")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured at one moment, by kind. Only what was measured is there."""

    public_id: str  # of one of them: all are marked as entered in error together
    at: datetime
    values: Mapping[str, Decimal]
    recorded_by: str
    in_error: bool
