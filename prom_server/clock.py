"""The only place that reads the clock.

A demo installation may set its clock ahead (docs/decisions/0028-time-travel.md); in every other the offset is zero.
"""

from datetime import UTC, datetime, timedelta

_ahead = [timedelta(0)]  # of this process


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC) + _ahead[0]  # noqa: TID251 - this is the one place


def ahead() -> timedelta:
    """How far this process's clock stands ahead of the world's."""
    return _ahead[0]


def set_ahead(offset: timedelta) -> None:
    """From now on `now()` stands so far ahead. Raises ValueError when negative: stored times would lie ahead of it."""
    if offset < timedelta(0):
        raise ValueError("a clock is set ahead, never back")
    _ahead[0] = offset
