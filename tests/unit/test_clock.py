"""The one place that reads the clock can stand ahead of it, never behind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from prom_server import clock

AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def set_back() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield
    clock.set_ahead(timedelta(0))


def test_the_clock_stands_so_far_ahead() -> None:
    assert (clock.now(), clock.ahead()) == (AT, timedelta(0))
    clock.set_ahead(timedelta(days=90))
    assert (clock.now(), clock.ahead()) == (AT + timedelta(days=90), timedelta(days=90))
    assert clock.now().tzinfo is UTC


def test_it_is_never_set_back_behind_the_world_s() -> None:
    with pytest.raises(ValueError, match="never back"):
        clock.set_ahead(timedelta(seconds=-1))
    assert clock.now() == AT
