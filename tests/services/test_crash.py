"""A small crash run: workers are killed while patients answer. `bin/bench crash` is the large one."""

import os
import signal
import time

import pytest

from prom_server.store.database import Database
from tests.support import clinic, crash
from tests.support.live_server import LiveServer

KILLS = 6
CLIENTS = 4

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # patients leave their lines open


@pytest.fixture
def links(database: Database) -> list[str]:
    return clinic.invitations_for(database, 3 * CLIENTS)


def test_killed_workers_lose_and_double_nothing(links: list[str], live_server: LiveServer, database: Database) -> None:
    tally = crash.run(live_server, links, CLIENTS, KILLS)
    assert tally.kills >= KILLS
    assert tally.requests >= 10 * KILLS
    assert tally.answers
    assert tally.submits
    with database.reading() as session:
        assert crash.losses(session, tally) == []
    assert tally.slowest_return < 3
    live_server.stop()  # fails if a process is left
    assert live_server.pids() == []


def test_a_killed_main_process_leaves_no_orphan(live_server: LiveServer) -> None:
    first, *others = live_server.pids()
    assert others
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    while set(live_server.pids()) - {first}:
        assert time.monotonic() - began < 3, f"left: {live_server.pids()}"
        time.sleep(0.02)
    live_server.kill()
    live_server.start()  # the port is free again
    assert live_server.healthy()
