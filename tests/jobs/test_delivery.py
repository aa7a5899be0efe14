"""Delivering with a real mail server on the other side: killed in the middle, two at once, the database away."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from prom_server import clock, transaction
from prom_server.core.messages import Envelope, Leaves, Sent
from prom_server.jobs import loop, tasks
from prom_server.message_settings import read
from prom_server.messages import email, live
from prom_server.services import delivering, heartbeats
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database, DatabaseUnavailable
from prom_server.store.outbox import Message
from tests import cast as people
from tests.cast import Cast
from tests.support import deliveries, letters
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql
from tests.support.deliveries import Worker
from tests.support.smtp_stub import Behaviour, SmtpStub


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session, demo=False)
        session.execute(update(Clinic).values(live_at=NOON))
        return team


def put(database: Database, team: Cast, count: int, **facts: object) -> None:
    with database.writing() as session:
        for nth in range(count):
            letters.put(session, team.bob, f"k{nth}", **facts)


@contextmanager
def mail_server(
    database: Database, monkeypatch: pytest.MonkeyPatch, *behaviours: Behaviour, stall: float = 0.3
) -> Iterator[SmtpStub]:
    """This process is live, and its mail server meets connections with these behaviours, then accepts."""
    coming = iter(behaviours)
    with SmtpStub(lambda: next(coming, Behaviour.ACCEPT), stall) as stub:
        settings = read(deliveries.environment(stub), problems := [])
        assert problems == []
        monkeypatch.setattr(live, "_bound", [(settings, "https://prom.example.org")])
        monkeypatch.setattr(transaction, "_bound", [database])
        yield stub


def states(database: Database, stub: SmtpStub) -> dict[str, int]:
    verdict = deliveries.judge(database, stub)
    assert (verdict.doubled, verdict.wrong) == ([], [])
    return dict(verdict.states)


# ---- Killed in the middle


def test_a_worker_that_is_killed_while_it_sends_leaves_one_unclear_and_none_lost(
    database_url: str, database: Database, team: Cast
) -> None:
    put(database, team, 8, at=clock.now())
    coming = iter([Behaviour.ACCEPT, Behaviour.STALL_AND_ACCEPT])
    with SmtpStub(lambda: next(coming, Behaviour.ACCEPT), stall=0.5) as stub:
        worker = Worker(database_url, deliveries.environment(stub))
        try:
            wait_for(lambda: stub.met[Behaviour.STALL_AND_ACCEPT] == 1)
            time.sleep(0.1)  # the letter is with the server, its answer is not
        finally:
            worker.kill()
        assert states(database, stub)["pending"] == 7  # one of them is being sent, for all anybody knows
        with database.writing() as session:  # its lease ran out
            session.execute(update(Message).values(leased_until=NOON))
        second = Worker(database_url, deliveries.environment(stub))
        try:
            wait_for(lambda: not deliveries.waiting(database))
        finally:
            second.kill()
        assert states(database, stub) == {"sent": 7, "unclear": 1}
        assert sum(stub.taken.values()) == 8


def wait_for(done, seconds: float = 20) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@only_postgresql
def test_workers_killed_at_random_lose_and_double_nothing(database_url: str, database: Database, team: Cast) -> None:
    """`bin/bench messages` is the large one."""
    put(database, team, 60, at=clock.now())
    kinds = [each for each in Behaviour if each is not Behaviour.STALL_AND_DROP]
    lock, turn = threading.Lock(), iter(range(10**6))

    def choose() -> Behaviour:
        with lock:
            nth = next(turn)
        return kinds[nth % len(kinds)] if nth % 2 else Behaviour.ACCEPT

    with SmtpStub(choose, stall=0.1) as stub:
        deliveries.kill_at_random(database_url, database, stub, workers=2, kills=3, seconds=60, lease=3)
        verdict = deliveries.judge(database, stub)
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], [])
    assert verdict.states.total() == 60
    assert verdict.states["unclear"] > 0


@only_postgresql
def test_two_loops_at_once_send_each_message_once(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 40, at=clock.now())
    with mail_server(database, monkeypatch) as stub:
        loops = [loop.Loop((tasks.DELIVER,), interval=0.05) for _ in range(2)]
        for each in loops:
            each.start()
        try:
            wait_for(lambda: not deliveries.waiting(database))
        finally:
            for each in loops:
                each.stop()
                each.join(5)
        assert not any(each.is_alive() for each in loops)
        assert states(database, stub) == {"sent": 40}


# ---- Bad servers


def test_a_server_that_refuses_everybody_costs_one_try_a_run(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 5)
    with mail_server(database, monkeypatch, Behaviour.BUSY_AT_HELLO, Behaviour.BUSY_AT_HELLO) as stub:
        for _ in range(2):
            loop.tick(NOON, (tasks.DELIVER,))
            assert stub.met[Behaviour.BUSY_AT_HELLO] == 1
        loop.tick(NOON + timedelta(minutes=1), (tasks.DELIVER,))
        assert states(database, stub) == {"pending": 5}
        assert stub.met[Behaviour.BUSY_AT_HELLO] == 2
        loop.tick(NOON + timedelta(minutes=2), (tasks.DELIVER,))
        assert states(database, stub) == {"sent": 5}


def test_each_refusal_goes_its_own_way_and_stops_nobody_else(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 5)
    bad = (Behaviour.NO_SUCH_MAILBOX, Behaviour.TAKE_AND_DROP, Behaviour.BUSY_AT_RECIPIENT, Behaviour.REFUSE_CONTENT)
    with mail_server(database, monkeypatch, *bad) as stub:
        loop.tick(NOON, (tasks.DELIVER,))
        assert states(database, stub) == {"refused": 2, "unclear": 1, "pending": 1, "sent": 1}
        loop.tick(NOON + timedelta(days=1), (tasks.DELIVER,))
        assert states(database, stub) == {"refused": 2, "unclear": 1, "sent": 2}


# ---- The database away


def test_what_was_sent_is_recorded_when_the_database_is_back(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 2)
    away, record = [2], delivering.record

    def reluctant(*args: object, **facts: object) -> bool:
        if away[0]:
            away[0] -= 1
            raise DatabaseUnavailable("away")
        return record(*args, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(delivering, "record", reluctant)
    monkeypatch.setattr(tasks, "INSIST", (0.01, 0.01))
    with mail_server(database, monkeypatch) as stub:
        loop.tick(NOON, (tasks.DELIVER,))
        assert states(database, stub) == {"sent": 2}


def test_what_could_not_be_recorded_at_all_is_unclear(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 1)

    def gone(*_args: object, **_facts: object) -> bool:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(tasks, "INSIST", ())
    with mail_server(database, monkeypatch) as stub:
        with monkeypatch.context() as away:
            away.setattr(delivering, "record", gone)
            loop.tick(NOON, (tasks.DELIVER,))
        loop.tick(NOON + delivering.LEASE, (tasks.OTHERS[2], tasks.DELIVER))
        assert states(database, stub) == {"unclear": 1}
        assert sum(stub.taken.values()) == 1


# ---- Clocks that jump


@pytest.mark.parametrize("jump", [timedelta(days=400), -timedelta(days=400)])
def test_a_clock_that_jumps_while_it_sends_neither_loses_nor_doubles(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """Another process, with the other clock, runs all tasks between the sending and the record of it."""
    put(database, team, 3)
    send, done = live.send, []

    def meanwhile(envelope, *, at):  # type: ignore[no-untyped-def]
        outcome = send(envelope, at=at)
        if not done:
            done.append(outcome)
            loop.tick(NOON + jump, (tasks.OTHERS[2], tasks.DELIVER))
        return outcome

    monkeypatch.setattr(live, "send", meanwhile)
    with mail_server(database, monkeypatch) as stub:
        loop.tick(NOON, (tasks.DELIVER,))
        loop.tick(NOON + timedelta(days=1), (tasks.OTHERS[2], tasks.DELIVER))
        assert states(database, stub) == {"sent": 3}


def test_a_slow_server_makes_nothing_unclear(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each conversation takes eight minutes, and another process looks for dead ones all the time."""
    put(database, team, tasks.SENT_AT_ONCE)
    here, unclear = [NOON], []

    def send(_envelope: Envelope, *, at: datetime) -> Sent:
        assert at == here[0]
        for _ in range(8):
            here[0] += timedelta(minutes=1)
            with database.writing() as session:
                unclear.append(delivering.expire(session, at=here[0]))
        return Sent()

    monkeypatch.setattr(transaction, "_bound", [database])
    monkeypatch.setattr(live, "leaves", lambda: Leaves.HERE)
    monkeypatch.setattr(live, "send", send)
    assert loop.once(lambda: here[0], (tasks.DELIVER,)) == tasks.SENT_AT_ONCE
    assert set(unclear) == {0}


