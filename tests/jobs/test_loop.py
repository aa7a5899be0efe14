"""The loop: no task stops another, nothing of a person is logged, the database may go and come, the end is quick."""

import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from prom_server import clock, transaction
from prom_server.jobs import loop, tasks
from prom_server.jobs.tasks import Now, Task
from prom_server.services import heartbeats
from prom_server.store.database import Database, DatabaseUnavailable
from prom_server.store.outbox import Message, TaskRun
from prom_server.web.journal import JsonLines
from tests import cast as people
from tests.support import deliveries, letters
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql, only_sqlite
from tests.support.live_server import COMMAND, SECRET_KEY, LiveServer
from tests.support.postgresql import Cluster
from tests.support.smtp_stub import Behaviour, SmtpStub


@pytest.fixture
def bound(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(transaction, "_bound", [database])
    return database


def counting(name: str, left: int) -> tuple[Task, list[datetime]]:
    """A task with so many items, done one a run, and when it ran."""
    ran: list[datetime] = []

    def run(now: Now) -> int:
        ran.append(now())
        return 1 if len(ran) <= left else 0

    return Task(name, run), ran


def failing(_now: Now) -> int:
    raise ValueError("Alice Specimen, born in 1968")


def test_a_tick_ends_when_nothing_is_left(bound: Database) -> None:
    (one, first), (two, second) = counting("one", 3), counting("two", 0)
    loop.tick(NOON, (one, two))
    assert (first, second) == (4 * [NOON], 4 * [NOON])


def test_the_shipped_tasks_find_nothing_in_an_empty_database(bound: Database) -> None:
    loop.tick(NOON)
    with bound.reading() as session:
        runs = session.scalars(select(TaskRun)).all()
        assert {each.name for each in runs} == {each.name for each in loop.TASKS}
        assert {each.finished_at for each in runs} == {NOON}
        assert heartbeats.late(session, NOON) == ()


@only_sqlite
def test_a_task_that_fails_stops_no_other_and_is_seen(bound: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    (fine, ran), lines = counting("fine", 1), []
    handler = logging.Handler()
    handler.setFormatter(JsonLines())
    monkeypatch.setattr(handler, "emit", lambda record: lines.append(handler.format(record)))
    monkeypatch.setattr(loop.log, "handlers", [handler])
    monkeypatch.setattr(loop.log, "propagate", False)
    loop.tick(NOON, (Task("bad", failing), fine))
    assert ran == [NOON, NOON]
    with bound.reading() as session:
        bad = session.get_one(TaskRun, "bad")
        assert (bad.finished_at, bad.error) == (None, "ValueError")
        assert heartbeats.late(session, NOON) == ("bad",)
    assert json.loads(lines[0])["task"] == "bad"
    assert json.loads(lines[0])["error"] == "ValueError"
    assert not any("Alice" in line for line in lines)


def test_a_good_run_is_noted_twice_a_minute_at_most(bound: Database) -> None:
    task, _ran = counting("one", 0)

    def finished() -> datetime | None:
        with bound.reading() as session:
            return session.get_one(TaskRun, "one").finished_at

    loop.tick(NOON, (task,))
    loop.tick(NOON + timedelta(seconds=10), (task,))
    assert finished() == NOON
    loop.tick(NOON + timedelta(seconds=40), (task,))
    assert finished() == NOON + timedelta(seconds=40)
    loop.tick(NOON - timedelta(days=1), (task,))  # the clock was set back
    assert finished() == NOON - timedelta(days=1)


@only_sqlite
def test_an_error_right_after_a_good_run_is_seen(bound: Database) -> None:
    loop.tick(NOON, (counting("one", 0)[0],))
    loop.tick(NOON + timedelta(seconds=1), (Task("one", failing),))
    with bound.reading() as session:
        seen = session.get_one(TaskRun, "one")
        assert (seen.finished_at, seen.error) == (NOON, "ValueError")


# ---- The thread


def wait_for(done: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@only_sqlite
def test_the_loop_outlives_a_database_that_is_away(bound: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    away, ran = threading.Event(), []
    away.set()

    def run(now: Now) -> int:
        if away.is_set():
            raise DatabaseUnavailable("away")
        ran.append(now())
        return 0

    thread = loop.Loop((Task("one", run),), interval=0.01)
    thread.start()
    time.sleep(0.2)
    away.clear()
    try:
        wait_for(lambda: ran)
    finally:
        thread.stop()
        thread.join(5)


@only_sqlite
def test_the_waits_grow_while_the_database_is_away(bound: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_now: Now, _tasks: tuple[Task, ...]) -> int:
        raise DatabaseUnavailable("away")

    thread = loop.Loop((counting("one", 0)[0],), interval=3)
    monkeypatch.setattr(loop, "once", gone)
    waits, wait = [], thread.interval
    for _ in range(7):
        wait = thread._round(wait)
        waits.append(wait)
    assert waits == [6, 12, 24, 48, 60, 60, 60]
    monkeypatch.setattr(loop, "once", lambda _at, _tasks: 1)
    assert thread._round(wait) == 0  # there is work
    monkeypatch.setattr(loop, "once", lambda _at, _tasks: 0)
    assert thread._round(0) == 3


@only_sqlite
def test_it_stops_at_once_but_not_in_the_middle(bound: Database) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def run(_now: Now) -> int:
        begun.set()
        go_on.wait(5)
        ended.set()
        return 0

    busy, idle = loop.Loop((Task("slow", run),), interval=0.01), loop.Loop((counting("idle", 0)[0],), interval=60)
    busy.start(), idle.start()
    assert begun.wait(5)
    began = time.monotonic()
    busy.stop(), idle.stop()
    idle.join(5)
    assert time.monotonic() - began < 1
    assert busy.is_alive()
    go_on.set()
    busy.join(5)
    assert ended.is_set()
    assert not busy.is_alive()


@pytest.mark.postgresql
def test_a_database_that_is_stopped_and_started_again(own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(own_cluster.create_database("jobs"))
    database.migrate()
    monkeypatch.setattr(transaction, "_bound", [database])
    with database.writing() as session:
        team = people.cast(session, demo=False)
        letters.put(session, team.bob, "first", at=clock.now())
    thread = loop.Loop((tasks.DELIVER,), interval=0.05)
    thread.start()
    try:
        wait_for(lambda: logged(database) == 1)
        own_cluster.stop()
        time.sleep(0.5)
        assert thread.is_alive()
        own_cluster.start()
        with database.writing() as session:
            letters.put(session, team.bob, "second", at=clock.now())
        wait_for(lambda: logged(database) == 2, 30)
    finally:
        thread.stop()
        thread.join(10)
        database.dispose()


def logged(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(Message.id).where(Message.logged_at.is_not(None))).all())


# ---- Processes


def worker(url: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**LiveServer._inherited(), "DATABASE_URL": url, "DATA_DIRECTORY": str(folder), "SECRET_KEY": SECRET_KEY}
    return subprocess.run([COMMAND, "worker", *arguments], env=env, capture_output=True, text=True, timeout=60)


@only_sqlite
def test_a_worker_on_sqlite_does_one_run_and_no_more(database_url: str, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        letters.put(session, people.cast(session).bob, "k", at=datetime(2026, 1, 1, tzinfo=UTC))
    refused = worker(database_url, tmp_path)
    assert refused.returncode == 1
    assert "On SQLite the jobs run inside `prom-server serve`" in refused.stderr
    assert logged(database) == 0
    done = worker(database_url, tmp_path, "--once")
    assert (done.returncode, logged(database)) == (0, 1), done.stderr


@only_sqlite
def test_the_server_runs_the_jobs_and_ends_cleanly(
    database_url: str, database: Database, live_server: LiveServer
) -> None:
    with database.writing() as session:
        letters.put(session, people.cast(session).bob, "k", at=datetime(2026, 1, 1, tzinfo=UTC))
    wait_for(lambda: logged(database) == 1, 20)
    live_server.stop()  # fails if a process is left
    assert "Traceback" not in live_server.log()


@only_postgresql
def test_a_worker_of_its_own_ends_when_it_is_asked_to(database_url: str, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        letters.put(session, people.cast(session).bob, "k", at=datetime(2026, 1, 1, tzinfo=UTC))
    env = {**LiveServer._inherited(), "DATABASE_URL": database_url, "DATA_DIRECTORY": str(tmp_path)}
    process = subprocess.Popen([COMMAND, "worker"], env={**env, "SECRET_KEY": SECRET_KEY})
    try:
        wait_for(lambda: logged(database) == 1, 30)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@only_sqlite
def test_the_server_finishes_what_it_is_sending(
    database_url: str, database: Database, start_server: Callable[..., LiveServer]
) -> None:
    with database.writing() as session:
        letters.put(session, people.cast(session, demo=False).bob, "k", at=datetime(2026, 1, 1, tzinfo=UTC))
    with SmtpStub(lambda: Behaviour.STALL_AND_ACCEPT, stall=1) as stub:
        server = start_server(database_url, **deliveries.environment(stub))
        wait_for(lambda: stub.met[Behaviour.STALL_AND_ACCEPT] == 1, 20)
        time.sleep(0.2)
        server.stop()
    with database.reading() as session:
        assert session.scalars(select(Message.sent_at)).one() is not None
