"""What is known of an infusion: mg/kg computed or typed, slips refused, days counted."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from prom_server.core.infusions import (
    Details,
    DoseDisagrees,
    ImplausibleDose,
    ImplausibleMgPerKg,
    ImplausibleMinutes,
    ImplausibleWeight,
    InfusionDayView,
    InfusionView,
    MissedReason,
    checked,
    counts,
)

TODAY = date(2026, 11, 25)
AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


def details(dose: str | None, weight: str | None, typed: str | None = None, minutes: int | None = None) -> Details:
    return Details(*(Decimal(each) if each else None for each in (dose, weight, typed)), minutes)


@pytest.mark.parametrize(
    ("dose", "weight", "expected"),
    [("40", "80", "0.5"), ("40", "81.3", "0.49"), ("41", "80", "0.51"), ("35", "56", "0.63"), ("1", "200", "0.01")],
)
def test_mg_per_kg_is_dose_over_weight_rounded_half_up(dose: str, weight: str, expected: str) -> None:
    found = checked(details(dose, weight))
    assert found.mg_per_kg == Decimal(expected)
    assert found.is_quotient


@pytest.mark.parametrize(("dose", "weight"), [("40", None), (None, "80"), (None, None)])
def test_nothing_is_computed_from_one_of_them(dose: str | None, weight: str | None) -> None:
    assert checked(details(dose, weight)).mg_per_kg is None
    assert checked(details(dose, weight, "0.5")).mg_per_kg == Decimal("0.5")
    assert not checked(details(dose, weight, "0.5")).is_quotient


@pytest.mark.parametrize(
    ("dose", "weight", "typed"), [("40", "81.3", "0.5"), ("40", "81.3", "0.50"), ("40", "80", "0.5")]
)
def test_what_is_typed_may_be_rounded(dose: str, weight: str, typed: str) -> None:
    assert checked(details(dose, weight, typed)).mg_per_kg == Decimal(typed)


@pytest.mark.parametrize(
    ("dose", "weight", "typed"), [("40", "81.3", "0.6"), ("40", "80", "1"), ("40.0", "81.3", "0.50"), ("40", "80", "5")]
)
def test_what_is_typed_must_agree(dose: str, weight: str, typed: str) -> None:
    with pytest.raises(DoseDisagrees):
        checked(details(dose, weight, typed))


@pytest.mark.parametrize(
    ("known", "refusal"),
    [
        (details("0", None), ImplausibleDose),
        (details("1000.1", None), ImplausibleDose),
        (details(None, "19.9"), ImplausibleWeight),
        (details(None, "400.1"), ImplausibleWeight),
        (details(None, None, "0"), ImplausibleMgPerKg),
        (details(None, None, "20.1"), ImplausibleMgPerKg),
        (details(None, None, minutes=0), ImplausibleMinutes),
        (details(None, None, minutes=1441), ImplausibleMinutes),
    ],
)
def test_slips_of_the_keyboard(known: Details, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        checked(known)


def test_the_edges_are_fine() -> None:
    assert checked(details("1000", "400", minutes=1440)).mg_per_kg == Decimal("2.5")
    assert checked(details(None, "20", "20", 1)).minutes == 1


def day(on: int, *, given: int | None = None, missed: MissedReason | None = None) -> InfusionDayView:
    infusion = InfusionView("i", AT, date(2026, 11, given), Details(), "Bob", in_error=False) if given else None
    return InfusionDayView("d", date(2026, 11, on), infusion, AT if missed else None, missed, None)


def test_days_in_counts() -> None:
    days = [
        day(21, given=21),
        day(22, missed=MissedReason.UNWELL),
        day(23, given=24, missed=MissedReason.UNWELL),  # made up for: no longer missed
        day(24),
        day(25),
        day(26, missed=MissedReason.PATIENT_CANCELLED),
    ]
    assert [each.state(TODAY) for each in days] == ["given", "missed", "given", "unrecorded", "planned", "missed"]
    assert [each.moved for each in days] == [False, False, True, False, False, False]
    found = counts(days, 2, 6, TODAY)
    assert (found.given, found.planned, found.missed, found.unrecorded) == (2, 6, 2, 1)
    assert found.reasons == (("unwell", 1), ("patient_cancelled", 1))