# ---- Not live


def test_on_another_machine_a_live_clinics_messages_wait(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 3)
    with mail_server(database, monkeypatch) as stub:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(socket, "gethostname", lambda: "a-restored-backup")
            loop.tick(NOON, (tasks.DELIVER,))
            assert (stub.met, states(database, stub)) == ({}, {"pending": 3})
        loop.tick(NOON, (tasks.DELIVER,))
        assert states(database, stub) == {"sent": 3}


def test_what_is_only_logged_says_so_and_uses_no_network(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 3)
    with database.writing() as session:
        session.execute(update(Clinic).values(demo=True))
    with mail_server(database, monkeypatch) as stub:
        loop.tick(NOON, (tasks.DELIVER,))
        assert stub.met == {}
        with database.reading() as session:
            rows = session.scalars(select(Message)).all()
            assert [(each.logged_at, each.body) for each in rows] == 3 * [(NOON, "It arrived.")]


def test_an_sms_without_a_gateway_waits_and_holds_up_no_mail(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, team, 2, channel="sms", address="+13035550142")
    with database.writing() as session:
        letters.put(session, team.bob, "mail")
    with mail_server(database, monkeypatch) as stub:
        loop.tick(NOON, (tasks.DELIVER,))
        assert states(database, stub) == {"pending": 2, "sent": 1}
    with database.reading() as session:
        waiting = session.execute(
            select(Message.reason, Message.tries).where(Message.channel == "sms").order_by(Message.id)
        ).all()
        assert [tuple(each) for each in waiting] == [("not_configured", 0), (None, 0)]
        assert heartbeats.late(session, NOON) == ("sms",)


def test_the_lease_is_longer_than_any_delivery() -> None:
    from prom_server.messages import sms

    """It is renewed when a message begins: a run of several is covered by the test of the slow server."""
    assert timedelta(seconds=max(email.AT_MOST, sms.AT_MOST) + sum(tasks.INSIST)) < delivering.LEASE
    assert email.LAST_SECONDS < email.AT_MOST
