"""Who is told of an alert and when it goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from prom_server.core.escalation import MOST_A_DAY, Arrangements, Duty, Person
from prom_server.core.going_live import ClosedHours
from prom_server.core.opening_hours import WEEKDAYS, OpeningHours

BOB = Person(1, "bob", "email", "bob@example.org")
CORA = Person(2, "cora", "sms", "+13035550100")
DEE = Person(3, "dee", "email", "dee@example.org", on_call=True)
OPEN = OpeningHours("America/Denver", WEEKDAYS)
CLINIC = Arrangements(OPEN, 15, 60, None, (BOB, CORA, DEE), 3)
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
    after = {n: CLINIC.again_at(at, "kiosk", rounds=n, anybody=True) for n in (1, MOST_A_DAY)}
    assert after == {1: at + timedelta(minutes=15), MOST_A_DAY: here("2026-11-20 08:00")}
    assert CLINIC.again_at(at, "kiosk", rounds=1, anybody=False) == here("2026-11-20 08:00")
    assert CLINIC.again_at(NIGHT, "kiosk", rounds=MOST_A_DAY, anybody=True) == here("2026-11-23 08:00")


def test_after_the_rounds_of_a_night_it_goes_on_when_the_clinic_opens_that_morning() -> None:
    last = here("2026-11-24 04:30")
    assert ON_CALL.again_at(last, "own_device", rounds=MOST_A_DAY, anybody=True) == here("2026-11-24 08:00")
    assert ON_CALL.hours.day_began(last) == here("2026-11-23 08:00")
    assert ON_CALL.hours.day_began(here("2026-11-24 08:00")) == here("2026-11-24 08:00")
    assert ON_CALL.hours.day_began(here("2026-11-29 12:00")) == here("2026-11-27 08:00")


def test_a_day_of_two_parts_opens_once() -> None:
    parts = OpeningHours("America/Denver", dict.fromkeys(range(5), (("13:00", "17:00"), ("08:00", "12:00"))))
    noon = here("2026-11-24 12:30")
    assert (parts.day_began(noon), parts.next_day(noon)) == (here("2026-11-24 08:00"), here("2026-11-25 08:00"))


def test_a_clinic_that_never_opens_counts_by_days() -> None:
    never = OpeningHours("America/Denver", {})
    assert (never.day_began(NIGHT), never.next_day(NIGHT)) == (NIGHT - DAY, NIGHT + DAY)


def test_of_several_on_call_the_last_to_come_owns_it() -> None:
    duties = [Duty(1, FRIDAY - DAY, FRIDAY + DAY), Duty(2, FRIDAY, FRIDAY + DAY), Duty(3, FRIDAY - DAY, FRIDAY)]
    both = CLINIC.with_duties(duties, FRIDAY)
    assert both.on_call == 2
    assert [each.id for each in both.people if each.on_call] == [1, 2]
    assert CLINIC.with_duties([], FRIDAY).on_call is None


def test_on_call_is_who_is_when_the_message_leaves() -> None:
    """At the opening, where messages wait for it; at once, where somebody is told at night."""
    monday = here("2026-11-23 08:00")
    duties = [Duty(1, FRIDAY, monday), Duty(2, monday, monday + DAY)]
    assert CLINIC.with_duties(duties, NIGHT).on_call == 2
    assert ON_CALL.with_duties(duties, NIGHT).on_call == 1
