"""Who is told of an alert and when it goes on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from prom_server.core.escalation import MOST_A_DAY, Arrangements, Person, on_call_of
from prom_server.core.going_live import ClosedHours
from prom_server.core.opening_hours import WEEKDAYS, OpeningHours

BOB = Person(1, "bob", "email", "bob@example.org")
CORA = Person(2, "cora", "sms", "+13035550100")
DEE = Person(3, "dee", "email", "dee@example.org", on_call=True)
OPEN = OpeningHours("America/Denver", WEEKDAYS)
CLINIC = Arrangements(OPEN, 15, 60, None, 3, (BOB, CORA, DEE))
ON_CALL = replace(CLINIC, closed_hours=ClosedHours.ON_CALL)


def here(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Denver")).astimezone(UTC)


FRIDAY, NIGHT = here("2026-11-20 16:50"), here("2026-11-20 22:00")
DAY = timedelta(days=1)


@pytest.mark.parametrize(("mode", "until"), [("own_device", "2026-11-23 08:50"), ("kiosk", "2026-11-23 08:05")])
def test_time_counts_in_opening_hours(mode: str, until: str) -> None:
    assert CLINIC.escalates_at(FRIDAY, mode) == here(until)


@pytest.mark.parametrize("mode", ["kiosk", "telephone", "paper"])
def test_in_the_clinic_it_is_the_short_time(mode: str) -> None:
    assert CLINIC.escalates_at(here("2026-11-20 09:00"), mode) == here("2026-11-20 09:15")


def test_with_somebody_on_call_it_counts_by_the_clock_open_or_closed() -> None:
    assert ON_CALL.escalates_at(FRIDAY, "own_device") == here("2026-11-20 17:50")
    assert ON_CALL.escalates_at(NIGHT, "kiosk") == here("2026-11-20 22:15")
    assert ON_CALL.told_at(NIGHT) == NIGHT


@pytest.mark.parametrize("choice", [None, ClosedHours.NEXT_OPENING])
def test_otherwise_nobody_is_written_to_before_the_next_opening(choice: ClosedHours | None) -> None:
    clinic = replace(CLINIC, closed_hours=choice)
    assert clinic.told_at(NIGHT) == here("2026-11-23 08:00")
    assert clinic.told_at(FRIDAY) == FRIDAY


def test_the_ladder_is_owner_then_on_call_too_then_everybody_for_good() -> None:
    assert [CLINIC.told(BOB.id, nth, FRIDAY) for nth in range(4)] == [(BOB,), (BOB, DEE), CLINIC.people, CLINIC.people]


def test_nobody_stands_on_two_rungs_alone() -> None:
    """On call and owner are the same, as when an alert is raised: the next round is everybody's."""
    assert [CLINIC.told(DEE.id, nth, FRIDAY) for nth in range(2)] == [(DEE,), CLINIC.people]
    alone = replace(CLINIC, people=(DEE,))
    assert [alone.told(DEE.id, nth, FRIDAY) for nth in range(3)] == [(DEE,)] * 3


def test_while_closed_who_is_on_call_comes_before_the_owner() -> None:
    assert ON_CALL.told(BOB.id, 0, NIGHT) == (DEE,)
    assert ON_CALL.told(BOB.id, 0, FRIDAY) == (BOB,)
    nobody = replace(ON_CALL, people=(BOB, CORA))
    assert nobody.told(BOB.id, 0, NIGHT) == (BOB,)


def test_without_owner_and_on_call_everybody_is_told_and_nobody_where_nothing_is_set() -> None:
    assert replace(CLINIC, people=(BOB, CORA)).told(None, 0, FRIDAY) == (BOB, CORA)
    assert replace(CLINIC, people=()).told(BOB.id, 0, FRIDAY) == ()


def test_rounds_of_a_day_are_bounded() -> None:
    at = here("2026-11-19 10:00")
    after = {n: CLINIC.again_at(at, "kiosk", rounds_today=n, anybody=True) for n in (1, MOST_A_DAY)}
    assert after == {1: at + timedelta(minutes=15), MOST_A_DAY: here("2026-11-20 08:00")}
    assert CLINIC.again_at(at, "kiosk", rounds_today=1, anybody=False) == here("2026-11-20 08:00")
    assert CLINIC.again_at(NIGHT, "kiosk", rounds_today=MOST_A_DAY, anybody=True) == here("2026-11-23 08:00")


def test_a_day_is_the_clinic_s() -> None:
    assert CLINIC.day_of(here("2026-11-20 23:59")) == here("2026-11-20 00:00")
    assert CLINIC.day_of(here("2026-11-21 00:00")).date() == date(2026, 11, 21)


def test_of_several_on_call_the_last_to_come_owns_it() -> None:
    assert on_call_of([(1, "2026-11-20 08:00"), (2, "2026-11-20 12:00")]) == 2
    assert on_call_of([]) is None
