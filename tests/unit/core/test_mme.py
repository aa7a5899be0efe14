"""Morphine equivalents: the published factors, and the total of a day."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from prom_server.core.mme import (
    DoseView,
    ImplausibleDailyAmount,
    Unit,
    UnknownOpioid,
    daily_dose,
    mme,
)
from prom_server.core.refusals import DefinitionError
from prom_server.definitions.document import parse
from prom_server.definitions.library import Library
from prom_server.definitions.opioid_factors import factors_of

TABLE = Library.shipped().opioid_factors()
# The table of the guideline: MMWR Recomm Rep 2022;71(RR-3).
PUBLISHED = {
    "codeine": "0.15",
    "fentanyl-transdermal": "2.4",
    "hydrocodone": "1.0",
    "hydromorphone": "5.0",
    "methadone": "4.7",
    "morphine": "1.0",
    "oxycodone": "1.5",
    "oxymorphone": "3.0",
    "tapentadol": "0.4",
    "tramadol": "0.2",
}
AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


def test_the_factors_are_the_published_ones() -> None:
    assert {each.drug: each.factor for each in TABLE.opioids} == {k: Decimal(v) for k, v in PUBLISHED.items()}
    assert TABLE.version == "cdc-2022.v1"
    assert [each.drug for each in TABLE.opioids if each.unit is Unit.MCG_PER_HOUR] == ["fentanyl-transdermal"]
    assert TABLE.opioid("methadone").caution


@pytest.mark.parametrize(
    ("drug", "amount", "expected"),
    [
        ("hydrocodone", "20", "20"),  # the guideline's own two examples
        ("oxycodone", "20", "30"),
        ("fentanyl-transdermal", "25", "60"),
        ("codeine", "60", "9"),
        ("morphine", "0", "0"),
    ],
)
def test_dose_times_factor(drug: str, amount: str, expected: str) -> None:
    assert mme(Decimal(amount), TABLE.opioid(drug)) == Decimal(expected)


def test_what_the_table_lacks_has_no_factor() -> None:
    """Buprenorphine is left out by the source, on purpose."""
    with pytest.raises(UnknownOpioid):
        TABLE.opioid("buprenorphine")


@pytest.mark.parametrize("amount", ["-1", "5000.1"])
def test_a_slip_of_the_keyboard(amount: str) -> None:
    with pytest.raises(ImplausibleDailyAmount):
        mme(Decimal(amount), TABLE.opioid("morphine"))


def dose(drug: str, day: int, amount: int, *, hour: int = 0, in_error: bool = False) -> DoseView:
    opioid = TABLE.opioid(drug)
    return DoseView(
        public_id=f"{drug}{day}{hour}",
        taken_from=date(2026, 11, day),
        drug=drug,
        name=opioid.name,
        daily_amount=Decimal(amount),
        unit=opioid.unit,
        factor=opioid.factor,
        mme=mme(Decimal(amount), opioid),
        factors_version=TABLE.version,
        recorded_by="Bob",
        recorded_at=AT.replace(hour=hour),
        in_error=in_error,
    )


HISTORY = (
    dose("morphine", 1, 60),
    dose("oxycodone", 5, 20),
    dose("morphine", 10, 30),
    dose("morphine", 12, 900, in_error=True),
    dose("morphine", 20, 0),
)


@pytest.mark.parametrize(("day", "total", "drugs"), [(4, 60, 1), (5, 90, 2), (10, 60, 2), (12, 60, 2), (20, 30, 1)])
def test_the_total_of_a_day(day: int, total: int, drugs: int) -> None:
    found = daily_dose(reversed(HISTORY), date(2026, 11, day))
    assert found is not None
    assert (found.mme, len(found.doses)) == (total, drugs)


def test_nothing_recorded_is_not_nothing_taken() -> None:
    assert daily_dose(HISTORY, date(2026, 10, 31)) is None
    assert daily_dose([dose("morphine", 1, 9, in_error=True)], date(2026, 11, 2)) is None
    stopped = daily_dose([dose("morphine", 1, 0)], date(2026, 11, 2))
    assert stopped is not None
    assert (stopped.mme, stopped.doses) == (0, ())


def test_of_one_day_the_later_record_counts() -> None:
    found = daily_dose([dose("morphine", 1, 40, hour=9), dose("morphine", 1, 20, hour=8)], date(2026, 11, 1))
    assert found is not None
    assert found.mme == 40


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (("drug: tramadol", "drug: codeine"), "is there already"),
        (("factor: 0.2", "factor: 0"), "is not above 0"),
        (("unit: mcg/h", "unit: mcg"), "is none of mg, mcg/h"),
        (("    factor: 2.4\n", ""), "factor: is missing"),
        (("revision: 1", "revision: 2"), "is named cdc-2022.v1.yaml"),
    ],
)
def test_a_slip_in_a_table_is_refused_with_its_line(slip: tuple[str, str], said: str) -> None:
    path = next(path for path in Library.shipped().files() if path.name == "cdc-2022.v1.yaml")
    text = path.read_text(encoding="utf-8")
    assert slip[0] in text
    with pytest.raises(DefinitionError, match=said):
        factors_of(parse(text.replace(*slip).encode(), path))
