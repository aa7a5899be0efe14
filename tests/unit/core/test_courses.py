"""When a course asks to be finished."""

from dataclasses import replace

import pytest

from prom_server.core.courses import Quiet, quiet
from prom_server.definitions.library import Library

FIVE = Library.shipped().protocol("ketamine-five-day")


@pytest.mark.parametrize(
    ("offsets", "after"),
    [
        ((0, 1, 2, 3, 4), Quiet(3, 7)),
        ((0, 7, 14), Quiet(9, 17)),  # not between two infusions
        ((0, 2, 7), Quiet(7, 10)),
        ((0,), Quiet(3, 3)),
    ],
)
def test_it_waits_for_the_next_planned_infusion(offsets: tuple[int, ...], after: Quiet) -> None:
    assert quiet(replace(FIVE, infusion_offsets=offsets)) == after
