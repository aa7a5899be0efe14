"""Makes this process's clock follow the one of its demo installation. Every other installation's is never looked at."""

import threading
import time
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from prom_server import clock
from prom_server.services import time_travel
from prom_server.transaction import DatabaseUnavailable, reading

LOOK_AFTER = 3.0  # seconds; one short statement, and only in a demo


class _Follower:
    """What this process knows. `demo` None: not asked yet, or the database did not answer."""

    def __init__(self) -> None:
        self.demo: bool | None = None
        self.zone = "UTC"
        self.looked = 0.0
        self.turn = threading.Lock()


_follower = _Follower()


def begin() -> None:
    """At the start of a process, once its database is bound: asks whether there is a demo to follow, and looks."""
    _follower.demo, _follower.looked = None, 0.0
    clock.set_ahead(timedelta(0))
    follow()


def follow() -> None:
    """Looks again after a few seconds; else nothing. Before a request, and before the tasks run."""
    if _follower.demo is False or not _is_time():
        return
    try:
        with reading() as session:
            if _follower.demo is None:
                _follower.demo = time_travel.is_demo(session)
            ahead = time_travel.offset(session) if _follower.demo else timedelta(0)
            if ahead:
                _follower.zone = time_travel.zone(session)
    except DatabaseUnavailable:
        return  # whoever needs the database says so
    clock.set_ahead(ahead)


def refresh() -> None:
    """Looks at once: for who has just made a demo, or moved its clock."""
    _follower.looked = 0.0
    follow()


def today() -> date | None:
    """The demo's day where its clock was moved, for every page to say so; else None."""
    return clock.now().astimezone(ZoneInfo(_follower.zone)).date() if clock.ahead() else None


def _is_time() -> bool:
    """For one thread at a time."""
    with _follower.turn:
        now = time.monotonic()
        if _follower.looked and now - _follower.looked < LOOK_AFTER:
            return False
        _follower.looked = now
        return True
